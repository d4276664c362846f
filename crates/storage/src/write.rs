//! What writers hand to storage: rows of one table as columns, and the series they belong to.

use arrow::array::{Array, ArrayRef, BinaryArray};
use triglot_model::{ColumnId, ColumnKind, RowOp, Sid};

use crate::error::StorageError;
use crate::series::SeriesKey;
use crate::{TableMeta, TimeRange};

/// The series of some rows.
#[derive(Debug, Clone)]
pub enum SeriesRef {
    /// By an id that an earlier [`WriteAck`] gave, valid while the epoch is the same.
    Known(Sid),
    /// By identity; it is made if it does not exist.
    Key(SeriesKey),
}

/// The series that occur in a batch. [`WriteBatch::series_epoch`] is that of the ids.
#[derive(Debug, Clone)]
pub enum BatchSeries {
    /// All by id.
    Known(Vec<Sid>),
    /// By id or by identity.
    Mixed(Vec<SeriesRef>),
}

impl From<Vec<SeriesRef>> for BatchSeries {
    fn from(series: Vec<SeriesRef>) -> Self {
        let id = |series: &SeriesRef| match series {
            SeriesRef::Known(sid) => Some(*sid),
            SeriesRef::Key(_) => None,
        };
        match series.iter().map(id).collect() {
            Some(sids) => Self::Known(sids),
            None => Self::Mixed(series),
        }
    }
}

/// Rows of one table for one shard. All arrays have one entry for each row.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// The table, as the rows were made for it.
    pub table: TableMeta,
    /// The index epoch that [`SeriesRef::Known`] ids were learned at.
    pub series_epoch: u64,
    /// The series that occur.
    pub series: BatchSeries,
    /// For each row the index of its series in [`Self::series`].
    pub row_series: Vec<u32>,
    /// Times in the table's precision.
    pub times: Vec<i64>,
    /// Stored columns; NULL = not written. Types are [`triglot_model::ColumnType::arrow`]'s.
    pub columns: Vec<(ColumnId, ArrayRef)>,
    /// How the rows act on older ones of their keys.
    pub op: RowOp,
    /// Which columns were written explicitly ([`crate::physical::SET`]), where NULLs are to overwrite.
    pub set: Option<BinaryArray>,
}

impl WriteBatch {
    /// Bytes of its rows, for the budget.
    pub fn bytes(&self) -> u64 {
        let columns: usize = self.columns.iter().map(|(_, c)| c.get_array_memory_size()).sum();
        (columns + self.times.len() * 12) as u64
    }

    /// Refuses arrays of different lengths.
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        let rows = self.times.len();
        let bad = |reason: String| StorageError::BadBatch { table: self.table.def.id, reason };
        if self.row_series.len() != rows {
            return Err(bad(format!("{} series for {rows} rows", self.row_series.len())));
        }
        for (id, values) in &self.columns {
            if values.len() != rows {
                return Err(bad(format!("column {id} has {} values for {rows} rows", values.len())));
            }
            let Some(column) = self.table.def.column_by_id(*id) else {
                return Err(bad(format!(
                    "column {id} is not in version {} of the table",
                    self.table.def.version
                )));
            };
            // Rows that do not fit the others would make every later flush of the chunk fail.
            if !matches!(column.kind, ColumnKind::Field | ColumnKind::CompositeKey) {
                return Err(bad(format!("column {id} is not stored with rows")));
            }
            if *values.data_type() != column.ty.arrow() {
                let (given, wanted) = (values.data_type(), column.ty.arrow());
                return Err(bad(format!("column {id} has type {given}, not {wanted}")));
            }
            if self.columns.iter().filter(|(other, _)| other == id).count() > 1 {
                return Err(bad(format!("column {id} is given twice")));
            }
        }
        if let Some(key) = self.table.def.composite_key() {
            let values = self.columns.iter().find(|(id, _)| *id == key.id).map(|(_, values)| values);
            if values.is_none_or(|v| v.logical_null_count() > 0) {
                return Err(bad(format!("key column {} is missing or NULL", key.id)));
            }
        }
        match &self.set {
            Some(set) if set.len() != rows => Err(bad(format!("{} set-bitmaps for {rows} rows", set.len()))),
            _ => Ok(()),
        }
    }
}

/// What a durable write tells its sender, so that the next one can name series by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteAck {
    /// The ids of [`WriteBatch::series`], in its order.
    pub sids: Vec<Sid>,
    /// The epoch at which they hold.
    pub series_epoch: u64,
}

/// New tag values of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The series.
    pub sid: Sid,
    /// Tags and their new values, none = NULL.
    pub tags: Vec<(ColumnId, Option<Box<str>>)>,
}

/// Which rows to delete.
#[derive(Debug, Clone)]
pub struct DeleteFilter {
    /// Their times, in the table's precision.
    pub time: TimeRange,
    /// Their series by shard, none = all of all shards. A shard that is not named keeps its rows.
    pub series: Option<Vec<(triglot_model::ShardId, roaring::RoaringBitmap)>>,
}
