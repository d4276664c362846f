//! Child tables: series of a super table that are known by name.
//!
//! A super table is a catalog table whose identity is [`IdentityRule::ChildName`]; a child table is one
//! series of it and nothing else: its tags, and what else is kept of it (when it was made, its comment),
//! are tags of the series. So making ten thousand of them makes ten thousand entries of series indexes.
//! A table whose series are not named (`AllTags`) without tags is a *normal* table: it has one series.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use triglot_auth::{Action, Object, allow};
use triglot_catalog::CatalogSnapshot;
use triglot_model::{ColumnId, DatabaseDef, IdentityRule, RowOp, ShardId, Sid, TableDef};
use triglot_query::source::{Since, SnapshotSource};
use triglot_query::{SeriesListTable, SeriesTable};
use triglot_storage::{RoaringBitmap, SeriesKey, SeriesRef, TableSnapshot, TagChange, WriteBatch};

use crate::ingest::IngestError;
use crate::names::{self, ClaimedNames};
use crate::{Engine, EngineError, Session, TableName, child_name};

/// What a name in a database stands for.
#[derive(Clone, Debug)]
pub enum Relation {
    /// A table with tags: its series are child tables, whether they have names or not.
    Super(TableIn),
    /// One series of a super table.
    Child(Child),
    /// A table without tags: one series.
    Normal(TableIn),
}

/// A catalog table with its database.
#[derive(Clone, Debug)]
pub struct TableIn {
    /// The database.
    pub database: Arc<DatabaseDef>,
    /// The table.
    pub def: Arc<TableDef>,
}

/// A child table.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// Its super table.
    pub of: TableIn,
    /// Where its series lives.
    pub shard: ShardId,
    /// Its series.
    pub sid: Sid,
}

/// A child table to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChild {
    /// Its super table.
    pub table: TableName,
    /// Its name.
    pub name: String,
    /// Its tags as the series index keeps them ([`Engine::child_tags`]); absent ones are NULL.
    pub tags: Vec<(ColumnId, Box<str>)>,
    /// Its time to live in days, recorded.
    pub ttl: Option<u32>,
    /// Its comment, recorded.
    pub comment: Option<String>,
    /// No error if it exists; its tags stay then.
    pub if_not_exists: bool,
}

/// What is kept of a child table beside its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildRecord {
    /// Its name.
    pub name: String,
    /// A number that no other child table of the same super table has.
    pub uid: u64,
    /// When it was made, milliseconds since the epoch; none where it was made by writing rows of
    /// another dialect.
    pub created_ms: Option<i64>,
    /// Its time to live in days.
    pub ttl: u32,
    /// Its comment.
    pub comment: Option<String>,
    /// The tags asked for, in their order, as text.
    pub tags: Vec<Option<String>>,
}

impl Relation {
    /// The catalog table behind it, and its database.
    pub fn table(&self) -> &TableIn {
        match self {
            Self::Super(table) | Self::Normal(table) => table,
            Self::Child(child) => &child.of,
        }
    }
}

/// The rows of a super table with the names of its children, or those of one of them.
fn of_relation(relation: &Relation, rows: SeriesTable) -> SeriesTable {
    let rows = rows.with_child_names();
    match relation {
        Relation::Child(child) => rows.of_series(child.shard, child.sid),
        Relation::Super(_) | Relation::Normal(_) => rows,
    }
}

impl Engine {
    /// What `name` stands for in a database of the session's tenant. Tables over files and system tables
    /// are none of these.
    ///
    /// # Errors
    /// The database or the table does not exist, or may not be read.
    pub fn relation(&self, session: &Session, database: &str, name: &str) -> Result<Relation, EngineError> {
        self.relation_for(session, database, name, Action::Read)
    }

    /// The same for a user who wants to do this to its rows.
    ///
    /// # Errors
    /// As with [`Engine::relation`].
    pub fn relation_for(
        &self,
        session: &Session,
        database: &str,
        name: &str,
        action: Action,
    ) -> Result<Relation, EngineError> {
        self.relation_if_allowed(session, database, name, |_| action)
    }

    /// The same for a user who wants to change columns, or tags of a child table.
    ///
    /// # Errors
    /// As with [`Engine::relation`].
    pub fn relation_to_alter(
        &self,
        session: &Session,
        database: &str,
        name: &str,
    ) -> Result<Relation, EngineError> {
        self.relation_if_allowed(session, database, name, |relation| match relation {
            Relation::Child(_) => Action::Update,
            Relation::Super(_) | Relation::Normal(_) => Action::Alter,
        })
    }

    fn relation_if_allowed(
        &self,
        session: &Session,
        database: &str,
        name: &str,
        action: impl Fn(&Relation) -> Action,
    ) -> Result<Relation, EngineError> {
        let catalog = self.catalog();
        let found = self.database_in(&catalog, session, database)?;
        let Some(relation) = self.relation_in(&catalog, &found, name) else {
            allow(&catalog, &session.principal, Action::Read, Object::Database(found.id))?;
            return Err(EngineError::TableNotFound {
                tenant: session.tenant_name.clone(),
                database: database.to_owned(),
                table: name.to_owned(),
            });
        };
        let object = Object::Table(found.id, relation.table().def.id);
        allow(&catalog, &session.principal, action(&relation), object)?;
        Ok(relation)
    }

    /// What `name` stands for; a catalog table comes before a child.
    pub(crate) fn relation_in(
        &self,
        catalog: &CatalogSnapshot,
        database: &Arc<DatabaseDef>,
        name: &str,
    ) -> Option<Relation> {
        if let Some(def) = catalog.table(database.id, name) {
            let table = TableIn { database: Arc::clone(database), def: Arc::clone(def) };
            let is_super = def.identity == IdentityRule::ChildName || def.tags().next().is_some();
            return Some(if is_super { Relation::Super(table) } else { Relation::Normal(table) });
        }
        self.find_child(catalog, database, name).map(Relation::Child)
    }

    /// The rows of a relation: time, tags and fields in the table's order, then
    /// [`triglot_query::CHILD_NAME`]. A child's are those of its series, tags included.
    pub fn relation_rows(&self, relation: &Relation) -> SeriesTable {
        of_relation(relation, SeriesTable::new(Arc::new(self.source_of(relation.table()))))
    }

    /// The same without rows that are past the table's retention and not dropped yet.
    pub fn kept_relation_rows(&self, relation: &Relation) -> SeriesTable {
        let TableIn { database, def } = relation.table();
        let source = self.source_of(relation.table());
        let Some(retention) = def.retention_ns(database) else {
            return of_relation(relation, SeriesTable::new(Arc::new(source)));
        };
        let first = def.precision().from_ns(self.clock().now_ns().saturating_sub(retention));
        of_relation(relation, SeriesTable::new(Arc::new(Since::new(source, first))))
    }

    /// The series of a relation, one row each, those without rows too: tags in their columns' types, then
    /// [`triglot_query::CHILD_NAME`].
    pub fn relation_series(&self, relation: &Relation) -> SeriesListTable {
        let list = SeriesListTable::with_names(Arc::new(self.source_of(relation.table())));
        match relation {
            Relation::Child(child) => list.of_series(child.shard, child.sid),
            Relation::Super(_) | Relation::Normal(_) => list,
        }
    }

    fn source_of(&self, table: &TableIn) -> SnapshotSource {
        let snapshot = self.storage().snapshot(&self.table_meta(&table.def, &table.database));
        SnapshotSource::new(snapshot).with_names(child_name::of_series)
    }

    /// How many child tables a super table has.
    pub fn child_count(&self, table: &TableIn) -> usize {
        self.storage().snapshot(&self.table_meta(&table.def, &table.database)).series_count()
    }

    /// The child tables of a super table, by name, with the tags `tags` of each.
    ///
    /// # Errors
    /// Arrow's, which would be a fault of triglot.
    pub fn children(&self, table: &TableIn, tags: &[ColumnId]) -> Result<Vec<ChildRecord>, EngineError> {
        let snapshot = self.storage().snapshot(&self.table_meta(&table.def, &table.database));
        let mut found = Vec::new();
        for shard in snapshot.shards() {
            found.extend(child_records(&table.def, &snapshot, shard, None, tags)?);
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The names of the child tables of a super table, sorted.
    ///
    /// # Errors
    /// As with [`Engine::children`].
    pub fn child_names(&self, table: &TableIn) -> Result<Vec<String>, EngineError> {
        if table.def.identity != IdentityRule::ChildName {
            return Ok(self.children(table, &[])?.into_iter().map(|c| c.name).collect());
        }
        let snapshot = self.storage().snapshot(&self.table_meta(&table.def, &table.database));
        let mut found: Vec<String> = Vec::new();
        for shard in snapshot.shards() {
            let names = snapshot.child_names(shard, &snapshot.all_series(shard))?;
            found.extend(names.iter().flatten().map(str::to_owned));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// One child table, with the tags `tags`; none if it was dropped meanwhile.
    ///
    /// # Errors
    /// As with [`Engine::children`].
    pub fn child_record(&self, child: &Child, tags: &[ColumnId]) -> Result<Option<ChildRecord>, EngineError> {
        let snapshot = self.storage().snapshot(&self.table_meta(&child.of.def, &child.of.database));
        let only = RoaringBitmap::from_iter([child.sid.0]);
        Ok(child_records(&child.of.def, &snapshot, child.shard, Some(&only), tags)?.pop())
    }

    /// The child table of this name as a statement gives it.
    pub(crate) fn child_named(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        name: &TableName,
    ) -> Option<Child> {
        if name.tenant.as_ref().is_some_and(|t| *t != session.tenant_name) {
            return None;
        }
        let database = name.database.as_deref().unwrap_or(&session.database_name);
        self.find_child(catalog, catalog.database(session.tenant, database)?, &name.table)
    }

    /// The child of this name of any super table of the database.
    pub(crate) fn find_child(
        &self,
        catalog: &CatalogSnapshot,
        database: &Arc<DatabaseDef>,
        name: &str,
    ) -> Option<Child> {
        super_tables(catalog, database).find_map(|def| self.child_of(database, def, name))
    }

    /// The child of this name of one super table.
    pub(crate) fn child_of(
        &self,
        database: &Arc<DatabaseDef>,
        def: &Arc<TableDef>,
        name: &str,
    ) -> Option<Child> {
        let key = SeriesKey { child: Some(name.into()), tags: Vec::new() };
        let found = self.storage().find_series(&self.table_meta(def, database), &key);
        let (shard, sid) = found.filter(|_| def.identity == IdentityRule::ChildName)?;
        let of = TableIn { database: Arc::clone(database), def: Arc::clone(def) };
        Some(Child { name: name.to_owned(), of, shard, sid })
    }

    /// Makes child tables: all are checked before the first is made.
    pub(crate) async fn create_children(
        &self,
        session: &Session,
        children: Vec<NewChild>,
    ) -> Result<(), EngineError> {
        let catalog = self.catalog();
        let mut wanted: Vec<(TableIn, Vec<NewChild>)> = Vec::new();
        for child in children {
            let (database, def) = self.table_in(&catalog, session, &child.table)?;
            match wanted.iter_mut().find(|(t, _)| t.def.id == def.id) {
                Some((_, children)) => children.push(child),
                None => {
                    allow(&catalog, &session.principal, Action::Create, Object::Database(database.id))?;
                    if def.identity != IdentityRule::ChildName {
                        return Err(EngineError::NotASuperTable { table: def.name.clone() });
                    }
                    wanted.push((TableIn { database, def }, vec![child]));
                }
            }
        }
        let mut claims = Vec::with_capacity(wanted.len());
        for (table, children) in &mut wanted {
            claims.push(self.claim_children(table, children.iter().map(|c| c.name.as_str()))?);
            let mut fresh = Vec::with_capacity(children.len());
            for child in children.drain(..) {
                match self.child_of(&table.database, &table.def, &child.name) {
                    Some(_) if child.if_not_exists => {}
                    Some(_) => return Err(EngineError::TableExists { table: child.name }),
                    None => fresh.push(child),
                }
            }
            *children = fresh;
        }
        for (table, children) in wanted {
            let keys: Result<Vec<SeriesKey>, EngineError> =
                children.into_iter().map(|child| self.new_series(&table.def, child)).collect();
            self.make_series(&table, keys?).await?;
        }
        drop(claims);
        Ok(())
    }

    /// Claims names for children of `table`, which no other table of the database may have.
    pub(crate) fn claim_children<'n>(
        &self,
        table: &TableIn,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<ClaimedNames<'_>, EngineError> {
        let taken = |name: &str| EngineError::NameTaken { table: name.to_owned() };
        let claimed = self.names().claim(table.database.id, names.clone(), Some(table.def.id));
        let claimed = claimed.map_err(|name| taken(&name))?;
        let catalog = self.catalog();
        let others: Vec<_> =
            super_tables(&catalog, &table.database).filter(|t| t.id != table.def.id).collect();
        for name in names {
            let is_table = catalog.table(table.database.id, name).is_some()
                || catalog.external_table(table.database.id, name).is_some();
            if is_table || others.iter().any(|t| self.child_of(&table.database, t, name).is_some()) {
                return Err(taken(name));
            }
        }
        Ok(claimed)
    }

    /// Claims a name for a catalog table, which no child table may have; waits while others give it, so that what
    /// is said to exist can be used at once. The catalog itself knows its own names.
    pub(crate) async fn claim_table(
        &self,
        database: &Arc<DatabaseDef>,
        name: &str,
    ) -> Result<ClaimedNames<'_>, EngineError> {
        let claimed = self.names().claim_alone(database.id, name).await;
        match self.find_child(&self.catalog(), database, name) {
            Some(child) => Err(EngineError::TableExists { table: child.name }),
            None if self.is_view(database.id, name) => Err(EngineError::NameTaken { table: name.to_owned() }),
            None => Ok(claimed),
        }
    }

    /// The same for a table that several writers may make side by side.
    pub(crate) fn claim_written_table(
        &self,
        database: &Arc<DatabaseDef>,
        name: &str,
    ) -> Result<ClaimedNames<'_>, EngineError> {
        let claimed = self.names().claim(database.id, std::iter::once(name), Some(names::BY_WRITERS));
        let claimed = claimed.map_err(|table| EngineError::NameTaken { table })?;
        match self.find_child(&self.catalog(), database, name) {
            Some(child) => Err(EngineError::TableExists { table: child.name }),
            None => Ok(claimed),
        }
    }

    /// The series of a child that is to be made.
    pub(crate) fn new_series(&self, def: &TableDef, child: NewChild) -> Result<SeriesKey, EngineError> {
        let limit = self.limits().max_tag_bytes;
        if let Some((id, _)) = child.tags.iter().find(|(_, v)| v.len() > limit) {
            let column = def.column_by_id(*id).map_or_else(String::new, |c| c.name.clone());
            return Err(IngestError::TooLong { table: child.name, column, max: limit }.into());
        }
        let created = self.clock().now_ns().div_euclid(1_000_000).to_string();
        let kept = [
            (ColumnId::CHILD_CREATED, Some(created)),
            (ColumnId::CHILD_TTL, child.ttl.filter(|ttl| *ttl > 0).map(|ttl| ttl.to_string())),
            (ColumnId::CHILD_COMMENT, child.comment),
        ];
        let kept = kept.into_iter().filter_map(|(id, value)| Some((id, value?.into_boxed_str())));
        Ok(SeriesKey::new(Some(&child.name), child.tags.into_iter().chain(kept)))
    }

    /// Makes series without rows.
    async fn make_series(&self, table: &TableIn, keys: Vec<SeriesKey>) -> Result<(), EngineError> {
        let meta = self.table_meta(&table.def, &table.database);
        let mut by_shard: BTreeMap<ShardId, Vec<SeriesRef>> = BTreeMap::new();
        for key in keys {
            let shard = self.storage().shard_of(&table.def, &key)?;
            by_shard.entry(shard).or_default().push(SeriesRef::Key(key));
        }
        let writes = by_shard.into_iter().map(|(shard, series)| {
            let batch = WriteBatch {
                table: meta.clone(),
                series_epoch: 0,
                series: series.into(),
                row_series: Vec::new(),
                times: Vec::new(),
                columns: Vec::new(),
                op: RowOp::Merge,
                set: None,
            };
            self.storage().write(shard, vec![batch])
        });
        futures::future::try_join_all(writes).await?;
        Ok(())
    }

    /// Changes tags of a child table (none = NULL), hidden ones included.
    pub(crate) async fn change_child(
        &self,
        session: &Session,
        database: &str,
        name: &str,
        tags: Vec<(ColumnId, Option<Box<str>>)>,
    ) -> Result<(), EngineError> {
        let Relation::Child(child) = self.relation_for(session, database, name, Action::Update)? else {
            return Err(EngineError::NotAChild { table: name.to_owned() });
        };
        let meta = self.table_meta(&child.of.def, &child.of.database);
        let change = TagChange { sid: child.sid, tags };
        Ok(self.storage().set_tags(&meta, vec![(child.shard, vec![change])]).await?)
    }

    /// Drops a child table with its rows.
    pub(crate) async fn drop_child(&self, session: &Session, child: Child) -> Result<(), EngineError> {
        let table = Object::Table(child.of.database.id, child.of.def.id);
        allow(&self.catalog(), &session.principal, Action::Drop, table)?;
        let meta = self.table_meta(&child.of.def, &child.of.database);
        Ok(self.storage().remove_series(&meta, child.shard, vec![child.sid]).await?)
    }
}

/// The tables of a database whose series have names.
fn super_tables<'c>(
    catalog: &'c CatalogSnapshot,
    database: &DatabaseDef,
) -> impl Iterator<Item = &'c Arc<TableDef>> {
    catalog.tables(database.id).filter(|t| t.identity == IdentityRule::ChildName)
}

/// Series of one shard as child tables. Names of tables whose series have none are made by the rule.
fn child_records(
    def: &TableDef,
    snapshot: &TableSnapshot,
    shard: ShardId,
    only: Option<&RoaringBitmap>,
    tags: &[ColumnId],
) -> Result<Vec<ChildRecord>, EngineError> {
    let kept = [ColumnId::CHILD_NAME, ColumnId::CHILD_CREATED, ColumnId::CHILD_TTL, ColumnId::CHILD_COMMENT];
    let asked: Vec<ColumnId> = kept.iter().chain(tags).copied().collect();
    let batch = snapshot.tag_batch(shard, &asked, only)?;
    let texts: Vec<_> = batch.columns().iter().skip(1).filter_map(|c| c.as_string_view_opt()).collect();
    let sids = batch.columns().first().and_then(|c| c.as_primitive_opt::<arrow::datatypes::UInt32Type>());
    let sids = sids.ok_or_else(|| EngineError::Internal("a tag batch without series".to_owned()))?;
    let text = |column: usize, row: usize| {
        texts.get(column).filter(|c| c.is_valid(row)).map(|c| c.value(row).to_owned())
    };
    let mut records = Vec::with_capacity(batch.num_rows());
    for (row, sid) in sids.values().iter().enumerate() {
        let named = || {
            let keys = snapshot.keys_of(shard, &RoaringBitmap::from_iter([*sid]));
            keys.first().map(|(_, key)| child_name::of_series(def, key))
        };
        let Some(name) = text(0, row).or_else(named) else { continue };
        records.push(ChildRecord {
            name,
            uid: u64::from(shard.0) << 32 | u64::from(*sid),
            created_ms: text(1, row).and_then(|ms| ms.parse().ok()),
            ttl: text(2, row).and_then(|ttl| ttl.parse().ok()).unwrap_or(0),
            comment: text(3, row),
            tags: (kept.len()..asked.len()).map(|column| text(column, row)).collect(),
        });
    }
    Ok(records)
}
