use std::path::Path;

use triglot_model::ErrorKind;

use crate::QueryError;

/// Where files are on this machine: an absolute path of a file or a directory, or a pattern
/// (`?`, `*`, `[…]`) below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    path: String,
}

/// What makes a part of a path a pattern.
const GLOB: [char; 3] = ['?', '*', '['];

impl Location {
    /// Reads `/path`, or `file:///path` with `%XX` for what URLs escape.
    ///
    /// # Errors
    /// [`ErrorKind::NotSupported`] for other schemes, [`ErrorKind::InvalidSchema`] for relative
    /// paths, `..` and what is no path.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let path = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                unescape(path).ok_or_else(|| invalid(text, "it is not a file URL"))?
            }
            Some((scheme, _)) => {
                return Err(QueryError::Refused {
                    kind: ErrorKind::NotSupported,
                    message: format!(
                        "location {scheme}://…: only files of the server (file://) can be read and written"
                    ),
                    source: None,
                });
            }
            None => text.to_owned(),
        };
        if !path.starts_with('/') {
            return Err(invalid(text, "it must be an absolute path"));
        }
        if path.split('/').any(|part| part == "..") || path.contains('\0') {
            return Err(invalid(text, "it must not hold '..' or NUL"));
        }
        Ok(Self { path })
    }

    /// The whole path, pattern included.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a pattern.
    pub fn is_pattern(&self) -> bool {
        self.path.contains(GLOB)
    }

    /// The path, or the directory below which the pattern looks.
    pub fn fixed(&self) -> &Path {
        let Some(at) = self.path.find(GLOB) else { return Path::new(&self.path) };
        let end = self.path.get(..at).and_then(|front| front.rfind('/')).map_or(0, |slash| slash + 1);
        Path::new(self.path.get(..end).unwrap_or("/"))
    }

    /// The last part of the path; empty if it ends with a slash.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }
}

fn invalid(text: &str, reason: &str) -> QueryError {
    QueryError::Refused {
        kind: ErrorKind::InvalidSchema,
        message: format!("location {text:?}: {reason}"),
        source: None,
    }
}

/// `%XX` as the bytes that they stand for.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(digit(*high)? * 16 + digit(*low)?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_urls_are_read() {
        for (text, path, fixed) in [
            ("/data/x.csv", "/data/x.csv", "/data/x.csv"),
            ("file:///data/x/", "/data/x/", "/data/x/"),
            ("FILE://localhost/a%20b%2Ecsv", "/a b.csv", "/a b.csv"),
            ("/data/2024-*/part-?.csv", "/data/2024-*/part-?.csv", "/data/"),
            ("/data/x[0-9].csv", "/data/x[0-9].csv", "/data/"),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!((location.path(), location.fixed()), (path, Path::new(fixed)), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_of_this_machine_is_refused() {
        for (text, kind) in [
            ("s3://bucket/x", ErrorKind::NotSupported),
            ("gcs://bucket/x", ErrorKind::NotSupported),
            ("x.csv", ErrorKind::InvalidSchema),
            ("", ErrorKind::InvalidSchema),
            ("file://x.csv", ErrorKind::InvalidSchema),
            ("file:///a/../b", ErrorKind::InvalidSchema),
            ("file:///a/%2e%2e/b", ErrorKind::InvalidSchema),
            ("file:///a%zz", ErrorKind::InvalidSchema),
            ("file:///a%2", ErrorKind::InvalidSchema),
            ("/a\0", ErrorKind::InvalidSchema),
        ] {
            assert_eq!(Location::parse(text).unwrap_err().kind(), kind, "{text}");
        }
    }
}
