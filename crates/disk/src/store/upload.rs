//! Multipart uploads: parts go to one temp file, which is committed at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::FutureExt;
use object_store::{CopyMode, MultipartUpload, PutPayload, PutResult, UploadPart};

use super::commit::{Committer, TempFile, check_key};
use super::{blocking, generic, store_error};

/// An upload in progress. Dropping it without `complete` removes the temp file.
#[derive(Debug)]
pub(super) struct DiskUpload {
    owner: Arc<Committer>,
    key: Arc<str>,
    temp: Option<Arc<TempFile>>,
    next_offset: u64,
    /// Bytes that parts have written; less than `next_offset` means that a part is missing.
    written: Arc<AtomicU64>,
}

impl DiskUpload {
    pub(super) fn start(owner: &Arc<Committer>, key: String) -> object_store::Result<Self> {
        check_key(&key)?;
        let temp = owner.temp().map_err(|e| store_error(&key, e))?;
        Ok(Self {
            owner: Arc::clone(owner),
            key: key.into(),
            temp: Some(Arc::new(temp)),
            next_offset: 0,
            written: Arc::default(),
        })
    }
}

fn refused(key: &str, reason: &str) -> object_store::Error {
    generic(std::io::Error::other(format!("upload of '{key}': {reason}")))
}

#[async_trait]
impl MultipartUpload for DiskUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(temp) = self.temp.clone() else {
            let error = refused(&self.key, "it was completed or aborted before this part");
            return async move { Err(error) }.boxed();
        };
        let start = self.next_offset;
        self.next_offset += data.content_length() as u64;
        let (key, written) = (Arc::clone(&self.key), Arc::clone(&self.written));
        let work = move || {
            let mut offset = start;
            for piece in &data {
                temp.file.write_at(offset, piece).map_err(|e| store_error(&key, e))?;
                offset += piece.len() as u64;
            }
            written.fetch_add(offset - start, Ordering::AcqRel);
            Ok(())
        };
        blocking(work).boxed()
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let temp =
            self.temp.take().ok_or_else(|| refused(&self.key, "it was completed or aborted already"))?;
        if self.written.load(Ordering::Acquire) != self.next_offset {
            return Err(refused(&self.key, "a part failed or was not awaited"));
        }
        let temp =
            Arc::into_inner(temp).ok_or_else(|| refused(&self.key, "a part is still being written"))?;
        let (owner, key) = (Arc::clone(&self.owner), Arc::clone(&self.key));
        blocking(move || owner.commit(temp, &key, CopyMode::Overwrite).map_err(|e| store_error(&key, e)))
            .await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        match self.temp.take() {
            // Removed when the last part lets go of it.
            Some(temp) => {
                let remove = move || {
                    drop(temp);
                    Ok(())
                };
                blocking(remove).await
            }
            None => Ok(()),
        }
    }
}
