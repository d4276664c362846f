//! Reading a data file.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt8Array,
    UInt64Array, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, empty, once, try_unfold};
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ColumnType, RowOp};

use super::blocks::BlockRows;
use super::cache::{BlockCache, FileKey};
use super::footer::Footer;
use super::plan::Plan;
use super::runs::{RunIndex, SidCursor};
use super::{MetaCache, SstError};
use crate::TimeRange;
use crate::merge::MergeError;
use crate::physical::{OP, SET, TIME, column_name, key_fields};

/// Ranges closer than this are fetched as one. On a local disk reading over a larger gap costs more
/// than another read; stores behind a network join ranges over larger gaps themselves.
const COALESCE_GAP: u64 = 4 << 10;

/// What to read of a file.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Stored columns wanted, in this order, with the type that the table has now.
    pub columns: Vec<(ColumnId, ColumnType)>,
    /// Series wanted; none = all.
    pub series: Option<RoaringBitmap>,
    /// Times wanted.
    pub time: TimeRange,
    /// Whether the result has `__op` and `__set` (behind `__time`), made up where the file has none.
    pub with_control: bool,
    /// Rows of a batch, at most.
    pub batch_rows: usize,
}

impl ReadRequest {
    /// The schema of the batches: `__sid`, `__time`, `__op` and `__set` if wanted, the columns, text
    /// and binary ones as views.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = key_fields().into();
        if self.with_control {
            fields.push(Field::new(OP, DataType::UInt8, false));
            fields.push(Field::new(SET, DataType::Binary, true));
        }
        fields
            .extend(self.columns.iter().map(|(id, ty)| Field::new(column_name(*id), ty.read_arrow(), true)));
        Arc::new(Schema::new(fields))
    }
}

/// Lowest and highest values of a column, and its NULLs, one entry a row group. Text may be
/// truncated (a bound, not a value).
#[derive(Clone, Debug)]
pub struct ColumnStatistics {
    /// Lower bounds.
    pub min: ArrayRef,
    /// Upper bounds.
    pub max: ArrayRef,
    /// NULLs.
    pub nulls: UInt64Array,
}

/// An open data file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SstReader {
    store: Arc<dyn ObjectStore>,
    footer: Arc<Footer>,
    /// Under which name the cache keeps the file's blocks.
    key: FileKey,
    blocks: Arc<BlockCache>,
}

impl SstReader {
    /// Opens a file: its footer comes from the cache, or is fetched (one request of 64 KiB for most
    /// files), checked and cached.
    pub async fn open(
        store: &Arc<dyn ObjectStore>,
        path: &Path,
        cache: &MetaCache,
    ) -> Result<Self, SstError> {
        let (footer, key) = match cache.get(path) {
            Some(found) => found,
            None => {
                let footer = Arc::new(Footer::load(store.as_ref(), path).await?);
                let key = cache.put(path, &footer);
                (footer, key)
            }
        };
        Ok(Self { store: Arc::clone(store), footer, key, blocks: cache.blocks() })
    }

    pub(super) fn footer(&self) -> &Arc<Footer> {
        &self.footer
    }

    /// Where decoded columns are kept, and the file's name there.
    pub(super) fn block_cache(&self) -> (&BlockCache, FileKey) {
        (&self.blocks, self.key)
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.footer.runs.rows()
    }

    /// Earliest and latest time in the file.
    pub fn time(&self) -> TimeRange {
        self.footer.time
    }

    /// Which rows belong to which series.
    pub fn runs(&self) -> &RunIndex {
        &self.footer.runs
    }

    /// Bytes of page indexes and footer.
    pub fn tail_bytes(&self) -> usize {
        self.footer.tail_bytes()
    }

    /// How many keys the file has of these series (none = all) and times, if that needs no page:
    /// the times cover the whole file, and every row is a plain row of its own key.
    pub fn count_rows(&self, series: Option<&RoaringBitmap>, time: TimeRange) -> Option<u64> {
        if !self.footer.plain {
            return None;
        }
        if !time.overlaps(&self.footer.time) {
            return Some(0);
        }
        let ranges = time.covers(&self.footer.time).then(|| self.footer.runs.ranges(series))?;
        Some(ranges.iter().map(|r| r.end - r.start).sum())
    }

    /// Statistics of a stored column in its stored type; none if the file lacks the column.
    pub fn statistics(&self, column: ColumnId) -> Result<Option<ColumnStatistics>, SstError> {
        let name = column_name(column);
        if !self.footer.columns.contains_key(&name) {
            return Ok(None);
        }
        let metadata = self.footer.metadata();
        let failed = |e| SstError::damaged(&self.footer.path, format!("statistics of column {name}"), e);
        let schema = metadata.file_metadata().schema_descr();
        let converter =
            StatisticsConverter::try_new(&name, self.footer.arrow.schema(), schema).map_err(failed)?;
        let groups = metadata.row_groups();
        Ok(Some(ColumnStatistics {
            min: converter.row_group_mins(groups).map_err(failed)?,
            max: converter.row_group_maxes(groups).map_err(failed)?,
            nulls: converter.row_group_null_counts(groups).map_err(failed)?,
        }))
    }

    /// Reads rows in file order, exactly those of the wanted series and times. Columns that the
    /// file lacks are NULL, narrower stored types are cast up. Only the pages that may hold wanted
    /// rows are fetched, each is checked before it is decoded. Decoding runs where the stream is
    /// polled.
    pub fn read(&self, request: ReadRequest) -> BoxStream<'static, Result<RecordBatch, SstError>> {
        match Rows::new(self, &request) {
            Ok(Some(rows)) => rows.stream(),
            Ok(None) => empty().boxed(),
            Err(error) => once(async { Err(error) }).boxed(),
        }
    }

    /// The same rows as [`Self::read`]. Where they are few they come out of decoded blocks that are
    /// kept for the next query; for queries, not for passes over whole files.
    pub async fn read_cached(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SstError>>, SstError> {
        let plan = Plan::new(&self.footer, &request)?;
        if plan.groups.is_empty() {
            return Ok(empty().boxed());
        }
        match BlockRows::open(self, &self.blocks, self.key, &plan, &request).await? {
            Some(rows) => {
                let rows = try_unfold(rows, |mut rows| async move { Ok(rows.next()?.map(|b| (b, rows))) });
                Ok(rows.boxed())
            }
            None => Ok(Rows::of_plan(self, &plan, &request)?.stream()),
        }
    }
}

/// The parquet columns that `request` reads, ascending.
pub(super) fn leaves(footer: &Footer, request: &ReadRequest) -> Vec<usize> {
    let mut wanted = vec![footer.time_column];
    let names = request.columns.iter().map(|(id, _)| column_name(*id));
    wanted.extend(names.filter_map(|name| footer.columns.get(&name)));
    if request.with_control {
        wanted.extend([OP, SET].into_iter().filter_map(|name| footer.columns.get(name)));
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// A read under way.
struct Rows {
    decoder: Decoder,
    shaper: Shaper,
}

impl Rows {
    fn new(reader: &SstReader, request: &ReadRequest) -> Result<Option<Self>, SstError> {
        let plan = Plan::new(&reader.footer, request)?;
        if plan.groups.is_empty() { Ok(None) } else { Self::of_plan(reader, &plan, request).map(Some) }
    }

    fn of_plan(reader: &SstReader, plan: &Plan, request: &ReadRequest) -> Result<Self, SstError> {
        let leaves = leaves(&reader.footer, request);
        Ok(Self {
            decoder: Decoder::new(reader, plan, &leaves, request.batch_rows)?,
            shaper: Shaper::new(Arc::clone(&reader.footer), plan, request),
        })
    }

    fn stream(self) -> BoxStream<'static, Result<RecordBatch, SstError>> {
        try_unfold(self, |mut rows| async move { Ok(rows.next().await?.map(|batch| (batch, rows))) }).boxed()
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>, SstError> {
        while let Some(batch) = self.decoder.next().await? {
            let batch = self.shaper.shape(&batch)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

/// Fetches and decodes columns of some rows.
pub(super) struct Decoder {
    store: Arc<dyn ObjectStore>,
    footer: Arc<Footer>,
    decoder: ParquetPushDecoder,
}

impl Decoder {
    /// The rows of `plan`, which has some; the columns come in the file's order.
    pub(super) fn new(
        reader: &SstReader,
        plan: &Plan,
        leaves: &[usize],
        batch_rows: usize,
    ) -> Result<Self, SstError> {
        let footer = Arc::clone(&reader.footer);
        let schema = footer.metadata().file_metadata().schema_descr();
        let mut builder = ParquetPushDecoderBuilder::new_with_metadata(footer.arrow.clone())
            .with_projection(ProjectionMask::leaves(schema, leaves.iter().copied()))
            .with_row_groups(plan.groups.clone())
            .with_batch_size(batch_rows.max(1));
        if let Some(selection) = &plan.selection {
            builder = builder.with_row_selection(RowSelection::from(selection.clone()));
        }
        let decoder = builder.build().map_err(|e| undecodable(&footer, e))?;
        Ok(Self { store: Arc::clone(&reader.store), footer, decoder })
    }

    /// The next rows as they are stored.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, SstError> {
        loop {
            match self.decoder.try_decode().map_err(|e| undecodable(&self.footer, e))? {
                DecodeResult::Finished => return Ok(None),
                DecodeResult::NeedsData(ranges) => self.fetch(ranges).await?,
                DecodeResult::Data(batch) => return Ok(Some(batch)),
            }
        }
    }

    /// Fetches what the decoder wants, in few requests, and checks it.
    async fn fetch(&mut self, ranges: Vec<Range<u64>>) -> Result<(), SstError> {
        let path = &self.footer.path;
        let requests = coalesce(&ranges);
        let fetched = self.store.get_ranges(path, &requests).await.map_err(|e| SstError::store(path, e))?;
        let mut pieces = Vec::with_capacity(ranges.len());
        for range in &ranges {
            let piece = cut(&requests, &fetched, range).ok_or_else(|| {
                SstError::damaged(path, format!("offset {}", range.start), "the file is too short")
            })?;
            self.footer.verify(range.start, &piece)?;
            pieces.push(piece);
        }
        self.decoder.push_ranges(ranges, pieces).map_err(|e| undecodable(&self.footer, e))
    }
}

/// Brings stored columns of a plan's rows into the request's shape.
pub(super) struct Shaper {
    footer: Arc<Footer>,
    sids: SidCursor,
    schema: SchemaRef,
    time: TimeRange,
    check_time: bool,
}

impl Shaper {
    pub(super) fn new(footer: Arc<Footer>, plan: &Plan, request: &ReadRequest) -> Self {
        Self {
            footer,
            sids: SidCursor::new(plan.rows.clone()),
            schema: request.schema(),
            time: request.time,
            check_time: plan.check_time,
        }
    }

    pub(super) fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The next rows, which must come in the plan's order.
    pub(super) fn shape(&mut self, batch: &RecordBatch) -> Result<RecordBatch, SstError> {
        let rows = batch.num_rows();
        let sids = self.sids.take(&self.footer.runs, rows);
        if sids.len() != rows {
            return Err(undecodable(&self.footer, "pages hold more rows than the run index"));
        }
        let Some(time) = batch.column_by_name(TIME) else {
            return Err(undecodable(&self.footer, "column __time is missing"));
        };
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(sids), Arc::clone(time)];
        for field in self.schema.fields().iter().skip(arrays.len()) {
            arrays.push(match batch.column_by_name(field.name()) {
                Some(array) => self.cast(array, field)?,
                None if field.name() == OP => Arc::new(UInt8Array::from(vec![RowOp::Merge.code(); rows])),
                None if field.name() == SET => Arc::new(BinaryArray::new_null(rows)),
                None => new_null_array(field.data_type(), rows),
            });
        }
        let keep = if self.check_time { self.outside(time)? } else { None };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let shaped = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|e| undecodable(&self.footer, e))?;
        match keep {
            None => Ok(shaped),
            Some(keep) => Ok(filter_record_batch(&shaped, &keep).map_err(MergeError::from)?),
        }
    }

    /// Which rows are within the wanted times; none if all are.
    fn outside(&self, time: &ArrayRef) -> Result<Option<BooleanArray>, SstError> {
        let Some(times) = time.as_primitive_opt::<Int64Type>() else {
            return Err(undecodable(&self.footer, "column __time is not Int64"));
        };
        let times = times.values();
        let keep = BooleanBuffer::collect_bool(times.len(), |row| self.time.contains(times[row]));
        Ok((keep.count_set_bits() < times.len()).then(|| BooleanArray::new(keep, None)))
    }

    fn cast(&self, array: &ArrayRef, field: &Field) -> Result<ArrayRef, SstError> {
        if array.data_type() == field.data_type() {
            return Ok(Arc::clone(array));
        }
        let mismatch = |reason: String| SstError::Type {
            path: self.footer.path.clone(),
            column: field.name().clone(),
            stored: array.data_type().clone(),
            wanted: field.data_type().clone(),
            reason,
        };
        let widens =
            match (ColumnType::from_arrow(array.data_type()), ColumnType::from_arrow(field.data_type())) {
                (Some(stored), Some(wanted)) => stored.widens_to(wanted),
                _ => false,
            };
        if !widens {
            return Err(mismatch("it is not a wider type".to_owned()));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, field.data_type(), &options).map_err(|e| mismatch(e.to_string()))
    }
}

pub(super) fn undecodable(footer: &Footer, reason: impl ToString) -> SstError {
    SstError::damaged(&footer.path, "its pages", reason)
}

/// Joins near ranges. The input need not be sorted; the output is.
fn coalesce(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|r| r.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(COALESCE_GAP) => {
                last.end = last.end.max(range.end)
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The bytes of `range` out of the fetched requests (ascending).
fn cut(requests: &[Range<u64>], fetched: &[Bytes], range: &Range<u64>) -> Option<Bytes> {
    let at = requests.partition_point(|r| r.start <= range.start).checked_sub(1)?;
    let (request, bytes) = (requests.get(at)?, fetched.get(at)?);
    let (start, end) = ((range.start - request.start) as usize, (range.end - request.start) as usize);
    (start <= end && end <= bytes.len()).then(|| bytes.slice(start..end))
}
