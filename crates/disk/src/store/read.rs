//! Reads and listings.

use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{Attributes, GetOptions, GetResult, GetResultPayload, ListResult, ObjectMeta};

use super::commit::{Committer, check_key, is_absent, is_reserved};
use super::{blocking, generic, store_error};
use crate::disk::{DirEntry, DiskFile, FileMeta, OpenMode};
use crate::error::{DiskError, DiskOp};
use crate::key;

/// Bodies are streamed in pieces of this size.
const READ_BLOCK: u64 = 1 << 20;

/// Changes whenever the content does: objects are only ever replaced by a new file.
pub(super) fn e_tag(meta: &FileMeta) -> String {
    let since = |t: SystemTime| t.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    format!("{:x}-{:x}-{:x}", meta.file_id, since(meta.modified), meta.len)
}

fn object_meta(location: Path, meta: &FileMeta) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: meta.modified.into(),
        size: meta.len,
        e_tag: Some(e_tag(meta)),
        version: None,
    }
}

/// Opens an object; a directory or a key whose first put is not durable yet is not found.
pub(super) fn open(inner: &Committer, key: &str) -> object_store::Result<Box<dyn DiskFile>> {
    check_key(key)?;
    let absent = || DiskError::io(DiskOp::Open, key, std::io::ErrorKind::NotFound.into());
    if inner.is_hidden(key) {
        return Err(store_error(key, absent()));
    }
    // A file that a killed process left may be visible without being durable.
    inner.settle(key::split(key).0, false).map_err(|e| store_error(key, e))?;
    inner
        .disk
        .open(key, OpenMode::Read)
        .map_err(|e| store_error(key, if is_absent(&e) { absent() } else { e }))
}

pub(super) fn get(
    inner: &Committer,
    location: Path,
    options: &GetOptions,
    inline: bool,
) -> object_store::Result<GetResult> {
    let file = open(inner, location.as_ref())?;
    let found = file.metadata().map_err(|e| store_error(location.as_ref(), e))?;
    let meta = object_meta(location, &found);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => range.as_range(meta.size).map_err(generic)?,
        None => 0..meta.size,
    };
    let payload = if options.head {
        stream::empty().boxed()
    } else if range.end - range.start <= READ_BLOCK {
        let bytes = read_range(&*file, meta.location.as_ref(), &range)?;
        stream::once(async move { Ok(bytes) }).boxed()
    } else {
        body(Arc::from(file), meta.location.to_string(), range.clone(), inline)
    };
    Ok(GetResult {
        payload: GetResultPayload::Stream(payload),
        meta,
        range,
        attributes: Attributes::default(),
    })
}

/// Streams a long range piece by piece, so that a slow reader holds one piece and not the object.
fn body(
    file: Arc<dyn DiskFile>,
    key: String,
    range: Range<u64>,
    inline: bool,
) -> stream::BoxStream<'static, object_store::Result<Bytes>> {
    let key: Arc<str> = key.into();
    stream::try_unfold(range, move |left| {
        let (file, key) = (Arc::clone(&file), Arc::clone(&key));
        async move {
            if left.start >= left.end {
                return Ok(None);
            }
            let piece = left.start..left.end.min(left.start + READ_BLOCK);
            let next = piece.end..left.end;
            let work = move || read_range(&*file, &key, &piece);
            let bytes = if inline { work()? } else { blocking(work).await? };
            Ok(Some((bytes, next)))
        }
    })
    .boxed()
}

fn read_range(file: &dyn DiskFile, key: &str, range: &Range<u64>) -> object_store::Result<Bytes> {
    let len = usize::try_from(range.end.saturating_sub(range.start)).map_err(generic)?;
    let mut buf = vec![0; len];
    file.read_exact_at(range.start, &mut buf).map_err(|e| store_error(key, e))?;
    Ok(buf.into())
}

pub(super) fn get_ranges(
    inner: &Committer,
    location: &Path,
    ranges: &[Range<u64>],
) -> object_store::Result<Vec<Bytes>> {
    let key = location.as_ref();
    let file = open(inner, key)?;
    let len = file.len().map_err(|e| store_error(key, e))?;
    let one = |range: &Range<u64>| {
        let range = object_store::GetRange::Bounded(range.clone()).as_range(len).map_err(generic)?;
        read_range(&*file, key, &range)
    };
    ranges.iter().map(one).collect()
}

/// Entries of a directory that may be shown; none if it is absent.
fn visible(inner: &Committer, dir: &str) -> object_store::Result<Vec<(String, DirEntry)>> {
    let work = || {
        if !inner.settle(dir, false)? {
            return Ok(Vec::new());
        }
        match inner.disk.list(dir) {
            Ok(entries) => Ok(entries),
            Err(e) if is_absent(&e) => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    };
    let entries = work().map_err(|e| store_error(dir, e))?;
    Ok(entries
        .into_iter()
        .map(|entry| (key::join(dir, &entry.name), entry))
        .filter(|(key, _)| !is_reserved(key) && !inner.is_hidden(key))
        .collect())
}

pub(super) fn list(inner: &Committer, prefix: &Path) -> object_store::Result<Vec<ObjectMeta>> {
    let mut dirs = vec![prefix.to_string()];
    let mut found = Vec::new();
    while let Some(dir) = dirs.pop() {
        for (key, entry) in visible(inner, &dir)? {
            if entry.meta.is_dir {
                dirs.push(key);
            } else if let Ok(location) = Path::parse(&key) {
                found.push(object_meta(location, &entry.meta));
            }
        }
    }
    found.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(found)
}

pub(super) fn list_level(inner: &Committer, prefix: &Path) -> object_store::Result<ListResult> {
    let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
    for (key, entry) in visible(inner, prefix.as_ref())? {
        let Ok(location) = Path::parse(&key) else { continue };
        if entry.meta.is_dir {
            result.common_prefixes.push(location);
        } else {
            result.objects.push(object_meta(location, &entry.meta));
        }
    }
    Ok(result)
}
