//! Keyed tables: rows told apart by unique keys ([`triglot_model::KeyedDef`]).
//!
//! A statement holds its table's lock from reading to writing, so that checking a key and writing it are one
//! step, and runs on the background runtime to its end, whether its caller waits or not. Its rows are one batch
//! of one shard, hence one WAL record: all of them or none. The index of keys is made by a scan at the first
//! statement after the start, and forgotten when a write fails.

mod change;
mod index;
mod insert;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident};
use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use triglot_model::{ColumnDef, ColumnId, KeyedDef, RowOp, TableDef, TableId};
use triglot_query::source::SnapshotSource;
use triglot_query::{QueryError, SeriesTable};
use triglot_storage::{SeriesRef, SeriesSelection, TimeRange};

pub use insert::{InsertKeyed, OnDuplicate};

use self::index::{KeyChange, KeyIndex, keys_of};
use crate::ingest::{Assembled, Resolved, series_key, store};
use crate::{Engine, EngineError, Query, Session, TableIn};

/// The lock of each table that was written by checking first, with its index of keys once that is made.
#[derive(Debug, Default)]
pub(crate) struct CheckedTables(Mutex<HashMap<TableId, Arc<AsyncMutex<Option<KeyIndex>>>>>);

/// A table's lock, held.
pub(crate) type TableLock = OwnedMutexGuard<Option<KeyIndex>>;

impl CheckedTables {
    /// Waits for the table.
    pub(crate) async fn lock(&self, table: TableId) -> TableLock {
        let lock = Arc::clone(self.0.lock().entry(table).or_default());
        lock.lock_owned().await
    }

    /// The table is gone.
    pub(crate) fn forget(&self, table: TableId) {
        self.0.lock().remove(&table);
    }
}

/// Refuses to write rows of series into a keyed table, whose row ids the engine gives.
pub(crate) fn refuse_keyed(def: &TableDef) -> Result<(), EngineError> {
    if def.is_keyed() { Err(EngineError::KeyedTable { table: def.name.clone() }) } else { Ok(()) }
}

/// A keyed table that is locked for one statement.
struct LockedTable {
    engine: Engine,
    session: Session,
    table: TableIn,
    keyed: KeyedDef,
    lock: TableLock,
}

/// Rows to write under their row ids.
struct KeyedRows {
    ids: Vec<i64>,
    columns: Vec<(ColumnId, ArrayRef)>,
    set: Option<BinaryArray>,
    op: RowOp,
    change: KeyChange,
}

impl Engine {
    /// A number that no other call gives or gave: the time in nanoseconds, or one more than the last.
    pub fn unique_number(&self) -> i64 {
        let now = self.clock().now_ns();
        let next = |last: i64| last.saturating_add(1).max(now);
        let (last, order) = (&self.0.unique_numbers, Ordering::Relaxed);
        let before = last.fetch_update(order, order, |last| Some(next(last)));
        next(before.unwrap_or_else(|last| last))
    }

    pub(crate) fn checked_tables(&self) -> &CheckedTables {
        &self.0.checked_tables
    }

    /// Locks a keyed table as it is now and makes its index.
    async fn lock_keyed(&self, session: &Session, table: &TableIn) -> Result<LockedTable, EngineError> {
        let lock = self.checked_tables().lock(table.def.id).await;
        // It may have been altered or dropped while others had the lock.
        let def = self.catalog().table_by_id(table.def.id).cloned();
        let def = def.ok_or_else(|| EngineError::TableNotFound {
            tenant: session.tenant_name.clone(),
            database: table.database.name.clone(),
            table: table.def.name.clone(),
        })?;
        let keyed = KeyedDef::of(&def)?.unwrap_or_default();
        let table = TableIn { database: Arc::clone(&table.database), def };
        let mut locked = LockedTable { engine: self.clone(), session: session.clone(), table, keyed, lock };
        locked.make_index().await?;
        Ok(locked)
    }
}

impl LockedTable {
    async fn make_index(&mut self) -> Result<(), EngineError> {
        let def = Arc::clone(&self.table.def);
        if self.lock.as_ref().is_some_and(|index| index.version == def.version) {
            return Ok(());
        }
        let known = self.lock.take().map_or(i64::MIN, |index| index.last);
        let snapshot = self.engine.storage().snapshot(&self.engine.table_meta(&def, &self.table.database));
        let chunks = snapshot.chunks(TimeRange::ALL, &SeriesSelection::All);
        let last = chunks.iter().map(|c| c.time.end).max().unwrap_or(0).max(known);
        let mut index = KeyIndex::new(def.version, last, self.keyed.unique.len());
        if !self.keyed.unique.is_empty() {
            let mut ids: Vec<ColumnId> = self.keyed.unique.iter().flat_map(|u| u.columns.clone()).collect();
            ids.sort_unstable();
            ids.dedup();
            let columns: Vec<ColumnDef> =
                ids.iter().filter_map(|id| def.column_by_id(*id).cloned()).collect();
            let values = columns.iter().map(|c| ident(&c.name)).collect();
            let plan = self.plan(def.name.as_str(), values, None)?;
            let query = Query { text: format!("keys of {}", def.name), plan, target_partitions: None };
            let mut rows = self.engine.run_query(&self.session, query).await?;
            while let Some(batch) = rows.try_next().await? {
                let (ids, given) = read_rows(&batch, &columns)?;
                let keys = keys_of(&def, &self.keyed, ids.len(), |id| column_of(&given, id))?;
                index.apply(KeyChange { removed: Vec::new(), added: ids.into_iter().zip(keys).collect() });
            }
        }
        *self.lock = Some(index);
        Ok(())
    }

    fn index(&self) -> Result<&KeyIndex, EngineError> {
        self.lock.as_ref().ok_or_else(|| EngineError::Internal("a keyed table without an index".to_owned()))
    }

    /// The rows that `filter` lets through: the row id, then `values`. The table is known to them as `name`.
    fn plan(
        &self,
        name: impl Into<datafusion::common::TableReference>,
        values: Vec<Expr>,
        filter: Option<Expr>,
    ) -> Result<LogicalPlan, EngineError> {
        let def = &self.table.def;
        let meta = self.engine.table_meta(def, &self.table.database);
        let rows = SeriesTable::new(Arc::new(SnapshotSource::new(self.engine.storage().snapshot(&meta))));
        let row_id = def.time_column().map(|c| c.name.clone()).unwrap_or_default();
        let mut output = vec![ident(row_id).alias("__row")];
        // Named by position: an expression's own name may be that of a column.
        output.extend(values.into_iter().enumerate().map(|(at, value)| value.alias(format!("__value{at}"))));
        let plan = || -> datafusion::error::Result<LogicalPlan> {
            let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(rows)), None)?;
            if let Some(filter) = filter {
                plan = plan.filter(filter)?;
            }
            plan.project(output)?.build()
        };
        Ok(plan().map_err(QueryError::from)?)
    }

    /// Row ids that no row has.
    fn fresh_ids(&self, rows: usize) -> Result<impl Iterator<Item = i64> + use<>, EngineError> {
        // The time, so that other dialects, to which the row id is a time, see when a row was made.
        let first = self.engine.clock().now_ns().max(self.index()?.last.saturating_add(1));
        let fits = i64::try_from(rows).is_ok_and(|rows| first.checked_add(rows).is_some());
        if !fits {
            return Err(EngineError::Internal("row ids are used up".to_owned()));
        }
        Ok(first..)
    }

    /// Writes rows and takes their keys over.
    async fn write(mut self, rows: KeyedRows) -> Result<u64, EngineError> {
        if rows.ids.is_empty() {
            return Ok(0);
        }
        let def = &self.table.def;
        let written = rows.ids.len() as u64;
        let series = series_key(def, Vec::new())?;
        let shard = self.engine.storage().shard_of(def, &series)?;
        let assembled = Assembled {
            def: Arc::clone(def),
            columns: rows.columns,
            row_series: vec![0; rows.ids.len()],
            times: rows.ids,
            series: vec![Resolved { shard, series: SeriesRef::Key(series) }],
            keys: Vec::new(),
            epochs: Vec::new(),
            op: Some(rows.op),
            set: rows.set,
        };
        // If this fails nobody knows whether the rows are there; the next statement looks.
        let index = self.lock.take();
        store(&self.engine, &self.table.database, vec![assembled]).await?;
        if let Some(mut index) = index {
            index.apply(rows.change);
            *self.lock = Some(index);
        }
        Ok(written)
    }
}

/// Row ids, and the values of columns for as many rows.
type IdsAndColumns = (Vec<i64>, Vec<(ColumnId, ArrayRef)>);

/// The row ids and the columns of a batch of [`LockedTable::plan`], in their stored types.
fn read_rows(batch: &RecordBatch, columns: &[ColumnDef]) -> Result<IdsAndColumns, EngineError> {
    let mut given = batch.columns().iter();
    let fault = || EngineError::Internal("rows without row ids".to_owned());
    let ids = crate::ingest::cast(given.next().ok_or_else(fault)?, &DataType::Int64)?;
    let ids = ids.as_primitive_opt::<Int64Type>().ok_or_else(fault)?.values().to_vec();
    let cast = |(c, values): (&ColumnDef, &ArrayRef)| Ok((c.id, crate::ingest::cast(values, &c.ty.arrow())?));
    let values: Result<_, EngineError> = columns.iter().zip(given).map(cast).collect();
    Ok((ids, values?))
}

fn column_of(columns: &[(ColumnId, ArrayRef)], wanted: ColumnId) -> Option<ArrayRef> {
    columns.iter().find(|(id, _)| *id == wanted).map(|(_, values)| Arc::clone(values))
}
