//! Running queries: on their own threads, in a bounded number, within a time limit, killable.

mod executor;
mod pump;
mod registry;
mod runtime;
mod stream;

pub use executor::{ExecutorOptions, QueryExecutor};
pub use registry::{QueryInfo, QueryRecord, QueryRegistry, QueryState};
pub use runtime::QueryRuntime;
pub use stream::QueryStream;
