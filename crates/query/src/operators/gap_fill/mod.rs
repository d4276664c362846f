//! `GapFill`: adds the rows that a regular grid of times lacks, for each group.

mod exec;
mod fill;
mod planner;
mod segment;
mod stream;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, DFSchemaRef, TableReference, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::scalar::ScalarValue;

pub use exec::GapFillExec;
pub use planner::GapFillPlanner;

/// What stands in a column of an added row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub enum FillMode {
    /// NULL.
    Null,
    /// The last value of the group before it that is not NULL; NULL if there is none.
    Previous,
    /// The first value of the group after it that is not NULL; NULL if there is none.
    Next,
    /// On the line between these two, by time; NULL unless both exist. Numbers only; integers are cut
    /// towards the earlier value.
    Linear,
    /// This value, cast to the column's type.
    Value(ScalarValue),
}

/// A column of values behind a [`GapFill`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct FillColumn {
    /// The input's column.
    pub input: Expr,
    /// What added rows hold. `Previous`, `Next` and `Linear` also replace NULLs of the input's rows.
    pub mode: FillMode,
    /// The name in the output.
    pub name: (Option<TableReference>, String),
}

/// The grid of times that every group shall have: `first`, `first + stride`, … up to `last`. Rows of the
/// input that lie off the grid or outside of it stay.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Grid {
    /// The first time: a constant of the time column's type (`now()` and the like allowed).
    pub first: Expr,
    /// The last time, if it lies on the grid: a constant of the time column's type.
    pub last: Expr,
    /// The distance, in units of the time column; above zero.
    pub stride: i64,
}

/// The logical node. Its columns are those of `groups`, then `time`, then `fills`.
///
/// Each group that has a row in the input gets the whole grid; without rows there are no groups. It
/// runs on input sorted by (groups, time), which planning sees to, holds one group in memory at a
/// time, and gives rows in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFill {
    input: Arc<LogicalPlan>,
    groups: Vec<Expr>,
    time: Expr,
    grid: Grid,
    fills: Vec<FillColumn>,
    schema: DFSchemaRef,
}

impl GapFill {
    /// A node over columns of `input`: `groups` may be empty, `time` is a timestamp or a 64-bit integer.
    ///
    /// # Errors
    /// A time of another type, a stride that is not positive, `Linear` over what is no number.
    pub fn try_new(
        input: Arc<LogicalPlan>,
        groups: Vec<Expr>,
        time: Expr,
        grid: Grid,
        fills: Vec<FillColumn>,
    ) -> Result<Self> {
        let below = input.schema();
        let time_type = time.get_type(below)?;
        if !matches!(time_type, DataType::Timestamp(..) | DataType::Int64) {
            return plan_err!("gaps in a column of type {time_type} cannot be filled");
        }
        if grid.stride <= 0 {
            return plan_err!("gaps cannot be filled with a stride of {}", grid.stride);
        }
        let mut fields = Vec::with_capacity(groups.len() + 1 + fills.len());
        for expr in groups.iter().chain([&time]) {
            fields.push(expr.to_field(below)?);
        }
        for fill in &fills {
            let ty = fill.input.get_type(below)?;
            if fill.mode == FillMode::Linear && !fill::is_number(&ty) {
                return plan_err!("values of type {ty} cannot be interpolated");
            }
            let (relation, name) = fill.name.clone();
            fields.push((relation, Arc::new(Field::new(name, ty, true))));
        }
        let schema = DFSchema::new_with_metadata(fields, below.metadata().clone())?;
        Ok(Self { input, groups, time, grid, fills, schema: Arc::new(schema) })
    }

    /// The node as a plan.
    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }
}

impl Hash for GapFill {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.input, &self.groups, &self.time, &self.grid, &self.fills).hash(state);
    }
}

impl PartialOrd for GapFill {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |node: &Self| {
            (
                node.input.clone(),
                node.groups.clone(),
                node.time.clone(),
                node.grid.clone(),
                node.fills.clone(),
            )
        };
        key(self).partial_cmp(&key(other)).filter(|order| *order != Ordering::Equal || self == other)
    }
}

impl UserDefinedLogicalNodeCore for GapFill {
    fn name(&self) -> &str {
        "GapFill"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The grid's ends, time, groups, values.
    fn expressions(&self) -> Vec<Expr> {
        let ends = [&self.grid.first, &self.grid.last, &self.time];
        ends.into_iter().chain(&self.groups).chain(self.fills.iter().map(|f| &f.input)).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grid { first, last, stride } = &self.grid;
        write!(f, "GapFill: time={}, from={first}, to={last}, stride={stride}", self.time)?;
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        write!(f, ", groups=[{}]", groups.join(", "))?;
        let fills: Vec<String> = self.fills.iter().map(|c| format!("{} {}", c.mode, c.input)).collect();
        write!(f, ", fill=[{}]", fills.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (mut exprs, mut inputs) = (exprs.into_iter(), inputs.into_iter());
        let (Some(first), Some(last), Some(time), Some(input)) =
            (exprs.next(), exprs.next(), exprs.next(), inputs.next())
        else {
            return internal_err!("GapFill needs a grid, a time and an input");
        };
        let groups: Vec<Expr> = exprs.by_ref().take(self.groups.len()).collect();
        let values: Vec<Expr> = exprs.collect();
        if groups.len() != self.groups.len() || values.len() != self.fills.len() {
            return internal_err!("GapFill with another number of columns");
        }
        let fills = self.fills.iter().zip(values).map(|(f, input)| FillColumn { input, ..f.clone() });
        let grid = Grid { first, last, stride: self.grid.stride };
        Self::try_new(Arc::new(input), groups, time, grid, fills.collect())
    }
}

impl fmt::Display for FillMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Previous => f.write_str("previous"),
            Self::Next => f.write_str("next"),
            Self::Linear => f.write_str("linear"),
            Self::Value(value) => write!(f, "value {value}"),
        }
    }
}
