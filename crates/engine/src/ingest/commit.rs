//! Commit: the schema that the rows need is made, then the rows go to their shards.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, UInt32Array};
use arrow::compute::take;
use futures::future::try_join_all;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{CatalogOp, NewColumn, NewIdentity, NewTable};
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseDef, IdentityRule, RewriteRule, RowOp, ShardId,
    TableDef,
};
use triglot_storage::{SeriesKey, SeriesRef, StorageError, WriteBatch};

use super::geometry::check_geometry;
use super::series_cache::{KnownSeries, RawKey};
use super::table_rows::{PendingSeries, TableRows};
use super::value::Class;
use super::{Batcher, ColumnShape, Committed, IngestError};
use crate::keyed::refuse_keyed;
use crate::{Engine, EngineError};

/// Schema changes of others may race with ours; after so many rounds something is wrong.
const SCHEMA_ROUNDS: usize = 8;

impl Batcher {
    /// Makes the schema that the rows need and stores the rows. `Ok` = durable and visible, all of
    /// them; in case of an error rows of other shards than the failing one may be stored (W-5), and
    /// sending the request again changes nothing.
    ///
    /// # Errors
    /// [`EngineError::StaleSeries`]: tags were changed while the rows were read. Read the request
    /// again into a new batcher.
    pub async fn commit(mut self) -> Result<Committed, EngineError> {
        self.tables.retain(|t| t.rows() > 0);
        let rows = self.rows;
        self.make_schema().await?;
        // What fails from here on may be stored in part.
        self.apart.keep();
        let Self { engine, database, tables, .. } = self;
        let tables: Result<Vec<Assembled>, EngineError> =
            tables.into_iter().map(|table| assemble(&engine, table)).collect();
        store(&engine, &database, tables?).await?;
        Ok(Committed { rows })
    }

    /// Makes missing tables and columns, all tables of the request in one catalog record.
    async fn make_schema(&mut self) -> Result<(), EngineError> {
        self.tables.iter().filter_map(|t| t.def.as_deref()).try_for_each(refuse_keyed)?;
        for _ in 0..SCHEMA_ROUNDS {
            let mut ops = Vec::new();
            let mut of = Vec::new();
            for (at, table) in self.tables.iter().enumerate() {
                if let Some(op) = schema_op(table, &self.database) {
                    self.check_schema_change(table)?;
                    ops.push(op);
                    of.push(at);
                }
            }
            if ops.is_empty() {
                return self.check_schema();
            }
            let mut claims = Vec::new();
            for table in self.tables.iter().filter(|t| t.def.is_none()) {
                claims.push(self.engine.claim_written_table(&self.database, &table.name)?);
            }
            let results = self.engine.apply_catalog(ops).await?;
            drop(claims);
            for (at, result) in of.into_iter().zip(results) {
                let Some(table) = self.tables.get_mut(at) else { continue };
                if let Some(def) = result.table() {
                    table.def = Some(Arc::clone(def));
                }
            }
        }
        Err(EngineError::SchemaRace)
    }

    /// Who has rights on single tables only needs one to change this one, too.
    fn check_schema_change(&self, table: &TableRows) -> Result<(), EngineError> {
        let (Some(writer), Some(def)) = (&self.writer, &table.def) else { return Ok(()) };
        let object = Object::Table(self.database.id, def.id);
        Ok(allow(&self.catalog, writer, Action::Alter, object)?)
    }

    /// The table may have been made by someone else meanwhile, with other types.
    fn check_schema(&self) -> Result<(), EngineError> {
        for table in &self.tables {
            let Some(def) = &table.def else { continue };
            if def.precision() != table.span.precision {
                // The rows' times are in the unit that it was to be made with.
                return Err(EngineError::SchemaRace);
            }
            for field in &table.fields {
                let Some(column) = def.column(&field.name) else { continue };
                let suits = matches!(column.kind, ColumnKind::Field | ColumnKind::CompositeKey)
                    && Class::of(column.ty) == Class::of(field.ty);
                if !suits {
                    return Err(IngestError::TypeConflict {
                        table: table.name.clone(),
                        column: field.name.to_string(),
                        found: ColumnShape::Field(field.ty),
                        expected: match column.kind {
                            ColumnKind::Tag => ColumnShape::Tag,
                            ColumnKind::Time => ColumnShape::Time,
                            ColumnKind::Field | ColumnKind::CompositeKey => ColumnShape::Field(column.ty),
                        },
                        within_request: false,
                    }
                    .into());
                }
            }
        }
        Ok(())
    }
}

/// What the catalog must be asked so that the table can take the rows; none if nothing.
fn schema_op(table: &TableRows, database: &DatabaseDef) -> Option<CatalogOp> {
    let lacks = |name: &str| table.def.as_ref().is_none_or(|d| d.column(name).is_none());
    let mut tags: Vec<&str> = table.tags.iter().map(|(n, _)| &**n).filter(|n| lacks(n)).collect();
    let mut fields: Vec<(&str, ColumnType)> =
        table.fields.iter().map(|f| (&*f.name, f.ty)).filter(|(n, _)| lacks(n)).collect();
    tags.sort_unstable();
    fields.sort_unstable_by_key(|(name, _)| *name);
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let adds = tags
        .iter()
        .map(|name| column(name, ColumnType::TEXT, ColumnKind::Tag))
        .chain(fields.iter().map(|(name, ty)| column(name, *ty, ColumnKind::Field)));
    match &table.def {
        Some(def) => {
            let adds: Vec<NewColumn> = adds.collect();
            (!adds.is_empty()).then_some(CatalogOp::EnsureColumns { table: def.id, adds })
        }
        None => {
            let time = column(table.time_name(), ColumnType::Ts(database.precision), ColumnKind::Time);
            Some(CatalogOp::EnsureTable(NewTable {
                database: database.id,
                name: table.name.clone(),
                identity: NewIdentity::AllTags,
                rewrite: None,
                columns: std::iter::once(time).chain(adds).collect(),
                options: BTreeMap::new(),
            }))
        }
    }
}

/// The rows of one table for one shard, and the raw keys behind its series.
struct ShardRows {
    shard: ShardId,
    batch: WriteBatch,
    keys: Vec<Option<RawKey>>,
}

async fn write_shard(engine: &Engine, shard: ShardId, parts: Vec<ShardRows>) -> Result<(), EngineError> {
    let mut keys = Vec::with_capacity(parts.len());
    let mut batches = Vec::with_capacity(parts.len());
    for part in parts {
        let fresh: Vec<(usize, RawKey)> = part
            .batch
            .series
            .iter()
            .zip(&part.keys)
            .enumerate()
            .filter(|(_, (series, _))| matches!(series, SeriesRef::Key(_)))
            .filter_map(|(at, (_, key))| Some((at, (*key)?)))
            .collect();
        keys.push((part.batch.table.def.id, fresh));
        batches.push(part.batch);
    }
    let acks = match engine.storage().write(shard, batches).await {
        Err(StorageError::StaleSeries { .. }) => return Err(EngineError::StaleSeries),
        other => other?,
    };
    let cache = engine.series_cache();
    for (ack, (table, fresh)) in acks.iter().zip(keys) {
        for (at, key) in fresh {
            if let Some(sid) = ack.sids.get(at) {
                cache.put(key, KnownSeries { table, shard, sid: *sid, epoch: ack.series_epoch });
            }
        }
    }
    Ok(())
}

/// Rows of one table, ready to be sent to their shards.
pub(crate) struct Assembled {
    pub(crate) def: Arc<TableDef>,
    pub(crate) columns: Vec<(ColumnId, ArrayRef)>,
    pub(crate) times: Vec<i64>,
    pub(crate) row_series: Vec<u32>,
    pub(crate) series: Vec<Resolved>,
    /// By shard, for the known ones among the series.
    pub(crate) epochs: Vec<u64>,
    /// None = the table's rule.
    pub(crate) op: Option<RowOp>,
    /// For each row which columns were written explicitly, where NULLs are to overwrite.
    pub(crate) set: Option<BinaryArray>,
}

impl Assembled {
    /// Bytes of the rows in memory.
    fn bytes(&self) -> u64 {
        let columns: usize = self.columns.iter().map(|(_, values)| values.get_array_memory_size()).sum();
        (columns + size_of_val(self.times.as_slice())) as u64
    }
}

fn assemble(engine: &Engine, table: TableRows) -> Result<Assembled, EngineError> {
    let Some(def) = table.def.clone() else { return Err(EngineError::SchemaRace) };
    let rows = table.rows();
    let mut columns: Vec<(ColumnId, ArrayRef)> = Vec::with_capacity(table.fields.len());
    for field in table.fields {
        let Some(column) = def.column(&field.name) else { return Err(EngineError::SchemaRace) };
        let values = field.values.finish(rows, column.ty)?;
        check_geometry(&def, column, &values)?;
        columns.push((column.id, values));
    }
    let tag_ids: Option<Vec<ColumnId>> =
        table.tags.iter().map(|(name, _)| def.column(name).map(|c| c.id)).collect();
    let tag_ids = tag_ids.ok_or(EngineError::SchemaRace)?;
    let mut series = Vec::with_capacity(table.series.len());
    for pending in table.series {
        series.push(resolve(&def, &tag_ids, engine, pending)?);
    }
    let (times, row_series, epochs) = (table.times, table.row_series, table.epochs);
    Ok(Assembled { def, columns, times, row_series, series, epochs, op: None, set: None })
}

/// Sends assembled tables to their shards, all shards side by side. Rows that are sent again because tags
/// were changed meanwhile count twice in the tenant's rates.
pub(crate) async fn store(
    engine: &Engine,
    database: &DatabaseDef,
    tables: Vec<Assembled>,
) -> Result<(), EngineError> {
    engine.spend_write(database, tables.iter().map(Assembled::bytes).sum())?;
    let mut by_shard: BTreeMap<ShardId, Vec<ShardRows>> = BTreeMap::new();
    for table in tables {
        for part in shard_rows(engine, database, table)? {
            by_shard.entry(part.shard).or_default().push(part);
        }
    }
    let writes = by_shard.into_iter().map(|(shard, parts)| write_shard(engine, shard, parts));
    try_join_all(writes).await.map(|_| ())
}

fn shard_rows(
    engine: &Engine,
    database: &DatabaseDef,
    table: Assembled,
) -> Result<Vec<ShardRows>, EngineError> {
    let Assembled { def, columns, times, row_series, series, epochs, op, set } = table;
    let op = match (op, def.rewrite) {
        (Some(op), _) => op,
        // A look-up before the write is the business of the dialect that has such a rule.
        (None, RewriteRule::Reject) => {
            return Err(EngineError::NotSupported("writing rows into a table that rejects duplicates"));
        }
        (None, rule) => rule.row_op(),
    };
    let meta = engine.table_meta(&def, database);
    let shards = engine.storage().shards();
    let epoch = |shard: ShardId| epochs.get(usize::from(shard.0)).copied().unwrap_or(0);
    let only = series.first().map_or(ShardId(0), |s| s.shard);
    if series.iter().all(|s| s.shard == only) {
        let (series, keys) = series.into_iter().map(|s| (s.series, s.key)).unzip();
        let series_epoch = epoch(only);
        let batch = WriteBatch { table: meta, series_epoch, series, row_series, times, columns, op, set };
        return Ok(vec![ShardRows { shard: only, batch, keys }]);
    }
    let rows = RowsOfTable { row_series: &row_series, times: &times, columns: &columns, set: set.as_ref() };
    let mut parts = Vec::new();
    for shard in (0..shards).map(ShardId) {
        let Some(part) = rows.of_shard(&series, shard)? else { continue };
        let OfShard { row_series, times, columns, set, picked } = part;
        let (refs, keys) = picked.into_iter().map(|s| (s.series.clone(), s.key)).unzip();
        let batch = WriteBatch {
            table: meta.clone(),
            series_epoch: epoch(shard),
            series: refs,
            row_series,
            times,
            columns,
            op,
            set,
        };
        parts.push(ShardRows { shard, batch, keys });
    }
    Ok(parts)
}

/// A series with the shard it lives in.
pub(crate) struct Resolved {
    pub(crate) shard: ShardId,
    pub(crate) series: SeriesRef,
    /// None: not to be remembered.
    pub(crate) key: Option<RawKey>,
}

fn resolve(
    def: &TableDef,
    tag_ids: &[ColumnId],
    engine: &Engine,
    pending: PendingSeries,
) -> Result<Resolved, EngineError> {
    match pending {
        PendingSeries::Known(key, known) => {
            Ok(Resolved { shard: known.shard, series: SeriesRef::Known(known.sid), key: Some(key) })
        }
        PendingSeries::New(key, values) => {
            let tags =
                values.into_iter().filter_map(|(at, value)| Some((*tag_ids.get(at)?, value))).collect();
            let series = series_key(def, tags)?;
            let shard = engine.storage().shard_of(def, &series)?;
            Ok(Resolved { shard, series: SeriesRef::Key(series), key: Some(key) })
        }
    }
}

/// The identity of a row with these tags in this table, whatever dialect made it.
pub(crate) fn series_key(
    def: &TableDef,
    mut tags: Vec<(ColumnId, Box<str>)>,
) -> Result<SeriesKey, EngineError> {
    tags.sort_unstable_by_key(|(id, _)| *id);
    let child = match &def.identity {
        IdentityRule::AllTags => None,
        IdentityRule::PrimaryTags(primary) => {
            let missing = primary.iter().find(|id| tags.iter().all(|(tag, _)| tag != *id));
            if let Some(id) = missing {
                let tag = def.column_by_id(*id).map_or_else(String::new, |c: &ColumnDef| c.name.clone());
                return Err(IngestError::MissingTag { table: def.name.clone(), tag }.into());
            }
            None
        }
        IdentityRule::ChildName => Some(crate::child_name::schemaless(def, &tags).into()),
    };
    Ok(SeriesKey { child, tags })
}

/// The columns of all shards' rows.
struct RowsOfTable<'a> {
    row_series: &'a [u32],
    times: &'a [i64],
    columns: &'a [(ColumnId, ArrayRef)],
    set: Option<&'a BinaryArray>,
}

/// The rows of one shard.
struct OfShard<'s> {
    row_series: Vec<u32>,
    times: Vec<i64>,
    columns: Vec<(ColumnId, ArrayRef)>,
    set: Option<BinaryArray>,
    picked: Vec<&'s Resolved>,
}

impl RowsOfTable<'_> {
    fn of_shard<'s>(
        &self,
        series: &'s [Resolved],
        shard: ShardId,
    ) -> Result<Option<OfShard<'s>>, EngineError> {
        let mut position = vec![u32::MAX; series.len()];
        let mut picked = Vec::new();
        for (slot, s) in position.iter_mut().zip(series).filter(|(_, s)| s.shard == shard) {
            *slot = u32::try_from(picked.len()).unwrap_or(u32::MAX);
            picked.push(s);
        }
        let mut row_series = Vec::new();
        let mut rows = Vec::new();
        for (row, of) in (0u32..).zip(self.row_series) {
            match position.get(*of as usize) {
                Some(&at) if at != u32::MAX => {
                    row_series.push(at);
                    rows.push(row);
                }
                _ => {}
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let times = rows.iter().filter_map(|row| self.times.get(*row as usize).copied()).collect();
        let rows = UInt32Array::from(rows);
        let columns: Result<Vec<_>, arrow::error::ArrowError> =
            self.columns.iter().map(|(id, values)| Ok((*id, take(values, &rows, None)?))).collect();
        let set = match self.set {
            Some(set) => take(set, &rows, None)?.as_binary_opt().cloned(),
            None => None,
        };
        Ok(Some(OfShard { row_series, times, columns: columns?, set, picked }))
    }
}
