//! Rows that come as columns with their series by name: INSERT into child and normal tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use triglot_model::{ColumnId, RowOp, TableDef};
use triglot_storage::{SeriesKey, SeriesRef};

use super::commit::{Assembled, Resolved, series_key, store};
use super::insert::check_times;
use crate::child_tables::{NewChild, TableIn};
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
    /// For each row the index of its series.
    pub row_series: Vec<u32>,
    /// Times in the table's precision.
    pub times: Vec<i64>,
    /// Stored columns of their columns' types ([`triglot_model::ColumnType::arrow`]); NULL = not written.
    pub columns: Vec<(ColumnId, ArrayRef)>,
    /// Which columns were written, where NULLs are to overwrite ([`triglot_storage::physical::SET`]).
    pub set: Option<BinaryArray>,
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
}

impl RowsOf {
    fn child(&self) -> Option<&str> {
        match self {
            Self::Table => None,
            Self::Child(name) => Some(name),
            Self::Ensure(new) => Some(&new.name),
        }
    }
}

/// Writes rows of tables of one database; what is refused is refused before anything is written.
pub(crate) async fn write_series_rows(engine: &Engine, tables: &[SeriesRows]) -> Result<u64, EngineError> {
    let Some(database) = tables.first().map(|t| Arc::clone(&t.table.database)) else { return Ok(0) };
    for rows in tables {
        check_times(&rows.table.def, &database, engine, &rows.times)?;
    }
    for _ in 0..STALE_ROUNDS {
        let mut claims = Vec::new();
        let mut assembled = Vec::with_capacity(tables.len());
        for rows in tables {
            let (series, epochs) = resolve(engine, rows)?;
            let fresh = rows.series.iter().zip(&series).filter_map(|(of, resolved)| match resolved.series {
                SeriesRef::Key(_) => of.child(),
                SeriesRef::Known(_) => None,
            });
            if fresh.clone().next().is_some() {
                claims.push(engine.claim_children(&rows.table, fresh)?);
            }
            assembled.push(Assembled {
                def: Arc::clone(&rows.table.def),
                columns: rows.columns.clone(),
                times: rows.times.clone(),
                row_series: rows.row_series.clone(),
                series,
                epochs,
                op: Some(RowOp::Merge),
                set: rows.set.clone(),
            });
        }
        match store(engine, &database, assembled).await {
            // Shards that took their rows take them again, which changes nothing (W-5).
            Err(EngineError::StaleSeries) => {}
            other => return other.map(|()| tables.iter().map(|t| t.times.len() as u64).sum()),
        }
    }
    Err(EngineError::StaleSeries)
}

/// The series of `rows`, and the epochs, by shard, at which the known ones hold.
fn resolve(engine: &Engine, rows: &SeriesRows) -> Result<(Vec<Resolved>, Vec<u64>), EngineError> {
    let TableIn { database, def } = &rows.table;
    // Before the look-ups: an epoch that ends between is found out by the writer.
    let epochs = engine.series_epochs(def.id);
    let meta = engine.table_meta(def, database);
    let keys: Result<Vec<SeriesKey>, EngineError> = rows.series.iter().map(|of| identity(def, of)).collect();
    let located = engine.storage().locate_series(&meta, &keys?)?;
    let mut series = Vec::with_capacity(located.len());
    for (of, (shard, known)) in rows.series.iter().zip(located) {
        let found = match (known, of) {
            (Some(sid), _) => SeriesRef::Known(sid),
            (None, RowsOf::Table) => SeriesRef::Key(series_key(def, Vec::new())?),
            (None, RowsOf::Ensure(new)) => SeriesRef::Key(engine.new_series(def, new.as_ref().clone())?),
            (None, RowsOf::Child(name)) => {
                return Err(super::IngestError::TableNotFound { table: name.clone() }.into());
            }
        };
        series.push(Resolved { shard, series: found, key: None });
    }
    Ok((series, epochs))
}

/// What the series is looked up by.
fn identity(def: &TableDef, of: &RowsOf) -> Result<SeriesKey, EngineError> {
    match of.child() {
        Some(name) => Ok(SeriesKey { child: Some(name.into()), tags: Vec::new() }),
        None => series_key(def, Vec::new()),
    }
}
