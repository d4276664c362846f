//! The state of the catalog at one version: immutable, shared, cheap to follow.

use std::cmp::Ordering;
use std::sync::Arc;

use triglot_model::{DatabaseDef, DatabaseId, ExternalTableDef, RoleId, TableDef, TableId, TenantId, UserId};

use crate::entity::{MemberRole, RoleDef, TenantDef, UserDef};
use crate::pmap::PMap;
use crate::rights::{GrantObject, Grantee, Rights};

/// Orders a stored (owner, name) key against a wanted one without building an owned key.
fn by_name<'a, O: Ord + Copy + 'a>(owner: O, name: &'a str) -> impl Fn(&(O, Arc<str>)) -> Ordering + 'a {
    move |(o, n)| o.cmp(&owner).then_with(|| (**n).cmp(name))
}

/// The lowest unused id of each kind. Kept in checkpoints, so that ids of dropped entities are not
/// given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct NextIds {
    pub(crate) tenant: u32,
    pub(crate) database: u32,
    pub(crate) table: u32,
    pub(crate) user: u32,
    pub(crate) role: u32,
}

/// The whole catalog at one version. Clones and successors share all that is the same; keep one for
/// the length of a request and every look-up in it agrees with the others.
///
/// Look-ups by name do not see tenants and databases that a deferred drop hides; look-ups by id do,
/// because storage and the removal job need them.
#[derive(Clone, Debug, Default)]
pub struct CatalogSnapshot {
    pub(crate) version: u64,
    pub(crate) next: NextIds,
    pub(crate) tenants: PMap<TenantId, Arc<TenantDef>>,
    pub(crate) tenant_names: PMap<Arc<str>, TenantId>,
    pub(crate) databases: PMap<DatabaseId, Arc<DatabaseDef>>,
    pub(crate) database_names: PMap<(TenantId, Arc<str>), DatabaseId>,
    pub(crate) tables: PMap<TableId, Arc<TableDef>>,
    pub(crate) table_names: PMap<(DatabaseId, Arc<str>), TableId>,
    pub(crate) external_tables: PMap<(DatabaseId, Arc<str>), Arc<ExternalTableDef>>,
    pub(crate) users: PMap<UserId, Arc<UserDef>>,
    pub(crate) user_names: PMap<Arc<str>, UserId>,
    pub(crate) roles: PMap<RoleId, Arc<RoleDef>>,
    pub(crate) role_names: PMap<(TenantId, Arc<str>), RoleId>,
    pub(crate) members: PMap<(TenantId, UserId), MemberRole>,
    pub(crate) settings: PMap<Arc<str>, Arc<str>>,
    pub(crate) rights: PMap<(GrantObject, Grantee), Rights>,
    /// (group, member), and whether the member may let others in.
    pub(crate) group_members: PMap<(UserId, UserId), bool>,
}

impl CatalogSnapshot {
    /// Grows with each applied change (it is the number of the last durable record).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The tenant of this name, unless it is dropped.
    pub fn tenant(&self, name: &str) -> Option<&Arc<TenantDef>> {
        self.tenant_even_dropped(name).filter(|t| t.drop_at_ns.is_none())
    }

    /// The tenant of this name, also while a deferred drop hides it (for RECOVER).
    pub fn tenant_even_dropped(&self, name: &str) -> Option<&Arc<TenantDef>> {
        self.tenants.get(self.tenant_names.get_by(|n| (**n).cmp(name))?)
    }

    /// The tenant with this id, dropped or not.
    pub fn tenant_by_id(&self, id: TenantId) -> Option<&Arc<TenantDef>> {
        self.tenants.get(&id)
    }

    /// All tenants that are not dropped, by id.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<TenantDef>> {
        self.tenants.iter().map(|(_, t)| t).filter(|t| t.drop_at_ns.is_none())
    }

    /// The database of this name, unless it is dropped.
    pub fn database(&self, tenant: TenantId, name: &str) -> Option<&Arc<DatabaseDef>> {
        self.database_even_dropped(tenant, name).filter(|d| d.drop_at_ns.is_none())
    }

    /// The database of this name, also while a deferred drop hides it (for RECOVER).
    pub fn database_even_dropped(&self, tenant: TenantId, name: &str) -> Option<&Arc<DatabaseDef>> {
        self.databases.get(self.database_names.get_by(by_name(tenant, name))?)
    }

    /// The database with this id, dropped or not.
    pub fn database_by_id(&self, id: DatabaseId) -> Option<&Arc<DatabaseDef>> {
        self.databases.get(&id)
    }

    /// The tenant's databases that are not dropped, by name.
    pub fn databases(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<DatabaseDef>> {
        self.databases_even_dropped(tenant).filter(|d| d.drop_at_ns.is_none())
    }

    /// The tenant's databases, dropped or not, by name.
    pub fn databases_even_dropped(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<DatabaseDef>> {
        self.database_names
            .iter_from(by_name(tenant, ""))
            .take_while(move |((t, _), _)| *t == tenant)
            .filter_map(|(_, id)| self.databases.get(id))
    }

    /// The table of this name. The database may be dropped: look it up by name first.
    pub fn table(&self, database: DatabaseId, name: &str) -> Option<&Arc<TableDef>> {
        self.tables.get(self.table_names.get_by(by_name(database, name))?)
    }

    /// The table by names only; none if any of the three is absent or dropped.
    pub fn find_table(&self, tenant: &str, database: &str, table: &str) -> Option<&Arc<TableDef>> {
        let tenant = self.tenant(tenant)?;
        let database = self.database(tenant.id, database)?;
        self.table(database.id, table)
    }

    /// The table with this id, also in a dropped database.
    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<TableDef>> {
        self.tables.get(&id)
    }

    /// The database's tables by name.
    pub fn tables(&self, database: DatabaseId) -> impl Iterator<Item = &Arc<TableDef>> {
        self.table_names
            .iter_from(by_name(database, ""))
            .take_while(move |((d, _), _)| *d == database)
            .filter_map(|(_, id)| self.tables.get(id))
    }

    /// The table over files of this name. The database may be dropped: look it up by name first.
    pub fn external_table(&self, database: DatabaseId, name: &str) -> Option<&Arc<ExternalTableDef>> {
        self.external_tables.get_by(by_name(database, name))
    }

    /// The database's tables over files by name.
    pub fn external_tables(&self, database: DatabaseId) -> impl Iterator<Item = &Arc<ExternalTableDef>> {
        self.external_tables
            .iter_from(by_name(database, ""))
            .take_while(move |((d, _), _)| *d == database)
            .map(|(_, table)| table)
    }

    /// All tables of the node by id, dropped databases' included.
    pub fn all_tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.iter().map(|(_, t)| t)
    }

    /// Number of tables on the node.
    pub fn table_count(&self) -> usize {
        self.tables.len()
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&Arc<UserDef>> {
        self.users.get(self.user_names.get_by(|n| (**n).cmp(name))?)
    }

    /// The user with this id.
    pub fn user_by_id(&self, id: UserId) -> Option<&Arc<UserDef>> {
        self.users.get(&id)
    }

    /// All users by id.
    pub fn users(&self) -> impl Iterator<Item = &Arc<UserDef>> {
        self.users.iter().map(|(_, u)| u)
    }

    /// The tenant's custom role of this name.
    pub fn role(&self, tenant: TenantId, name: &str) -> Option<&Arc<RoleDef>> {
        self.roles.get(self.role_names.get_by(by_name(tenant, name))?)
    }

    /// The custom role with this id.
    pub fn role_by_id(&self, id: RoleId) -> Option<&Arc<RoleDef>> {
        self.roles.get(&id)
    }

    /// The tenant's custom roles by name (every tenant has owner and member besides).
    pub fn roles(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<RoleDef>> {
        self.role_names
            .iter_from(by_name(tenant, ""))
            .take_while(move |((t, _), _)| *t == tenant)
            .filter_map(|(_, id)| self.roles.get(id))
    }

    /// The role that a user has in a tenant, none = not a member.
    pub fn member(&self, tenant: TenantId, user: UserId) -> Option<MemberRole> {
        self.members.get(&(tenant, user)).copied()
    }

    /// The tenant's members by user id.
    pub fn members(&self, tenant: TenantId) -> impl Iterator<Item = (UserId, MemberRole)> {
        self.members
            .iter_from(move |(t, _)| t.cmp(&tenant))
            .take_while(move |((t, _), _)| *t == tenant)
            .map(|((_, user), role)| (*user, *role))
    }

    /// The value of a setting.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get_by(|k| (**k).cmp(key)).map(|v| &**v)
    }

    /// All settings by key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Tenants and databases whose deferred drop is due at `now_ns`: what the removal job purges.
    /// Databases of a tenant in the list are not named again.
    pub fn due_drops(&self, now_ns: i64) -> (Vec<TenantId>, Vec<DatabaseId>) {
        let due = |at: Option<i64>| at.is_some_and(|at| at <= now_ns);
        let tenants: Vec<_> =
            self.tenants.iter().filter(|(_, t)| due(t.drop_at_ns)).map(|(id, _)| *id).collect();
        let databases = self
            .databases
            .iter()
            .filter(|(_, d)| due(d.drop_at_ns) && !tenants.contains(&d.tenant))
            .map(|(id, _)| *id)
            .collect();
        (tenants, databases)
    }
}
