//! Rows that must not have an older one ([`RewriteRule::Reject`]): they are looked up before they are written.
//! The table's lock makes one step of looking and writing among writers that look.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt32Type};
use futures::TryStreamExt;
use triglot_model::{ColumnId, IdentityRule, RewriteRule, ShardId, TableDef, TableId};
use triglot_storage::{
    RoaringBitmap, ScanRequest, SeriesKey, SeriesRef, SeriesSelection, StorageError, TimeRange,
};

use super::rows::{SeriesRows, resolve};
use crate::keyed::TableLock;
use crate::{Engine, EngineError};

/// Rows of a batch of times.
const BATCH_ROWS: usize = 8192;

/// Locks the tables that are looked into, always in the same order.
pub(super) async fn lock(engine: &Engine, tables: &[SeriesRows]) -> Vec<TableLock> {
    let rejecting = tables.iter().filter(|rows| rows.rewrite == RewriteRule::Reject);
    let ids: BTreeSet<TableId> = rejecting.map(|rows| rows.table.def.id).collect();
    let mut locks = Vec::with_capacity(ids.len());
    for id in ids {
        locks.push(engine.checked_tables().lock(id).await);
    }
    locks
}

/// A series as far as two rows can be told to have the same.
#[derive(PartialEq, Eq, Hash)]
enum Same {
    Known(ShardId, u32),
    New(SeriesKey),
}

/// Refuses rows of which one is in the table, or twice among them.
pub(super) async fn check(engine: &Engine, rows: &SeriesRows) -> Result<(), EngineError> {
    let def = &rows.table.def;
    let (series, _) = resolve(engine, rows)?;
    let series: Vec<Same> = series
        .into_iter()
        .map(|resolved| match resolved.series {
            SeriesRef::Known(sid) => Same::Known(resolved.shard, sid.0),
            SeriesRef::Key(key) => Same::New(identity_of(def, key)),
        })
        .collect();
    let exists = |time: i64| EngineError::RowExists { table: def.name.clone(), time };
    let mut wanted: HashSet<(&Same, i64)> = HashSet::new();
    let mut known: BTreeMap<ShardId, RoaringBitmap> = BTreeMap::new();
    for (of, time) in rows.row_series.iter().zip(&rows.times) {
        let Some(same) = series.get(*of as usize) else { continue };
        if !wanted.insert((same, *time)) {
            return Err(exists(*time));
        }
        if let Same::Known(shard, sid) = same {
            known.entry(*shard).or_default().insert(*sid);
        }
    }
    let (Some(start), Some(end)) = (rows.times.iter().min(), rows.times.iter().max()) else { return Ok(()) };
    let request = ScanRequest {
        columns: Vec::new(),
        time: TimeRange { start: *start, end: *end },
        series: SeriesSelection::Some(known.into_iter().map(|(s, sids)| (s, Arc::new(sids))).collect()),
        ordered: false,
        batch_rows: BATCH_ROWS,
    };
    let snapshot = engine.storage().snapshot(&engine.table_meta(def, &rows.table.database));
    for chunk in snapshot.chunks(request.time, &request.series) {
        let mut found = snapshot.scan(&chunk, &request);
        while let Some(batch) = found.try_next().await.map_err(|e: StorageError| EngineError::from(e))? {
            let sids = batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt32Type>());
            let times = batch.columns().get(1).and_then(|c| c.as_primitive_opt::<Int64Type>());
            let (Some(sids), Some(times)) = (sids, times) else { continue };
            for (sid, time) in sids.values().iter().zip(times.values()) {
                if wanted.contains(&(&Same::Known(chunk.shard, *sid), *time)) {
                    return Err(exists(*time));
                }
            }
        }
    }
    Ok(())
}

/// What of a key makes it another series.
fn identity_of(def: &TableDef, mut key: SeriesKey) -> SeriesKey {
    match &def.identity {
        IdentityRule::AllTags => key.child = None,
        IdentityRule::ChildName => key.tags.clear(),
        IdentityRule::PrimaryTags(primary) => {
            let is_primary = |id: &ColumnId| primary.contains(id);
            key.tags.retain(|(id, _)| is_primary(id));
            key.child = None;
        }
    }
    key
}
