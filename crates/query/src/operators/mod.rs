//! Operators of time series that SQL engines lack. Dialects lower their own clauses to them.

mod gap_fill;
mod top_rows;

pub use gap_fill::{FillColumn, FillMode, GapFill, GapFillExec, GapFillPlanner, Grid};
pub use top_rows::top_rows;
