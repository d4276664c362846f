//! Names to things, within a session.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast;
use triglot_auth::{Action, Object, Principal, allow, visible_databases, visible_tables};
use triglot_catalog::CatalogSnapshot;
use triglot_model::{DatabaseDef, TableDef};
use triglot_query::{
    PlannedQuery, QueryInfo, QueryRecord, QuerySession, SessionContext, batches_table, plan_query,
    plan_statement,
};

use crate::tables::SessionTables;
use crate::{Engine, EngineError, Session, TableName};

impl Engine {
    /// A session of `principal` in a tenant.
    ///
    /// # Errors
    /// The tenant does not exist, or the user neither belongs to it nor is an administrator.
    pub fn session(
        &self,
        principal: Principal,
        tenant: &str,
        database: &str,
    ) -> Result<Session, EngineError> {
        let catalog = self.catalog();
        let Some(def) = catalog.tenant(tenant) else {
            return Err(EngineError::TenantNotFound { name: tenant.to_owned() });
        };
        let is_admin = catalog.user_by_id(principal.user).is_some_and(|user| catalog.is_admin(user));
        if !is_admin && catalog.member(def.id, principal.user).is_none() {
            return Err(EngineError::NotAMember { user: principal.name, tenant: tenant.to_owned() });
        }
        Ok(Session {
            principal,
            tenant: def.id,
            tenant_name: def.name.clone(),
            database_name: database.to_owned(),
            database: catalog.database(def.id, database).map(|d| d.id),
            language: Arc::clone(&self.0.language),
        })
    }

    /// The databases of the session's tenant that the user may know of, by name.
    pub fn databases(&self, session: &Session) -> Vec<Arc<DatabaseDef>> {
        let catalog = self.catalog();
        let mut found: Vec<_> =
            visible_databases(&catalog, &session.principal, session.tenant).cloned().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// A database of the session's tenant.
    pub fn database(&self, session: &Session, name: &str) -> Result<Arc<DatabaseDef>, EngineError> {
        self.database_in(&self.catalog(), session, name)
    }

    /// The tables of a database that the user may know of, by name.
    pub fn tables(&self, session: &Session, database: &str) -> Result<Vec<Arc<TableDef>>, EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, database)?;
        let mut found: Vec<_> = visible_tables(&catalog, &session.principal, database.id).cloned().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// A table by name.
    pub fn table(&self, session: &Session, name: &TableName) -> Result<Arc<TableDef>, EngineError> {
        let catalog = self.catalog();
        Ok(self.table_in(&catalog, session, name)?.1)
    }

    /// Running queries: administrators see everybody's, owners of the session's tenant all of it, others
    /// their own.
    pub fn queries(&self, session: &Session) -> Vec<QueryRecord> {
        let mut all = self.0.executor.registry().list();
        let catalog = self.catalog();
        let may = |action, object| allow(&catalog, &session.principal, action, object).is_ok();
        if !may(Action::Admin, Object::Cluster) {
            let is_owner = may(Action::ManageUsers, Object::Tenant(session.tenant));
            let visible = |info: &QueryInfo| is_owner || info.user == session.principal.name;
            all.retain(|q| q.info.tenant == session.tenant_name && visible(&q.info));
        }
        all
    }

    /// The plan of a query.
    pub fn plan(&self, session: &Session, query: ast::Query) -> Result<LogicalPlan, EngineError> {
        self.check_password_is_own(session)?;
        Ok(plan_query(query, &self.query_session(session))?)
    }

    /// A query with its plan, or with the promise of a kept one: see [`PlannedQuery`]. For queries that are
    /// run as they are; [`Self::plan`] gives a plan to build on.
    ///
    /// # Errors
    /// The planner's, and refusals to read.
    pub fn plan_select(&self, session: &Session, query: ast::Query) -> Result<PlannedQuery, EngineError> {
        self.check_password_is_own(session)?;
        Ok(PlannedQuery::new(query, &self.query_session(session))?)
    }

    /// The plan of another statement that DataFusion plans by itself (`EXPLAIN`).
    pub fn plan_statement(
        &self,
        session: &Session,
        statement: ast::Statement,
    ) -> Result<LogicalPlan, EngineError> {
        self.check_password_is_own(session)?;
        Ok(plan_statement(statement, &self.query_session(session))?)
    }

    /// A plan that gives rows in memory, for SHOW and DESCRIBE; filters and order can be put on top.
    pub fn batches_plan(
        &self,
        name: &str,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Result<LogicalPlan, EngineError> {
        let table = batches_table(schema, batches)?;
        let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None).and_then(|b| b.build());
        Ok(plan.map_err(triglot_query::QueryError::from)?)
    }

    /// What planning and running need; made anew for each statement, since `now()` is fixed in it.
    pub fn query_session(&self, session: &Session) -> QuerySession {
        session.language.sessions().build(SessionContext {
            tenant: session.tenant_name.clone(),
            database: session.database_name.clone(),
            resolver: Arc::new(SessionTables {
                catalog: self.catalog(),
                engine: self.clone(),
                session: session.clone(),
            }),
            now_ns: self.0.clock.now_ns(),
            values: session.language.session_values(self, session),
        })
    }

    pub(crate) fn database_in(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        name: &str,
    ) -> Result<Arc<DatabaseDef>, EngineError> {
        let found = catalog.database(session.tenant, name).cloned();
        found.ok_or_else(|| EngineError::DatabaseNotFound { name: name.to_owned() })
    }

    pub(crate) fn table_in(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        name: &TableName,
    ) -> Result<(Arc<DatabaseDef>, Arc<TableDef>), EngineError> {
        let database_name = name.database.as_deref().unwrap_or(&session.database_name);
        let not_found = || EngineError::TableNotFound {
            tenant: name.tenant.clone().unwrap_or_else(|| session.tenant_name.clone()),
            database: database_name.to_owned(),
            table: name.table.clone(),
        };
        if name.tenant.as_ref().is_some_and(|t| *t != session.tenant_name) {
            return Err(not_found());
        }
        let database = catalog.database(session.tenant, database_name).ok_or_else(not_found)?;
        match catalog.table(database.id, &name.table) {
            Some(table) => Ok((Arc::clone(database), Arc::clone(table))),
            None if catalog.external_table(database.id, &name.table).is_some() => {
                Err(EngineError::ExternalTable { table: name.table.clone() })
            }
            None => Err(not_found()),
        }
    }
}
