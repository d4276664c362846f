//! Tables that CnosDB computes: `information_schema` and `usage_schema` in every tenant, `cluster_schema` in
//! the system tenant (sheet section 15). They are small and made anew for each query that names them.

mod cluster_schema;
mod information_schema;
mod json;
mod usage_schema;

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use triglot_engine::auth::{Action, Object, allow, visible_databases, visible_tables};
use triglot_engine::catalog::{CatalogSnapshot, MemberRole, SYSTEM_TENANT};
use triglot_engine::query::{QueryError, QueryState, TableName, batches_table};
use triglot_engine::{Engine, Session, SystemTables};
use triglot_model::{DatabaseDef, DatabaseId, ErrorKind, Precision, RewriteRule, TableDef};

pub use usage_schema::{API_TABLES, ApiUsage, UsageSource};
pub(crate) use usage_schema::{table_names as usage_tables, tags_of as usage_tags};

/// Names that are databases without rows of their own.
const INFORMATION_SCHEMA: &str = "information_schema";
const CLUSTER_SCHEMA: &str = "cluster_schema";
pub(crate) const USAGE_SCHEMA: &str = "usage_schema";

/// Names that no database can have, in any tenant.
pub(crate) const RESERVED: [&str; 3] = [INFORMATION_SCHEMA, CLUSTER_SCHEMA, USAGE_SCHEMA];

/// The system tables of CnosDB sessions.
#[derive(Debug)]
pub(crate) struct CnosDbTables(pub(crate) Arc<dyn UsageSource>);

impl SystemTables for CnosDbTables {
    fn resolve(
        &self,
        engine: &Engine,
        session: &Session,
        name: &TableName,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if name.tenant != session.tenant_name {
            return Ok(None);
        }
        let view = View { engine, session, catalog: &engine.catalog() };
        let table = name.table.to_ascii_lowercase();
        let columns = match name.database.to_ascii_lowercase().as_str() {
            INFORMATION_SCHEMA => information_schema::columns(&view, &table),
            CLUSTER_SCHEMA if view.is_system_tenant() => cluster_schema::columns(&view, &table),
            USAGE_SCHEMA => usage_schema::columns(&view, self.0.as_ref(), &table),
            _ => None,
        };
        let Some(columns) = columns else { return Ok(None) };
        let batch = batch(columns).map_err(|e| QueryError::refused(ErrorKind::Internal, e))?;
        batches_table(batch.schema(), vec![batch]).map(Some)
    }
}

/// Named columns of equal length.
pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

/// Named columns as a batch.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<Field> =
        columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect())
}

/// A column of texts.
pub(crate) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A column of texts for each name, from rows.
fn text_columns<const N: usize>(names: [&'static str; N], rows: &[[String; N]]) -> Columns {
    let column = |(at, name): (usize, &'static str)| {
        (name, texts(rows.iter().map(|row| row.get(at).map_or("", String::as_str))))
    };
    names.into_iter().enumerate().map(column).collect()
}

/// The databases that SHOW DATABASES lists beside the tenant's own.
pub(crate) fn system_databases(session: &Session) -> Vec<DatabaseDef> {
    let names: &[&str] =
        if session.tenant_name == SYSTEM_TENANT { &[CLUSTER_SCHEMA, USAGE_SCHEMA] } else { &[] };
    let database = |name: &&str| DatabaseDef {
        id: DatabaseId(u32::MAX),
        tenant: session.tenant,
        name: (*name).to_owned(),
        precision: Precision::Nano,
        retention_ns: None,
        partition_ns: None,
        rewrite: RewriteRule::Merge,
        options: [("max_memcache_size".to_owned(), "2 MiB".to_owned())].into(),
        drop_at_ns: None,
    };
    names.iter().map(database).collect()
}

/// The vendor's word for how far a query has come.
pub(crate) const fn state_name(state: QueryState) -> &'static str {
    match state {
        QueryState::Planning => "ANALYZING",
        QueryState::Running => "SCHEDULING",
        QueryState::Killed => "CANCELLED",
    }
}

/// What one session may see of one state of the catalog.
struct View<'a> {
    engine: &'a Engine,
    session: &'a Session,
    catalog: &'a CatalogSnapshot,
}

impl View<'_> {
    fn may(&self, action: Action, object: Object) -> bool {
        allow(self.catalog, &self.session.principal, action, object).is_ok()
    }

    /// Whether the user looks after the session's tenant.
    fn is_owner(&self) -> bool {
        self.may(Action::ManageRoles, Object::Tenant(self.session.tenant))
    }

    fn is_system_tenant(&self) -> bool {
        self.session.tenant_name == SYSTEM_TENANT
    }

    fn is_admin(&self) -> bool {
        self.may(Action::Admin, Object::Cluster)
    }

    /// The tenant's databases that the user may know of, system ones included, by name.
    fn databases(&self) -> Vec<DatabaseDef> {
        let visible = visible_databases(self.catalog, &self.session.principal, self.session.tenant);
        let mut databases = system_databases(self.session);
        databases.extend(visible.map(|d| DatabaseDef::clone(d)));
        databases.sort_by(|a, b| a.name.cmp(&b.name));
        databases
    }

    /// The tables of a database that the user may know of, by name.
    fn tables(&self, database: DatabaseId) -> impl Iterator<Item = &Arc<TableDef>> {
        visible_tables(self.catalog, &self.session.principal, database)
    }

    /// The role that the user has in the session's tenant.
    fn role(&self) -> Option<MemberRole> {
        self.catalog.member(self.session.tenant, self.session.principal.user)
    }

    fn role_name(&self, role: MemberRole) -> String {
        match role {
            MemberRole::System(system) => system.name().to_owned(),
            MemberRole::Custom(id) => self.catalog.role_by_id(id).map_or(String::new(), |r| r.name.clone()),
        }
    }
}
