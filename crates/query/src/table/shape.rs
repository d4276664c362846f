//! From the rows of storage (series id, time, stored columns) to the rows of a query.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray, UInt32Array, UInt64Array,
};
use arrow::array::{TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray};
use arrow::compute::{cast, filter_record_batch, take};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result;
use parking_lot::Mutex;
use triglot_model::{ColumnId, Precision, ShardId};

use super::tags;
use crate::source::{SeriesSelection, SeriesSource};

/// A gathered tag column that refers to more bytes than this is copied together: operators account
/// a batch by the buffers it refers to, and a dictionary of a million values is far larger than a batch.
const SHARED_TAG_BYTES: usize = 4 << 20;

/// Where a column of the output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The time column.
    Time,
    /// The tag at this place of [`Shape::tags`].
    Tag(usize),
    /// The stored column at this place of [`Shape::stored`].
    Stored(usize),
    /// The series, unique within the table: `shard << 32 | sid`.
    Series,
}

/// The columns of one scan.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The output.
    pub(crate) schema: SchemaRef,
    /// One for each field of `schema`.
    pub(crate) outputs: Vec<Output>,
    /// Tags to attach.
    pub(crate) tags: Vec<ColumnId>,
    /// Stored columns to read.
    pub(crate) stored: Vec<ColumnId>,
    /// The unit of time.
    pub(crate) precision: Precision,
}

/// The wanted tags of the wanted series of one shard.
#[derive(Debug)]
pub(crate) struct ShardTags {
    sids: UInt32Array,
    columns: Vec<ArrayRef>,
}

/// Tags of all shards of one scan, read when first needed and shared by its partitions.
#[derive(Debug, Default)]
pub(crate) struct TagCache(Mutex<HashMap<ShardId, Arc<ShardTags>>>);

impl TagCache {
    /// The tags of `shard`.
    pub(crate) fn get(
        &self,
        source: &dyn SeriesSource,
        shape: &Shape,
        selection: &SeriesSelection,
        shard: ShardId,
    ) -> Result<Arc<ShardTags>> {
        let mut cached = self.0.lock();
        if let Some(tags) = cached.get(&shard) {
            return Ok(Arc::clone(tags));
        }
        let sids = selection.of(shard).and_then(|s| s.bitmap());
        let tags =
            Arc::new(ShardTags::new(&source.tag_batch(shard, &shape.tags, sids)?, &shape.tag_types())?);
        cached.insert(shard, Arc::clone(&tags));
        Ok(tags)
    }
}

impl ShardTags {
    fn new(batch: &RecordBatch, types: &[DataType]) -> Result<Self> {
        let sids = sid_column(batch)?.clone();
        let values = batch.columns().iter().skip(1).zip(types);
        let columns =
            values.map(|(values, ty)| Ok(compact(&tags::typed(values, ty)?))).collect::<Result<_>>()?;
        Ok(Self { sids, columns })
    }

    /// The place of `sid`.
    fn place(&self, sid: u32) -> Option<u32> {
        let sids = self.sids.values();
        // Sids are dense, so a selection of all series has sid n at place n - first.
        let guess = sid.wrapping_sub(sids.first().copied().unwrap_or(0)) as usize;
        if sids.get(guess) == Some(&sid) {
            return Some(guess as u32);
        }
        sids.binary_search(&sid).map(|place| place as u32).ok()
    }

    /// The place of each row's series; None if one of them has no tags. Rows of one series usually
    /// follow one another.
    fn places(&self, rows: &UInt32Array) -> Option<UInt32Array> {
        let rows = rows.values();
        let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else {
            return Some(UInt32Array::from(Vec::<u32>::new()));
        };
        let mut current = (first, self.place(first)?);
        if first == last && rows.iter().all(|&sid| sid == first) {
            return Some(UInt32Array::from_value(current.1, rows.len()));
        }
        let mut places = Vec::with_capacity(rows.len());
        for &sid in rows {
            if sid != current.0 {
                current = (sid, self.place(sid)?);
            }
            places.push(current.1);
        }
        Some(UInt32Array::from(places))
    }

    /// The rows whose series have tags. Rows are pinned and the series index is not, so a series may be
    /// removed while a query runs; its rows are gone then.
    fn still_there(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let sids = sid_column(batch)?.values();
        let there: BooleanArray = sids.iter().map(|sid| Some(self.place(*sid).is_some())).collect();
        Ok(filter_record_batch(batch, &there)?)
    }
}

/// Copies a text column whose buffers hold much more than its values.
fn compact(column: &ArrayRef) -> ArrayRef {
    match column.as_any().downcast_ref::<StringViewArray>() {
        Some(text) => {
            let referred: usize = text.data_buffers().iter().map(|b| b.len()).sum();
            if referred > SHARED_TAG_BYTES && referred / 2 > text.total_buffer_bytes_used() {
                Arc::new(text.gc())
            } else {
                Arc::clone(column)
            }
        }
        None => Arc::clone(column),
    }
}

impl Shape {
    /// The types of [`Self::tags`].
    fn tag_types(&self) -> Vec<DataType> {
        let mut types = vec![DataType::Utf8View; self.tags.len()];
        for (output, field) in self.outputs.iter().zip(self.schema.fields()) {
            if let Output::Tag(at) = output
                && let Some(slot) = types.get_mut(*at)
            {
                *slot = field.data_type().clone();
            }
        }
        types
    }

    /// Whether rows need the tags of their series.
    pub(crate) fn needs_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The output rows of one batch of storage.
    pub(crate) fn apply(
        &self,
        shard: ShardId,
        batch: &RecordBatch,
        tags: Option<&ShardTags>,
    ) -> Result<RecordBatch> {
        let sids = sid_column(batch)?;
        let places = match tags {
            None => None,
            Some(tags) => match tags.places(sids) {
                None => return self.apply(shard, &tags.still_there(batch)?, Some(tags)),
                found => found,
            },
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.outputs.len());
        for (output, field) in self.outputs.iter().zip(self.schema.fields()) {
            columns.push(match output {
                Output::Time => self.time(batch)?,
                Output::Series => series(shard, sids),
                Output::Stored(i) => {
                    let column = batch.columns().get(i + 2).ok_or_else(|| missing(field.name()))?;
                    if column.data_type() == field.data_type() {
                        Arc::clone(column)
                    } else {
                        cast(column, field.data_type())?
                    }
                }
                Output::Tag(i) => {
                    let values = tags.and_then(|t| t.columns.get(*i)).ok_or_else(|| missing(field.name()))?;
                    let places = places.as_ref().ok_or_else(|| missing(field.name()))?;
                    compact(&take(values, places, None)?)
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    fn time(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let times: &Int64Array = batch
            .columns()
            .get(1)
            .and_then(|c| c.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| missing("time"))?;
        let (values, nulls) = (times.values().clone(), times.nulls().cloned());
        Ok(match self.precision {
            Precision::Milli => Arc::new(TimestampMillisecondArray::new(values, nulls)),
            Precision::Micro => Arc::new(TimestampMicrosecondArray::new(values, nulls)),
            Precision::Nano => Arc::new(TimestampNanosecondArray::new(values, nulls)),
        })
    }
}

fn missing(column: &str) -> datafusion::error::DataFusionError {
    internal_datafusion_err!("storage gave no column for {column}")
}

fn sid_column(batch: &RecordBatch) -> Result<&UInt32Array> {
    batch
        .columns()
        .first()
        .and_then(|c| c.as_primitive_opt::<UInt32Type>())
        .ok_or_else(|| missing("the series id"))
}

fn series(shard: ShardId, sids: &UInt32Array) -> ArrayRef {
    let high = u64::from(shard.0) << 32;
    Arc::new(UInt64Array::from_iter_values(sids.values().iter().map(|sid| high | u64::from(*sid))))
}
