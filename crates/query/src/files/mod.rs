//! Rows in files that triglot does not own: read through DataFusion's listing tables, written
//! through its sinks. Who may name which path is the engine's business.

mod export;
mod location;
mod table;

pub use export::export_plan;
pub use location::Location;
pub use table::{FileScan, files_table, infer_columns};
