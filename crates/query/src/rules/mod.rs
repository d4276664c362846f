//! Optimizer rules of our own, and the selection of DataFusion's.

mod last_row;
mod lists;

pub use last_row::LastRowRule;
pub(crate) use lists::{PlanShape, RuleLists};
