use arrow::error::ArrowError;
use triglot_engine::query::QueryError;
use triglot_engine::query::operators::DuplicateTime;
use triglot_engine::{EngineError, IngestError};
use triglot_model::ErrorKind;

use crate::functions::DecimalFault;

/// An error as TDengine's clients see it: a code (sheet `tdengine-sql.md` section 14) and its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TaosError {
    /// The low 16 bits of the vendor's code.
    pub code: u16,
    /// The text, with detail after a colon where the vendor adds one.
    pub text: String,
}

impl TaosError {
    /// An error of this code and text.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// 0x0100: a statement that this server knows and does not carry out.
    pub fn unsupported(what: &str) -> Self {
        Self::new(0x0100, format!("Operation not supported: {what}"))
    }

    /// 0x0357: unknown user or wrong password.
    pub fn authentication() -> Self {
        Self::new(0x0357, "Authentication failure")
    }

    fn of_kind(kind: ErrorKind, detail: &str) -> Self {
        let (code, text) = face(kind);
        match (text, detail) {
            ("", detail) => Self::new(code, detail),
            (text, _) if is_secret(kind) => Self::new(code, text),
            (text, detail) => Self::new(code, format!("{text}: {detail}")),
        }
    }
}

/// The fallback for errors whose place in the statement is not known: the code of the kind, the engine's
/// own words behind the vendor's.
impl From<EngineError> for TaosError {
    fn from(error: EngineError) -> Self {
        if let EngineError::Query(error) = error {
            return Self::from(error);
        }
        match &error {
            EngineError::DatabaseNotFound { .. } => Self::new(0x0388, "Database not exist"),
            EngineError::TableNotFound { table, .. } => named(0x2603, "Table does not exist", table),
            EngineError::TableExists { .. } => Self::new(0x0603, "Table already exists"),
            EngineError::NameTaken { table } => named(0x061D, "Table already exists in other stables", table),
            EngineError::NotASuperTable { table } => named(0x022F, "Table is not a supertable", table),
            EngineError::NotAChild { .. } => Self::new(0x2649, "Invalid alter table statement"),
            EngineError::ViewExists { .. } => Self::new(0x04A0, "view already exists in db"),
            EngineError::ViewNotFound { .. } => Self::new(0x04A1, "view not exists in db"),
            EngineError::Denied(_) => Self::new(0x0303, "Insufficient privilege for operation"),
            EngineError::DeleteByField { .. } | EngineError::DeletePredicate { .. } => {
                Self::new(0x2655, "The DELETE statement must have a definite time window range")
            }
            EngineError::Ingest(refused) => of_rows(refused),
            _ => Self::of_kind(error.kind(), &error.to_string()),
        }
    }
}

fn named(code: u16, text: &str, name: &str) -> TaosError {
    TaosError::new(code, format!("{text}: {name}"))
}

/// Rows that the engine refused.
fn of_rows(refused: &IngestError) -> TaosError {
    match refused {
        IngestError::TableNotFound { table } => named(0x2603, "Table does not exist", table),
        IngestError::ColumnNotFound { column, .. } => named(0x2602, "Invalid column name", column),
        IngestError::TooLong { column, .. } => named(0x2653, "Value too long for column/tag", column),
        IngestError::Expired { .. } | IngestError::EndOfTime { .. } | IngestError::Timestamp(_) => {
            TaosError::new(0x060B, "Timestamp data out of range")
        }
        IngestError::Denied(_) => TaosError::new(0x0303, "Insufficient privilege for operation"),
        other => TaosError::of_kind(other.kind(), &other.to_string()),
    }
}

/// As from [`EngineError`]; for rows that fail while they are fetched.
impl From<QueryError> for TaosError {
    fn from(error: QueryError) -> Self {
        // Planned once more where a kept plan did not fit.
        if let Some(own) = error.source_as::<Self>() {
            return own.clone();
        }
        if error.source_as::<DuplicateTime>().is_some() {
            return Self::new(0x2805, "Duplicate timestamps not allowed in function");
        }
        match error.source_as::<DecimalFault>() {
            Some(fault @ DecimalFault::Overflow) => Self::new(0x013D, fault.to_string()),
            Some(fault @ DecimalFault::DivisionByZero) => Self::new(0x013E, fault.to_string()),
            None => Self::of_kind(error.kind(), &error.to_string()),
        }
    }
}

/// A fault in building an answer that was computed.
impl From<ArrowError> for TaosError {
    fn from(error: ArrowError) -> Self {
        Self::of_kind(ErrorKind::Internal, &error.to_string())
    }
}

/// Details of faults and of log-ins stay in the log.
fn is_secret(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Internal | ErrorKind::Corrupt | ErrorKind::AuthFailed)
}

/// Code and text of a kind; without a text the engine's own words are all.
const fn face(kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::Parse => (0x2600, "syntax error"),
        ErrorKind::Plan | ErrorKind::WrongInput => (0x2605, ""),
        ErrorKind::NotSupported => (0x0100, "Operation not supported"),
        ErrorKind::TenantNotFound | ErrorKind::DatabaseNotFound => (0x0388, "Database not exist"),
        ErrorKind::TenantExists | ErrorKind::DatabaseExists => (0x0381, "Database already exists"),
        ErrorKind::TableNotFound => (0x2603, "Table does not exist"),
        ErrorKind::TableExists | ErrorKind::SeriesExists => (0x0603, "Table already exists"),
        ErrorKind::ColumnNotFound => (0x2602, "Invalid column name"),
        ErrorKind::ColumnExists => (0x036B, "Column already exists"),
        ErrorKind::InvalidSchema => (0x036E, "Invalid stable options"),
        ErrorKind::TypeMismatch => (0x2802, "Invalid parameter data type"),
        ErrorKind::ValueOutOfRange | ErrorKind::LimitReached => (0x0224, "Value out of range"),
        ErrorKind::LengthExceeded => (0x2653, "Value too long for column/tag"),
        ErrorKind::TimeOutOfRange => (0x060B, "Timestamp data out of range"),
        ErrorKind::PrincipalNotFound => (0x0351, "Invalid user"),
        ErrorKind::PrincipalExists => (0x0350, "User already exists"),
        ErrorKind::AuthFailed => (0x0357, "Authentication failure"),
        ErrorKind::Denied => (0x0303, "Insufficient privilege for operation"),
        // What clients try again.
        ErrorKind::Busy | ErrorKind::ShuttingDown => (0x000B, "Unable to establish connection"),
        ErrorKind::OutOfMemory => (0x0739, "Query memory limit exceeded"),
        ErrorKind::DiskFull => (0x0129, "No available disk"),
        ErrorKind::Timeout | ErrorKind::Cancelled => (0x022D, "Query killed"),
        ErrorKind::Execution => (0x2800, ""),
        ErrorKind::Corrupt => (0x0104, "File corrupted"),
        ErrorKind::Internal => (0x2700, "Planner internal error"),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;

    use super::*;

    /// All kinds: each that the model gets needs a line here, as it needs one in [`face`].
    const FACES: [(ErrorKind, u16, &str); 32] = [
        (ErrorKind::Parse, 0x2600, "syntax error: d"),
        (ErrorKind::Plan, 0x2605, "d"),
        (ErrorKind::WrongInput, 0x2605, "d"),
        (ErrorKind::NotSupported, 0x0100, "Operation not supported: d"),
        (ErrorKind::TenantNotFound, 0x0388, "Database not exist: d"),
        (ErrorKind::TenantExists, 0x0381, "Database already exists: d"),
        (ErrorKind::DatabaseNotFound, 0x0388, "Database not exist: d"),
        (ErrorKind::DatabaseExists, 0x0381, "Database already exists: d"),
        (ErrorKind::TableNotFound, 0x2603, "Table does not exist: d"),
        (ErrorKind::TableExists, 0x0603, "Table already exists: d"),
        (ErrorKind::ColumnNotFound, 0x2602, "Invalid column name: d"),
        (ErrorKind::ColumnExists, 0x036B, "Column already exists: d"),
        (ErrorKind::InvalidSchema, 0x036E, "Invalid stable options: d"),
        (ErrorKind::TypeMismatch, 0x2802, "Invalid parameter data type: d"),
        (ErrorKind::ValueOutOfRange, 0x0224, "Value out of range: d"),
        (ErrorKind::LengthExceeded, 0x2653, "Value too long for column/tag: d"),
        (ErrorKind::TimeOutOfRange, 0x060B, "Timestamp data out of range: d"),
        (ErrorKind::SeriesExists, 0x0603, "Table already exists: d"),
        (ErrorKind::PrincipalNotFound, 0x0351, "Invalid user: d"),
        (ErrorKind::PrincipalExists, 0x0350, "User already exists: d"),
        (ErrorKind::AuthFailed, 0x0357, "Authentication failure"),
        (ErrorKind::Denied, 0x0303, "Insufficient privilege for operation: d"),
        (ErrorKind::LimitReached, 0x0224, "Value out of range: d"),
        (ErrorKind::Busy, 0x000B, "Unable to establish connection: d"),
        (ErrorKind::OutOfMemory, 0x0739, "Query memory limit exceeded: d"),
        (ErrorKind::DiskFull, 0x0129, "No available disk: d"),
        (ErrorKind::Timeout, 0x022D, "Query killed: d"),
        (ErrorKind::Cancelled, 0x022D, "Query killed: d"),
        (ErrorKind::Execution, 0x2800, "d"),
        (ErrorKind::Corrupt, 0x0104, "File corrupted"),
        (ErrorKind::ShuttingDown, 0x000B, "Unable to establish connection: d"),
        (ErrorKind::Internal, 0x2700, "Planner internal error"),
    ];

    #[test]
    fn kinds_have_the_sheets_codes_and_faults_keep_their_details() {
        for (kind, code, text) in FACES {
            assert_eq!(TaosError::of_kind(kind, "d"), TaosError::new(code, text), "{kind:?}");
        }
    }

    #[test]
    fn faults_of_decimals_are_found_in_a_querys_error() {
        for (fault, code) in [(DecimalFault::Overflow, 0x013D), (DecimalFault::DivisionByZero, 0x013E)] {
            let error = QueryError::from(DataFusionError::from(fault).context("while it ran"));
            assert_eq!(TaosError::from(error), TaosError::new(code, fault.to_string()));
        }
    }
}
