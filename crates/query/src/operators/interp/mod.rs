//! `Interp`: values of series at regular points in time.

mod column;
mod kernel;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;

use super::gap_fill::{FillMode, is_number};
use super::sorted::{
    ASCENDING, Compile, Exprs, Node, Qualified, SortedExec, SortedOperator, SortedPlan, field_of, qualified,
    show,
};
use column::PlannedColumn;
use kernel::{Grid, MakeInterp};

/// Gives each series a row for each of `points`. The columns are those of `groups`, the point's time, then
/// one for each of `columns`, then those of `is_filled` and `origin` if they are asked for.
///
/// At the time of a row a column has that row's value (of several the first). Between rows the mode says what
/// it has: `Null` and `Value` always give something; the others give nothing without the neighbours that they
/// need, NULL if these are NULL. A point comes out if any column has something for it, with NULL for the
/// others. Series without rows have no points. Planning sees to input sorted by (groups, time), and points come
/// out in that order. Kept are the neighbours of points for which a column still waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interp {
    /// What splits rows into series; may be empty.
    pub groups: Vec<Expr>,
    /// When a row happened: a timestamp or a 64-bit integer, never NULL.
    pub time: Expr,
    /// The points.
    pub points: Points,
    /// The values.
    pub columns: Vec<InterpColumn>,
    /// The name of the points' time in the output.
    pub time_name: String,
    /// The name of a column that is false where a row has the point's time: `Boolean`.
    pub is_filled: Option<String>,
    /// The name of a column with the time of the row that the first column's value is from; NULL for values
    /// that are from none or from two rows.
    pub origin: Option<String>,
}

/// The times `first`, `first + step`, … up to `last`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Points {
    /// First and last: constants of the time column's type, equal for a single point. Absent: the times of each
    /// series' first and last row.
    pub ends: Option<[Expr; 2]>,
    /// Units of time, above 0.
    pub step: i64,
}

/// A column of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InterpColumn {
    /// The value in a row.
    pub input: Expr,
    /// What stands between rows.
    pub mode: FillMode,
    /// Whether rows where it is NULL are as if they were not there.
    pub skip_nulls: bool,
    /// How far a neighbour may be; for `Previous`, `Next` and `Near` only.
    pub within: Option<Within>,
    /// The column's name in the output.
    pub name: String,
}

/// A limit on the distance of neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Within {
    /// Units of time. A row so far away still counts.
    pub distance: i64,
    /// What stands where no neighbour is so near, cast to the column's type.
    pub otherwise: ScalarValue,
}

impl Interp {
    /// The operator over `input`.
    ///
    /// # Errors
    /// No columns, a step that is not positive, `Linear` over what is no number, a time that is none.
    pub fn over(self, input: LogicalPlan) -> Result<LogicalPlan> {
        Node::plan(input, self)
    }

    fn described(&self) -> String {
        let Points { ends, step } = &self.points;
        let ends = match ends {
            Some([first, last]) => format!("from={first}, to={last}"),
            None => "from=first row, to=last row".to_owned(),
        };
        let columns: Vec<String> = self.columns.iter().map(|c| format!("{} {}", c.mode, c.input)).collect();
        let groups = show(&self.groups);
        format!("[{}], {ends}, step={step}, time={}, groups={groups}", columns.join(", "), self.time)
    }
}

impl SortedOperator for Interp {
    const NAME: &'static str = "Interp";

    fn expressions(&self) -> Vec<Expr> {
        let columns = self.columns.iter().map(|c| &c.input);
        let ends = self.points.ends.iter().flatten();
        ends.chain([&self.time]).chain(&self.groups).chain(columns).cloned().collect()
    }

    fn with_expressions(&self, exprs: &mut Exprs) -> Result<Self> {
        let mut other = self.clone();
        for end in other.points.ends.iter_mut().flatten() {
            *end = exprs.one()?;
        }
        other.time = exprs.one()?;
        other.groups = exprs.like(&self.groups)?;
        for column in &mut other.columns {
            column.input = exprs.one()?;
        }
        Ok(other)
    }

    fn columns(&self, input: &DFSchema) -> Result<Vec<Qualified>> {
        let time = self.time.get_type(input)?;
        if !matches!(time, DataType::Timestamp(..) | DataType::Int64) {
            return plan_err!("points in a time of type {time}");
        }
        if self.points.step <= 0 || self.columns.is_empty() {
            return plan_err!("{} columns at points {} apart", self.columns.len(), self.points.step);
        }
        let mut columns = self.groups.iter().map(|g| field_of(g, input)).collect::<Result<Vec<_>>>()?;
        columns.push(qualified(&self.time_name, time.clone(), false));
        for column in &self.columns {
            let ty = column.input.get_type(input)?;
            if matches!(column.mode, FillMode::Linear(_)) && !is_number(&ty) {
                return plan_err!("values of type {ty} cannot be interpolated");
            }
            columns.push(qualified(&column.name, ty, true));
        }
        columns.extend(self.is_filled.as_ref().map(|name| qualified(name, DataType::Boolean, false)));
        columns.extend(self.origin.as_ref().map(|name| qualified(name, time, true)));
        Ok(columns)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.described())
    }

    fn separable(&self) -> &[Expr] {
        &self.groups
    }

    fn physical(
        &self,
        compile: &Compile<'_>,
        node: &Node<Self>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let below = node.input.schema();
        let time = compile.expr(&self.time, below)?;
        let step = self.points.step;
        let grid = match &self.points.ends {
            Some([first, last]) => Some(Grid::new(compile.instant(first)?, compile.instant(last)?, step)),
            None => None,
        };
        let columns = self.columns.iter().map(|column| {
            let ty = column.input.get_type(below)?;
            Ok(PlannedColumn {
                input: compile.expr(&column.input, below)?,
                mode: match &column.mode {
                    FillMode::Value(value) => FillMode::Value(value.cast_to(&ty)?),
                    other => other.clone(),
                },
                skip_nulls: column.skip_nulls,
                within: match &column.within {
                    Some(within) => Some((within.distance, within.otherwise.cast_to(&ty)?)),
                    None => None,
                },
                null: ScalarValue::try_from(&ty)?,
            })
        });
        let groups = compile.exprs(&self.groups, below)?;
        let plan = SortedPlan {
            name: Self::NAME,
            detail: self.described(),
            groups: groups.clone(),
            order: SortedPlan::by_time(Arc::clone(&time)),
            together: false,
            keeps_columns: false,
            // Groups and time are the first columns.
            orders: vec![(0..=groups.len()).map(|index| (index, ASCENDING)).collect()],
            schema: Arc::clone(node.schema.inner()),
            kernel: Arc::new(MakeInterp {
                groups,
                time,
                grid,
                step,
                columns: columns.collect::<Result<_>>()?,
                is_filled: self.is_filled.is_some(),
                origin: self.origin.is_some(),
            }),
        };
        Ok(Arc::new(SortedExec::new(plan, input)))
    }
}
