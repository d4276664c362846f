//! The catalog of a node: tenants, databases, tables, users, roles, grants, members and settings of
//! all dialects.
//!
//! A change goes through three layers: an [`CatalogOp`] is validated into facts, the facts are
//! written as one frozen record of the metadata log, and the durable facts are folded into a new
//! [`CatalogSnapshot`]. Readers hold snapshots: immutable, shared, never blocked by a change.
//!
//! Names are stored exactly; folding case, reserved names and name rules are the dialects'.

mod catalog;
mod entity;
mod error;
mod event;
mod fold;
mod op;
mod plan;
mod pmap;
mod quota;
mod record;
mod rights;
mod snapshot;
mod snapshot_rights;

pub use catalog::{Bootstrap, Catalog};
pub use entity::{
    DEFAULT_DATABASE, MemberRole, PasswordHash, Privilege, ROOT_USER, RoleDef, SYSTEM_TENANT, SystemRole,
    TenantDef, UserDef,
};
pub use error::{CatalogError, ColumnShape};
pub use op::{
    CatalogOp, DatabaseChanges, NewColumn, NewDatabase, NewIdentity, NewTable, NewUser, OpResult,
    OptionChanges, TableChange, UserChanges, own_role_name,
};
pub use quota::ObjectLimit;
pub use rights::{GrantObject, Grantee, Right, Rights};
pub use snapshot::CatalogSnapshot;
