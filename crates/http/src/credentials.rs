//! The `Authorization` header, read but not judged.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// What the `Authorization` header holds. The dialect decides what each case answers.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// There is no such header.
    Missing,
    /// The header is there but is not what was asked for; holds its text (bytes that are not
    /// UTF-8 replaced). Never log it: it may hold a password.
    Malformed(String),
    /// `Basic` with a decoded pair.
    Basic {
        /// The part before the first colon.
        user: String,
        /// The rest; may be empty and may hold colons.
        password: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Malformed(_) => f.write_str("Malformed(..)"),
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
        }
    }
}

/// Reads Basic credentials. The scheme must be written exactly `Basic ` (RFC 7617 allows any
/// case, CnosDB does not; a dialect that is lenient folds the case before it asks).
pub fn basic(headers: &HeaderMap) -> Credentials {
    let Some(value) = headers.get(AUTHORIZATION) else { return Credentials::Missing };
    let bytes = value.as_bytes();
    match bytes.strip_prefix(b"Basic ").and_then(decode_pair) {
        Some((user, password)) => Credentials::Basic { user, password },
        None => Credentials::Malformed(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// Decodes `base64(user:password)`; padding may be left out.
pub fn decode_pair(encoded: &[u8]) -> Option<(String, String)> {
    let encoded = encoded.trim_ascii();
    let bytes = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Whether a header's value is base64, padded or not.
pub fn is_base64(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn read(value: &str) -> Credentials {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        basic(&headers)
    }

    #[test]
    fn pairs_are_decoded() {
        let pair = |u: &str, p: &str| Credentials::Basic { user: u.to_owned(), password: p.to_owned() };
        assert_eq!(read("Basic cm9vdDo="), pair("root", ""));
        assert_eq!(read("Basic cm9vdDphOmI="), pair("root", "a:b"));
        assert_eq!(read("Basic cm9vdDo"), pair("root", ""));
        assert_eq!(basic(&HeaderMap::new()), Credentials::Missing);
    }

    #[test]
    fn everything_else_is_malformed_and_keeps_its_text() {
        // lower case, bearer, bad base64, no colon ("root"), not UTF-8 (0xff 0x3a)
        for value in ["basic cm9vdDo=", "Bearer x", "Basic ???", "Basic cm9vdA==", "Basic /zo="] {
            assert_eq!(read(value), Credentials::Malformed(value.to_owned()));
        }
    }

    #[test]
    fn debug_output_hides_secrets() {
        assert!(!format!("{:?}", read("Basic cm9vdDphOmI=")).contains("a:b"));
        assert!(!format!("{:?}", read("Bearer s3cret")).contains("s3cret"));
    }
}
