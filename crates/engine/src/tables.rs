//! The catalog as storage and the query planner see it.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{Catalog, CatalogSnapshot};
use triglot_model::{DatabaseDef, TableDef, TableId};
use triglot_query::files::{FileScan, files_table};
use triglot_query::source::SnapshotSource;
use triglot_query::{QueryError, SeriesTable, TableName, TableResolver};
use triglot_storage::{TableMeta, Tables};

use crate::{Engine, Relation, Session};

/// Storage's view: tables by id, with their database's settings.
#[derive(Debug, Clone)]
pub(crate) struct CatalogTables(pub(crate) Catalog);

impl Tables for CatalogTables {
    fn table(&self, id: TableId) -> Option<TableMeta> {
        let snapshot = self.0.snapshot();
        let def = snapshot.table_by_id(id)?;
        let database = snapshot.database_by_id(def.database)?;
        Some(table_meta(def, database))
    }
}

/// A table with its database's settings, in the table's own time unit.
pub(crate) fn table_meta(def: &Arc<TableDef>, database: &DatabaseDef) -> TableMeta {
    let precision = def.precision();
    TableMeta {
        def: Arc::clone(def),
        bucket: precision.from_ns(database.bucket_ns()),
        retention: def.retention_ns(database).map(|ns| precision.from_ns(ns)),
    }
}

/// The planner's view within one session: names of tables that the user may read.
#[derive(Debug)]
pub(crate) struct SessionTables {
    pub(crate) catalog: Arc<CatalogSnapshot>,
    pub(crate) engine: Engine,
    pub(crate) session: Session,
}

impl TableResolver for SessionTables {
    fn resolve(&self, name: &TableName) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if let Some(system) = self.session.language.system_tables()
            && let Some(table) = system.resolve(&self.engine, &self.session, name)?
        {
            return Ok(Some(table));
        }
        let Some(tenant) = self.catalog.tenant(&name.tenant) else { return Ok(None) };
        let Some(database) = self.catalog.database(tenant.id, &name.database) else { return Ok(None) };
        let may_read = |object| {
            let allowed = allow(&self.catalog, &self.session.principal, Action::Read, object);
            allowed.map_err(|denied| QueryError::refused(denied.kind(), denied))
        };
        // A right on one table is enough for that table, and tells nothing of the others.
        let Some(def) = self.catalog.table(database.id, &name.table) else {
            return self.resolve_other(database, &name.table, may_read);
        };
        may_read(Object::Table(database.id, def.id))?;
        let snapshot = self.engine.storage().snapshot(&table_meta(def, database));
        let table = SeriesTable::new(Arc::new(SnapshotSource::new(snapshot)));
        // Row ids are the engine's own.
        Ok(Some(Arc::new(if def.is_keyed() { table.without_time() } else { table })))
    }
}

impl SessionTables {
    /// Tables over files, and child tables.
    fn resolve_other(
        &self,
        database: &Arc<DatabaseDef>,
        name: &str,
        may_read: impl Fn(Object) -> Result<(), QueryError>,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if let Some(def) = self.catalog.external_table(database.id, name) {
            may_read(Object::Database(database.id))?;
            return files_table(&FileScan::of(def)?, def.file_schema()).map(Some);
        }
        let Some(child) = self.engine.find_child(&self.catalog, database, name) else {
            may_read(Object::Database(database.id))?;
            return Ok(None);
        };
        may_read(Object::Table(database.id, child.of.def.id))?;
        let rows = self.engine.relation_rows(&Relation::Child(child)).without_child_names();
        Ok(Some(Arc::new(rows.without_tags())))
    }
}
