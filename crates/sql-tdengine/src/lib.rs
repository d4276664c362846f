//! TDengine's SQL on triglot's engine: the trees of `parse-tdengine` lowered to engine statements
//! and DataFusion plans, after the fact sheet `tdengine-sql.md`. It knows no HTTP and no JSON.

mod error;
mod functions;
mod insert;
mod like;
mod lower;
mod query;
mod run;
pub mod schemaless;
mod system;
mod time;
mod typed;
mod types;

pub use error::TaosError;
pub use run::{check_enabled, run};
pub use types::{ColumnMeta, TaosType};

use std::sync::Arc;

use chrono_tz::Tz;
use triglot_engine::query::QueryStream;
use triglot_engine::query::operators::OperatorPlanner;
use triglot_engine::{Engine, QueryLanguage, Session};
use triglot_functions::time_text;
use triglot_model::Precision;

/// What the request says beside its text. Made anew for each request: TDengine's REST interface
/// keeps no session.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who speaks. Its database is the one of the URL, which need not exist.
    pub session: Session,
    /// Whether a database was named at all (code 0x2616 otherwise).
    pub has_database: bool,
    /// The zone of literals without one, of day boundaries and of texts made from times (`conn_tz`).
    pub zone: Tz,
    /// `user@host` of the client for `CURRENT_USER()` is made of this address.
    pub client: String,
    /// The client program's name for itself (`app`), empty if it has none.
    pub application: String,
    /// The number of the request, as it is in the log: the client's own or a generated one.
    pub request_id: i64,
}

/// What a statement gave.
#[derive(Debug)]
pub enum Answer {
    /// No result set; how many rows were written or deleted (0 for definitions).
    Affected(u64),
    /// A result set.
    Rows(Rows),
}

/// A result set. The batches have one Arrow column for each of `columns`: Boolean, Int8 … UInt64, Float32,
/// Float64, Decimal128, Timestamp of any unit, Utf8 or Utf8View (VARCHAR, NCHAR, JSON), Binary or
/// BinaryView (VARBINARY, GEOMETRY, BLOB).
#[derive(Debug)]
pub struct Rows {
    /// Name, type and length of each column.
    pub columns: Arc<[ColumnMeta]>,
    /// The unit of all timestamps: that of the database asked, milliseconds without one.
    pub precision: Precision,
    /// The rows.
    pub stream: QueryStream,
}

/// How queries of TDengine sessions are planned. Made once for each listener.
///
/// # Errors
/// Two functions claim one name: a fault of the program.
pub fn language(
    engine: &Engine,
) -> Result<Arc<QueryLanguage>, triglot_engine::query::functions::DuplicateFunction> {
    Ok(engine.language(triglot_engine::LanguageOptions {
        extension_planners: vec![Arc::new(OperatorPlanner)],
        system_tables: Some(Arc::new(system::TaosTables)),
        ..triglot_engine::LanguageOptions::default()
    }))
}
