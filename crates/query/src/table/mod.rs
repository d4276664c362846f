//! Tables as DataFusion sees them.

mod decide;
mod exec;
mod filter;
mod provider;
mod series_list;
mod shape;
mod stream;
mod tags;
mod units;

pub use decide::{Decision, RowsPart, decide_rows};
pub use exec::SeriesScanExec;
pub use provider::{SERIES_COLUMN, SeriesTable};
pub use series_list::SeriesListTable;
pub use tags::{CHILD_NAME, typed_tags};

pub(crate) use exec::PreparedScan;
pub(crate) use filter::{Pushdown, classify};
pub(crate) use tags::series_value;
