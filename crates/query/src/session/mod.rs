//! Sessions: configuration, functions, rules and memory behind one query.

mod builder;
mod memory;
mod query_session;
mod values;

pub use builder::{FinishPlan, SessionBuilder, SessionContext, SessionOptions};
pub use memory::{MemoryOptions, query_memory};
pub use query_session::QuerySession;
pub use values::SessionValues;

pub(crate) use values::Constant;
