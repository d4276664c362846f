//! Queries: DataFusion over triglot's storage.
//!
//! [`SeriesTable`] makes one table snapshot readable, [`SessionBuilder`] makes the sessions that
//! plan and optimise, [`QueryExecutor`] runs plans on their own CPU runtime under limits, and
//! [`QueryStream`] carries the rows back. The crate knows no HTTP, no dialect and no catalog: names
//! are resolved through [`TableResolver`].

mod batches;
mod bounded;
mod error;
pub mod files;
pub mod functions;
pub mod operators;
mod plan_cache;
mod plan_size;
mod planning;
mod rules;
mod run;
mod session;
pub mod source;
mod table;

pub use batches::{batches_table, empty_table};
pub use error::QueryError;
pub use plan_cache::{Note, Plannable, PlannedQuery, ShapedQuery};
pub use planning::{TableName, TableResolver, declared_columns, plan_query, plan_statement};
pub use rules::LastRowRule;
pub use run::{
    ExecutorOptions, QueryExecutor, QueryInfo, QueryRecord, QueryRegistry, QueryRuntime, QueryState,
    QueryStream,
};
pub use session::{
    FinishPlan, MemoryOptions, QuerySession, SessionBuilder, SessionContext, SessionOptions, SessionValues,
    query_memory,
};
pub use table::{
    CHILD_NAME, Decision, RowsPart, SERIES_COLUMN, SeriesListTable, SeriesScanExec, SeriesTable, decide_rows,
    typed_tags,
};

#[cfg(test)]
pub(crate) mod tests;
