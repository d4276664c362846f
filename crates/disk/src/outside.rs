//! Files that do not belong to the data directory: those of external tables and exports.

use std::io::{self, Read};
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

/// The whole of a file as text, no more than `longest` bytes of it.
///
/// # Errors
/// It is not there, longer ([`io::ErrorKind::FileTooLarge`]), or no UTF-8 ([`io::ErrorKind::InvalidData`]).
pub fn read_text(path: &Path, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let read = file.take(longest.saturating_add(1)).read_to_string(&mut text)?;
    if read as u64 > longest { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
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
    fn texts_are_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.csv");
        std::fs::write(&file, "1,2\n").unwrap();
        assert_eq!(read_text(&file, 4).unwrap(), "1,2\n");
        assert_eq!(read_text(&file, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file, 3).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_text(&dir.path().join("b"), 3).unwrap_err().kind(), io::ErrorKind::NotFound);
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
