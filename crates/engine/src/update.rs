//! UPDATE: fields are written again under the rows' own keys, tags are changed in the series index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident};
use futures::TryStreamExt;
use triglot_model::{ColumnDef, ColumnId, ColumnKind, DatabaseDef, IdentityRule, ShardId, Sid, TableDef};
use triglot_query::source::SnapshotSource;
use triglot_query::{Decision, QueryError, SERIES_COLUMN, SeriesTable, decide_rows};
use triglot_storage::{SeriesKey, TagChange};

use crate::ingest::{self, IngestError};
use crate::{Engine, EngineError, Query, Session, TableIn, TableName, Update, UpdateChanges};

/// Rows that an update holds before it begins to write. What fails in evaluating fewer bytes than
/// these has changed nothing; a longer update is written piece by piece, so that it fits into memory.
const UPDATE_BYTES: usize = 64 << 20;

/// Series with their tags as they were.
type SeriesByShard = BTreeMap<ShardId, BTreeMap<Sid, SeriesKey>>;

impl Engine {
    /// Runs an update. Returns how many rows (fields) or series (tags) it changed.
    pub(crate) async fn update(
        &self,
        session: &Session,
        database: &Arc<DatabaseDef>,
        def: &Arc<TableDef>,
        update: Update,
    ) -> Result<u64, EngineError> {
        match update.changes {
            UpdateChanges::Fields(fields) if def.is_keyed() => {
                let table = TableIn { database: Arc::clone(database), def: Arc::clone(def) };
                self.update_keyed(session, table, update.table, fields, update.filter).await
            }
            UpdateChanges::Fields(fields) => {
                let targets = columns(def, fields.iter().map(|(name, _)| name), ColumnKind::Field)?;
                let values: Vec<Expr> = fields.iter().map(|(_, value)| value.clone()).collect();
                let plan = self.changed_rows(database, def, &update.table, values, update.filter)?;
                self.write_changed(session, database, def, &targets, plan).await
            }
            UpdateChanges::Tags(tags) => {
                columns(def, tags.iter().map(|(name, _)| name), ColumnKind::Tag)?;
                self.update_tags(session, database, def, tags, update.filter).await
            }
        }
    }

    /// A plan of the rows that `filter` lets through: series, time, and the new values.
    fn changed_rows(
        &self,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        name: &TableName,
        values: Vec<Expr>,
        filter: Option<Expr>,
    ) -> Result<LogicalPlan, EngineError> {
        let snapshot = self.storage().snapshot(&self.table_meta(def, database));
        let table = SeriesTable::new(Arc::new(SnapshotSource::new(snapshot))).with_series_column();
        let time = def.time_column().map(|c| c.name.clone()).unwrap_or_default();
        let mut output = vec![ident(SERIES_COLUMN), ident(time)];
        // Named by position: an expression's own name may be that of a column.
        output.extend(values.into_iter().enumerate().map(|(at, value)| value.alias(format!("__new{at}"))));
        let plan = || -> datafusion::error::Result<LogicalPlan> {
            let mut plan =
                LogicalPlanBuilder::scan(reference(name), provider_as_source(Arc::new(table)), None)?;
            if let Some(filter) = filter {
                plan = plan.filter(filter)?;
            }
            plan.project(output)?.build()
        };
        Ok(plan().map_err(QueryError::from)?)
    }

    async fn write_changed(
        &self,
        session: &Session,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        targets: &[ColumnDef],
        plan: LogicalPlan,
    ) -> Result<u64, EngineError> {
        let query = Query { text: format!("UPDATE {}", def.name), plan, target_partitions: None };
        let mut rows = self.run_query(session, query).await?;
        let (mut held, mut bytes, mut written) = (Vec::new(), 0, 0);
        while let Some(batch) = rows.try_next().await? {
            bytes += batch.get_array_memory_size();
            held.push(batch);
            if bytes >= UPDATE_BYTES {
                written += ingest::overwrite(self, database, def, targets, &held).await?;
                held.clear();
                bytes = 0;
            }
        }
        Ok(written + ingest::overwrite(self, database, def, targets, &held).await?)
    }

    async fn update_tags(
        &self,
        session: &Session,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        tags: Vec<(String, Option<String>)>,
        filter: Option<Expr>,
    ) -> Result<u64, EngineError> {
        let limit = self.limits().max_tag_bytes;
        let mut new: Vec<(ColumnId, Option<Box<str>>)> = Vec::with_capacity(tags.len());
        for (name, value) in tags {
            if value.as_ref().is_some_and(|v| v.len() > limit) {
                return Err(IngestError::TooLong { table: def.name.clone(), column: name, max: limit }.into());
            }
            new.extend(def.column(&name).map(|c| (c.id, value.map(Box::from))));
        }
        let series = self.matching_series(session, database, def, filter).await?;
        if def.identity == IdentityRule::AllTags {
            self.check_identities(database, def, &series, &new)?;
        }
        let count = series.values().map(|s| s.len() as u64).sum();
        let change = |sid| TagChange { sid, tags: new.clone() };
        let changes = series
            .into_iter()
            .map(|(shard, series)| (shard, series.into_keys().map(change).collect()))
            .collect();
        self.storage().set_tags(&self.table_meta(def, database), changes).await?;
        Ok(count)
    }

    /// The series, by shard, that a predicate over tags holds for.
    async fn matching_series(
        &self,
        session: &Session,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        filter: Option<Expr>,
    ) -> Result<SeriesByShard, EngineError> {
        let snapshot = self.storage().snapshot(&self.table_meta(def, database));
        let whole = || snapshot.shards().map(|s| (s, snapshot.all_series(s))).collect::<Vec<_>>();
        let parts = match filter {
            None => vec![whole()],
            Some(filter) => {
                let text = filter.to_string();
                let over_tags = |name: &str| def.column(name).is_none_or(|c| c.kind == ColumnKind::Tag);
                if let Some(column) = filter.column_refs().iter().find(|c| !over_tags(&c.name)) {
                    return Err(EngineError::TagUpdateFilter { predicate: column.name.clone() });
                }
                let table = SeriesTable::new(Arc::new(SnapshotSource::new(snapshot.clone())));
                match decide_rows(&self.query_session(session), table, filter).await? {
                    Decision::Undecided(_) => {
                        return Err(EngineError::TagUpdateFilter { predicate: text });
                    }
                    Decision::Rows(parts) => {
                        parts.into_iter().map(|(_, series)| series.unwrap_or_else(whole)).collect()
                    }
                }
            }
        };
        let mut found: BTreeMap<ShardId, BTreeMap<Sid, SeriesKey>> = BTreeMap::new();
        for (shard, sids) in parts.into_iter().flatten() {
            found.entry(shard).or_default().extend(snapshot.keys_of(shard, &sids));
        }
        Ok(found)
    }

    /// Where tags are the identity, each series must get one that no series has, and at least one tag.
    fn check_identities(
        &self,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        series: &SeriesByShard,
        new: &[(ColumnId, Option<Box<str>>)],
    ) -> Result<(), EngineError> {
        let meta = self.table_meta(def, database);
        let mut seen = BTreeSet::new();
        for old in series.values().flat_map(BTreeMap::values) {
            let kept = old.tags.iter().filter(|(id, _)| new.iter().all(|(changed, _)| changed != id));
            let given = new.iter().filter_map(|(id, value)| Some((*id, value.clone()?)));
            let key = SeriesKey::new(None, kept.cloned().chain(given));
            if key.tags.is_empty() {
                return Err(EngineError::NoTagLeft { series: show_series(def, old) });
            }
            if self.storage().find_series(&meta, &key).is_some() || seen.contains(&key) {
                return Err(EngineError::SeriesExists { series: show_series(def, &key) });
            }
            seen.insert(key);
        }
        Ok(())
    }
}

/// The columns of these names, which must be of this kind and named once.
pub(crate) fn columns<'n>(
    def: &TableDef,
    names: impl Iterator<Item = &'n String>,
    kind: ColumnKind,
) -> Result<Vec<ColumnDef>, EngineError> {
    let mut found: Vec<ColumnDef> = Vec::new();
    for name in names {
        let column = def.column(name).filter(|c| c.kind == kind && found.iter().all(|f| f.id != c.id));
        let missing = || IngestError::ColumnNotFound { table: def.name.clone(), column: name.clone() };
        found.push(column.ok_or_else(missing)?.clone());
    }
    Ok(found)
}

/// The name under which the dialect's expressions know the table.
pub(crate) fn reference(name: &TableName) -> TableReference {
    let table = name.table.as_str();
    match (&name.tenant, &name.database) {
        (Some(tenant), Some(database)) => TableReference::full(tenant.as_str(), database.as_str(), table),
        (_, Some(database)) => TableReference::partial(database.as_str(), table),
        (_, None) => TableReference::bare(table),
    }
}

/// `table,tag=value,…` in the table's order of tags; those that are NULL are left out.
fn show_series(def: &TableDef, key: &SeriesKey) -> String {
    let mut text = def.name.clone();
    for tag in def.tags() {
        if let Some(value) = key.tag(tag.id) {
            text.extend([",", &tag.name, "=", value]);
        }
    }
    text
}
