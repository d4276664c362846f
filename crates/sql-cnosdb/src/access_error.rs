//! Words of refusals and of what is missing among tenants, users and roles (sheet sections 3, 16).

use triglot_engine::auth::{Action, Denied, Object, Required};
use triglot_engine::catalog::{CatalogError, CatalogSnapshot};
use triglot_engine::{EngineError, Flow, Gate, Meter};

use crate::error::SqlError;
use crate::parse::limiter::object_name;

type Face = (&'static str, String);

/// 010004 with what would have been needed.
pub(crate) fn insufficient(needed: &str) -> Face {
    ("010004", format!("Insufficient privileges, expected [{needed}]"))
}

pub(crate) fn tenant_not_found(tenant: &str) -> Face {
    ("030010", format!("The tenant {tenant} not found"))
}

/// 030024.
pub(crate) fn rate_reached(meter: Meter) -> Face {
    let kind = match (meter.gate, meter.flow) {
        (Gate::Store, Flow::BytesIn) => "CoordDataIn",
        (Gate::Store, Flow::BytesOut) => "CoordDataOut",
        (Gate::Store, Flow::Queries) => "CoordQueries",
        (Gate::Store, Flow::Writes) => "CoordWrites",
        (Gate::Api, Flow::BytesIn) => "HttpDataIn",
        (Gate::Api, Flow::BytesOut) => "HttpDataOut",
        (Gate::Api, Flow::Queries) => "HttpQueries",
        (Gate::Api, Flow::Writes) => "HttpWrites",
    };
    ("030024", format!("{kind} reached limit"))
}

/// The catalog's refusals about principals and tenants; others are not in here.
pub(crate) fn catalog_face(error: &CatalogError) -> Option<Face> {
    Some(match error {
        CatalogError::TenantNotFound { tenant } => tenant_not_found(tenant),
        CatalogError::QuotaReached { limit, max, .. } => {
            ("030024", format!("{} reached limit, at most {max}", object_name(*limit)))
        }
        CatalogError::TenantExists { tenant } => ("030009", format!("The tenant {tenant} already exists")),
        CatalogError::SystemTenant { tenant } => ("010064", format!("Tenant {tenant:?} forbid drop")),
        CatalogError::UserNotFound { user } => ("030008", format!("The user {user} not found")),
        CatalogError::UserExists { user } => ("030007", format!("The user {user} already exists")),
        CatalogError::ProtectedUser { .. } => insufficient("root user"),
        CatalogError::RoleNotFound { role } => ("030006", format!("The role {role} not found")),
        CatalogError::RoleExists { role } => ("030005", format!("The role {role} already exists")),
        CatalogError::SystemRole { role } => role_is_taken(role),
        CatalogError::MemberNotFound { user, tenant } => {
            ("030002", format!("The member {user} of tenant {tenant} not found"))
        }
        // The vendor reports a second membership as a second user.
        CatalogError::MemberExists { user, .. } => ("030007", format!("The user {user} already exists")),
        _ => return None,
    })
}

/// 010077.
pub(crate) fn role_is_taken(role: &str) -> Face {
    ("010077", format!("Couldn't create a role with the same name as system role: {role}"))
}

/// Puts names and ids into refusals that need the catalog for them; other errors stay as they are.
pub fn with_names(catalog: &CatalogSnapshot, error: SqlError) -> SqlError {
    let (code, text) = match &error {
        SqlError::Engine(EngineError::Denied(denied)) => insufficient(&needed(catalog, denied)),
        SqlError::Engine(EngineError::Catalog(CatalogError::MemberExists { user, .. })) => {
            let Some(user) = catalog.user(user) else { return error };
            ("030007", format!("The user {} already exists", user.id))
        }
        _ => return error,
    };
    SqlError::Coded { code, text }
}

/// The privilege that was missing, in the vendor's words (sheet section 16).
fn needed(catalog: &CatalogSnapshot, denied: &Denied) -> String {
    let on_database = |privilege: &str, id| match catalog.database_by_id(id) {
        Some(d) => format!("{privilege} on database {} of tenant {}", d.name, d.tenant),
        None => format!("{privilege} on database {id}"),
    };
    match denied.required {
        Required::Read(id) => on_database("Read", id),
        Required::Write(id) => on_database("Write", id),
        Required::Full(id) => on_database("Full", id),
        Required::Member(tenant) => format!("member of tenant {tenant}"),
        Required::Owner(tenant) => match denied.action {
            Action::ManageUsers => format!("maintainer for all members of tenant {tenant}"),
            Action::ManageRoles => format!("maintainer for all roles of tenant {tenant}"),
            Action::Alter => format!("maintainer for tenant {tenant}"),
            Action::Read
            | Action::Insert
            | Action::Update
            | Action::Delete
            | Action::Create
            | Action::Drop
            | Action::Admin => {
                format!("Write on all databases of tenant {tenant}")
            }
        },
        Required::ManageUser(user) => format!("maintainer for user {user}"),
        Required::Root => "root user".to_owned(),
        Required::User => "existing user".to_owned(),
        Required::Admin => match (denied.action, denied.object) {
            (Action::ManageUsers, _) => "maintainer for all users".to_owned(),
            (_, Object::Tenant(_)) | (Action::Create, Object::Cluster) => {
                "maintainer for all tenants".to_owned()
            }
            _ => "maintainer for system".to_owned(),
        },
    }
}
