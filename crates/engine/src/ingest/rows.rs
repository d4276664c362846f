//! Rows that come as columns with their series by name or tags: INSERT of dialects that convert values themselves.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use triglot_model::{ColumnDef, ColumnId, IdentityRule, RewriteRule, ShardId, TableDef};
use triglot_storage::{SeriesKey, SeriesRef};

use super::absent;
use super::commit::{series_key, store};
use super::insert::check_times;
use super::series_cache::{KnownSeries, RawKey};
use super::split::{Assembled, Resolved};
use crate::child_tables::{NewChild, TableIn};
use crate::keyed::refuse_keyed;
use crate::{Engine, EngineError};

/// Child tables may be dropped and tags changed between looking series up and writing to them; after so
/// many rounds something is wrong.
const STALE_ROUNDS: usize = 8;

/// Rows of one table. Arrays have one entry a row.
#[derive(Clone, Debug)]
pub struct SeriesRows {
    /// The table.
    pub table: TableIn,
    /// The series that occur.
    pub series: Vec<RowsOf>,
    /// Under what to remember each of them for [`Engine::known_series`]; empty = none.
    pub keys: Vec<Option<RawKey>>,
    /// For each row the index of its series.
    pub row_series: Vec<u32>,
    /// Times in the table's precision.
    pub times: Vec<i64>,
    /// Stored columns of their columns' types ([`triglot_model::ColumnType::arrow`]); NULL = not written.
    pub columns: Vec<(ColumnId, ArrayRef)>,
    /// Which columns were written, where NULLs are to overwrite ([`triglot_storage::physical::SET`]).
    pub set: Option<BinaryArray>,
    /// What becomes of a row that has an older one's series and time.
    pub rewrite: RewriteRule,
}

/// A series that rows are written to.
#[derive(Clone, Debug)]
pub enum RowsOf {
    /// The one series of a normal table.
    Table,
    /// A child table that must exist.
    Child(String),
    /// A child table that is made if it does not exist.
    Ensure(Box<NewChild>),
    /// The series that these tags mean under the table's identity rule; it is made if it does not exist. Tags
    /// are texts as the series index keeps them ([`crate::Value::tag_text`]), by column, each once; absent
    /// ones are NULL. What a known series has beside its identity stays.
    Tags(Vec<(ColumnId, Box<str>)>),
    /// A series that is known from before. If it is gone, all is refused as [`EngineError::StaleSeries`]: whoever
    /// knows what it was called may write again.
    Known(KnownSeries),
}

/// Writes rows of tables of one database; what is refused is refused before anything is written.
pub(crate) async fn write_series_rows(engine: &Engine, tables: Vec<SeriesRows>) -> Result<u64, EngineError> {
    if tables.iter().all(|rows| rows.rewrite != RewriteRule::Reject) {
        return write_rows(engine, &tables).await;
    }
    let writer = engine.clone();
    // To its end even if nobody waits for it: another writer must see these rows once it gets the lock.
    let work = async move {
        let _locks = absent::lock(&writer, &tables).await;
        for rows in tables.iter().filter(|rows| rows.rewrite == RewriteRule::Reject) {
            absent::check(&writer, rows).await?;
        }
        write_rows(&writer, &tables).await
    };
    engine.on_query_runtime(work).await
}

async fn write_rows(engine: &Engine, tables: &[SeriesRows]) -> Result<u64, EngineError> {
    let Some(database) = tables.first().map(|t| Arc::clone(&t.table.database)) else { return Ok(0) };
    for rows in tables {
        refuse_keyed(&rows.table.def)?;
        check_times(&rows.table.def, &database, engine, &rows.times)?;
    }
    for _ in 0..STALE_ROUNDS {
        let mut claims = Vec::new();
        let mut assembled = Vec::with_capacity(tables.len());
        for rows in tables {
            let (series, epochs) = resolve(engine, rows)?;
            let fresh = series.iter().filter_map(|resolved| match &resolved.series {
                SeriesRef::Key(key) => key.child.as_deref(),
                SeriesRef::Known(_) => None,
            });
            if rows.table.def.identity == IdentityRule::ChildName && fresh.clone().next().is_some() {
                claims.push(engine.claim_children(&rows.table, fresh)?);
            }
            let is_known = |resolved: &Resolved| matches!(resolved.series, SeriesRef::Known(_));
            let keys = if series.iter().all(is_known) { Vec::new() } else { rows.keys.clone() };
            assembled.push(Assembled {
                def: Arc::clone(&rows.table.def),
                columns: rows.columns.clone(),
                times: rows.times.clone(),
                row_series: rows.row_series.clone(),
                series,
                keys,
                epochs,
                op: Some(rows.rewrite.row_op()),
                set: rows.set.clone(),
            });
        }
        match store(engine, &database, assembled).await {
            // Shards that took their rows take them again, which changes nothing (W-5). Series that are known from
            // before and gone are told by `resolve`.
            Err(EngineError::StaleSeries) => {}
            other => return other.map(|()| tables.iter().map(|t| t.times.len() as u64).sum()),
        }
    }
    Err(EngineError::StaleSeries)
}

/// The series of `rows`, and the epochs, by shard, at which the known ones hold.
pub(super) fn resolve(engine: &Engine, rows: &SeriesRows) -> Result<(Vec<Resolved>, Vec<u64>), EngineError> {
    let TableIn { database, def } = &rows.table;
    // Before the look-ups: an epoch that ends between is found out by the writer.
    let epochs = engine.series_epochs(def.id);
    let epoch = |shard: ShardId| epochs.get(usize::from(shard.0)).copied();
    let meta = engine.table_meta(def, database);
    let keys: Result<Vec<SeriesKey>, EngineError> =
        rows.series.iter().filter_map(|of| identity(engine, def, of).transpose()).collect();
    let keys = keys?;
    let mut located = engine.storage().locate_series(&meta, &keys)?.into_iter();
    let mut keys = keys.into_iter();
    let mut series = Vec::with_capacity(rows.series.len());
    for (at, of) in rows.series.iter().enumerate() {
        if let RowsOf::Known(known) = of {
            if known.table != def.id || epoch(known.shard) != Some(known.epoch) {
                return Err(EngineError::StaleSeries);
            }
            series.push(Resolved { shard: known.shard, series: SeriesRef::Known(known.sid) });
            continue;
        }
        let (Some(key), Some((shard, known))) = (keys.next(), located.next()) else { break };
        let remembered = rows.keys.get(at).copied().flatten();
        let found = match (known, of) {
            (Some(sid), _) => {
                if let (Some(key), Some(epoch)) = (remembered, epoch(shard)) {
                    engine.series_cache().put(key, KnownSeries { table: def.id, shard, sid, epoch });
                }
                SeriesRef::Known(sid)
            }
            (None, RowsOf::Ensure(new)) => SeriesRef::Key(engine.new_series(def, new.as_ref().clone())?),
            (None, RowsOf::Child(name)) => {
                return Err(super::IngestError::TableNotFound { table: name.clone() }.into());
            }
            (None, RowsOf::Table | RowsOf::Tags(_) | RowsOf::Known(_)) => SeriesRef::Key(key),
        };
        series.push(Resolved { shard, series: found });
    }
    Ok((series, epochs))
}

/// What the series is looked up by, for tags all of the series; none if it needs no look-up.
fn identity(engine: &Engine, def: &TableDef, of: &RowsOf) -> Result<Option<SeriesKey>, EngineError> {
    let key = match of {
        RowsOf::Known(_) => return Ok(None),
        RowsOf::Table => series_key(def, Vec::new()),
        RowsOf::Child(name) => Ok(SeriesKey { child: Some(name.as_str().into()), tags: Vec::new() }),
        RowsOf::Ensure(new) => Ok(SeriesKey { child: Some(new.name.as_str().into()), tags: Vec::new() }),
        RowsOf::Tags(tags) => {
            let max = engine.limits().max_tag_bytes;
            if let Some((id, _)) = tags.iter().find(|(_, value)| value.len() > max) {
                let column = def.column_by_id(*id).map_or_else(String::new, |c: &ColumnDef| c.name.clone());
                return Err(super::IngestError::TooLong { table: def.name.clone(), column, max }.into());
            }
            series_key(def, tags.clone())
        }
    };
    key.map(Some)
}
