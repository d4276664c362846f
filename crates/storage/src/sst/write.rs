//! Writing a data file to an object store.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use triglot_model::TableDef;

use super::encode::Encoder;
use super::{FileMeta, SstError};

/// Files below this size are put at once, larger ones in parts of this size (S3 wants 5 MiB at least).
const PART_BYTES: usize = 16 << 20;

/// How a data file is written.
#[derive(Clone, Debug)]
pub struct SstWriteOptions {
    /// The table: its id and version go into the footer, its composite key into the order.
    pub table: Arc<TableDef>,
    /// Number of the file within its shard.
    pub file_id: u64,
    /// Start of its time bucket.
    pub bucket_start: i64,
    /// Lowest WAL sequence number of its rows.
    pub seq_min: u64,
    /// Highest WAL sequence number of its rows.
    pub seq_max: u64,
    /// Compactions behind it.
    pub level: u8,
    /// ZSTD level: 1 for flushes, 3 for compactions.
    pub zstd_level: i32,
    /// Rows of a row group. One row group is held in memory, encoded.
    pub row_group_rows: usize,
    /// Rows of a page.
    pub page_rows: usize,
}

/// Rows of a row group, unless a test says otherwise.
pub(crate) const ROW_GROUP_ROWS: usize = 1 << 20;

impl SstWriteOptions {
    /// Defaults: file 0 of bucket 0, no sequence numbers, ZSTD 1, row groups of 1 Mi rows, pages
    /// of 8 Ki rows.
    pub fn new(table: Arc<TableDef>) -> Self {
        Self {
            table,
            file_id: 0,
            bucket_start: 0,
            seq_min: 0,
            seq_max: 0,
            level: 0,
            zstd_level: 1,
            row_group_rows: ROW_GROUP_ROWS,
            page_rows: 8 << 10,
        }
    }
}

/// Writes sorted batches of one physical schema as a data file and returns what the manifest is to
/// know; none, and no file, if there are no rows.
///
/// Encoding runs on Tokio's blocking pool, batch by batch, so the caller's async worker is free;
/// it needs a Tokio runtime. Memory: one encoded row group and one upload part. The file is visible
/// and durable when this returns, if `store` is durable (M-1); after a failure nothing is visible.
///
/// Fails if the input fails, is not sorted, or changes its columns, and if the store fails.
pub async fn write<S, E>(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    input: S,
    options: SstWriteOptions,
) -> Result<Option<FileMeta>, E>
where
    S: Stream<Item = Result<RecordBatch, E>> + Send,
    E: From<SstError>,
{
    let mut upload = Upload { store, path, parts: None };
    match encode_all(&mut upload, input, options).await {
        Ok(meta) => Ok(meta),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn encode_all<S, E>(
    upload: &mut Upload<'_>,
    input: S,
    options: SstWriteOptions,
) -> Result<Option<FileMeta>, E>
where
    S: Stream<Item = Result<RecordBatch, E>> + Send,
    E: From<SstError>,
{
    let mut input = std::pin::pin!(input);
    let mut encoder: Option<Encoder> = None;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let mut current = match encoder.take() {
            Some(encoder) => encoder,
            None => Encoder::new(upload.path, batch.schema_ref(), options.clone())?,
        };
        let (current, ready) = blocking(upload.path, move || {
            current.write(&batch)?;
            let ready = current.take(PART_BYTES);
            Ok((current, ready))
        })
        .await?;
        encoder = Some(current);
        if let Some(bytes) = ready {
            upload.part(bytes).await?;
        }
    }
    let Some(encoder) = encoder else { return Ok(None) };
    let (bytes, meta) = blocking(upload.path, move || encoder.finish()).await?;
    upload.finish(bytes).await?;
    Ok(Some(meta))
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, SstError> + Send + 'static,
) -> Result<T, SstError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(SstError::Interrupted { path: path.clone(), reason: e.to_string() }),
    }
}

/// A file on its way to the store.
struct Upload<'a> {
    store: &'a Arc<dyn ObjectStore>,
    path: &'a Path,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload<'_> {
    async fn part(&mut self, bytes: Vec<u8>) -> Result<(), SstError> {
        let failed = |e| SstError::store(self.path, e);
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(self.store.put_multipart(self.path).await.map_err(failed)?),
        };
        parts.put_part(PutPayload::from(bytes)).await.map_err(failed)
    }

    async fn finish(&mut self, bytes: Vec<u8>) -> Result<(), SstError> {
        if self.parts.is_some() {
            self.part(bytes).await?;
        } else {
            let put = self.store.put(self.path, PutPayload::from(bytes)).await;
            put.map_err(|e| SstError::store(self.path, e))?;
        }
        if let Some(parts) = &mut self.parts {
            parts.complete().await.map_err(|e| SstError::store(self.path, e))?;
            self.parts = None;
        }
        Ok(())
    }

    async fn abort(mut self) {
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(path = %self.path, %error, "a failed upload could not be aborted");
        }
    }
}
