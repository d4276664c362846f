//! Rules for tenants and databases.

use std::collections::BTreeMap;
use std::sync::Arc;

use triglot_model::{DatabaseDef, DatabaseId, TableId, TenantId};

use super::{Draft, Result, change_options, take_id};
use crate::entity::TenantDef;
use crate::error::CatalogError;
use crate::event::Event;
use crate::op::{DatabaseChanges, NewDatabase, OpResult, OptionChanges};
use crate::quota::ObjectLimit;

impl Draft<'_> {
    pub(super) fn create_tenant(
        &mut self,
        name: &str,
        options: &BTreeMap<String, String>,
    ) -> Result<OpResult> {
        self.check_name(name)?;
        if self.state.tenant_even_dropped(name).is_some() {
            return Err(CatalogError::TenantExists { tenant: name.to_owned() });
        }
        let id = TenantId(take_id(self.state.next.tenant, "tenant")?);
        let def = TenantDef { id, name: name.to_owned(), options: options.clone(), drop_at_ns: None };
        self.emit(Event::TenantPut(def))?;
        self.tenant(id).map(OpResult::Tenant)
    }

    pub(super) fn alter_tenant(&mut self, id: TenantId, options: &OptionChanges) -> Result<OpResult> {
        let old = self.tenant(id)?;
        let mut new = TenantDef::clone(&old);
        change_options(&mut new.options, options);
        if new != *old {
            self.emit(Event::TenantPut(new))?;
        }
        self.tenant(id).map(OpResult::Tenant)
    }

    pub(super) fn drop_tenant(&mut self, id: TenantId, after_ns: Option<i64>) -> Result<OpResult> {
        let tenant = self.tenant(id)?;
        if tenant.is_system() {
            return Err(CatalogError::SystemTenant { tenant: tenant.name.clone() });
        }
        let Some(after_ns) = after_ns else { return self.remove_tenant(id) };
        let mut new = TenantDef::clone(&tenant);
        new.drop_at_ns = Some(self.now_ns.saturating_add(after_ns));
        self.emit(Event::TenantPut(new.clone()))?;
        Ok(OpResult::Tenant(Arc::new(new)))
    }

    pub(super) fn recover_tenant(&mut self, id: TenantId) -> Result<OpResult> {
        let Some(tenant) = self.state.tenant_by_id(id).cloned() else {
            return Err(CatalogError::TenantNotFound { tenant: format!("#{id}") });
        };
        if tenant.drop_at_ns.is_some() {
            self.emit(Event::TenantPut(TenantDef { drop_at_ns: None, ..TenantDef::clone(&tenant) }))?;
        }
        self.tenant(id).map(OpResult::Tenant)
    }

    pub(super) fn purge_tenant(&mut self, id: TenantId) -> Result<OpResult> {
        let Some(tenant) = self.state.tenant_by_id(id) else {
            return Err(CatalogError::TenantNotFound { tenant: format!("#{id}") });
        };
        self.check_due(&tenant.name, tenant.drop_at_ns)?;
        self.remove_tenant(id)
    }

    fn remove_tenant(&mut self, id: TenantId) -> Result<OpResult> {
        let databases = self.state.databases_even_dropped(id);
        let tables = databases.flat_map(|d| self.state.tables(d.id)).map(|t| t.id).collect();
        self.emit(Event::TenantRemoved(id))?;
        Ok(OpResult::Dropped(tables))
    }

    pub(super) fn create_database(&mut self, new: &NewDatabase) -> Result<OpResult> {
        let tenant = self.tenant(new.tenant)?;
        self.check_new_database_name(new.tenant, &new.name)?;
        Self::check_room(&tenant, ObjectLimit::Databases, self.state.databases(new.tenant).count())?;
        check_retention(&tenant, new.retention_ns)?;
        let id = DatabaseId(take_id(self.state.next.database, "database")?);
        self.emit(Event::DatabasePut(DatabaseDef {
            id,
            tenant: new.tenant,
            name: new.name.clone(),
            precision: new.precision,
            retention_ns: new.retention_ns,
            partition_ns: new.partition_ns,
            rewrite: new.rewrite,
            options: new.options.clone(),
            drop_at_ns: None,
        }))?;
        self.database(id).map(OpResult::Database)
    }

    pub(super) fn alter_database(&mut self, id: DatabaseId, changes: &DatabaseChanges) -> Result<OpResult> {
        let old = self.database(id)?;
        let mut new = DatabaseDef::clone(&old);
        if let Some(name) = changes.name.as_ref().filter(|name| **name != old.name) {
            self.check_new_database_name(old.tenant, name)?;
            new.name.clone_from(name);
        }
        if let Some(retention_ns) = changes.retention_ns {
            check_retention(&*self.tenant(old.tenant)?, retention_ns)?;
            new.retention_ns = retention_ns;
        }
        new.partition_ns = changes.partition_ns.unwrap_or(old.partition_ns);
        new.rewrite = changes.rewrite.unwrap_or(old.rewrite);
        change_options(&mut new.options, &changes.options);
        if new != *old {
            self.emit(Event::DatabasePut(new))?;
        }
        self.database(id).map(OpResult::Database)
    }

    pub(super) fn drop_database(&mut self, id: DatabaseId, after_ns: Option<i64>) -> Result<OpResult> {
        let database = self.database(id)?;
        let Some(after_ns) = after_ns else { return self.remove_database(id) };
        let mut new = DatabaseDef::clone(&database);
        new.drop_at_ns = Some(self.now_ns.saturating_add(after_ns));
        self.emit(Event::DatabasePut(new.clone()))?;
        Ok(OpResult::Database(Arc::new(new)))
    }

    pub(super) fn recover_database(&mut self, id: DatabaseId) -> Result<OpResult> {
        let in_live_tenant = |d: &&Arc<DatabaseDef>| self.tenant(d.tenant).is_ok();
        let Some(database) = self.state.database_by_id(id).filter(in_live_tenant).cloned() else {
            return Err(CatalogError::DatabaseNotFound { database: format!("#{id}") });
        };
        if database.drop_at_ns.is_some() {
            let (tenant, present) =
                (self.tenant(database.tenant)?, self.state.databases(database.tenant).count());
            Self::check_room(&tenant, ObjectLimit::Databases, present)?;
            self.emit(Event::DatabasePut(DatabaseDef { drop_at_ns: None, ..DatabaseDef::clone(&database) }))?;
        }
        self.database(id).map(OpResult::Database)
    }

    pub(super) fn purge_database(&mut self, id: DatabaseId) -> Result<OpResult> {
        let Some(database) = self.state.database_by_id(id) else {
            return Err(CatalogError::DatabaseNotFound { database: format!("#{id}") });
        };
        self.check_due(&database.name, database.drop_at_ns)?;
        self.remove_database(id)
    }

    fn remove_database(&mut self, id: DatabaseId) -> Result<OpResult> {
        let tables: Vec<TableId> = self.state.tables(id).map(|t| t.id).collect();
        self.emit(Event::DatabaseRemoved(id))?;
        Ok(OpResult::Dropped(tables))
    }

    /// Whether one more fits beside the `present` ones.
    pub(super) fn check_room(tenant: &TenantDef, limit: ObjectLimit, present: usize) -> Result<()> {
        match tenant.object_limit(limit) {
            Some(max) if present as u64 >= max => Err(quota_reached(tenant, limit, max)),
            _ => Ok(()),
        }
    }

    fn check_new_database_name(&self, tenant: TenantId, name: &str) -> Result<()> {
        self.check_name(name)?;
        match self.state.database_even_dropped(tenant, name) {
            Some(_) => Err(CatalogError::DatabaseExists { database: name.to_owned() }),
            None => Ok(()),
        }
    }

    fn check_due(&self, name: &str, drop_at_ns: Option<i64>) -> Result<()> {
        match drop_at_ns {
            Some(at) if at <= self.now_ns => Ok(()),
            _ => Err(CatalogError::NotDue { name: name.to_owned() }),
        }
    }
}

fn check_retention(tenant: &TenantDef, retention_ns: Option<i64>) -> Result<()> {
    match tenant.retention_limit_under(retention_ns) {
        Some(days) => Err(quota_reached(tenant, ObjectLimit::RetentionDays, days)),
        None => Ok(()),
    }
}

fn quota_reached(tenant: &TenantDef, limit: ObjectLimit, max: u64) -> CatalogError {
    CatalogError::QuotaReached { tenant: tenant.name.clone(), limit, max }
}
