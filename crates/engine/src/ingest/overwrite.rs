//! Rows that exist get new values of some fields: UPDATE.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use triglot_model::{ColumnDef, ColumnId, DatabaseDef, RowOp, ShardId, Sid, TableDef};
use triglot_storage::SeriesRef;

use super::commit::store;
use super::insert::{cast, check_values};
use super::split::{Assembled, Resolved};
use crate::{Engine, EngineError};

/// Tags may change between reading the series' epoch and writing; after so many rounds something is
/// wrong.
const STALE_ROUNDS: usize = 8;

/// Writes `targets` of the rows in `batches`: the series (shard in the high half, sid in the low),
/// the time, then one column for each target. A NULL overwrites.
pub(crate) async fn overwrite(
    engine: &Engine,
    database: &DatabaseDef,
    def: &Arc<TableDef>,
    targets: &[ColumnDef],
    batches: &[RecordBatch],
) -> Result<u64, EngineError> {
    let mut rows = 0;
    let mut ready = Vec::with_capacity(batches.len());
    for batch in batches.iter().filter(|b| b.num_rows() > 0) {
        rows += batch.num_rows() as u64;
        ready.push(Overwrite::of(engine, def, targets, batch)?);
    }
    if ready.is_empty() {
        return Ok(0);
    }
    for _ in 0..STALE_ROUNDS {
        // Sids are never given twice, so rows still go where they were read, whatever tags say now.
        let epochs = engine.series_epochs(def.id);
        let assembled = ready.iter().map(|o| o.assemble(def, epochs.clone())).collect();
        match store(engine, database, assembled).await {
            Err(EngineError::StaleSeries) => {}
            other => return other.map(|()| rows),
        }
    }
    Err(EngineError::StaleSeries)
}

struct Overwrite {
    times: Vec<i64>,
    series: Vec<(ShardId, Sid)>,
    row_series: Vec<u32>,
    columns: Vec<(ColumnId, ArrayRef)>,
    set: Option<BinaryArray>,
}

impl Overwrite {
    fn of(
        engine: &Engine,
        def: &TableDef,
        targets: &[ColumnDef],
        batch: &RecordBatch,
    ) -> Result<Self, EngineError> {
        let mut given = batch.columns().iter();
        let fault = || EngineError::Internal("an update read rows without series or time".to_owned());
        let sids = given.next().and_then(|c| c.as_primitive_opt::<UInt64Type>()).ok_or_else(fault)?;
        let times = cast(given.next().ok_or_else(fault)?, &DataType::Int64)?;
        let times = times.as_primitive::<Int64Type>().values().to_vec();
        let mut columns = Vec::with_capacity(targets.len());
        for (column, values) in targets.iter().zip(given) {
            let values = cast(values, &column.ty.arrow())?;
            check_values(def, column, &values, engine.limits().max_value_bytes)?;
            columns.push((column.id, values));
        }
        let mut known: HashMap<u64, u32> = HashMap::new();
        let mut series = Vec::new();
        let mut row_series = Vec::with_capacity(times.len());
        for sid in sids.values() {
            row_series.push(*known.entry(*sid).or_insert_with(|| {
                let shard = u16::try_from(sid >> 32).unwrap_or(u16::MAX);
                series.push((ShardId(shard), Sid(u32::try_from(sid & 0xFFFF_FFFF).unwrap_or(u32::MAX))));
                u32::try_from(series.len() - 1).unwrap_or(u32::MAX)
            }));
        }
        let set = explicit_nulls(&columns, times.len());
        Ok(Self { times, series, row_series, columns, set })
    }

    fn assemble(&self, def: &Arc<TableDef>, epochs: Vec<u64>) -> Assembled {
        let known =
            |(shard, sid): &(ShardId, Sid)| Resolved { shard: *shard, series: SeriesRef::Known(*sid) };
        Assembled {
            def: Arc::clone(def),
            columns: self.columns.clone(),
            times: self.times.clone(),
            row_series: self.row_series.clone(),
            series: self.series.iter().map(known).collect(),
            keys: Vec::new(),
            epochs,
            op: Some(RowOp::Merge),
            set: self.set.clone(),
        }
    }
}

/// Says that all of these columns were written in every row; none if no value is NULL, since then
/// it goes without saying.
fn explicit_nulls(columns: &[(ColumnId, ArrayRef)], rows: usize) -> Option<BinaryArray> {
    if columns.iter().all(|(_, values)| values.null_count() == 0) {
        return None;
    }
    let mut written = Vec::new();
    for (id, _) in columns {
        triglot_storage::merge::put_bit(&mut written, id.0 as usize, true);
    }
    Some(BinaryArray::from_iter_values(std::iter::repeat_n(written, rows)))
}
