use triglot_engine::EngineError;
use triglot_engine::catalog::CatalogError;
use triglot_engine::query::QueryError;
use triglot_model::ErrorKind;

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
}

impl KwError {
    /// An error of execution.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), stage: Stage::Execute }
    }

    /// 42601 at the token `near`.
    pub fn syntax(near: &str) -> Self {
        let message = format!("at or near \"{near}\": syntax error");
        Self { sqlstate: "42601", message, stage: Stage::Parse }
    }

    /// 0A000: a statement that this server knows and does not carry out.
    pub fn unsupported(what: &str) -> Self {
        Self::new("0A000", format!("{what} is not supported"))
    }
}

impl From<EngineError> for KwError {
    /// What the engine refused, in KWDB's words. Statements that know a better name say so before.
    fn from(error: EngineError) -> Self {
        let relation = |name: &str| Self::new("42P01", format!("relation \"{name}\" does not exist"));
        let database = |name: &str| Self::new("3D000", format!("database \"{name}\" does not exist"));
        match &error {
            EngineError::TableNotFound { table, .. } => return relation(table),
            EngineError::DatabaseNotFound { name } => return database(name),
            EngineError::Query(QueryError::TableNotFound { table, .. }) => return relation(table),
            EngineError::Query(QueryError::Dialect { code, message, .. }) => return Self::new(code, message),
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
