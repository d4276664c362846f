//! Errors of CnosDB SQL: the six-digit code and the text of sheet section 3.

use std::borrow::Cow;

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use triglot_engine::query::QueryError;
use triglot_engine::{ColumnShape, EngineError, IngestError};
use triglot_model::{ColumnType, ErrorKind};
use triglot_parse_sql::BoundError;

use crate::access_error::{catalog_face, insufficient, rate_reached, tenant_not_found};
use crate::codec::FieldType;

/// A statement that was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// 010009: not CnosDB SQL.
    #[error("sql parser error: {0}")]
    Parser(String),
    /// 010005: SQL, but not of this server.
    #[error("This feature is not implemented: {0}")]
    NotImplemented(String),
    /// 010013: several statements in one request.
    #[error("Multi-statement not allow, found num:{num}, sql:{sql}")]
    MultiStatement {
        /// How many.
        num: usize,
        /// The whole text.
        sql: String,
    },
    /// 010001: the planner's words.
    #[error("Datafusion: {0}")]
    Planning(DataFusionError),
    /// 010002: a value that cannot be cast.
    #[error("Arrow: {0}")]
    Arrow(arrow::error::ArrowError),
    /// A rule of the dialect, with its own code.
    #[error("{text}")]
    Coded {
        /// Six digits.
        code: &'static str,
        /// The whole text.
        text: String,
    },
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl SqlError {
    /// A rule of the dialect: `Semantic error: …`.
    pub(crate) fn semantic(code: &'static str, text: impl std::fmt::Display) -> Self {
        Self::Coded { code, text: format!("Semantic error: {text}") }
    }

    /// Code and text.
    pub fn face(&self) -> (&'static str, String) {
        let code = match self {
            Self::Parser(_) => "010009",
            Self::NotImplemented(_) => "010005",
            Self::MultiStatement { .. } => "010013",
            Self::Planning(_) => "010001",
            Self::Arrow(_) => "010002",
            Self::Coded { code, .. } => code,
            Self::Engine(error) => return engine_face(error),
        };
        (code, self.to_string())
    }

    /// The engine's kind, if the engine refused.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Engine(error) => Some(error.kind()),
            Self::Parser(_)
            | Self::NotImplemented(_)
            | Self::MultiStatement { .. }
            | Self::Planning(_)
            | Self::Arrow(_)
            | Self::Coded { .. } => None,
        }
    }

    /// `sql parser error: …`.
    pub(crate) fn parser(text: impl Into<String>) -> Self {
        Self::Parser(text.into())
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => Self::Parser(text),
            ParserError::RecursionLimitExceeded => Self::Parser("recursion limit exceeded".to_owned()),
        }
    }
}

impl From<BoundError> for SqlError {
    fn from(error: BoundError) -> Self {
        Self::Parser(error.to_string())
    }
}

/// Code and text of an engine's error. Variants whose words the vendor fixed come first; the rest
/// goes by kind, so that a new kind does not compile before it has a row here.
pub fn engine_face(error: &EngineError) -> (&'static str, String) {
    match error {
        EngineError::Ingest(e) => return ingest_face(e),
        EngineError::Cast(e) => return ("010002", format!("Arrow: {e}")),
        EngineError::Query(e @ QueryError::Busy { .. }) => return ("010012", e.to_string()),
        EngineError::PasswordChangePending { .. } => return insufficient("change password"),
        EngineError::PasswordUnchanged { .. } => return insufficient("input different password"),
        EngineError::TenantNotFound { name } => return tenant_not_found(name),
        EngineError::RateReached { meter, .. } => return rate_reached(*meter),
        EngineError::Catalog(e) => {
            if let Some(face) = catalog_face(e) {
                return face;
            }
        }
        EngineError::Query(QueryError::Dialect { code, message, .. }) => return (code, message.clone()),
        EngineError::QueryNotFound { id } => return ("010011", format!("Query not found: QueryId({id})")),
        EngineError::DatabaseNotFound { name } => return ("030017", format!("Database not found: {name:?}")),
        EngineError::TableNotFound { tenant, database, table } => {
            return ("030019", format!("Table not found: \"{tenant}.{database}.{table}\""));
        }
        EngineError::DeleteByField { .. } => {
            let text = "Filtering on the field column on the tskv table in delete statement";
            return ("010005", format!("This feature is not implemented: {text}"));
        }
        EngineError::DeletePredicate { predicate } => {
            return ("010005", format!("This feature is not implemented: {predicate} in delete statement"));
        }
        EngineError::SeriesExists { series } => {
            return (
                "010001",
                format!("Datafusion: Execution error: Index: series '{series}' already exists"),
            );
        }
        EngineError::NoTagLeft { .. } => {
            return ("010001", format!("Datafusion: Execution error: Index: {error}"));
        }
        EngineError::TagUpdateFilter { .. } => {
            return ("010001", format!("Datafusion: Error during planning: {error}"));
        }
        _ => {}
    }
    let text = error.to_string();
    let (code, prefix) = kind_face(error.kind());
    let text: Cow<'_, str> =
        if error.kind().is_public() { text.into() } else { "internal error, see the server's log".into() };
    (code, format!("{prefix}{text}"))
}

/// Code and the prefix of the text for each kind.
fn kind_face(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::Parse => ("010009", ""),
        ErrorKind::Plan | ErrorKind::Execution => ("010001", "Datafusion: "),
        ErrorKind::WrongInput => ("010010", "Failed to do analyze. err: "),
        ErrorKind::NotSupported => ("010005", "This feature is not implemented: "),
        ErrorKind::TenantNotFound => ("030010", ""),
        ErrorKind::TenantExists => ("030009", ""),
        ErrorKind::DatabaseNotFound => ("030017", ""),
        ErrorKind::DatabaseExists => ("030018", ""),
        ErrorKind::TableNotFound => ("030019", ""),
        ErrorKind::TableExists => ("030020", ""),
        ErrorKind::ColumnNotFound => ("010029", "Semantic error: "),
        ErrorKind::ColumnExists => ("010028", "Semantic error:  "),
        ErrorKind::InvalidSchema => ("010003", "Semantic error: "),
        ErrorKind::TypeMismatch => ("010002", "Arrow: "),
        ErrorKind::ValueOutOfRange => ("010002", "Arrow: "),
        ErrorKind::LengthExceeded => ("010003", "Semantic error: "),
        ErrorKind::TimeOutOfRange => ("030034", "Operation not support: "),
        ErrorKind::SeriesExists => ("010001", "Datafusion: "),
        ErrorKind::PrincipalNotFound => ("030008", ""),
        ErrorKind::PrincipalExists => ("030007", ""),
        ErrorKind::AuthFailed => ("010016", "Auth error: "),
        ErrorKind::Denied => ("010004", "Insufficient privileges, expected "),
        ErrorKind::LimitReached => ("050014", "limit reached: "),
        ErrorKind::Busy => ("050014", "server is busy: "),
        ErrorKind::OutOfMemory => ("010001", "Datafusion: "),
        ErrorKind::DiskFull => ("050014", ""),
        ErrorKind::Timeout => ("010001", "Datafusion: "),
        ErrorKind::Cancelled => ("010001", "Datafusion: "),
        ErrorKind::Corrupt => ("020001", ""),
        ErrorKind::ShuttingDown => ("050014", ""),
        ErrorKind::Internal => ("000000", ""),
    }
}

/// Code and text of refused rows (sheet section 6).
pub fn ingest_face(error: &IngestError) -> (&'static str, String) {
    let schema = |text: String| ("050014", format!("Apply engine failed: DataSchemaError: {text}"));
    match error {
        IngestError::TypeConflict { expected: ColumnShape::Time, .. } => {
            ("050014", "line to batch error: Expected i64 type as time column".to_owned())
        }
        IngestError::TypeConflict { expected, within_request: true, .. } => {
            ("050014", format!("line to batch error: Expected {} column", shape(*expected).to_lowercase()))
        }
        IngestError::TypeConflict { column, found, expected, .. } => schema(format!(
            "Column '{column}' type error, found {} expected {}",
            shape(*found),
            shape(*expected)
        )),
        IngestError::TableNotFound { table } => ("030019", format!("Table not found: {table:?}")),
        IngestError::ColumnNotFound { table, column } => {
            schema(format!("Column '{column}' not found in table '{table}'"))
        }
        IngestError::Timestamp(_) => ("050014", "timestamp overflow".to_owned()),
        IngestError::Expired { .. } => ("030034", "Operation not support: create expired bucket".to_owned()),
        IngestError::Geometry { .. } => ("010073", format!("Invalid geometry: {error}")),
        IngestError::EndOfTime { .. } => ("030016", error.to_string()),
        IngestError::NoField { .. } => ("050034", "Fields can't be empty".to_owned()),
        IngestError::Denied(_) => ("010004", "Insufficient privileges, expected [Write on table]".to_owned()),
        IngestError::OutOfRange { .. }
        | IngestError::TooLong { .. }
        | IngestError::MissingTag { .. }
        | IngestError::Limit { .. }
        | IngestError::NoRow => ("050014", error.to_string()),
    }
}

/// The vendor's internal name of a column's kind and type.
fn shape(shape: ColumnShape) -> &'static str {
    match shape {
        ColumnShape::Time => "TIME",
        ColumnShape::Tag => "TAG",
        ColumnShape::Field(ColumnType::Geom(_)) => "GEOMETRY",
        ColumnShape::Field(ty) => FieldType::of(ty).map_or("UNKNOWN", FieldType::internal_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_rows_have_the_sheets_words() {
        let conflict = |found, expected, within_request| {
            ingest_face(&IngestError::TypeConflict {
                table: "t".into(),
                column: "f".into(),
                found,
                expected,
                within_request,
            })
        };
        let (i64_, f64_) = (ColumnShape::Field(ColumnType::I64), ColumnShape::Field(ColumnType::F64));
        for (face, code, text) in [
            (
                conflict(i64_, f64_, false),
                "050014",
                "Apply engine failed: DataSchemaError: Column 'f' type error, found I64 expected F64",
            ),
            (
                conflict(ColumnShape::Tag, ColumnShape::Field(ColumnType::TEXT), false),
                "050014",
                "Apply engine failed: DataSchemaError: Column 'f' type error, found TAG expected STRING",
            ),
            (conflict(f64_, i64_, true), "050014", "line to batch error: Expected i64 column"),
            (
                conflict(i64_, ColumnShape::Time, true),
                "050014",
                "line to batch error: Expected i64 type as time column",
            ),
            (ingest_face(&IngestError::NoField { table: "t".into() }), "050034", "Fields can't be empty"),
            (
                ingest_face(&IngestError::Expired { table: "t".into(), time: 0 }),
                "030034",
                "Operation not support: create expired bucket",
            ),
        ] {
            assert_eq!(face, (code, text.to_owned()));
        }
    }

    #[test]
    fn statement_errors_have_the_sheets_codes() {
        for (error, code, text) in [
            (SqlError::parser("x"), "010009", "sql parser error: x"),
            (
                SqlError::NotImplemented("USE public".into()),
                "010005",
                "This feature is not implemented: USE public",
            ),
            (
                SqlError::MultiStatement { num: 2, sql: "a;b".into() },
                "010013",
                "Multi-statement not allow, found num:2, sql:a;b",
            ),
            (
                EngineError::TableNotFound { tenant: "c".into(), database: "p".into(), table: "t".into() }
                    .into(),
                "030019",
                "Table not found: \"c.p.t\"",
            ),
            (
                EngineError::DatabaseNotFound { name: "D".into() }.into(),
                "030017",
                "Database not found: \"D\"",
            ),
            (EngineError::QueryNotFound { id: 5 }.into(), "010011", "Query not found: QueryId(5)"),
            (
                EngineError::Cast(arrow::error::ArrowError::CastError(
                    "Can't cast value -1234 to type UInt64".into(),
                ))
                .into(),
                "010002",
                "Arrow: Cast error: Can't cast value -1234 to type UInt64",
            ),
        ] {
            assert_eq!(error.face(), (code, text.to_owned()));
        }
    }

    #[test]
    fn internal_faults_are_not_told() {
        let (_, text) = engine_face(&EngineError::Internal("/var/lib/secret".into()));
        assert!(!text.contains("secret"));
    }
}
