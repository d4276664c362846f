//! `SeriesFunctions`: functions of a row and the rows of its series before it.

mod calls;
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
use triglot_model::ErrorKind;

use super::sorted::{
    ASCENDING, Compile, Exprs, Node, Qualified, SortedExec, SortedOperator, SortedPlan, field_of, qualified,
    show,
};
use crate::QueryError;
use kernel::{MakeSeries, PlannedCall};

/// Computes `calls` for the rows of each series in the order of time. The columns are those of
/// `passthrough`, then one for each call.
///
/// Each call gives a row a value, NULL or nothing; a row comes out if any call gives it a value or NULL,
/// with NULL for the calls that gave nothing. Planning sees to input sorted by (groups, time), and rows come
/// out in that order. One batch is in memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesFunctions {
    /// What splits rows into series; may be empty. To see them in the output, list them in `passthrough`.
    pub groups: Vec<Expr>,
    /// When a row happened: a timestamp or a 64-bit integer, never NULL.
    pub time: Expr,
    /// The functions, at least one.
    pub calls: Vec<RowCall>,
    /// Expressions over the row itself, under their own names.
    pub passthrough: Vec<Expr>,
    /// Whether two rows of a series at one time are an error, [`DuplicateTime`].
    pub unique_times: bool,
}

/// A call of a [`RowFunction`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowCall {
    /// The function.
    pub function: RowFunction,
    /// Its argument; a condition for [`RowFunction::StateCount`] and [`RowFunction::StateDuration`].
    pub argument: Expr,
    /// The column's name in the output.
    pub name: String,
}

/// Functions of a row and those before it. `known` is a row whose argument is not NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFunction {
    /// The argument less that of the last known row before; `Int64` for integers, booleans and
    /// timestamps, else `Float64`. Nothing for the first row. NULL where there is no known row before or the
    /// row itself is not known. A difference that no `Int64` holds is an error.
    Diff {
        /// NULL instead of a negative difference.
        ignore_negative: bool,
        /// Nothing instead of NULL.
        drop_null: bool,
    },
    /// The change from the last known row before, for each `unit` of time: `Float64`. Nothing for rows
    /// that are not known and the first that is. NULL if no time passed.
    Derivative {
        /// Units of time, above 0.
        unit: i64,
        /// Nothing instead of a negative change.
        ignore_negative: bool,
    },
    /// The sum of the known rows so far: `Int64`, `UInt64` or `Float64`, whose overflow is an error. Nothing for
    /// rows that are not known.
    CumulativeSum,
    /// The mean of the last `rows` known rows: `Float64`. Nothing for rows that are not known, and until there
    /// are as many.
    MovingAverage {
        /// How many, above 0.
        rows: usize,
    },
    /// The length so far of the run of rows that meet the condition: `Int64`; -1 where it is not met. NULL
    /// where it is NULL, which does not end the run.
    StateCount,
    /// As [`RowFunction::StateCount`], but the time since the first row of the run, in whole `unit`s.
    StateDuration {
        /// Units of time, above 0.
        unit: i64,
    },
}

/// Two rows of one series share a time. It comes as the source of [`QueryError::Refused`], see
/// [`QueryError::source_as`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two rows of a time series have the same time, {time}")]
pub struct DuplicateTime {
    /// The time, as a number in its unit.
    pub time: i64,
}

impl From<DuplicateTime> for QueryError {
    fn from(error: DuplicateTime) -> Self {
        Self::refused(ErrorKind::WrongInput, error)
    }
}

impl RowFunction {
    /// The type of the result.
    ///
    /// # Errors
    /// The function does not take such an argument; a parameter that is not positive.
    pub fn return_type(&self, argument: &DataType) -> Result<DataType> {
        let number = argument.is_integer()
            || matches!(argument, DataType::Float32 | DataType::Float64 | DataType::Null);
        match self {
            Self::Diff { .. } => match argument {
                DataType::Boolean | DataType::Timestamp(..) => Ok(DataType::Int64),
                ty if ty.is_integer() => Ok(DataType::Int64),
                _ if number => Ok(DataType::Float64),
                other => plan_err!("{self} of a value of type {other}"),
            },
            Self::Derivative { unit: 0 | i64::MIN..0, .. }
            | Self::StateDuration { unit: 0 | i64::MIN..0 } => {
                plan_err!("{self}: the unit must be above 0")
            }
            Self::MovingAverage { rows: 0 } => plan_err!("{self}: the number of rows must be above 0"),
            Self::StateCount | Self::StateDuration { .. } => match argument {
                DataType::Boolean | DataType::Null => Ok(DataType::Int64),
                other => plan_err!("{self} of a value of type {other}, which is no condition"),
            },
            _ if !number => plan_err!("{self} of a value of type {argument}"),
            Self::Derivative { .. } | Self::MovingAverage { .. } => Ok(DataType::Float64),
            Self::CumulativeSum if argument.is_unsigned_integer() => Ok(DataType::UInt64),
            Self::CumulativeSum if argument.is_integer() => Ok(DataType::Int64),
            Self::CumulativeSum => Ok(DataType::Float64),
        }
    }
}

impl fmt::Display for RowFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        let name = match self {
            Self::Diff { ignore_negative, drop_null } => {
                options.extend(ignore_negative.then(|| "ignore_negative".to_owned()));
                options.extend(drop_null.then(|| "drop_null".to_owned()));
                "diff"
            }
            Self::Derivative { unit, ignore_negative } => {
                options.push(unit.to_string());
                options.extend(ignore_negative.then(|| "ignore_negative".to_owned()));
                "derivative"
            }
            Self::CumulativeSum => "cumulative_sum",
            Self::MovingAverage { rows } => {
                options.push(rows.to_string());
                "moving_average"
            }
            Self::StateCount => "state_count",
            Self::StateDuration { unit } => {
                options.push(unit.to_string());
                "state_duration"
            }
        };
        f.write_str(name)?;
        if options.is_empty() { Ok(()) } else { write!(f, "[{}]", options.join(", ")) }
    }
}

impl SeriesFunctions {
    /// The operator over `input`.
    ///
    /// # Errors
    /// No calls, arguments or parameters that a function does not take, a time that is none.
    pub fn over(self, input: LogicalPlan) -> Result<LogicalPlan> {
        Node::plan(input, self)
    }
}

impl SortedOperator for SeriesFunctions {
    const NAME: &'static str = "SeriesFunctions";

    fn expressions(&self) -> Vec<Expr> {
        let arguments = self.calls.iter().map(|c| &c.argument);
        self.groups.iter().chain([&self.time]).chain(arguments).chain(&self.passthrough).cloned().collect()
    }

    fn with_expressions(&self, exprs: &mut Exprs) -> Result<Self> {
        let mut other = self.clone();
        other.groups = exprs.like(&self.groups)?;
        other.time = exprs.one()?;
        for call in &mut other.calls {
            call.argument = exprs.one()?;
        }
        other.passthrough = exprs.like(&self.passthrough)?;
        Ok(other)
    }

    fn columns(&self, input: &DFSchema) -> Result<Vec<Qualified>> {
        let time = self.time.get_type(input)?;
        if !matches!(time, DataType::Timestamp(..) | DataType::Int64) {
            return plan_err!("a series over a time of type {time}");
        }
        if self.calls.is_empty() {
            return plan_err!("a series without functions");
        }
        let own = self.passthrough.iter().map(|expr| field_of(expr, input));
        let calls = self.calls.iter().map(|call| {
            Ok(qualified(&call.name, call.function.return_type(&call.argument.get_type(input)?)?, true))
        });
        own.chain(calls).collect()
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.described())
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
        let calls = self.calls.iter().map(|call| {
            Ok(PlannedCall { function: call.function, argument: compile.expr(&call.argument, below)? })
        });
        let place = |expr: &Expr| Some((self.passthrough.iter().position(|own| own == expr)?, ASCENDING));
        let order = self.groups.iter().chain([&self.time]).map_while(place).collect();
        let plan = SortedPlan {
            name: Self::NAME,
            detail: self.described(),
            groups: compile.exprs(&self.groups, below)?,
            order: SortedPlan::by_time(Arc::clone(&time)),
            together: false,
            keeps_columns: false,
            orders: vec![order],
            schema: Arc::clone(node.schema.inner()),
            kernel: Arc::new(MakeSeries {
                time,
                calls: calls.collect::<Result<_>>()?,
                passthrough: compile.exprs(&self.passthrough, below)?,
                unique_times: self.unique_times,
            }),
        };
        Ok(Arc::new(SortedExec::new(plan, input)))
    }
}

impl SeriesFunctions {
    fn described(&self) -> String {
        let calls: Vec<String> =
            self.calls.iter().map(|c| format!("{} {}", c.function, c.argument)).collect();
        let unique = if self.unique_times { ", unique times" } else { "" };
        format!("[{}], time={}, groups={}{unique}", calls.join(", "), self.time, show(&self.groups))
    }
}
