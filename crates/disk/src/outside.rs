//! Files that do not belong to the data directory: those of external tables and exports.

use std::io;
use std::path::{Path, PathBuf};

/// The path with symbolic links followed as far as it exists, so that it can be compared with
/// directories that somebody may use.
///
/// # Errors
/// The path is relative, or a part of it cannot be looked at.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        match std::fs::canonicalize(existing) {
            Ok(mut found) => {
                found.extend(missing.iter().rev());
                return Ok(found);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
                    return Err(error);
                };
                missing.push(name);
                existing = parent;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether there is a directory.
pub fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether the name is taken.
pub fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Gives a complete file its final name: durable when it returns, all or nothing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken; nothing is replaced.
pub fn publish(written: &Path, name: &Path) -> io::Result<()> {
    std::fs::File::open(written)?.sync_all()?;
    // Unlike a rename, a link does not replace.
    std::fs::hard_link(written, name)?;
    std::fs::remove_file(written)?;
    match name.parent() {
        Some(directory) => std::fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file that was not completed; an absent one is fine.
///
/// # Errors
/// It is there and cannot be removed.
pub fn discard(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_what_is_missing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        assert_eq!(resolve(&root.join("link/new/file.csv")).unwrap(), root.join("real/new/file.csv"));
        assert_eq!(resolve(&root.join("real")).unwrap(), root.join("real"));
    }

    #[test]
    fn publishing_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let [part, name] = ["part", "name"].map(|n| dir.path().join(n));
        std::fs::write(&part, "new").unwrap();
        std::fs::write(&name, "old").unwrap();
        assert_eq!(publish(&part, &name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&name).unwrap(), b"old");
        std::fs::remove_file(&name).unwrap();
        publish(&part, &name).unwrap();
        assert!(!part.exists());
        assert_eq!(std::fs::read(&name).unwrap(), b"new");
        discard(&part).unwrap();
    }
}
