//! Who may do what: one pure function over a catalog snapshot. The rules follow CnosDB's manual and
//! server (`cnosdb.md` section 16); the other dialects translate to the same actions and objects.

use std::sync::Arc;

use triglot_catalog::{CatalogSnapshot, GrantObject, MemberRole, Privilege, Right, SystemRole, UserDef};
use triglot_model::{DatabaseDef, DatabaseId, TableDef, TableId, TenantId, UserId};

use crate::error::{Denied, Required};
use crate::login::Principal;

/// What is done to an [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Query, list, describe. On a tenant: enter it and see its names.
    Read,
    /// Add rows: insert, ingest. Writing a row again is this, too.
    Insert,
    /// Change rows or tags that exist.
    Update,
    /// Delete rows.
    Delete,
    /// Make something in the object: a tenant in the cluster, a database in a tenant, a table in a
    /// database.
    Create,
    /// Change the object itself.
    Alter,
    /// Drop the object itself (for databases and tenants also: recover).
    Drop,
    /// Look after the machinery: compact, list replicas, settings, kill others' queries.
    Admin,
    /// Users in the cluster; members in a tenant.
    ManageUsers,
    /// Roles and grants in a tenant or database.
    ManageRoles,
}

/// What is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// The node as a whole.
    Cluster,
    /// A tenant.
    Tenant(TenantId),
    /// A database.
    Database(DatabaseId),
    /// A table of a database.
    Table(DatabaseId, TableId),
    /// A user.
    User(UserId),
}

/// Whether `principal` may do `action` to `object`, by what `snapshot` says now (the user's admin
/// right is read from there too, so that taking it away works at once).
///
/// | | needs |
/// |---|---|
/// | cluster: read | nothing; all else: admin |
/// | tenant: read | membership; create, write, alter, manage users or roles: owner; drop, admin: admin |
/// | database, table: read / insert, update, delete / create, alter, drop | Read / Write / Full on the database by role, or the right on the object; manage users or roles: owner, or the right to grant; admin: admin |
/// | user: read, alter | to be that user, or admin; drop, …: admin; for `root` and other admins: `root` |
///
/// Admins may do all but change root and other admins. Rights on an object ([`triglot_catalog::Rights`]) are those
/// of the user, of his groups and of everyone; a right on a database is none on its tables, which got theirs when
/// they were made. Who has [`MANAGES_USERS`] may make users, and change and drop those who are no admins.
///
/// # Errors
/// [`Denied`] with what would have been needed. A database that does not exist is nobody's but an
/// admin's.
pub fn allow(
    snapshot: &CatalogSnapshot,
    principal: &Principal,
    action: Action,
    object: Object,
) -> Result<(), Denied> {
    let required = match snapshot.user_by_id(principal.user) {
        None => Some(Required::User),
        Some(user) => missing(snapshot, user, action, object),
    };
    match required {
        None => Ok(()),
        Some(required) => Err(Denied { user: principal.name.clone(), action, object, required }),
    }
}

/// What `user` lacks, none = allowed.
fn missing(snapshot: &CatalogSnapshot, user: &UserDef, action: Action, object: Object) -> Option<Required> {
    if let Object::User(target) = object {
        return missing_for_user(snapshot, user, action, target);
    }
    if snapshot.is_admin(user) {
        return None;
    }
    match object {
        Object::Cluster if action == Action::ManageUsers && manages_users(user) => None,
        Object::Cluster => (action != Action::Read).then_some(Required::Admin),
        Object::Tenant(tenant) => missing_in_tenant(snapshot, user.id, action, tenant),
        Object::Database(database) if has_right(snapshot, user, action, GrantObject::Database(database)) => {
            None
        }
        Object::Table(_, table) if has_right(snapshot, user, action, GrantObject::Table(table)) => None,
        Object::Database(database) | Object::Table(database, _) => {
            missing_in_database(snapshot, user.id, action, database)
        }
        Object::User(target) => Some(Required::ManageUser(target)),
    }
}

/// The option of a user who may manage users without being an admin (`1`).
pub const MANAGES_USERS: &str = "manages_users";

fn manages_users(user: &UserDef) -> bool {
    user.options.get(MANAGES_USERS).is_some_and(|v| v == "1")
}

fn has_right(snapshot: &CatalogSnapshot, user: &UserDef, action: Action, object: GrantObject) -> bool {
    let on_table = matches!(object, GrantObject::Table(_));
    let right = match action {
        Action::Read if on_table => Right::Select,
        Action::Insert if on_table => Right::Insert,
        Action::Update if on_table => Right::Update,
        Action::Delete if on_table => Right::Delete,
        Action::Create | Action::Alter => Right::Create,
        Action::Drop => Right::Drop,
        Action::ManageRoles => Right::Grant,
        _ => return false,
    };
    snapshot.effective_rights(user.id, object).has(right)
}

/// Whether `principal` may know that a database exists: who may read it by role, and who has any right on it or
/// on one of its tables.
pub fn may_see_database(snapshot: &CatalogSnapshot, principal: &Principal, database: DatabaseId) -> bool {
    let by_role = allow(snapshot, principal, Action::Read, Object::Database(database)).is_ok();
    let has_any = |object| !snapshot.effective_rights(principal.user, object).is_empty();
    by_role
        || has_any(GrantObject::Database(database))
        || snapshot.tables(database).any(|table| has_any(GrantObject::Table(table.id)))
}

/// The databases of a tenant that `principal` may know of ([`may_see_database`]), by name.
pub fn visible_databases<'c>(
    snapshot: &'c CatalogSnapshot,
    principal: &'c Principal,
    tenant: TenantId,
) -> impl Iterator<Item = &'c Arc<DatabaseDef>> {
    snapshot.databases(tenant).filter(|d| may_see_database(snapshot, principal, d.id))
}

/// The tables of a database that `principal` may know of, by name: those that he may read, and those on which he
/// has any right.
pub fn visible_tables<'c>(
    snapshot: &'c CatalogSnapshot,
    principal: &'c Principal,
    database: DatabaseId,
) -> impl Iterator<Item = &'c Arc<TableDef>> {
    let by_role = allow(snapshot, principal, Action::Read, Object::Database(database)).is_ok();
    let has_any = |table| !snapshot.effective_rights(principal.user, GrantObject::Table(table)).is_empty();
    snapshot.tables(database).filter(move |t| by_role || has_any(t.id))
}

fn missing_in_tenant(
    snapshot: &CatalogSnapshot,
    user: UserId,
    action: Action,
    tenant: TenantId,
) -> Option<Required> {
    let rights = Rights::of(snapshot, user, tenant);
    match action {
        Action::Read => rights.is_none().then_some(Required::Member(tenant)),
        Action::Insert
        | Action::Update
        | Action::Delete
        | Action::Create
        | Action::Alter
        | Action::ManageUsers
        | Action::ManageRoles => (!rights.is_some_and(|r| r.is_owner())).then_some(Required::Owner(tenant)),
        Action::Drop | Action::Admin => Some(Required::Admin),
    }
}

fn missing_in_database(
    snapshot: &CatalogSnapshot,
    user: UserId,
    action: Action,
    database: DatabaseId,
) -> Option<Required> {
    let Some(tenant) = snapshot.database_by_id(database).map(|d| d.tenant) else {
        return Some(Required::Admin);
    };
    let rights = Rights::of(snapshot, user, tenant);
    let held = rights.and_then(|r| r.on(snapshot, database));
    let needs = |privilege, required| (held < Some(privilege)).then_some(required);
    match action {
        Action::Read => needs(Privilege::Read, Required::Read(database)),
        Action::Insert | Action::Update | Action::Delete => {
            needs(Privilege::Write, Required::Write(database))
        }
        Action::Create | Action::Alter | Action::Drop => needs(Privilege::Full, Required::Full(database)),
        Action::ManageUsers | Action::ManageRoles => {
            (!rights.is_some_and(|r| r.is_owner())).then_some(Required::Owner(tenant))
        }
        Action::Admin => Some(Required::Admin),
    }
}

/// Users belong to the node: a user may see and change himself, admins the rest, and only root may
/// change root or an admin.
fn missing_for_user(
    snapshot: &CatalogSnapshot,
    user: &UserDef,
    action: Action,
    target: UserId,
) -> Option<Required> {
    if user.is_root() {
        return None;
    }
    let own = user.id == target && matches!(action, Action::Read | Action::Alter);
    if own || (snapshot.is_admin(user) && action == Action::Read) {
        return None;
    }
    let protected = snapshot.user_by_id(target).is_some_and(|t| snapshot.is_admin(t) || t.is_root());
    if protected {
        return Some(Required::Root);
    }
    (!snapshot.is_admin(user) && !manages_users(user)).then_some(Required::ManageUser(target))
}

/// What a member's role comes down to.
#[derive(Clone, Copy)]
struct Rights {
    system: Option<SystemRole>,
    role: MemberRole,
}

impl Rights {
    /// None = not a member.
    fn of(snapshot: &CatalogSnapshot, user: UserId, tenant: TenantId) -> Option<Self> {
        let role = snapshot.member(tenant, user)?;
        let system = match role {
            MemberRole::System(system) => Some(system),
            MemberRole::Custom(id) => snapshot.role_by_id(id)?.inherit,
        };
        Some(Self { system, role })
    }

    fn is_owner(self) -> bool {
        self.system == Some(SystemRole::Owner)
    }

    /// The strongest right on a database of the tenant.
    fn on(self, snapshot: &CatalogSnapshot, database: DatabaseId) -> Option<Privilege> {
        let inherited = self.system.map(|system| match system {
            SystemRole::Owner => Privilege::Full,
            SystemRole::Member => Privilege::Read,
        });
        let granted = match self.role {
            MemberRole::System(_) => None,
            MemberRole::Custom(id) => snapshot.role_by_id(id).and_then(|r| r.grants.get(&database).copied()),
        };
        inherited.max(granted)
    }
}
