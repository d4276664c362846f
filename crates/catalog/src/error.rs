use std::fmt;
use std::sync::Arc;

use triglot_metalog::MetaLogError;
use triglot_model::{ColumnKind, ColumnType, ErrorKind, SchemaError};

use crate::quota::ObjectLimit;

/// Kind and type of a column, as they must agree for a column to be "the same".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnShape {
    /// Time, composite key, field or tag.
    pub kind: ColumnKind,
    /// The stored type.
    pub ty: ColumnType,
}

impl fmt::Display for ColumnShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.kind, self.ty)
    }
}

/// Why the catalog refused or failed. Names are as they were given; an entity that was asked for by
/// an id that is gone is named `#<id>`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogError {
    /// No such tenant (or it is dropped).
    #[error("tenant {tenant} not found")]
    TenantNotFound {
        /// Name or `#id`.
        tenant: String,
    },
    /// The tenant exists, or its name is held by a deferred drop.
    #[error("tenant {tenant} already exists")]
    TenantExists {
        /// Name.
        tenant: String,
    },
    /// The system tenant cannot be dropped.
    #[error("tenant {tenant} cannot be dropped")]
    SystemTenant {
        /// Name.
        tenant: String,
    },
    /// No such database (or it is dropped).
    #[error("database {database} not found")]
    DatabaseNotFound {
        /// Name or `#id`.
        database: String,
    },
    /// The database exists, or its name is held by a deferred drop.
    #[error("database {database} already exists")]
    DatabaseExists {
        /// Name.
        database: String,
    },
    /// A purge of something whose deferred drop is not (yet) due.
    #[error("{name} is not due to be removed")]
    NotDue {
        /// Name of the tenant or database.
        name: String,
    },
    /// No such table.
    #[error("table {table} not found")]
    TableNotFound {
        /// Name or `#id`.
        table: String,
    },
    /// The table exists.
    #[error("table {table} already exists")]
    TableExists {
        /// Name.
        table: String,
    },
    /// More tables than the limit allows.
    #[error("no more than {limit} tables can exist (storage.max_tables)")]
    TooManyTables {
        /// The limit.
        limit: usize,
    },
    /// The tenant has, or asks for, more than it may.
    #[error("tenant {tenant} may not have more: {limit:?} is limited to {max}")]
    QuotaReached {
        /// Name.
        tenant: String,
        /// What is limited.
        limit: ObjectLimit,
        /// How many there may be.
        max: u64,
    },
    /// A group would be within itself.
    #[error("making {member} a member of {group} would create a cycle")]
    GroupCycle {
        /// The group.
        group: String,
        /// Who was to join.
        member: String,
    },
    /// A column that was to be ensured exists with another kind or type.
    #[error("column {column} of table {table} is {found}, expected {expected}")]
    ColumnConflict {
        /// Table name.
        table: String,
        /// Column name.
        column: String,
        /// What the table has.
        found: ColumnShape,
        /// What was asked for.
        expected: ColumnShape,
    },
    /// A table definition that no identity rule, read or write could make sense of.
    #[error("table {table} cannot be made: {reason}")]
    InvalidTable {
        /// Table name.
        table: String,
        /// What is wrong, as a clause.
        reason: String,
    },
    /// A schema change that the rules forbid.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// An empty name, one with control characters, or one that is too long.
    #[error("name {name:?} is empty, longer than {max_bytes} bytes or holds control characters")]
    BadName {
        /// The name, cut if it is long.
        name: String,
        /// The limit (`storage.max_name_bytes`).
        max_bytes: usize,
    },
    /// No such user.
    #[error("user {user} not found")]
    UserNotFound {
        /// Name or `#id`.
        user: String,
    },
    /// The user exists.
    #[error("user {user} already exists")]
    UserExists {
        /// Name.
        user: String,
    },
    /// `root` can neither be dropped nor stop being an admin.
    #[error("user {user} must remain and be an admin")]
    ProtectedUser {
        /// Name.
        user: String,
    },
    /// No such role in this tenant.
    #[error("role {role} not found")]
    RoleNotFound {
        /// Name or `#id`.
        role: String,
    },
    /// The role exists in this tenant.
    #[error("role {role} already exists")]
    RoleExists {
        /// Name.
        role: String,
    },
    /// The name belongs to a role that every tenant has.
    #[error("{role} is a system role")]
    SystemRole {
        /// Name.
        role: String,
    },
    /// The user is not a member of the tenant.
    #[error("user {user} is not a member of tenant {tenant}")]
    MemberNotFound {
        /// User name.
        user: String,
        /// Tenant name.
        tenant: String,
    },
    /// The user is a member of the tenant already.
    #[error("user {user} is already a member of tenant {tenant}")]
    MemberExists {
        /// User name.
        user: String,
        /// Tenant name.
        tenant: String,
    },
    /// A record or checkpoint does not hold what this version of triglot can understand (M-5).
    #[error("catalog record {number}: {reason}")]
    Corrupt {
        /// Number of the record, or of the checkpoint's last one.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// All ids of a kind are used up.
    #[error("no {what} id is left")]
    IdsExhausted {
        /// The kind of entity.
        what: &'static str,
    },
    /// The metadata log failed. After a failed write the change may or may not be found later.
    #[error("catalog log: {0}")]
    Log(#[source] Arc<MetaLogError>),
    /// The task that was writing the change ended without an answer (the runtime is shutting down).
    #[error("the catalog was stopped while it was working")]
    Stopped,
}

impl From<MetaLogError> for CatalogError {
    fn from(error: MetaLogError) -> Self {
        Self::Log(Arc::new(error))
    }
}

impl CatalogError {
    /// The stable kind that dialects map to their own codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TenantNotFound { .. } => ErrorKind::TenantNotFound,
            Self::TenantExists { .. } => ErrorKind::TenantExists,
            Self::DatabaseNotFound { .. } => ErrorKind::DatabaseNotFound,
            Self::DatabaseExists { .. } => ErrorKind::DatabaseExists,
            Self::TableNotFound { .. } => ErrorKind::TableNotFound,
            Self::TableExists { .. } => ErrorKind::TableExists,
            Self::ColumnConflict { .. } => ErrorKind::TypeMismatch,
            Self::InvalidTable { .. } | Self::BadName { .. } => ErrorKind::InvalidSchema,
            Self::Schema(error) => error.kind(),
            Self::UserNotFound { .. } | Self::RoleNotFound { .. } | Self::MemberNotFound { .. } => {
                ErrorKind::PrincipalNotFound
            }
            Self::UserExists { .. } | Self::RoleExists { .. } | Self::MemberExists { .. } => {
                ErrorKind::PrincipalExists
            }
            Self::SystemTenant { .. }
            | Self::ProtectedUser { .. }
            | Self::SystemRole { .. }
            | Self::GroupCycle { .. }
            | Self::NotDue { .. } => ErrorKind::Denied,
            Self::TooManyTables { .. } | Self::IdsExhausted { .. } | Self::QuotaReached { .. } => {
                ErrorKind::LimitReached
            }
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Log(error) => error.kind(),
            Self::Stopped => ErrorKind::ShuttingDown,
        }
    }
}
