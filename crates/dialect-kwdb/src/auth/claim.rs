//! The `Authorization` header (sheet section 3).

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::DecodeError;
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::refusal::Refusal;

/// What the header says, not yet compared with anything.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    Token(String),
    Password { user: String, password: String },
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
        }
    }
}

/// Padding and the bits behind the last octet are not looked at.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Claim {
    /// Of a request other than log-in: `Basic` and a token or a pair.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(AUTHORIZATION).ok_or(Refusal::NoPair)?;
        let text = value.to_str().map_err(|_| Refusal::NoBasic)?;
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let (Some("Basic"), Some(credential), None) = (words.next(), words.next(), words.next()) else {
            return Err(Refusal::NoBasic);
        };
        if is_hex(credential) {
            return Ok(Self::Token(credential.to_owned()));
        }
        let decoded = LENIENT.decode(credential);
        pair(decoded.map_err(|error| Refusal::IllegalBase64 { at: position(&error, credential.len()) })?)
    }

    /// Of a log-in: a pair, with or without `Basic`.
    pub(crate) fn of_login(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(AUTHORIZATION).ok_or(Refusal::NoBasic)?;
        let text = value.to_str().map_err(|_| Refusal::NoBasic)?;
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["Basic", credential] => LENIENT.decode(credential).map_err(|_| Refusal::NoPair).and_then(pair),
            // The manual's sample has no scheme.
            [credential] => {
                let decoded = LENIENT.decode(credential).map_err(|_| Refusal::NoBasic)?;
                pair(decoded).map_err(|_| Refusal::NoBasic)
            }
            _ => Err(Refusal::NoBasic),
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn pair(decoded: Vec<u8>) -> Result<Claim, Refusal> {
    let text = String::from_utf8(decoded).map_err(|_| Refusal::NoPair)?;
    let (user, password) = text.split_once(':').ok_or(Refusal::NoPair)?;
    Ok(Claim::Password { user: user.to_owned(), password: password.to_owned() })
}

/// Where Go's decoder would stop.
fn position(error: &DecodeError, length: usize) -> usize {
    match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => *at,
        DecodeError::InvalidLength(_) => length - length % 4,
        DecodeError::InvalidPadding => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        headers
    }

    fn password(user: &str, password: &str) -> Result<Claim, Refusal> {
        Ok(Claim::Password { user: user.to_owned(), password: password.to_owned() })
    }

    #[test]
    fn data_routes_take_tokens_and_pairs_behind_basic() {
        let read = |value: &str| Claim::of(&headers(value));
        // echo -n root:taosdata | base64
        assert_eq!(read("Basic cm9vdDp0YW9zZGF0YQ=="), password("root", "taosdata"));
        assert_eq!(read("  Basic   cm9vdDp0YW9zZGF0YQ"), password("root", "taosdata"));
        // root:a:b
        assert_eq!(read("Basic cm9vdDphOmI="), password("root", "a:b"));
        let token = "0123456789abcdef0123456789abcdef";
        assert_eq!(read(&format!("Basic {token}")), Ok(Claim::Token(token.to_owned())));
        for value in ["", "Basic", "basic cm9vdDphOmI=", "Bearer x", "Basic a b", "cm9vdDphOmI=", token] {
            assert_eq!(read(value), Err(Refusal::NoBasic), "{value}");
        }
        // no colon: root
        assert_eq!(read("Basic cm9vdA=="), Err(Refusal::NoPair));
        assert_eq!(read("Basic cm9?dA=="), Err(Refusal::IllegalBase64 { at: 3 }));
        assert_eq!(Claim::of(&HeaderMap::new()), Err(Refusal::NoPair));
    }

    #[test]
    fn logins_take_pairs_with_or_without_basic() {
        let read = |value: &str| Claim::of_login(&headers(value));
        assert_eq!(read("Basic cm9vdDphOmI="), password("root", "a:b"));
        assert_eq!(read("cm9vdDphOmI="), password("root", "a:b"));
        for value in ["basic cm9vdDphOmI=", "Digest x y", "nonsense?", ""] {
            assert_eq!(read(value), Err(Refusal::NoBasic), "{value}");
        }
        for value in ["Basic cm9vdA==", "Basic ???"] {
            assert_eq!(read(value), Err(Refusal::NoPair), "{value}");
        }
        assert_eq!(Claim::of_login(&HeaderMap::new()), Err(Refusal::NoBasic));
    }

    #[test]
    fn debug_output_hides_secrets() {
        let of = |value: &str| format!("{:?}", Claim::of(&headers(value)).unwrap());
        assert!(!of("Basic cm9vdDp0YW9zZGF0YQ==").contains("taosdata"));
        assert!(!of("Basic 0123456789abcdef0123456789abcdef").contains("0123"));
    }
}
