//! Who may do what: one pure function over a catalog snapshot. The rules follow CnosDB's manual and
//! server (`cnosdb.md` section 16); the other dialects translate to the same actions and objects.

use triglot_catalog::{CatalogSnapshot, MemberRole, Privilege, SystemRole, UserDef};
use triglot_model::{DatabaseId, TableId, TenantId, UserId};

use crate::error::{Denied, Required};
use crate::login::Principal;

/// What is done to an [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Query, list, describe. On a tenant: enter it and see its names.
    Read,
    /// Insert, update, delete, ingest.
    Write,
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
/// | database, table: read / write / create, alter, drop | that privilege by role; manage users or roles: owner; admin: admin |
/// | user: read, alter | to be that user, or admin; drop, …: admin; for `root` and other admins: `root` |
///
/// Admins may do all but change root and other admins.
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
    if user.is_admin {
        return None;
    }
    match object {
        Object::Cluster => (action != Action::Read).then_some(Required::Admin),
        Object::Tenant(tenant) => missing_in_tenant(snapshot, user.id, action, tenant),
        Object::Database(database) | Object::Table(database, _) => {
            missing_in_database(snapshot, user.id, action, database)
        }
        Object::User(target) => Some(Required::ManageUser(target)),
    }
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
        Action::Write | Action::Create | Action::Alter | Action::ManageUsers | Action::ManageRoles => {
            (!rights.is_some_and(|r| r.is_owner())).then_some(Required::Owner(tenant))
        }
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
        Action::Write => needs(Privilege::Write, Required::Write(database)),
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
    if own || (user.is_admin && action == Action::Read) {
        return None;
    }
    let protected = snapshot.user_by_id(target).is_some_and(|t| t.is_admin || t.is_root());
    if protected {
        return Some(Required::Root);
    }
    (!user.is_admin).then_some(Required::ManageUser(target))
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
