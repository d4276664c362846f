use std::path::PathBuf;

use arrow::error::ArrowError;
use triglot_auth::{AuthError, Denied};
use triglot_catalog::CatalogError;
use triglot_disk::DiskError;
use triglot_model::{ErrorKind, UnreadableKeys};
use triglot_query::QueryError;
use triglot_storage::StorageError;

use crate::Meter;
use crate::ingest::IngestError;

/// Why the engine did not do what it was asked to. Dialects map [`EngineError::kind`] with an
/// exhaustive match and look at the variants where their texts need names.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The catalog refused or failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(Box<StorageError>),
    /// Planning or running a query failed.
    #[error(transparent)]
    Query(QueryError),
    /// Rows were refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Credentials were refused.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The user may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The user has to set a password of his own before anything else.
    #[error("user {user} has to change the password first")]
    PasswordChangePending {
        /// The user.
        user: String,
    },
    /// A password that has to be changed was set to what it was.
    #[error("the new password of user {user} is the old one")]
    PasswordUnchanged {
        /// The user.
        user: String,
    },
    /// A value could not be cast to its column's type.
    #[error("{0}")]
    Cast(#[from] ArrowError),
    /// The disk failed while opening.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No such tenant.
    #[error("tenant {name} not found")]
    TenantNotFound {
        /// Its name.
        name: String,
    },
    /// The user is no member of the tenant.
    #[error("user {user} is not a member of tenant {tenant}")]
    NotAMember {
        /// The user.
        user: String,
        /// The tenant.
        tenant: String,
    },
    /// No such database in the tenant.
    #[error("database {name} not found")]
    DatabaseNotFound {
        /// Its name.
        name: String,
    },
    /// No such table.
    #[error("table {tenant}.{database}.{table} not found")]
    TableNotFound {
        /// Tenant looked in.
        tenant: String,
        /// Database looked in.
        database: String,
        /// The name as given.
        table: String,
    },
    /// A child table of this name exists.
    #[error("table {table} already exists")]
    TableExists {
        /// The name.
        table: String,
    },
    /// Another table, or a child of another table, has the name or is being given it.
    #[error("the name {table} belongs to another table")]
    NameTaken {
        /// The name.
        table: String,
    },
    /// A view of this name exists.
    #[error("view {view} already exists")]
    ViewExists {
        /// Its name.
        view: String,
    },
    /// No such view.
    #[error("view {view} not found")]
    ViewNotFound {
        /// The name as given.
        view: String,
    },
    /// Child tables of a table that has none.
    #[error("table {table} is not a super table")]
    NotASuperTable {
        /// The table.
        table: String,
    },
    /// Tags of a table that is not a child table.
    #[error("table {table} is not a child table")]
    NotAChild {
        /// The table.
        table: String,
    },
    /// The time of a row is NULL.
    #[error("column {column} of table {table} cannot be NULL")]
    NullTime {
        /// The table.
        table: String,
        /// Its time column.
        column: String,
    },
    /// A deletion whose predicate mentions a field.
    #[error("a deletion from table {table} can only name time and tags, not {column}")]
    DeleteByField {
        /// The table.
        table: String,
        /// The field.
        column: String,
    },
    /// A deletion whose predicate cannot be decided from time and tags.
    #[error("a deletion cannot be decided by `{predicate}`")]
    DeletePredicate {
        /// The part that cannot be decided.
        predicate: String,
    },
    /// A change of tags whose predicate is not one over tags.
    #[error("tags can only be changed by a predicate over tags, not by `{predicate}`")]
    TagUpdateFilter {
        /// The column or predicate in the way.
        predicate: String,
    },
    /// A change of tags would give a series the identity of a series.
    #[error("series '{series}' already exists")]
    SeriesExists {
        /// `table,tag=value,…`
        series: String,
    },
    /// A change of tags would leave a series without tags.
    #[error("all tags of series '{series}' would be NULL")]
    NoTagLeft {
        /// `table,tag=value,…` as it is.
        series: String,
    },
    /// No running query has this id.
    #[error("query {id} not found")]
    QueryNotFound {
        /// The id.
        id: u64,
    },
    /// Tags were changed while a request was read; read it again.
    #[error("series changed while the request was read")]
    StaleSeries,
    /// The schema was changed again and again while a request wanted to extend it.
    #[error("the schema kept changing while the request was written")]
    SchemaRace,
    /// A file that is not triglot's could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// A file that statements may not name.
    #[error("{} lies in none of the directories for files", path.display())]
    FileDenied {
        /// Its path.
        path: PathBuf,
    },
    /// Files without names of columns that have not as many columns as there are names.
    #[error("the files at {location} have {found} columns, expected {expected}")]
    FileColumns {
        /// Where the files are.
        location: String,
        /// Columns in the files.
        found: usize,
        /// Columns that were named.
        expected: usize,
    },
    /// A statement that tables over files do not have.
    #[error("table {table} is external: only queries, DESCRIBE and DROP TABLE")]
    ExternalTable {
        /// The table.
        table: String,
    },
    /// A row of a keyed table would have the key of another.
    #[error("table {table}: ({}) = ({}) exists already in key {constraint}", columns.join(", "), values.join(", "))]
    DuplicateKey {
        /// The table.
        table: String,
        /// The name of its unique key.
        constraint: String,
        /// The columns of the key.
        columns: Vec<String>,
        /// The row's values of them, texts between quotes.
        values: Vec<String>,
    },
    /// NULL in a column that has none.
    #[error("column {column} of table {table} cannot be NULL")]
    NullColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Two rows of one statement would change the same row.
    #[error("a statement cannot change one row of table {table} twice")]
    RowChangedTwice {
        /// The table.
        table: String,
    },
    /// A row that rejects duplicates found one.
    #[error("table {table} has a row of this series at {time} already")]
    RowExists {
        /// The table.
        table: String,
        /// The time, in the table's precision.
        time: i64,
    },
    /// Rows of series for a table that has none.
    #[error("table {table} has keys instead of series: rows are written by statements that know them")]
    KeyedTable {
        /// The table.
        table: String,
    },
    /// A column of a unique key was to be dropped.
    #[error("column {column} belongs to a key of table {table}")]
    KeyColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The keys of a table are in a form that this version does not know.
    #[error(transparent)]
    Keys(#[from] UnreadableKeys),
    /// A tenant has used up what it may use for now.
    #[error("tenant {tenant} has used up its rate of {meter:?}")]
    RateReached {
        /// The tenant.
        tenant: String,
        /// What is used up.
        meter: Meter,
    },
    /// Something that is not built.
    #[error("{0} is not supported")]
    NotSupported(&'static str),
    /// A background thread or runtime failed.
    #[error("{0}")]
    Internal(String),
}

impl From<StorageError> for EngineError {
    /// Boxed: it is by far the largest.
    fn from(error: StorageError) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl From<QueryError> for EngineError {
    /// A refusal of privileges that went through the planner comes out as what it was.
    fn from(error: QueryError) -> Self {
        match error.source_as::<Denied>() {
            Some(denied) => Self::Denied(denied.clone()),
            None => Self::Query(error),
        }
    }
}

impl EngineError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Catalog(e) => e.kind(),
            Self::Storage(e) => e.kind(),
            Self::Query(e) => e.kind(),
            Self::Ingest(e) => e.kind(),
            Self::Auth(e) => e.kind(),
            Self::Denied(_)
            | Self::NotAMember { .. }
            | Self::PasswordChangePending { .. }
            | Self::PasswordUnchanged { .. } => ErrorKind::Denied,
            Self::Cast(_) | Self::NullTime { .. } | Self::NullColumn { .. } => ErrorKind::TypeMismatch,
            Self::Disk(e) if e.is_full() => ErrorKind::DiskFull,
            Self::Disk(_) | Self::Internal(_) => ErrorKind::Internal,
            Self::TenantNotFound { .. } => ErrorKind::TenantNotFound,
            Self::DatabaseNotFound { .. } => ErrorKind::DatabaseNotFound,
            Self::TableNotFound { .. } | Self::ViewNotFound { .. } => ErrorKind::TableNotFound,
            Self::TableExists { .. } | Self::NameTaken { .. } | Self::ViewExists { .. } => {
                ErrorKind::TableExists
            }
            Self::NotASuperTable { .. } | Self::NotAChild { .. } => ErrorKind::InvalidSchema,
            Self::DeleteByField { .. }
            | Self::DeletePredicate { .. }
            | Self::ExternalTable { .. }
            | Self::TagUpdateFilter { .. }
            | Self::KeyedTable { .. }
            | Self::NotSupported(_) => ErrorKind::NotSupported,
            Self::SeriesExists { .. }
            | Self::DuplicateKey { .. }
            | Self::RowExists { .. }
            | Self::RowChangedTwice { .. } => ErrorKind::SeriesExists,
            Self::NoTagLeft { .. } | Self::KeyColumn { .. } => ErrorKind::InvalidSchema,
            Self::Keys(_) => ErrorKind::Corrupt,
            Self::File { error, .. } if error.kind() == std::io::ErrorKind::StorageFull => {
                ErrorKind::DiskFull
            }
            Self::File { .. } => ErrorKind::Execution,
            Self::FileDenied { .. } => ErrorKind::Denied,
            Self::FileColumns { .. } => ErrorKind::InvalidSchema,
            Self::QueryNotFound { .. } => ErrorKind::Plan,
            Self::StaleSeries | Self::SchemaRace => ErrorKind::Busy,
            Self::RateReached { .. } => ErrorKind::LimitReached,
        }
    }
}
