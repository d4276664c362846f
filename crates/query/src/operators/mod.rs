//! Operators of time series that SQL engines lack. Dialects lower their own clauses to them.

mod top_rows;

pub use top_rows::top_rows;
