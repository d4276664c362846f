use triglot_engine::EngineError;
use triglot_engine::auth::{Action, Denied, Object};
use triglot_engine::catalog::CatalogError;
use triglot_engine::catalog::CatalogSnapshot;
use triglot_model::ErrorKind;

use crate::query::query_error;

/// Where a statement failed: KWDB's `query` endpoint words the two differently (sheet section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its text is no statement.
    Parse,
    /// Anything later: names, types, rights, rows.
    Execute,
}

/// An error as KWDB's clients see it (sheet section 14.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KwError {
    /// SQLSTATE. REST bodies do not show it; it decides the HTTP status and is logged.
    pub sqlstate: &'static str,
    /// The text without the driver's `pq: `.
    pub message: String,
    /// Where it failed.
    pub stage: Stage,
    /// A refusal whose text still lacks the names of what it is about.
    denied: Option<Box<Denied>>,
}

impl KwError {
    /// An error of execution.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), stage: Stage::Execute, denied: None }
    }

    /// 42601 at the token `near`.
    pub fn syntax(near: &str) -> Self {
        let message = format!("at or near \"{near}\": syntax error");
        Self::parsing("42601", message)
    }

    /// An error of a text that is no statement.
    pub(crate) fn parsing(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { stage: Stage::Parse, ..Self::new(sqlstate, message) }
    }

    /// 0A000: a statement that this server knows and does not carry out.
    pub fn unsupported(what: &str) -> Self {
        Self::new("0A000", format!("{what} is not supported"))
    }
}

impl KwError {
    /// Refusals with the names of what they are about (sheet section 14.2).
    #[must_use]
    pub fn named(mut self, catalog: &CatalogSnapshot) -> Self {
        if let Some(denied) = self.denied.take() {
            self.message = refusal(catalog, &denied);
        }
        self
    }
}

fn refusal(catalog: &CatalogSnapshot, denied: &Denied) -> String {
    let user = &denied.user;
    let privilege = match denied.action {
        Action::Read => "SELECT",
        Action::Insert => "INSERT",
        Action::Update => "UPDATE",
        Action::Delete => "DELETE",
        Action::Create | Action::Alter => "CREATE",
        Action::Drop => "DROP",
        Action::ManageRoles => "GRANT",
        Action::ManageUsers => "CREATEROLE",
        Action::Admin => "admin",
    };
    match (denied.action, denied.object) {
        (_, Object::Table(_, id)) => {
            let name = catalog.table_by_id(id).map_or("", |t| t.name.as_str());
            format!("user {user} does not have {privilege} privilege on relation {name}")
        }
        (_, Object::Database(id)) => {
            let name = catalog.database_by_id(id).map_or("", |d| d.name.as_str());
            format!("user {user} does not have {privilege} privilege on database {name}")
        }
        (Action::ManageUsers, Object::Cluster) => format!("user {user} does not have CREATEROLE privilege"),
        (Action::Create, Object::Tenant(_)) => {
            "only users with the admin role are allowed to CREATE DATABASE".to_owned()
        }
        (_, Object::Cluster | Object::Tenant(_) | Object::User(_)) => {
            "only users with the admin role are allowed to do this".to_owned()
        }
    }
}

impl From<EngineError> for KwError {
    /// What the engine refused, in KWDB's words. Statements that know a better name say so before.
    fn from(error: EngineError) -> Self {
        Self::from(&error)
    }
}

impl From<&EngineError> for KwError {
    fn from(error: &EngineError) -> Self {
        let relation = |name: &str| Self::new("42P01", format!("relation \"{name}\" does not exist"));
        let database = |name: &str| Self::new("3D000", format!("database \"{name}\" does not exist"));
        match error {
            EngineError::Denied(denied) => {
                let denied = Some(Box::new(denied.clone()));
                return Self { denied, ..Self::new("42501", "insufficient privilege") };
            }
            EngineError::TableNotFound { table, .. } => return relation(table),
            EngineError::DatabaseNotFound { name } => return database(name),
            EngineError::Query(error) => match (error.source_as::<Denied>(), query_error(error)) {
                (Some(denied), _) => return Self::from(EngineError::Denied(denied.clone())),
                (None, Some(worded)) => return worded,
                (None, None) => {}
            },
            EngineError::NameTaken { table } | EngineError::TableExists { table } => {
                return Self::new("42P07", format!("relation \"{table}\" already exists"));
            }
            EngineError::Catalog(CatalogError::TableExists { table }) => {
                return Self::new("42P07", format!("relation \"{table}\" already exists"));
            }
            EngineError::Catalog(CatalogError::DatabaseExists { database }) => {
                return Self::new("42P04", format!("database \"{database}\" already exists"));
            }
            _ => {}
        }
        let kind = error.kind();
        let text = if kind.is_public() {
            error.to_string()
        } else {
            "internal error, see the server's log".to_owned()
        };
        Self::new(sqlstate(kind), text)
    }
}

/// The SQLSTATE of each kind.
const fn sqlstate(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Parse => "42601",
        ErrorKind::Plan => "42000",
        ErrorKind::WrongInput | ErrorKind::Execution => "22000",
        ErrorKind::NotSupported => "0A000",
        ErrorKind::TenantNotFound | ErrorKind::DatabaseNotFound => "3D000",
        ErrorKind::TenantExists | ErrorKind::DatabaseExists => "42P04",
        ErrorKind::TableNotFound => "42P01",
        ErrorKind::TableExists => "42P07",
        ErrorKind::ColumnNotFound => "42703",
        ErrorKind::ColumnExists => "42701",
        ErrorKind::InvalidSchema => "42P16",
        ErrorKind::TypeMismatch => "42804",
        ErrorKind::ValueOutOfRange => "22003",
        ErrorKind::LengthExceeded => "22001",
        ErrorKind::TimeOutOfRange => "22008",
        ErrorKind::SeriesExists => "23505",
        ErrorKind::PrincipalNotFound => "42704",
        ErrorKind::PrincipalExists => "42710",
        ErrorKind::AuthFailed => "28000",
        ErrorKind::Denied => "42501",
        ErrorKind::LimitReached => "54000",
        ErrorKind::Busy | ErrorKind::OutOfMemory => "53000",
        ErrorKind::DiskFull => "53100",
        ErrorKind::Timeout | ErrorKind::Cancelled => "57014",
        ErrorKind::Corrupt => "XX001",
        ErrorKind::ShuttingDown => "57P01",
        ErrorKind::Internal => "XX000",
    }
}
