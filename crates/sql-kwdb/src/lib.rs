//! KWDB's SQL on triglot's engine, after the fact sheet `kwdb.md` (sections 5, 6, 9 to 14): parser,
//! lowering to DataFusion plans and engine statements, error texts. It knows no HTTP and no JSON.
//!
//! A request's text is cut into statements by [`split`]; [`run`] carries out one of them.

mod ast;
mod columns;
mod error;
mod lower;
mod parse;
mod query;
mod run;
mod settings;
mod system;
mod types;
mod zone;

pub use columns::{
    ColumnOptions, column_options, is_key, is_primary_tag, is_relational, is_relational_table,
};
pub use error::{KwError, Stage};
pub use lower::{check_limits, check_ts_column};
pub use parse::{Piece, split};
pub use query::COMPUTED_SCALE;
pub use run::run;
pub use settings::{DEDUP_RULE, SETTING_PREFIX, TIMEZONE, cluster_setting};
pub use types::{ColumnMeta, KwType, MAX_PRIMARY_TAG_WIDTH, PRIMARY_TAG_WIDTH, TypeSpec, Widths};
pub use zone::Zone;

use std::sync::Arc;

use chrono_tz::Tz;
use triglot_engine::query::QueryStream;
use triglot_engine::{Engine, QueryLanguage, Session};

/// What the request says beside its text. `USE` changes the session's database for the statements that
/// follow in the same request; nothing outlives the request.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who speaks, and the database of names without one: the parameter `db`, verbatim.
    pub session: Session,
    /// The zone of texts without an offset, of TIMESTAMPTZ cells and of days (parameter `tz`). Whole hours
    /// are `Etc/GMT∓n`.
    pub zone: Tz,
}

/// What a statement gave.
#[derive(Debug)]
pub enum Answer {
    /// A definition: no rows.
    Done,
    /// So many rows were written, changed or deleted.
    Affected(u64),
    /// A result set.
    Rows(Rows),
}

/// A result set. The batches have one Arrow column for each of `columns`.
#[derive(Debug)]
pub struct Rows {
    /// Name, type and length of each column.
    pub columns: Arc<[ColumnMeta]>,
    /// The rows.
    pub stream: QueryStream,
}

/// How queries of KWDB sessions are planned. Made once for each listener.
///
/// # Errors
/// Two functions claim one name: a fault of the program.
pub fn language(
    engine: &Engine,
) -> Result<Arc<QueryLanguage>, triglot_engine::query::functions::DuplicateFunction> {
    query::language(engine)
}
