//! Reading a chunk: its files and memtables as one stream of final rows.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ColumnType};

use crate::error::StorageError;
use crate::file::DataFile;
use crate::memtable::{MemParts, filter_rows};
use crate::merge::{FoldMode, Layout, MergeOptions, MergeStream, apply_tombstones};
use crate::physical::{column_id, column_name};
use crate::shard::state::Chunk;
use crate::snapshot::{ChunkRef, PinnedShard, SeriesSelection, TableSnapshot};
use crate::sst::{ReadRequest, SstReader};
use crate::{TimeRange, Tombstone};

/// Rows as they leave storage.
pub type RowStream = BoxStream<'static, Result<RecordBatch, StorageError>>;

/// What is wanted of a chunk.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Stored columns, in the order in which they are to come.
    pub columns: Vec<ColumnId>,
    /// Times, in the table's precision: exact.
    pub time: TimeRange,
    /// Series: exact.
    pub series: SeriesSelection,
    /// Whether rows must come in (series, time) order.
    pub ordered: bool,
    /// Rows of a batch.
    pub batch_rows: usize,
}

impl TableSnapshot {
    /// The rows of `chunk` that `request` asks for: versions merged, deletions applied. Batches have
    /// `__sid`, `__time`, then the wanted columns as `c<id>` in the table's current types (text and
    /// binary as views; columns that a file lacks are NULL).
    pub fn scan(&self, chunk: &ChunkRef, request: &ScanRequest) -> RowStream {
        let snapshot = self.clone();
        let (chunk, request) = (chunk.clone(), request.clone());
        stream::once(async move { snapshot.open_scan(&chunk, &request).await }).try_flatten().boxed()
    }

    async fn open_scan(&self, chunk: &ChunkRef, request: &ScanRequest) -> Result<RowStream, StorageError> {
        let pinned = self.0.shards.get(chunk.shard_index);
        let Some((shard, parts)) = pinned.and_then(|s| Some((s, s.chunks.get(&chunk.start)?))) else {
            return Ok(stream::empty().boxed());
        };
        let columns = self.read_columns(request);
        let ck = self.0.meta.def.composite_key().map(|c| c.id);
        let layout = Layout::new(columns.iter().map(|(id, ty)| (*id, ty.read_arrow())).collect(), ck)?;
        let series = request.series.of(shard.id);
        let input =
            InputRequest { columns: &columns, time: request.time, series: series.as_deref(), request };
        let merge = chunk.needs_merge || (request.ordered && parts.files.len() > 1);
        let rows = if merge {
            let inputs = self.all_inputs(shard, parts, &input, ck).await?;
            let options = MergeOptions {
                layout,
                mode: FoldMode::Final,
                control: false,
                batch_rows: request.batch_rows,
            };
            MergeStream::<StorageError>::new(inputs, options).boxed()
        } else {
            let mut inputs = Vec::with_capacity(parts.files.len());
            for file in parts.files.iter().filter(|f| f.meta.time.overlaps(&request.time)) {
                inputs.push(self.file_input(shard, file, &input).await?);
            }
            stream::iter(inputs).flatten().boxed()
        };
        let wanted: Vec<String> = crate::physical::key_fields()
            .iter()
            .map(|f| f.name().clone())
            .chain(request.columns.iter().map(|id| column_name(*id)))
            .collect();
        let table = self.id();
        Ok(rows
            .map(move |batch| {
                let batch = batch?;
                project(&batch, &wanted).map_err(|source| StorageError::Columns { table, source })
            })
            .boxed())
    }

    /// The wanted columns with their current types, and the composite key, which merging needs.
    fn read_columns(&self, request: &ScanRequest) -> Vec<(ColumnId, ColumnType)> {
        let def = &self.0.meta.def;
        let key = def.composite_key().map(|c| c.id).filter(|id| !request.columns.contains(id));
        request
            .columns
            .iter()
            .copied()
            .chain(key)
            .filter_map(|id| Some((id, def.column_by_id(id)?.ty)))
            .collect()
    }

    /// Every input of the chunk, oldest first.
    async fn all_inputs(
        &self,
        shard: &PinnedShard,
        chunk: &Chunk,
        input: &InputRequest<'_>,
        ck: Option<ColumnId>,
    ) -> Result<Vec<RowStream>, StorageError> {
        let mut inputs = Vec::new();
        for file in chunk.files.iter().filter(|f| f.meta.time.overlaps(&input.time)) {
            inputs.push(self.file_input(shard, file, input).await?);
        }
        for memory in [&chunk.flushing, &chunk.active] {
            inputs.extend(self.memory_inputs(memory, input, ck)?);
        }
        Ok(inputs)
    }

    async fn file_input(
        &self,
        shard: &PinnedShard,
        file: &Arc<DataFile>,
        input: &InputRequest<'_>,
    ) -> Result<RowStream, StorageError> {
        let reader = SstReader::open(&self.0.store, &file.path, &self.0.cache).await?;
        let request = ReadRequest {
            columns: input.columns.to_vec(),
            series: input.series.cloned(),
            time: input.time,
            with_control: file.meta.has_ops,
            batch_rows: input.request.batch_rows,
        };
        let rows = reader.read_cached(request).await?;
        let deletions = deletions_for(file, &shard.tombstones, &input.time);
        // The stream keeps the file pinned for as long as it is read (M-2).
        let pin = Arc::clone(file);
        Ok(rows
            .map(move |batch| {
                let _pinned = &pin;
                let batch = batch?;
                if deletions.is_empty() {
                    return Ok(batch);
                }
                Ok(apply_tombstones(&batch, &deletions)?)
            })
            .boxed())
    }

    fn memory_inputs(
        &self,
        memory: &MemParts,
        input: &InputRequest<'_>,
        ck: Option<ColumnId>,
    ) -> Result<Vec<RowStream>, StorageError> {
        if !memory.time().is_some_and(|t| t.overlaps(&input.time)) {
            return Ok(Vec::new());
        }
        let runs = memory.sorted_runs(ck)?;
        let table = self.id();
        let failed = |source| StorageError::Columns { table, source };
        runs.iter()
            .map(|run| {
                let run = only_columns(run, input.columns).map_err(failed)?;
                let rows = filter_rows(&run, &input.time, input.series)?;
                Ok(stream::iter([Ok(rows)]).boxed())
            })
            .collect()
    }
}

/// What is wanted of each input.
struct InputRequest<'a> {
    columns: &'a [(ColumnId, ColumnType)],
    time: TimeRange,
    series: Option<&'a RoaringBitmap>,
    request: &'a ScanRequest,
}

/// The tombstones that `file` was written without and that reach into it.
pub(crate) fn deletions_for(file: &DataFile, tombstones: &[Tombstone], time: &TimeRange) -> Vec<Tombstone> {
    tombstones
        .iter()
        .filter(|t| t.seq > file.meta.seq_max && t.time.overlaps(&file.meta.time) && t.time.overlaps(time))
        .cloned()
        .collect()
}

/// Keys, control columns and `columns` of a batch, so that no others are filtered in vain.
pub(crate) fn only_columns(
    batch: &RecordBatch,
    columns: &[(ColumnId, ColumnType)],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let wanted = |name: &str| column_id(name).is_none_or(|id| columns.iter().any(|(c, _)| *c == id));
    let fields = batch.schema_ref().fields().iter().enumerate();
    let indices: Vec<usize> = fields.filter(|(_, f)| wanted(f.name())).map(|(at, _)| at).collect();
    batch.project(&indices)
}

fn project(batch: &RecordBatch, wanted: &[String]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema_ref();
    let indices: Result<Vec<usize>, _> = wanted.iter().map(|name| schema.index_of(name)).collect();
    let indices = indices?;
    if indices.iter().enumerate().all(|(i, at)| i == *at) && indices.len() == batch.num_columns() {
        return Ok(batch.clone());
    }
    batch.project(&indices)
}
