//! The rows of a table, split by the shards of their series.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, UInt32Array};
use arrow::compute::take;
use triglot_model::{ColumnId, DatabaseDef, RewriteRule, RowOp, ShardId, TableDef};
use triglot_storage::{SeriesRef, WriteBatch};

use super::series_cache::RawKey;
use crate::{Engine, EngineError};

/// Rows of one table, ready to be sent to their shards.
pub(crate) struct Assembled {
    pub(crate) def: Arc<TableDef>,
    pub(crate) columns: Vec<(ColumnId, ArrayRef)>,
    pub(crate) times: Vec<i64>,
    pub(crate) row_series: Vec<u32>,
    pub(crate) series: Vec<Resolved>,
    /// Under what to remember each of the series; empty = none.
    pub(crate) keys: Vec<Option<RawKey>>,
    /// By shard, for the known ones among the series.
    pub(crate) epochs: Vec<u64>,
    /// None = the table's rule.
    pub(crate) op: Option<RowOp>,
    /// For each row which columns were written explicitly, where NULLs are to overwrite.
    pub(crate) set: Option<BinaryArray>,
}

impl Assembled {
    /// Bytes of the rows in memory.
    pub(super) fn bytes(&self) -> u64 {
        let columns: usize = self.columns.iter().map(|(_, values)| values.get_array_memory_size()).sum();
        (columns + size_of_val(self.times.as_slice())) as u64
    }
}

/// A series with the shard it lives in.
pub(crate) struct Resolved {
    pub(crate) shard: ShardId,
    pub(crate) series: SeriesRef,
}

/// The rows of one table for one shard.
pub(super) struct ShardRows {
    pub(super) shard: ShardId,
    pub(super) batch: WriteBatch,
    /// Series that are not known yet: their places among the batch's, and their raw keys.
    pub(super) fresh: Vec<(usize, RawKey)>,
}

/// How rows act on older ones of their keys; `given` or else by the table's rule.
pub(super) fn row_op(def: &TableDef, given: Option<RowOp>) -> Result<RowOp, EngineError> {
    match (given, def.rewrite) {
        (Some(op), _) => Ok(op),
        // A look-up before the write is the business of the dialect that has such a rule.
        (None, RewriteRule::Reject) => {
            Err(EngineError::NotSupported("writing rows into a table that rejects duplicates"))
        }
        (None, rule) => Ok(rule.row_op()),
    }
}

/// What falls to one shard.
#[derive(Default)]
struct OfShard {
    series: Vec<SeriesRef>,
    fresh: Vec<(usize, RawKey)>,
    /// The rows' numbers among all.
    rows: Vec<u32>,
    row_series: Vec<u32>,
    times: Vec<i64>,
}

impl OfShard {
    fn add_series(&mut self, series: SeriesRef, key: Option<RawKey>) -> u32 {
        let at = self.series.len();
        if let (SeriesRef::Key(_), Some(key)) = (&series, key) {
            self.fresh.push((at, key));
        }
        self.series.push(series);
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

/// The rows of each shard, in their order.
pub(super) fn shard_rows(
    engine: &Engine,
    database: &DatabaseDef,
    table: Assembled,
) -> Result<Vec<ShardRows>, EngineError> {
    let Assembled { def, columns, times, row_series, series, keys, epochs, op, set } = table;
    let op = row_op(&def, op)?;
    let meta = engine.table_meta(&def, database);
    let epoch = |shard: ShardId| epochs.get(usize::from(shard.0)).copied().unwrap_or(0);
    let only = series.first().map_or(ShardId(0), |s| s.shard);
    let is_one = series.iter().all(|s| s.shard == only);
    let mut shards: Vec<OfShard> = Vec::new();
    shards.resize_with(usize::from(engine.storage().shards()), OfShard::default);
    let mut places: Vec<(ShardId, u32)> = Vec::with_capacity(series.len());
    let mut keys = keys.into_iter();
    for Resolved { shard, series } in series {
        let of_shard = shards.get_mut(usize::from(shard.0)).ok_or_else(|| {
            EngineError::Internal(format!("a series of table {} is in shard {}", def.name, shard.0))
        })?;
        places.push((shard, of_shard.add_series(series, keys.next().flatten())));
    }
    if is_one {
        let OfShard { series, fresh, .. } =
            shards.get_mut(usize::from(only.0)).map(std::mem::take).unwrap_or_default();
        let (series, series_epoch) = (series.into(), epoch(only));
        let batch = WriteBatch { table: meta, series_epoch, series, row_series, times, columns, op, set };
        return Ok(vec![ShardRows { shard: only, batch, fresh }]);
    }
    // Series are spread evenly, rows mostly so, too.
    let expected = times.len() / shards.len().max(1) * 9 / 8 + 16;
    for of_shard in shards.iter_mut().filter(|of_shard| !of_shard.series.is_empty()) {
        of_shard.rows.reserve(expected);
        of_shard.row_series.reserve(expected);
        of_shard.times.reserve(expected);
    }
    for (row, (of, time)) in (0u32..).zip(row_series.iter().zip(&times)) {
        let Some((shard, series)) = places.get(*of as usize) else { continue };
        let Some(of_shard) = shards.get_mut(usize::from(shard.0)) else { continue };
        of_shard.rows.push(row);
        of_shard.row_series.push(*series);
        of_shard.times.push(*time);
    }
    let mut parts = Vec::with_capacity(shards.len());
    for (shard, of_shard) in (0..).map(ShardId).zip(shards) {
        let OfShard { series, fresh, rows, row_series, times } = of_shard;
        if rows.is_empty() {
            continue;
        }
        let rows = UInt32Array::from(rows);
        let columns: Result<Vec<_>, arrow::error::ArrowError> =
            columns.iter().map(|(id, values)| Ok((*id, take(values, &rows, None)?))).collect();
        let set = match &set {
            Some(set) => take(set, &rows, None)?.as_binary_opt().cloned(),
            None => None,
        };
        let batch = WriteBatch {
            table: meta.clone(),
            series_epoch: epoch(shard),
            series: series.into(),
            row_series,
            times,
            columns: columns?,
            op,
            set,
        };
        parts.push(ShardRows { shard, batch, fresh });
    }
    Ok(parts)
}
