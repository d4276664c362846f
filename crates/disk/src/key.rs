use crate::error::{DiskError, Result};

/// Checks that `path` is a relative key that stays inside the root: non-empty segments joined by
/// single `/`, none of them `.` or `..`, no NUL.
///
/// # Errors
/// [`DiskError::InvalidPath`], also for the empty string (which only means "the root" where a
/// directory is asked for).
pub fn validate_key(path: &str) -> Result<()> {
    let reason = if path.is_empty() {
        "it is empty"
    } else if path.starts_with('/') {
        "it is absolute"
    } else if path.contains('\0') {
        "it contains a NUL byte"
    } else if path.split('/').any(|s| s.is_empty() || s == "." || s == "..") {
        "it has an empty, '.' or '..' segment"
    } else {
        return Ok(());
    };
    Err(DiskError::InvalidPath { path: path.to_owned(), reason })
}

/// As [`validate_key`], and the empty string is the root directory.
pub(crate) fn validate_dir(path: &str) -> Result<()> {
    if path.is_empty() { Ok(()) } else { validate_key(path) }
}

/// Splits a key into its directory ("" is the root) and its last segment.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// `a/b/c` → `a`, `a/b`, `a/b/c`; nothing for the root.
pub(crate) fn ancestors_and_self(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain(std::iter::once(path)).filter(|p| !p.is_empty())
}

/// Key of `name` in directory `dir`.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_root_are_refused() {
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "a\0b"] {
            assert!(matches!(validate_key(bad), Err(DiskError::InvalidPath { .. })), "{bad:?}");
        }
        for good in ["a", "a/b", "a/..b", "...", "ü/ x", "wal/0/00.wal"] {
            assert!(validate_key(good).is_ok(), "{good:?}");
        }
        assert!(validate_dir("").is_ok());
    }

    #[test]
    fn ancestors_run_from_the_top() {
        assert_eq!(ancestors_and_self("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
        assert_eq!(ancestors_and_self("").count(), 0);
        assert_eq!(split("a/b"), ("a", "b"));
        assert_eq!(split("b"), ("", "b"));
        assert_eq!(join("", "x"), "x");
    }
}
