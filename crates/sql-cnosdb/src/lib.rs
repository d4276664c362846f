//! CnosDB's SQL: parser with its own statements, and their lowering to the engine.
//!
//! A request goes through [`prepare`] (text only: parse, or scan a literal insert), [`plan`] and
//! [`execute`] (against the engine). The words follow the fact sheet `cnosdb.md`, sections 3, 12
//! and 13; queries are DataFusion's. The crate knows no HTTP and no result format.

mod access_error;
pub mod ast;
pub mod codec;
mod coerce;
mod compare;
mod dump;
pub mod duration;
mod error;
mod functions;
mod language;
mod lower;
mod names;
pub mod options;
pub mod parse;
mod plan;
pub mod scan;
mod session_values;
pub mod size;
mod system;
mod type_names;
mod values;

pub use access_error::with_names;
pub use dump::dump;
pub use error::{SqlError, engine_face, ingest_face};
pub use language::language;
pub use lower::{Prepared, execute, plan, prepare, prepare_literals};
pub use system::{API_TABLES, ApiUsage, UsageSource};
