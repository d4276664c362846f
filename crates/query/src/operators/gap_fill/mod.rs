//! `GapFill`: adds the rows that a regular grid of times lacks, for each group.

mod exec;
mod fill;
mod planner;
mod segment;
mod stream;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, DFSchemaRef, TableReference, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::scalar::ScalarValue;
use triglot_functions::buckets::Buckets;

pub use exec::GapFillExec;
pub(super) use fill::{float, integer, is_number};
pub(super) use planner::physical;

/// What stands in a column of an added row. Which rows count as known is up to [`Nulls`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FillMode {
    /// NULL.
    Null,
    /// The last known value of the group before it; NULL if there is none.
    Previous,
    /// The first known value of the group after it; NULL if there is none.
    Next,
    /// The nearer of these two by time, of equally near ones the earlier; NULL if there is neither.
    Near,
    /// On the line between these two, by time; NULL unless both exist. Numbers only.
    Linear(Rounding),
    /// This value, cast to the column's type.
    Value(ScalarValue),
}

/// How a point on a line between integers becomes an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Cut towards the earlier of the two values.
    TowardsEarlier,
    /// Cut towards zero.
    TowardsZero,
    /// To the nearest, halves away from zero.
    Nearest,
}

/// What NULLs in rows of the input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Gaps: they are filled as those of added rows.
    Gaps,
    /// They stay, and added rows look for known values beyond them.
    Kept,
    /// They stay, and count as known to the added rows beside them.
    Known,
}

/// A column of values behind a [`GapFill`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FillColumn {
    /// The input's column.
    pub input: Expr,
    /// What added rows hold.
    pub mode: FillMode,
    /// What NULLs in the input are.
    pub nulls: Nulls,
    /// The name in the output.
    pub name: (Option<TableReference>, String),
}

/// The grid of times that every group shall have, from `first` to `last`. Rows of the input that lie off the
/// grid or outside of it stay. An end that is not given is the group's own first or last row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// The first time, or with [`Stride::Buckets`] any time in the first bucket: a constant of the time
    /// column's type (`now()` and the like allowed).
    pub first: Option<Expr>,
    /// The last time, if it lies on the grid, or any time in the last bucket: a constant of the time column's
    /// type.
    pub last: Option<Expr>,
    /// How the grid goes on.
    pub stride: Stride,
}

/// The distance between times of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stride {
    /// Units of the time column, above zero, counted from the grid's first time.
    Fixed(i64),
    /// From the start of one bucket to that of the next.
    Buckets(Buckets),
}

/// The logical node. Its columns are those of `groups`, then `time`, then `fills`.
///
/// Each group that has a row in the input gets the whole grid; without rows there are no groups, see
/// [`GapFill::forced`]. It runs on input sorted by (groups, time), which planning sees to, holds one group in memory at a
/// time, and gives rows in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFill {
    input: Arc<LogicalPlan>,
    groups: Vec<Expr>,
    time: Expr,
    grid: Grid,
    fills: Vec<FillColumn>,
    forced: bool,
    /// The name of the column that tells added rows.
    is_filled: Option<String>,
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
        match (&grid.stride, &time_type) {
            (Stride::Fixed(stride), _) if *stride <= 0 => {
                return plan_err!("gaps cannot be filled with a stride of {stride}");
            }
            (Stride::Buckets(buckets), DataType::Timestamp(unit, _)) if *unit != buckets.unit() => {
                return plan_err!("gaps in a column of type {time_type} cannot be filled by {buckets}");
            }
            _ => {}
        }
        let mut fields = Vec::with_capacity(groups.len() + 1 + fills.len());
        for expr in groups.iter().chain([&time]) {
            fields.push(expr.to_field(below)?);
        }
        for fill in &fills {
            let ty = fill.input.get_type(below)?;
            if matches!(fill.mode, FillMode::Linear(_)) && !is_number(&ty) {
                return plan_err!("values of type {ty} cannot be interpolated");
            }
            let (relation, name) = fill.name.clone();
            fields.push((relation, Arc::new(Field::new(name, ty, true))));
        }
        let schema = DFSchema::new_with_metadata(fields, below.metadata().clone())?;
        let schema = Arc::new(schema);
        Ok(Self { input, groups, time, grid, fills, forced: false, is_filled: None, schema })
    }

    /// Without `groups`, the whole grid also if the input has no rows.
    #[must_use]
    pub fn forced(self) -> Self {
        Self { forced: true, ..self }
    }

    /// With a last column of this name that is true for added rows: `Boolean`.
    ///
    /// # Errors
    /// There is a column of this name.
    pub fn with_is_filled(self, name: &str) -> Result<Self> {
        let mut fields: Vec<_> = self.schema.iter().map(|(r, f)| (r.cloned(), Arc::clone(f))).collect();
        fields.push((None, Arc::new(Field::new(name, DataType::Boolean, false))));
        let schema = Arc::new(DFSchema::new_with_metadata(fields, self.schema.metadata().clone())?);
        Ok(Self { is_filled: Some(name.to_owned()), schema, ..self })
    }

    /// The node as a plan.
    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }
}

impl Hash for GapFill {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.input, &self.groups, &self.time, &self.grid, &self.fills).hash(state);
        (self.forced, &self.is_filled).hash(state);
    }
}

impl PartialOrd for GapFill {
    /// Plans have no order but equality.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
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
        let ends = self.grid.first.iter().chain(&self.grid.last).chain([&self.time]);
        ends.chain(&self.groups).chain(self.fills.iter().map(|f| &f.input)).cloned().collect()
    }

    /// All but the keys of groups: a condition on these leaves out whole groups.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let others = self.schema.iter().skip(self.groups.len());
        let computed = self.groups.iter().zip(self.schema.iter());
        let computed =
            computed.filter(|(group, _)| !matches!(group, Expr::Column(_))).map(|(_, field)| field);
        others.chain(computed).map(|(_, field)| field.name().clone()).collect()
    }

    fn necessary_children_exprs(&self, _outputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![Vec::new()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grid { first, last, stride } = &self.grid;
        let end = |end: &Option<Expr>| end.as_ref().map_or("own".to_owned(), ToString::to_string);
        write!(f, "GapFill: time={}, from={}, to={}, stride={stride}", self.time, end(first), end(last))?;
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        write!(f, ", groups=[{}]", groups.join(", "))?;
        let fills: Vec<String> = self.fills.iter().map(|c| format!("{} {}", c.mode, c.input)).collect();
        write!(f, ", fill=[{}]", fills.join(", "))?;
        if self.forced { f.write_str(", forced") } else { Ok(()) }
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (mut exprs, mut inputs) = (exprs.into_iter(), inputs.into_iter());
        let mut end = |end: &Option<Expr>| end.as_ref().and_then(|_| exprs.next());
        let (first, last) = (end(&self.grid.first), end(&self.grid.last));
        let (Some(time), Some(input)) = (exprs.next(), inputs.next()) else {
            return internal_err!("GapFill needs a time and an input");
        };
        let groups: Vec<Expr> = exprs.by_ref().take(self.groups.len()).collect();
        let values: Vec<Expr> = exprs.collect();
        if groups.len() != self.groups.len() || values.len() != self.fills.len() {
            return internal_err!("GapFill with another number of columns");
        }
        let fills = self.fills.iter().zip(values).map(|(f, input)| FillColumn { input, ..f.clone() });
        let grid = Grid { first, last, stride: self.grid.stride };
        let node = Self::try_new(Arc::new(input), groups, time, grid, fills.collect())?;
        let node = Self { forced: self.forced, ..node };
        match &self.is_filled {
            Some(name) => node.with_is_filled(name),
            None => Ok(node),
        }
    }
}

impl fmt::Display for FillMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Previous => f.write_str("previous"),
            Self::Next => f.write_str("next"),
            Self::Near => f.write_str("near"),
            Self::Linear(_) => f.write_str("linear"),
            Self::Value(value) => write!(f, "value {value}"),
        }
    }
}

impl fmt::Display for Stride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(stride) => write!(f, "{stride}"),
            Self::Buckets(buckets) => write!(f, "{buckets}"),
        }
    }
}
