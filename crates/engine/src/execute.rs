//! Statements: privileges first, then the work.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{
    CatalogError, CatalogOp, CatalogSnapshot, DatabaseChanges as CatalogDatabaseChanges, NewDatabase,
    NewTable, NewUser, OpResult, UserChanges as CatalogUserChanges,
};
use triglot_model::{DatabaseDef, ErrorKind, TableDef};
use triglot_query::{QueryInfo, QueryStream};

use crate::{
    CreateDatabase, CreateTable, DatabaseChanges, Engine, EngineError, Insert, InsertSource, Outcome, Query,
    Select, Session, Statement, TableChange, TableName, UserChanges, ingest,
};

impl Engine {
    /// Runs a statement.
    ///
    /// # Errors
    /// The statement's own; [`EngineError::Denied`] before anything is looked at that the user may
    /// not see.
    pub async fn execute(&self, session: &Session, statement: Statement) -> Result<Outcome, EngineError> {
        match statement {
            Statement::Query(query) => Ok(Outcome::Rows(self.run_query(session, query).await?)),
            Statement::Select(select) => Ok(Outcome::Rows(self.run_select(session, select).await?)),
            Statement::Insert(insert) => self.insert(session, insert).await.map(Outcome::Affected),
            Statement::Delete { table, filter } => {
                let (database, def) = self.writable(session, &table)?;
                self.delete(session, &database, &def, filter).await?;
                Ok(Outcome::Done)
            }
            Statement::CreateDatabase(create) => self.create_database(session, create).await,
            Statement::AlterDatabase { name, changes } => self.alter_database(session, &name, changes).await,
            Statement::DropDatabase { name, if_exists, after_ns } => {
                self.drop_database(session, &name, if_exists, after_ns).await
            }
            Statement::RecoverDatabase { name, if_exists } => {
                self.recover_database(session, &name, if_exists).await
            }
            Statement::CreateTable(create) => self.create_table(session, create).await,
            Statement::AlterTable { table, change } => self.alter_table(session, &table, change).await,
            Statement::DropTable { table, if_exists } => self.drop_table(session, &table, if_exists).await,
            Statement::KillQuery(id) => self.kill_query(session, id),
            Statement::CreateUser { name, if_not_exists, changes } => {
                self.create_user(session, name, if_not_exists, changes).await
            }
            Statement::AlterUser { name, changes } => self.alter_user(session, &name, changes).await,
            Statement::DropUser { name, if_exists } => self.drop_user(session, &name, if_exists).await,
        }
    }

    async fn run_query(&self, session: &Session, query: Query) -> Result<QueryStream, EngineError> {
        let info = query_info(session, query.text);
        let session = self.query_session(session);
        Ok(self.0.executor.run(session, query.plan, info).await?)
    }

    async fn run_select(&self, session: &Session, select: Select) -> Result<QueryStream, EngineError> {
        let info = query_info(session, select.text);
        let session = self.query_session(session);
        let start = async move { select.planned.execute(&session).await };
        Ok(self.0.executor.run_with(info, start).await?)
    }

    async fn insert(&self, session: &Session, insert: Insert) -> Result<u64, EngineError> {
        let (database, def) = self.writable(session, &insert.table)?;
        let batches: Vec<RecordBatch> = match insert.source {
            InsertSource::Batches(batches) => batches,
            // All rows first: a statement that fails half-way must not have written the first half.
            InsertSource::Plan(plan) => {
                let query =
                    Query { text: "INSERT … SELECT".to_owned(), plan: *plan, target_partitions: None };
                self.run_query(session, query).await?.try_collect().await?
            }
        };
        ingest::insert_batches(self, &database, &def, &insert.columns, &batches, insert.op).await
    }

    async fn create_database(
        &self,
        session: &Session,
        create: CreateDatabase,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        allow(&catalog, &session.principal, Action::Create, Object::Tenant(session.tenant))?;
        let op = CatalogOp::CreateDatabase(NewDatabase {
            tenant: session.tenant,
            name: create.name,
            precision: create.precision,
            retention_ns: create.retention_ns,
            partition_ns: create.partition_ns,
            rewrite: create.rewrite,
            options: create.options,
        });
        self.apply_unless_exists(op, create.if_not_exists, ErrorKind::DatabaseExists).await
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
        let changes = CatalogDatabaseChanges {
            retention_ns: changes.retention_ns,
            partition_ns: changes.partition_ns,
            options: changes.options.into_iter().map(|(k, v)| (k, Some(v))).collect(),
            ..CatalogDatabaseChanges::default()
        };
        self.apply_catalog(vec![CatalogOp::AlterDatabase { database: database.id, changes }]).await?;
        Ok(Outcome::Done)
    }

    async fn drop_database(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
        after_ns: Option<i64>,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let database = match self.database_in(&catalog, session, name) {
            Err(EngineError::DatabaseNotFound { .. }) if if_exists => return Ok(Outcome::Done),
            other => other?,
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
        let Some(database) = catalog.database_even_dropped(session.tenant, name) else {
            if if_exists {
                return Ok(Outcome::Done);
            }
            return Err(EngineError::DatabaseNotFound { name: name.to_owned() });
        };
        allow(&catalog, &session.principal, Action::Drop, Object::Database(database.id))?;
        if database.drop_at_ns.is_some() {
            self.apply_catalog(vec![CatalogOp::RecoverDatabase { database: database.id }]).await?;
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
    async fn forget_tables(&self, results: Vec<OpResult>) -> Result<(), EngineError> {
        for result in results {
            if let OpResult::Dropped(tables) = result {
                for table in tables {
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
        let op = CatalogOp::CreateTable(NewTable {
            database: database.id,
            name: create.table.table,
            identity: create.identity,
            rewrite: None,
            columns: create.columns,
            options: create.options,
        });
        self.apply_unless_exists(op, create.if_not_exists, ErrorKind::TableExists).await
    }

    async fn alter_table(
        &self,
        session: &Session,
        table: &TableName,
        change: TableChange,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let (database, def) = self.table_in(&catalog, session, table)?;
        allow(&catalog, &session.principal, Action::Alter, Object::Database(database.id))?;
        self.apply_catalog(vec![CatalogOp::AlterTable { table: def.id, change }]).await?;
        Ok(Outcome::Done)
    }

    async fn drop_table(
        &self,
        session: &Session,
        table: &TableName,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let (database, def) = match self.table_in(&catalog, session, table) {
            Err(EngineError::TableNotFound { .. }) if if_exists => return Ok(Outcome::Done),
            other => other?,
        };
        allow(&catalog, &session.principal, Action::Drop, Object::Database(database.id))?;
        self.apply_catalog(vec![CatalogOp::DropTable { table: def.id }]).await?;
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

    async fn create_user(
        &self,
        session: &Session,
        name: String,
        if_not_exists: bool,
        changes: UserChanges,
    ) -> Result<Outcome, EngineError> {
        allow(&self.catalog(), &session.principal, Action::ManageUsers, Object::Cluster)?;
        let password = match changes.password {
            Some(password) => Some(self.0.auth.hash(&password).await?),
            None => None,
        };
        let op = CatalogOp::CreateUser(NewUser {
            name,
            password,
            is_admin: changes.admin.unwrap_or(false),
            must_change_password: false,
            options: changes.options,
        });
        self.apply_unless_exists(op, if_not_exists, ErrorKind::PrincipalExists).await
    }

    async fn alter_user(
        &self,
        session: &Session,
        name: &str,
        changes: UserChanges,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let Some(user) = catalog.user(name) else {
            return Err(CatalogError::UserNotFound { user: name.to_owned() }.into());
        };
        // Everybody may change his own password, and nothing else.
        let own_password =
            user.id == session.principal.user && changes.admin.is_none() && changes.options.is_empty();
        if !own_password {
            allow(&catalog, &session.principal, Action::ManageUsers, Object::User(user.id))?;
        }
        let password = match changes.password {
            Some(password) => Some(Some(self.0.auth.hash(&password).await?)),
            None => None,
        };
        let changes = CatalogUserChanges {
            must_change_password: password.is_some().then_some(false),
            password,
            is_admin: changes.admin,
            options: changes.options.into_iter().map(|(k, v)| (k, Some(v))).collect(),
        };
        self.apply_catalog(vec![CatalogOp::AlterUser { user: user.id, changes }]).await?;
        Ok(Outcome::Done)
    }

    async fn drop_user(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let Some(user) = catalog.user(name) else {
            if if_exists {
                return Ok(Outcome::Done);
            }
            return Err(CatalogError::UserNotFound { user: name.to_owned() }.into());
        };
        allow(&catalog, &session.principal, Action::ManageUsers, Object::User(user.id))?;
        self.apply_catalog(vec![CatalogOp::DropUser { user: user.id }]).await?;
        Ok(Outcome::Done)
    }

    async fn apply_unless_exists(
        &self,
        op: CatalogOp,
        tolerate: bool,
        exists: ErrorKind,
    ) -> Result<Outcome, EngineError> {
        match self.apply_catalog(vec![op]).await {
            Err(error) if tolerate && error.kind() == exists => Ok(Outcome::Done),
            other => other.map(|_| Outcome::Done),
        }
    }

    fn writable(
        &self,
        session: &Session,
        name: &TableName,
    ) -> Result<(Arc<DatabaseDef>, Arc<TableDef>), EngineError> {
        let catalog: Arc<CatalogSnapshot> = self.catalog();
        let (database, def) = self.table_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Write, Object::Database(database.id))?;
        Ok((database, def))
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
