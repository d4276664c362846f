//! What is scraped, and how.

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use ureq::http::Uri;

use super::client::TlsMaterial;
use crate::collect::Place;

/// The path of a URL that names none.
const METRICS: &str = "/metrics";

/// A page that is fetched again and again.
#[derive(Clone)]
pub struct Target {
    /// Where it is. Also the tag `url` of its rows.
    pub url: TargetUrl,
    /// Where its rows go.
    pub place: Place,
    /// Time between two fetches, at least a millisecond.
    pub interval: Duration,
    /// How long a fetch may take, from looking up the name to the last byte.
    pub timeout: Duration,
    /// Most bytes of a page, after decompression.
    pub body_limit: usize,
    /// User and password for HTTP's Basic scheme; an empty user = those of the URL, if it has any.
    pub user: String,
    /// See `user`.
    pub password: String,
    /// A token for HTTP's Bearer scheme, in place of user and password; empty = none.
    pub bearer_token: String,
    /// Certificates.
    pub tls: TlsMaterial,
    /// Whether rows get the time of the fetch whatever time the page says.
    pub ignores_timestamps: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url).field("place", &self.place).finish_non_exhaustive()
    }
}

impl Target {
    /// User and password, of the options or the URL.
    pub(super) fn basic(&self) -> Option<(&str, &str)> {
        if self.user.is_empty() {
            self.url.account.as_ref().map(|(user, password)| (&**user, &**password))
        } else {
            Some((&self.user, &self.password))
        }
    }
}

/// The address of a page, without the user and the password that may have stood in it: those are in no log and in no row.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    text: String,
    account: Option<(String, String)>,
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that is no address of a page.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("does not begin with http:// or https://")]
    Scheme,
    /// A host, port, path or query that cannot be.
    #[error("is no URL: {0}")]
    Malformed(String),
    /// Nothing between the scheme and the path.
    #[error("names no host")]
    Host,
    /// A user or password with a `%` that does not introduce two hexadecimal digits of UTF-8.
    #[error("has a user or password that is not percent-encoded")]
    Account,
}

impl TargetUrl {
    /// Reads `http[s]://[user[:password]@]host[:port][/path][?query]`. Where there is no path it is `/metrics`. A fragment
    /// means nothing to a server and is left out.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(&*scheme, "http" | "https") {
            return Err(UrlError::Scheme);
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (account, host) = match authority.rsplit_once('@') {
            Some((account, host)) => (Some(read_account(account)?), host),
            None => (None, authority),
        };
        let path = match path.strip_prefix('?') {
            Some(query) => format!("{METRICS}?{query}"),
            None if path.is_empty() => METRICS.to_owned(),
            None => path.to_owned(),
        };
        let text = format!("{scheme}://{host}{path}");
        if host.is_empty() || host.starts_with(':') {
            return Err(UrlError::Host);
        }
        let uri = text.parse::<Uri>().map_err(|error| UrlError::Malformed(error.to_string()))?;
        // Colons of an IPv6 address stand in brackets.
        let has_port = host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        if has_port && uri.port_u16().is_none() {
            return Err(UrlError::Malformed("its port is no number below 65536".to_owned()));
        }
        Ok(Self { text, account })
    }

    /// Whether connections are encrypted.
    pub fn is_tls(&self) -> bool {
        self.text.starts_with("https:")
    }
}

/// `user[:password]`, both percent-encoded.
fn read_account(text: &str) -> Result<(String, String), UrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((decoded(user)?, decoded(password)?))
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, behind) = behind.split_at_checked(2).ok_or(UrlError::Account)?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal);
        bytes.push(byte.ok_or(UrlError::Account)?);
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| UrlError::Account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_get_a_path_and_lose_their_account() {
        for (text, wanted, account) in [
            ("http://localhost:9100", "http://localhost:9100/metrics", None),
            (" HTTPS://h/ ", "https://h/", None),
            ("http://h:1/probe?target=a%20b#x", "http://h:1/probe?target=a%20b", None),
            ("http://h?a=b", "http://h/metrics?a=b", None),
            ("http://[::1]:9100/m", "http://[::1]:9100/m", None),
            ("http://u:p%40ss%3a@h/m", "http://h/m", Some(("u", "p@ss:"))),
            ("http://u@h", "http://h/metrics", Some(("u", ""))),
            ("http://u:a@b@h", "http://h/metrics", Some(("u", "a@b"))),
        ] {
            let url = TargetUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), wanted, "{text}");
            assert_eq!(url.account.as_ref().map(|(u, p)| (&**u, &**p)), account, "{text}");
            assert!(!format!("{url:?}").contains("p@ss"));
        }
        assert!(TargetUrl::parse("https://h").unwrap().is_tls());
        assert!(!TargetUrl::parse("http://https").unwrap().is_tls());
    }

    #[test]
    fn what_is_no_url_is_told() {
        for (text, wanted) in [
            ("localhost:9100", UrlError::Scheme),
            ("ftp://h/m", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///m", UrlError::Host),
            ("http://u:p@/m", UrlError::Host),
            ("http://:9100", UrlError::Host),
            ("http://u%4:p@h", UrlError::Account),
            ("http://u:%+4@h", UrlError::Account),
            ("http://u:%ff@h", UrlError::Account),
            ("http://u:%é@h", UrlError::Account),
        ] {
            assert_eq!(TargetUrl::parse(text), Err(wanted), "{text}");
        }
        for text in ["http://h:port/", "http://h:65536/", "http://h:/", "http://a b/", "http://h/a b"] {
            assert!(matches!(TargetUrl::parse(text), Err(UrlError::Malformed(_))), "{text}");
        }
    }
}
