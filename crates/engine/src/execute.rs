//! Statements: privileges first, then the work.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{
    CatalogOp, CatalogSnapshot, DatabaseChanges, NewDatabase, NewTable, OpResult, UserChanges,
};
use triglot_model::{DatabaseDef, ErrorKind, KeyedDef, RowOp, TableDef};
use triglot_query::{QueryInfo, QuerySession, QueryStream};

use crate::{
    CreateTable, Engine, EngineError, Insert, InsertSource, Outcome, Query, Select, Session, Statement,
    TableChange, TableIn, TableName, UserStatement, ingest,
};

impl Engine {
    /// Runs a statement.
    ///
    /// # Errors
    /// The statement's own; [`EngineError::Denied`] before anything is looked at that the user may
    /// not see.
    pub async fn execute(&self, session: &Session, statement: Statement) -> Result<Outcome, EngineError> {
        if !is_own_password_change(session, &statement) {
            self.check_password_is_own(session)?;
        }
        match statement {
            Statement::Query(query) => {
                self.spend_query(session)?;
                Ok(Outcome::Rows(self.run_query(session, query).await?))
            }
            Statement::Select(select) => {
                self.spend_query(session)?;
                Ok(Outcome::Rows(self.run_select(session, select).await?))
            }
            Statement::CreateChildren(children) => {
                self.create_children(session, children).await.map(|()| Outcome::Done)
            }
            Statement::AlterChild { database, name, tags } => {
                let database = database.as_deref().unwrap_or(&session.database_name);
                self.change_child(session, database, &name, tags).await.map(|()| Outcome::Done)
            }
            Statement::InsertRows(tables) => {
                let catalog = self.catalog();
                for rows in &tables {
                    let table = Object::Table(rows.table.database.id, rows.table.def.id);
                    allow(&catalog, &session.principal, Action::Insert, table)?;
                }
                ingest::write_series_rows(self, tables).await.map(Outcome::Affected)
            }
            Statement::DeleteCounted { table, filter } => {
                self.delete_counted(session, &table, filter).await.map(Outcome::Affected)
            }
            Statement::DeleteSeries { table, filter } => {
                self.delete_series(session, &table, filter).await.map(Outcome::Affected)
            }
            Statement::InsertKeyed(insert) => {
                let table = Object::Table(insert.table.database.id, insert.table.def.id);
                allow(&self.catalog(), &session.principal, Action::Insert, table)?;
                self.insert_keyed(session, insert).await.map(Outcome::Affected)
            }
            Statement::Insert(insert) => self.insert(session, insert).await.map(Outcome::Affected),
            Statement::Delete { table, filter } => {
                let (database, def) = self.writable(session, &table, Action::Delete)?;
                if def.is_keyed() {
                    let deleted =
                        self.delete_keyed(session, TableIn { database, def }, table, filter).await?;
                    return Ok(Outcome::Affected(deleted));
                }
                self.delete(session, &database, &def, filter).await?;
                Ok(Outcome::Done)
            }
            Statement::Update(update) => {
                let (database, def) = self.writable(session, &update.table, Action::Update)?;
                self.update(session, &database, &def, update).await.map(Outcome::Affected)
            }
            Statement::CreateDatabase { new, if_not_exists } => {
                self.create_database(session, new, if_not_exists).await
            }
            Statement::AlterDatabase { name, changes } => self.alter_database(session, &name, changes).await,
            Statement::DropDatabase { name, if_exists, after_ns } => {
                self.drop_database(session, &name, if_exists, after_ns).await
            }
            Statement::RecoverDatabase { name, if_exists } => {
                self.recover_database(session, &name, if_exists).await
            }
            Statement::CompactDatabase { name } => self.compact_database(session, &name).await,
            Statement::FlushDatabase { name } => {
                self.check_upkeep(session, &name)?;
                self.flush().await.map(|()| Outcome::Done)
            }
            Statement::TrimDatabase { name } => {
                self.check_upkeep(session, &name)?;
                let storage = self.storage().clone();
                self.on_query_runtime(async move { Ok(storage.enforce_retention().await?) }).await?;
                Ok(Outcome::Done)
            }
            Statement::CreateTable(create) => self.create_table(session, create).await,
            Statement::CreateExternalTable(create) => self.create_external_table(session, create).await,
            Statement::Export(export) => self.export(session, export).await,
            Statement::CreateView { view, text, or_replace } => {
                self.create_view(session, view, text, or_replace).await
            }
            Statement::DropView { view, if_exists } => self.drop_view(session, view, if_exists).await,
            Statement::AlterTable { table, change } => self.alter_table(session, &table, change).await,
            Statement::DropTable { table, if_exists } => self.drop_table(session, &table, if_exists).await,
            Statement::KillQuery(id) => self.kill_query(session, id),
            Statement::SetSetting { key, value } => {
                allow(&self.catalog(), &session.principal, Action::Admin, Object::Cluster)?;
                let op = match value {
                    Some(value) => CatalogOp::SetSetting { key, value },
                    None => CatalogOp::UnsetSetting { key },
                };
                self.apply_one(op).await
            }
            Statement::Tenant(statement) => self.execute_tenant(session, statement).await,
            Statement::Role(statement) => self.execute_role(session, statement).await,
            Statement::User(statement) => self.execute_user(session, statement).await,
            Statement::Rights(statement) => self.execute_rights(session, statement).await,
        }
    }

    pub(crate) async fn run_query(
        &self,
        session: &Session,
        query: Query,
    ) -> Result<QueryStream, EngineError> {
        let info = query_info(session, query.text);
        let (rows, session) =
            (self.counted(session), with_partitions(self.query_session(session), query.target_partitions));
        let start = async move { Ok(rows.of(session.execute(&query.plan).await?)) };
        Ok(self.0.executor.run_with(info, start).await?)
    }

    async fn run_select(&self, session: &Session, select: Select) -> Result<QueryStream, EngineError> {
        let info = query_info(session, select.text);
        let (rows, session) =
            (self.counted(session), with_partitions(self.query_session(session), select.target_partitions));
        let start = async move { Ok(rows.of(select.planned.execute(&session).await?)) };
        Ok(self.0.executor.run_with(info, start).await?)
    }

    async fn insert(&self, session: &Session, insert: Insert) -> Result<u64, EngineError> {
        let (database, def) = self.writable(session, &insert.table, Action::Insert)?;
        let batches: Vec<RecordBatch> = match insert.source {
            InsertSource::Batches(batches) => batches,
            // All rows first: a statement that fails half-way must not have written the first half.
            InsertSource::Plan(plan) => {
                let query =
                    Query { text: "INSERT … SELECT".to_owned(), plan: *plan, target_partitions: None };
                self.run_query(session, query).await?.try_collect().await?
            }
            InsertSource::Stream { plan, text } => {
                let query = Query { text, plan: *plan, target_partitions: None };
                let rows = self.run_query(session, query).await?;
                let into = PieceByPiece { database, def, columns: insert.columns, op: insert.op };
                let engine = self.clone();
                return self.on_query_runtime(async move { into.write(&engine, rows).await }).await;
            }
        };
        ingest::insert_batches(self, &database, &def, &insert.columns, &batches, insert.op).await
    }

    async fn create_database(
        &self,
        session: &Session,
        new: NewDatabase,
        if_not_exists: bool,
    ) -> Result<Outcome, EngineError> {
        allow(&self.catalog(), &session.principal, Action::Create, Object::Tenant(new.tenant))?;
        self.apply_unless_exists(CatalogOp::CreateDatabase(new), if_not_exists).await
    }

    async fn alter_database(
        &self,
        session: &Session,
        name: &str,
        changes: DatabaseChanges,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Alter, Object::Database(database.id))?;
        self.apply_one(CatalogOp::AlterDatabase { database: database.id, changes }).await
    }

    async fn drop_database(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
        after_ns: Option<i64>,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let Some(database) = present(self.database_in(&catalog, session, name), if_exists)? else {
            return Ok(Outcome::Done);
        };
        allow(&catalog, &session.principal, Action::Drop, Object::Database(database.id))?;
        let results =
            self.apply_catalog(vec![CatalogOp::DropDatabase { database: database.id, after_ns }]).await?;
        self.forget_tables(results).await?;
        Ok(Outcome::Done)
    }

    async fn recover_database(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let found = catalog.database_even_dropped(session.tenant, name);
        let found = found.ok_or_else(|| EngineError::DatabaseNotFound { name: name.to_owned() });
        let Some(database) = present(found, if_exists)? else { return Ok(Outcome::Done) };
        allow(&catalog, &session.principal, Action::Drop, Object::Database(database.id))?;
        self.apply_one(CatalogOp::RecoverDatabase { database: database.id }).await
    }

    /// That the session may have a database's files looked after: who may write to it may.
    fn check_upkeep(&self, session: &Session, name: &str) -> Result<(), EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, name)?;
        Ok(allow(&catalog, &session.principal, Action::Insert, Object::Database(database.id))?)
    }

    async fn compact_database(&self, session: &Session, name: &str) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Admin, Object::Cluster)?;
        self.flush().await?;
        for table in catalog.tables(database.id) {
            self.compact(Some(table.id)).await?;
        }
        Ok(Outcome::Done)
    }

    /// Removes what deferred drops have come due for. Called now and then by the background.
    pub(crate) async fn purge_due_drops(&self) -> Result<(), EngineError> {
        let (tenants, databases) = self.catalog().due_drops(self.clock().now_ns());
        for tenant in tenants {
            let results = self.apply_catalog(vec![CatalogOp::PurgeTenant { tenant }]).await?;
            self.forget_tables(results).await?;
        }
        for database in databases {
            let results = self.apply_catalog(vec![CatalogOp::PurgeDatabase { database }]).await?;
            self.forget_tables(results).await?;
        }
        Ok(())
    }

    /// The catalog has dropped tables; storage follows.
    pub(crate) async fn forget_tables(&self, results: Vec<OpResult>) -> Result<(), EngineError> {
        for result in results {
            if let OpResult::Dropped(tables) = result {
                for table in tables {
                    self.checked_tables().forget(table);
                    self.storage().drop_table(table).await?;
                }
            }
        }
        Ok(())
    }

    async fn create_table(&self, session: &Session, create: CreateTable) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let name = create.table.database.as_deref().unwrap_or(&session.database_name);
        let database = self.database_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Create, Object::Database(database.id))?;
        let _name = match self.claim_table(&database, &create.table.table).await {
            Err(error) if create.if_not_exists && error.kind().is_existence() => return Ok(Outcome::Done),
            claimed => claimed?,
        };
        let op = CatalogOp::CreateTable(NewTable {
            database: database.id,
            name: create.table.table,
            identity: create.identity,
            rewrite: None,
            columns: create.columns,
            options: create.options,
        });
        self.apply_unless_exists(op, create.if_not_exists).await
    }

    async fn alter_table(
        &self,
        session: &Session,
        table: &TableName,
        change: TableChange,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let (database, def) = self.table_in(&catalog, session, table)?;
        allow(&catalog, &session.principal, Action::Alter, Object::Table(database.id, def.id))?;
        check_keys_stay(&def, &change)?;
        self.apply_one(CatalogOp::AlterTable { table: def.id, change }).await
    }

    async fn drop_table(
        &self,
        session: &Session,
        table: &TableName,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        if let Some(external) = self.external_table(session, table) {
            let database = external.database;
            allow(&catalog, &session.principal, Action::Drop, Object::Database(database))?;
            let name = external.name.clone();
            self.apply_catalog(vec![CatalogOp::DropExternalTable { database, name }]).await?;
            return Ok(Outcome::Done);
        }
        let (database, def) = match self.table_in(&catalog, session, table) {
            Ok(found) => found,
            Err(error) if error.kind() != ErrorKind::TableNotFound => return Err(error),
            Err(error) => match self.child_named(&catalog, session, table) {
                Some(child) => return self.drop_child(session, child).await.map(|()| Outcome::Done),
                None if if_exists => return Ok(Outcome::Done),
                None => return Err(error),
            },
        };
        allow(&catalog, &session.principal, Action::Drop, Object::Table(database.id, def.id))?;
        self.apply_catalog(vec![CatalogOp::DropTable { table: def.id }]).await?;
        self.checked_tables().forget(def.id);
        self.storage().drop_table(def.id).await?;
        Ok(Outcome::Done)
    }

    fn kill_query(&self, session: &Session, id: u64) -> Result<Outcome, EngineError> {
        // One that the user may not see does not exist for him.
        let visible = self.queries(session).iter().any(|q| q.id == id);
        if visible && self.0.executor.registry().kill(id) {
            Ok(Outcome::Done)
        } else {
            Err(EngineError::QueryNotFound { id })
        }
    }

    /// One change of the catalog that nothing else follows.
    pub(crate) async fn apply_one(&self, op: CatalogOp) -> Result<Outcome, EngineError> {
        self.apply_catalog(vec![op]).await?;
        Ok(Outcome::Done)
    }

    /// Makes something; `tolerate` is `IF NOT EXISTS`.
    pub(crate) async fn apply_unless_exists(
        &self,
        op: CatalogOp,
        tolerate: bool,
    ) -> Result<Outcome, EngineError> {
        match self.apply_catalog(vec![op]).await {
            Err(error) if tolerate && error.kind().is_existence() => Ok(Outcome::Done),
            other => other.map(|_| Outcome::Done),
        }
    }

    fn writable(
        &self,
        session: &Session,
        name: &TableName,
        action: Action,
    ) -> Result<(Arc<DatabaseDef>, Arc<TableDef>), EngineError> {
        let catalog: Arc<CatalogSnapshot> = self.catalog();
        let (database, def) = self.table_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, action, Object::Table(database.id, def.id))?;
        Ok((database, def))
    }
}

/// Bytes that are held before they are written, beside the batches on their way.
const PIECE_BYTES: usize = 16 << 20;

/// The target of [`InsertSource::Stream`].
struct PieceByPiece {
    database: Arc<DatabaseDef>,
    def: Arc<TableDef>,
    columns: Vec<String>,
    op: Option<RowOp>,
}

impl PieceByPiece {
    async fn write(&self, engine: &Engine, mut rows: QueryStream) -> Result<u64, EngineError> {
        let (mut written, mut held, mut piece) = (0, 0, Vec::new());
        while let Some(batch) = rows.try_next().await? {
            held += batch.get_array_memory_size();
            piece.push(batch);
            if held >= PIECE_BYTES {
                written += self.insert(engine, &piece).await?;
                (held, piece) = (0, Vec::new());
            }
        }
        Ok(written + self.insert(engine, &piece).await?)
    }

    async fn insert(&self, engine: &Engine, piece: &[RecordBatch]) -> Result<u64, EngineError> {
        ingest::insert_batches(engine, &self.database, &self.def, &self.columns, piece, self.op).await
    }
}

/// A column of a unique key cannot go: rows that only it told apart would be duplicates.
fn check_keys_stay(def: &TableDef, change: &TableChange) -> Result<(), EngineError> {
    let TableChange::DropColumn(column) = change else { return Ok(()) };
    let Some(keyed) = KeyedDef::of(def)? else { return Ok(()) };
    let id = def.column(column).map(|c| c.id);
    let in_key = |id| keyed.unique.iter().any(|unique| unique.columns.contains(&id));
    match id {
        Some(id) if in_key(id) => {
            Err(EngineError::KeyColumn { table: def.name.clone(), column: column.clone() })
        }
        _ => Ok(()),
    }
}

fn with_partitions(session: QuerySession, partitions: Option<usize>) -> QuerySession {
    match partitions {
        Some(partitions) => session.with_target_partitions(partitions),
        None => session,
    }
}

fn query_info(session: &Session, text: String) -> QueryInfo {
    QueryInfo {
        text,
        user: session.principal.name.clone(),
        tenant: session.tenant_name.clone(),
        database: session.database_name.clone(),
    }
}

/// What a user may do whose password somebody else has set.
fn is_own_password_change(session: &Session, statement: &Statement) -> bool {
    matches!(statement, Statement::User(UserStatement::Alter { name, changes, password: Some(_) })
        if *name == session.principal.name && *changes == UserChanges::default())
}

/// What a look-up found; `tolerate` is `IF EXISTS`, which turns "there is none" into `None`.
pub(crate) fn present<T>(found: Result<T, EngineError>, tolerate: bool) -> Result<Option<T>, EngineError> {
    match found {
        Err(error) if tolerate && error.kind().is_absence() => Ok(None),
        other => other.map(Some),
    }
}
