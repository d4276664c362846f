//! Commit: the schema that the rows need is made, then the rows go to their shards.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use futures::future::try_join_all;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{CatalogOp, NewColumn, NewIdentity, NewTable};
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseDef, IdentityRule, ShardId, TableDef,
};
use triglot_storage::{BatchSeries, SeriesKey, SeriesRef, StorageError, WriteBatch};

use super::geometry::check_geometry;
use super::series_cache::KnownSeries;
use super::split::{Assembled, Resolved, ShardRows, row_op, shard_rows};
use super::table_rows::{Part, PartSeries, TableRows};
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
        let mut parts = Vec::with_capacity(tables.len());
        for table in tables {
            assemble(&engine, &database, table, &mut parts)?;
        }
        engine.spend_write(&database, parts.iter().map(|part| part.batch.bytes()).sum())?;
        write_parts(&engine, parts).await?;
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

async fn write_shard(engine: &Engine, shard: ShardId, parts: Vec<ShardRows>) -> Result<(), EngineError> {
    let mut fresh = Vec::new();
    let mut batches = Vec::with_capacity(parts.len());
    for (at, part) in parts.into_iter().enumerate() {
        if !part.fresh.is_empty() {
            fresh.push((at, part.batch.table.def.id, part.fresh));
        }
        batches.push(part.batch);
    }
    let acks = match engine.storage().write(shard, batches).await {
        Err(StorageError::StaleSeries { .. }) => return Err(EngineError::StaleSeries),
        other => other?,
    };
    let cache = engine.series_cache();
    for (at, table, fresh) in fresh {
        let Some(ack) = acks.get(at) else { continue };
        for (at, key) in fresh {
            if let Some(sid) = ack.sids.get(at) {
                cache.put(key, KnownSeries { table, shard, sid: *sid, epoch: ack.series_epoch });
            }
        }
    }
    Ok(())
}

/// The rows of a table by shard.
fn assemble(
    engine: &Engine,
    database: &DatabaseDef,
    table: TableRows,
    shards: &mut Vec<ShardRows>,
) -> Result<(), EngineError> {
    let Some(def) = table.def.clone() else { return Err(EngineError::SchemaRace) };
    let tag_ids: Option<Vec<ColumnId>> =
        table.tags.iter().map(|(name, _)| def.column(name).map(|c| c.id)).collect();
    let tag_ids = tag_ids.ok_or(EngineError::SchemaRace)?;
    let columns: Option<Vec<&ColumnDef>> = table.fields.iter().map(|field| def.column(&field.name)).collect();
    let columns = columns.ok_or(EngineError::SchemaRace)?;
    let meta = engine.table_meta(&def, database);
    for part in table.parts.into_iter().filter(|part| !part.times.is_empty()) {
        let Part { keys, series, row_series, times, values } = part;
        let mut arrays: Vec<(ColumnId, ArrayRef)> = Vec::with_capacity(values.len());
        for (column, values) in columns.iter().zip(values).filter(|(_, values)| values.len() > 0) {
            let values = values.finish(times.len(), column.ty)?;
            check_geometry(&def, column, &values)?;
            arrays.push((column.id, values));
        }
        match series {
            PartSeries::Known(shard, sids) => shards.push(ShardRows {
                shard,
                batch: WriteBatch {
                    table: meta.clone(),
                    series_epoch: table.epochs.get(usize::from(shard.0)).copied().unwrap_or(0),
                    series: BatchSeries::Known(sids),
                    row_series,
                    times,
                    columns: arrays,
                    op: row_op(&def, None)?,
                    set: None,
                },
                fresh: Vec::new(),
            }),
            PartSeries::Tags(all) => {
                let series: Result<Vec<Resolved>, EngineError> =
                    all.into_iter().map(|tags| resolve(&def, &tag_ids, engine, tags)).collect();
                let new = Assembled {
                    def: Arc::clone(&def),
                    columns: arrays,
                    times,
                    row_series,
                    series: series?,
                    keys: keys.into_iter().map(Some).collect(),
                    // None of them is known.
                    epochs: Vec::new(),
                    op: None,
                    set: None,
                };
                shards.extend(shard_rows(engine, database, new)?);
            }
        }
    }
    Ok(())
}

/// Sends assembled tables to their shards, all shards side by side. Rows that are sent again because tags
/// were changed meanwhile count twice in the tenant's rates.
pub(crate) async fn store(
    engine: &Engine,
    database: &DatabaseDef,
    tables: Vec<Assembled>,
) -> Result<(), EngineError> {
    engine.spend_write(database, tables.iter().map(Assembled::bytes).sum())?;
    let mut parts = Vec::with_capacity(tables.len());
    for table in tables {
        parts.extend(shard_rows(engine, database, table)?);
    }
    write_parts(engine, parts).await
}

async fn write_parts(engine: &Engine, parts: Vec<ShardRows>) -> Result<(), EngineError> {
    let mut by_shard: BTreeMap<ShardId, Vec<ShardRows>> = BTreeMap::new();
    for part in parts {
        by_shard.entry(part.shard).or_default().push(part);
    }
    let writes = by_shard.into_iter().map(|(shard, parts)| write_shard(engine, shard, parts));
    try_join_all(writes).await.map(|_| ())
}

fn resolve(
    def: &TableDef,
    tag_ids: &[ColumnId],
    engine: &Engine,
    tags: Vec<(usize, Box<str>)>,
) -> Result<Resolved, EngineError> {
    let tags = tags.into_iter().filter_map(|(at, value)| Some((*tag_ids.get(at)?, value))).collect();
    let series = series_key(def, tags)?;
    let shard = engine.storage().shard_of(def, &series)?;
    Ok(Resolved { shard, series: SeriesRef::Key(series) })
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
