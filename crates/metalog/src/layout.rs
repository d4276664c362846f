//! Names of the files of a log, and reading them.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::format::{self, FileKind, Record};
use crate::{MetaLogError, Result};

/// Digits of a number in a file name: any `u64`, in an order that listings keep.
const DIGITS: usize = 20;

const fn directory(file: FileKind) -> &'static str {
    match file {
        FileKind::Record => "log",
        FileKind::Checkpoint => "checkpoint",
    }
}

const fn extension(file: FileKind) -> &'static str {
    match file {
        FileKind::Record => "rec",
        FileKind::Checkpoint => "ckp",
    }
}

pub(crate) fn dir(prefix: &Path, file: FileKind) -> Path {
    prefix.clone().join(directory(file))
}

pub(crate) fn key(prefix: &Path, file: FileKind, number: u64) -> Path {
    dir(prefix, file).join(format!("{number:0width$}.{}", extension(file), width = DIGITS))
}

/// Where salvage puts a file: `<prefix>/damaged/<log|checkpoint>/<name>`, with `.n` for n > 0.
pub(crate) fn damaged_key(prefix: &Path, key: &Path, n: u32) -> Path {
    let mut parts: Vec<_> = key.prefix_match(prefix).into_iter().flatten().collect();
    let name = parts.pop().map(|p| p.as_ref().to_owned()).unwrap_or_default();
    let name = if n == 0 { name } else { format!("{name}.{n}") };
    let dir = parts.into_iter().fold(prefix.clone().join("damaged"), Path::join);
    dir.join(name)
}

fn parse_name(file: FileKind, name: &str) -> Option<u64> {
    let digits = name.strip_suffix(extension(file))?.strip_suffix('.')?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// What a directory of the log holds.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) numbers: BTreeSet<u64>,
    /// Files with names that are not ours.
    pub(crate) strangers: Vec<Path>,
}

pub(crate) async fn list(store: &dyn ObjectStore, prefix: &Path, file: FileKind) -> Result<Listing> {
    let dir = dir(prefix, file);
    let found: Vec<_> =
        store.list(Some(&dir)).try_collect().await.map_err(MetaLogError::store("list", &dir))?;
    let mut listing = Listing::default();
    for meta in found {
        let number = meta.location.filename().and_then(|name| parse_name(file, name));
        match number {
            Some(number) if meta.location == key(prefix, file, number) => {
                listing.numbers.insert(number);
            }
            _ => listing.strangers.push(meta.location),
        }
    }
    Ok(listing)
}

impl Listing {
    /// The numbers, if nothing else is in the directory.
    pub(crate) fn pure(self) -> Result<BTreeSet<u64>> {
        match self.strangers.into_iter().next() {
            Some(key) => Err(MetaLogError::UnexpectedFile { key }),
            None => Ok(self.numbers),
        }
    }
}

pub(crate) async fn read(
    store: &dyn ObjectStore,
    prefix: &Path,
    file: FileKind,
    number: u64,
) -> Result<Record> {
    let key = key(prefix, file, number);
    let found = store.get(&key).await.map_err(MetaLogError::store("open", &key))?;
    let data = found.bytes().await.map_err(MetaLogError::store("read", &key))?;
    format::decode(file, &key, number, &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fixed_width_and_parse_back() {
        let prefix = Path::from("shards/0/manifest");
        assert_eq!(
            key(&prefix, FileKind::Record, 42).as_ref(),
            "shards/0/manifest/log/00000000000000000042.rec"
        );
        assert_eq!(
            key(&prefix, FileKind::Checkpoint, u64::MAX).as_ref(),
            "shards/0/manifest/checkpoint/18446744073709551615.ckp"
        );
        assert_eq!(parse_name(FileKind::Record, "00000000000000000042.rec"), Some(42));
        for bad in
            ["42.rec", "00000000000000000042.ckp", "99999999999999999999.rec", "+0000000000000000042.rec", ""]
        {
            assert_eq!(parse_name(FileKind::Record, bad), None, "{bad}");
        }
    }

    #[test]
    fn damaged_files_keep_their_place_in_the_name() {
        let prefix = Path::from("catalog");
        let file = key(&prefix, FileKind::Record, 7);
        assert_eq!(damaged_key(&prefix, &file, 0).as_ref(), "catalog/damaged/log/00000000000000000007.rec");
        assert_eq!(damaged_key(&prefix, &file, 2).as_ref(), "catalog/damaged/log/00000000000000000007.rec.2");
    }
}
