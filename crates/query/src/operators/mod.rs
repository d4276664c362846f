//! Operators of time series that SQL engines lack. Dialects lower their own clauses to them.

mod gap_fill;
mod interp;
mod planner;
mod series;
mod slice_limit;
mod sorted;
mod time_join;
mod top_rows;
mod windows;

pub use gap_fill::{FillColumn, FillMode, GapFill, GapFillExec, Grid, Nulls, Rounding, Stride};
pub use interp::{Interp, InterpColumn, Points, Within};
pub use planner::OperatorPlanner;
pub use series::{DuplicateTime, RowCall, RowFunction, SeriesFunctions};
pub use slice_limit::SliceLimit;
pub use time_join::{Comparison, TimeJoin, TimeMatch};
pub use top_rows::top_rows;
pub use windows::{AssignWindows, NullState, WINDOW, WINDOW_START, WindowKind};

#[cfg(test)]
mod tests;
