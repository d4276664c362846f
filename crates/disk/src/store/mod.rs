//! An object store on a [`Disk`] whose writes are durable when they return.

mod commit;
mod read;
mod upload;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::disk::Disk;
use crate::error::{DiskError, Result};
use commit::Committer;
use upload::DiskUpload;

/// Name of the store in error messages.
const STORE: &str = "DiskStore";

/// Deletions are taken in groups of up to this many, with one directory sync per group.
const DELETE_GROUP: usize = 256;

/// Choices of a [`DiskStore`].
#[derive(Debug, Clone, Default)]
pub struct DiskStoreOptions {
    /// Read files on the calling thread. Right on a runtime made for CPU work (the query runtime),
    /// where a hop to a blocking thread costs more than the read; wrong on an I/O runtime.
    pub inline_reads: bool,
}

/// [`ObjectStore`] over a [`Disk`].
///
/// - A put that returned `Ok` survives a power loss, whole; one that did not return is absent or
///   whole, never torn. The bytes go to a file in `tmp/`, which is fsynced, then linked
///   (`PutMode::Create`: fails with `AlreadyExists`) or renamed (`Overwrite`) to its name, then the
///   directory (and each newly made parent) is fsynced.
/// - M-1: a key is neither listed nor readable before all that has happened; names left behind by
///   a killed process are made durable before they are first listed.
/// - A put, copy or delete that failed with something other than `AlreadyExists`/`NotFound` may or
///   may not have happened.
/// - `PutMode::Update` and attributes are not implemented; tags and extensions are ignored.
/// - Keys below `tmp/` are refused and not listed. Deleting an absent key is a `NotFound` error.
/// - Errors of the disk are the `source` of the `object_store::Error` and can be downcast to
///   [`DiskError`], e.g. to ask [`is_full`](DiskError::is_full).
///
/// Clones share the store. One store per root: opening sweeps `tmp/` (hold the root's lock, M-6).
#[derive(Debug, Clone)]
pub struct DiskStore {
    inner: Arc<Committer>,
    inline_reads: bool,
}

impl DiskStore {
    /// Makes the store on the whole of `disk`, makes `tmp/` and sweeps it. Blocks.
    ///
    /// # Errors
    /// If `tmp/` cannot be made or swept.
    pub fn open(disk: Arc<dyn Disk>, options: DiskStoreOptions) -> Result<Self> {
        let store = Self { inner: Arc::new(Committer::new(disk)), inline_reads: options.inline_reads };
        store.sweep_tmp()?;
        Ok(store)
    }

    /// Removes what interrupted writes left in `tmp/`, and returns how many files that were. Must
    /// not run while writes do. Blocks.
    ///
    /// # Errors
    /// If the directory cannot be made or listed or a file cannot be removed.
    pub fn sweep_tmp(&self) -> Result<usize> {
        self.inner.sweep_tmp()
    }

    /// The disk below.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.inner.disk
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Committer>) -> object_store::Result<T> + Send + 'static,
    ) -> object_store::Result<T> {
        if self.inline_reads { work(&self.inner) } else { self.write(work).await }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Committer>) -> object_store::Result<T> + Send + 'static,
    ) -> object_store::Result<T> {
        let inner = Arc::clone(&self.inner);
        blocking(move || work(&inner)).await
    }
}

/// Runs file calls away from the runtime's threads. Without a runtime, or on a current-thread one
/// (tests, which want the same order of I/Os every time), they run in place.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> object_store::Result<T> + Send + 'static,
) -> object_store::Result<T> {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            handle.spawn_blocking(work).await.unwrap_or_else(|e| Err(generic(e)))
        }
        _ => work(),
    }
}

fn generic(source: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: STORE, source: Box::new(source) }
}

/// Puts a disk error behind the kind of store error that callers match on.
fn store_error(key: &str, error: DiskError) -> object_store::Error {
    let path = key.to_owned();
    if error.is_not_found() {
        object_store::Error::NotFound { path, source: Box::new(error) }
    } else if error.is_already_exists() {
        object_store::Error::AlreadyExists { path, source: Box::new(error) }
    } else if error.is_permission_denied() {
        object_store::Error::PermissionDenied { path, source: Box::new(error) }
    } else {
        generic(error)
    }
}

fn not_implemented(operation: &str) -> object_store::Error {
    object_store::Error::NotImplemented { operation: operation.to_owned(), implementer: STORE.to_owned() }
}

impl fmt::Display for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE}({:?})", self.inner.disk)
    }
}

#[async_trait]
impl ObjectStore for DiskStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> object_store::Result<PutResult> {
        let mode = match opts.mode {
            PutMode::Overwrite => CopyMode::Overwrite,
            PutMode::Create => CopyMode::Create,
            PutMode::Update(_) => return Err(not_implemented("put_opts with PutMode::Update")),
        };
        if !opts.attributes.is_empty() {
            return Err(not_implemented("put_opts with attributes"));
        }
        let key = location.to_string();
        self.write(move |inner| inner.put(&key, &payload, mode)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        if !opts.attributes.is_empty() {
            return Err(not_implemented("put_multipart_opts with attributes"));
        }
        let key = location.to_string();
        let upload = self.write(move |inner| DiskUpload::start(inner, key)).await?;
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let (target, inline) = (location.clone(), self.inline_reads);
        self.read(move |inner| read::get(inner, target, &options, inline)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let (target, ranges) = (location.clone(), ranges.to_vec());
        self.read(move |inner| read::get_ranges(inner, &target, &ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        let store = self.clone();
        locations
            .ready_chunks(DELETE_GROUP)
            .then(move |group| {
                let store = store.clone();
                async move {
                    match store.write(move |inner| Ok(inner.delete(group))).await {
                        Ok(results) => stream::iter(results),
                        Err(e) => stream::iter(vec![Err(e)]),
                    }
                }
            })
            .flatten()
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned().unwrap_or_default());
        stream::once(async move { store.read(move |inner| read::list(inner, &prefix)).await })
            .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        self.read(move |inner| read::list_level(inner, &prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        let (from, to) = (from.to_string(), to.to_string());
        self.write(move |inner| inner.copy(&from, &to, options.mode)).await
    }
}
