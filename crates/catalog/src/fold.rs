//! How a fact changes the state. The same code runs after validation and on replay.

use std::sync::Arc;

use triglot_model::{
    ColumnId, DatabaseDef, DatabaseId, ExternalTableDef, RoleId, TableDef, TableId, TenantId, UserId,
};

use crate::entity::{MemberRole, RoleDef, TenantDef, UserDef};
use crate::event::Event;
use crate::rights::{GrantObject, Grantee, Rights};
use crate::snapshot::CatalogSnapshot;

/// A fact about something that is not there: the log is not one that this code wrote.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misfit(String);

fn raise(next: &mut u32, id: u32) {
    *next = (*next).max(id.saturating_add(1));
}

impl CatalogSnapshot {
    /// Takes over one fact.
    pub(crate) fn fold(&mut self, event: Event) -> Result<(), Misfit> {
        match event {
            Event::TenantPut(tenant) => self.put_tenant(tenant),
            Event::TenantRemoved(id) => self.remove_tenant(id),
            Event::DatabasePut(database) => return self.put_database(database),
            Event::DatabaseRemoved(id) => self.remove_database(id),
            Event::TablePut(table) => return self.put_table(table),
            Event::ColumnsAdded { table, version, columns } => {
                let Some(old) = self.tables.get(&table) else {
                    return Err(Misfit(format!("columns for table #{table}, which does not exist")));
                };
                let mut new = TableDef::clone(old);
                new.version = version;
                for column in columns {
                    new.next_column_id = new.next_column_id.max(ColumnId(column.id.0.saturating_add(1)));
                    new.columns.push(column);
                }
                return self.put_table(new);
            }
            Event::TableRemoved(id) => self.remove_table(id),
            Event::UserPut(user) => self.put_user(user),
            Event::UserRemoved(id) => self.remove_user(id),
            Event::RolePut(role) => return self.put_role(role),
            Event::RoleRemoved(id) => self.remove_role(id),
            Event::MemberPut { tenant, user, role } => return self.put_member(tenant, user, role),
            Event::MemberRemoved { tenant, user } => {
                self.members.remove(&(tenant, user));
            }
            Event::SettingPut { key, value } => {
                self.settings.insert(key.into(), value.into());
            }
            Event::SettingRemoved { key } => {
                self.settings.remove(&key.into());
            }
            Event::RightsPut { grantee, object, rights } => return self.put_rights(grantee, object, rights),
            Event::GroupMemberPut { group, member, may_grant } => {
                return self.put_group_member(group, member, may_grant);
            }
            Event::GroupMemberRemoved { group, member } => {
                self.group_members.remove(&(group, member));
            }
            Event::ExternalTablePut(table) => return self.put_external_table(table),
            Event::ExternalTableRemoved { database, name } => {
                self.external_tables.remove(&(database, name.into()));
            }
        }
        Ok(())
    }

    fn put_tenant(&mut self, tenant: TenantDef) {
        raise(&mut self.next.tenant, tenant.id.0);
        let tenant = Arc::new(tenant);
        if let Some(old) = self.tenants.insert(tenant.id, Arc::clone(&tenant)) {
            self.tenant_names.remove(&old.name.as_str().into());
        }
        self.tenant_names.insert(tenant.name.as_str().into(), tenant.id);
    }

    fn remove_tenant(&mut self, id: TenantId) {
        let databases: Vec<_> = self.databases_even_dropped(id).map(|d| d.id).collect();
        databases.into_iter().for_each(|d| self.remove_database(d));
        let roles: Vec<_> = self.roles(id).map(|r| r.id).collect();
        roles.into_iter().for_each(|r| self.remove_role(r));
        let members: Vec<_> = self.members(id).map(|(user, _)| user).collect();
        for user in members {
            self.members.remove(&(id, user));
        }
        if let Some(old) = self.tenants.remove(&id) {
            self.tenant_names.remove(&old.name.as_str().into());
        }
    }

    fn put_database(&mut self, database: DatabaseDef) -> Result<(), Misfit> {
        if self.tenants.get(&database.tenant).is_none() {
            return Err(Misfit(format!("database {} of tenant #{}", database.name, database.tenant)));
        }
        raise(&mut self.next.database, database.id.0);
        let database = Arc::new(database);
        if let Some(old) = self.databases.insert(database.id, Arc::clone(&database)) {
            self.database_names.remove(&(old.tenant, old.name.as_str().into()));
        }
        self.database_names.insert((database.tenant, database.name.as_str().into()), database.id);
        Ok(())
    }

    fn remove_database(&mut self, id: DatabaseId) {
        let tables: Vec<_> = self.tables(id).map(|t| t.id).collect();
        tables.into_iter().for_each(|t| self.remove_table(t));
        let external: Vec<Arc<str>> = self.external_tables(id).map(|t| t.name.as_str().into()).collect();
        for name in external {
            self.external_tables.remove(&(id, name));
        }
        let granted: Vec<_> = self
            .roles
            .iter()
            .filter(|(_, r)| r.grants.contains_key(&id))
            .map(|(_, r)| Arc::clone(r))
            .collect();
        for role in granted {
            let mut role = RoleDef::clone(&role);
            role.grants.remove(&id);
            self.roles.insert(role.id, Arc::new(role));
        }
        self.remove_rights_on(GrantObject::Database(id));
        if let Some(old) = self.databases.remove(&id) {
            self.database_names.remove(&(old.tenant, old.name.as_str().into()));
        }
    }

    fn put_table(&mut self, table: TableDef) -> Result<(), Misfit> {
        if self.databases.get(&table.database).is_none() {
            return Err(Misfit(format!("table {} of database #{}", table.name, table.database)));
        }
        raise(&mut self.next.table, table.id.0);
        let table = Arc::new(table);
        if let Some(old) = self.tables.insert(table.id, Arc::clone(&table)) {
            if old.name == table.name && old.database == table.database {
                return Ok(());
            }
            self.table_names.remove(&(old.database, old.name.as_str().into()));
        }
        self.table_names.insert((table.database, table.name.as_str().into()), table.id);
        Ok(())
    }

    fn remove_table(&mut self, id: TableId) {
        self.remove_rights_on(GrantObject::Table(id));
        if let Some(old) = self.tables.remove(&id) {
            self.table_names.remove(&(old.database, old.name.as_str().into()));
        }
    }

    fn put_external_table(&mut self, table: ExternalTableDef) -> Result<(), Misfit> {
        if self.databases.get(&table.database).is_none() {
            return Err(Misfit(format!("external table {} of database #{}", table.name, table.database)));
        }
        let key = (table.database, table.name.as_str().into());
        self.external_tables.insert(key, Arc::new(table));
        Ok(())
    }

    fn put_user(&mut self, user: UserDef) {
        raise(&mut self.next.user, user.id.0);
        let user = Arc::new(user);
        if let Some(old) = self.users.insert(user.id, Arc::clone(&user)) {
            self.user_names.remove(&old.name.as_str().into());
        }
        self.user_names.insert(user.name.as_str().into(), user.id);
    }

    fn remove_user(&mut self, id: UserId) {
        let memberships: Vec<_> =
            self.members.iter().filter(|((_, u), _)| *u == id).map(|(k, _)| *k).collect();
        for key in memberships {
            self.members.remove(&key);
        }
        self.remove_rights_of(id);
        if let Some(old) = self.users.remove(&id) {
            self.user_names.remove(&old.name.as_str().into());
        }
    }

    fn put_role(&mut self, role: RoleDef) -> Result<(), Misfit> {
        if self.tenants.get(&role.tenant).is_none() {
            return Err(Misfit(format!("role {} of tenant #{}", role.name, role.tenant)));
        }
        raise(&mut self.next.role, role.id.0);
        let role = Arc::new(role);
        if let Some(old) = self.roles.insert(role.id, Arc::clone(&role)) {
            self.role_names.remove(&(old.tenant, old.name.as_str().into()));
        }
        self.role_names.insert((role.tenant, role.name.as_str().into()), role.id);
        Ok(())
    }

    fn remove_role(&mut self, id: RoleId) {
        let by_role = MemberRole::Custom(id);
        let memberships: Vec<_> =
            self.members.iter().filter(|(_, r)| **r == by_role).map(|(k, _)| *k).collect();
        for key in memberships {
            self.members.remove(&key);
        }
        if let Some(old) = self.roles.remove(&id) {
            self.role_names.remove(&(old.tenant, old.name.as_str().into()));
        }
    }

    fn put_member(&mut self, tenant: TenantId, user: UserId, role: MemberRole) -> Result<(), Misfit> {
        let role_fits = match role {
            MemberRole::System(_) => true,
            MemberRole::Custom(id) => self.roles.get(&id).is_some_and(|r| r.tenant == tenant),
        };
        if !role_fits || self.tenants.get(&tenant).is_none() || self.users.get(&user).is_none() {
            return Err(Misfit(format!("user #{user} as {role:?} of tenant #{tenant}")));
        }
        self.members.insert((tenant, user), role);
        Ok(())
    }
}

/// Rights and groups.
impl CatalogSnapshot {
    fn put_rights(&mut self, grantee: Grantee, object: GrantObject, rights: Rights) -> Result<(), Misfit> {
        let has_object = match object {
            GrantObject::Database(id) => self.databases.get(&id).is_some(),
            GrantObject::Table(id) => self.tables.get(&id).is_some(),
        };
        let has_grantee = match grantee {
            Grantee::User(id) => self.users.get(&id).is_some(),
            Grantee::Everyone => true,
        };
        if !has_object || !has_grantee {
            return Err(Misfit(format!("rights of {grantee:?} on {object:?}")));
        }
        if rights.is_empty() {
            self.rights.remove(&(object, grantee));
        } else {
            self.rights.insert((object, grantee), rights);
        }
        Ok(())
    }

    fn put_group_member(&mut self, group: UserId, member: UserId, may_grant: bool) -> Result<(), Misfit> {
        if self.users.get(&group).is_none() || self.users.get(&member).is_none() {
            return Err(Misfit(format!("user #{member} in group #{group}")));
        }
        self.group_members.insert((group, member), may_grant);
        Ok(())
    }

    fn remove_rights_on(&mut self, object: GrantObject) {
        let grantees: Vec<_> = self.rights_on(object).map(|(grantee, _)| grantee).collect();
        for grantee in grantees {
            self.rights.remove(&(object, grantee));
        }
    }

    fn remove_rights_of(&mut self, user: UserId) {
        let held: Vec<_> = self.rights_of(Grantee::User(user)).map(|(object, _)| object).collect();
        for object in held {
            self.rights.remove(&(object, Grantee::User(user)));
        }
        let groups: Vec<_> = self
            .group_members
            .iter()
            .map(|(key, _)| *key)
            .filter(|(g, m)| *g == user || *m == user)
            .collect();
        for key in groups {
            self.group_members.remove(&key);
        }
    }
}

/// The order of [`Event`]s that builds a state from nothing; what a checkpoint holds.
pub(crate) fn unfold(state: &CatalogSnapshot) -> Vec<Event> {
    let mut events = Vec::new();
    events.extend(state.tenants.iter().map(|(_, t)| Event::TenantPut(TenantDef::clone(t))));
    events.extend(state.databases.iter().map(|(_, d)| Event::DatabasePut(DatabaseDef::clone(d))));
    events.extend(state.tables.iter().map(|(_, t)| Event::TablePut(TableDef::clone(t))));
    events.extend(
        state.external_tables.iter().map(|(_, t)| Event::ExternalTablePut(ExternalTableDef::clone(t))),
    );
    events.extend(state.users.iter().map(|(_, u)| Event::UserPut(UserDef::clone(u))));
    events.extend(state.roles.iter().map(|(_, r)| Event::RolePut(RoleDef::clone(r))));
    events.extend(state.members.iter().map(|((tenant, user), role)| Event::MemberPut {
        tenant: *tenant,
        user: *user,
        role: *role,
    }));
    events.extend(state.rights.iter().map(|((object, grantee), rights)| Event::RightsPut {
        grantee: *grantee,
        object: *object,
        rights: *rights,
    }));
    events.extend(state.group_members.iter().map(|((group, member), may_grant)| Event::GroupMemberPut {
        group: *group,
        member: *member,
        may_grant: *may_grant,
    }));
    events.extend(
        state.settings.iter().map(|(k, v)| Event::SettingPut { key: k.to_string(), value: v.to_string() }),
    );
    events
}
