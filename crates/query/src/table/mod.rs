//! Tables as DataFusion sees them.

mod exec;
mod filter;
mod last_rows;
mod provider;
mod series_list;
mod shape;
mod stream;
mod tags;
mod units;

pub use exec::SeriesScanExec;
pub use provider::{SERIES_COLUMN, SeriesTable};
pub use series_list::SeriesListTable;

pub(crate) use filter::{Pushdown, classify};
