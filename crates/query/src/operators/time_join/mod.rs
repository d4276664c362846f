//! `TimeJoin`: to each row the rows of another input that are nearest in time, or within some time.

mod exec;
mod rows;
mod stream;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DFSchemaRef, internal_datafusion_err, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::normalize_col;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;

use super::sorted::{Compile, Exprs, Qualified, qualified};
use exec::{JoinPlan, TimeJoinExec};

/// Joins each row of the left input with rows of the right input near in time. The columns are those of the
/// left input, those of the right one, then that of `left_row` if it is asked for.
///
/// Planning sees to inputs sorted by (keys, time); rows come out in the order of the left input, for each
/// of its rows by the right one's time. In memory are one batch of the left input and the rows of the right one
/// that may still match. Conditions on the left input alone may as well be put below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TimeJoin {
    /// Keys that must be equal, left and right, of equal types. NULL equals nothing.
    pub on: Vec<(Expr, Expr)>,
    /// The times, left and right, of one type: timestamps or 64-bit integers, never NULL.
    pub times: (Expr, Expr),
    /// Which rows match.
    pub matching: TimeMatch,
    /// How many matches a row has at most, above 0; none: all. See [`TimeMatch`] which these are.
    pub limit: Option<u64>,
    /// Whether left rows without a match come out, with NULLs.
    pub outer: bool,
    /// The name of a column that numbers the rows of the left input: `UInt64`. With it an aggregate can give
    /// one row for each of them.
    pub left_row: Option<String>,
}

/// Which rows of the right input match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeMatch {
    /// Those whose time compares so to the left one (`left >= right`), the nearest first under a limit.
    Nearest(Comparison),
    /// Those whose time is in `[left + from, left + to]`, the earliest first under a limit.
    Between {
        /// Units of time; negative is earlier.
        from: i64,
        /// Units of time, not below `from`.
        to: i64,
    },
}

/// A comparison of the left time with the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `left >= right`
    GtEq,
    /// `left > right`
    Gt,
    /// `left = right`
    Eq,
    /// `left <= right`
    LtEq,
    /// `left < right`
    Lt,
}

impl TimeJoin {
    /// The operator over two inputs.
    ///
    /// # Errors
    /// Keys or times of different types, a time that is none, a limit of 0, `from` after `to`, columns of the
    /// same name on both sides.
    pub fn over(self, left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan> {
        let on = self.on.into_iter().map(|(l, r)| Ok((normalize_col(l, &left)?, normalize_col(r, &right)?)));
        let on = on.collect::<Result<Vec<_>>>()?;
        let times = (normalize_col(self.times.0, &left)?, normalize_col(self.times.1, &right)?);
        let node = Joined::try_new(Self { on, times, ..self }, left, right)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    fn check(&self, left: &DFSchema, right: &DFSchema) -> Result<()> {
        let time = self.times.0.get_type(left)?;
        if !matches!(time, DataType::Timestamp(..) | DataType::Int64) || self.times.1.get_type(right)? != time
        {
            return plan_err!("a join of times of type {time} and {}", self.times.1.get_type(right)?);
        }
        for (l, r) in &self.on {
            let (left, right) = (l.get_type(left)?, r.get_type(right)?);
            if left != right {
                return plan_err!("a join of {l} of type {left} and {r} of type {right}");
            }
        }
        match self.matching {
            TimeMatch::Between { from, to } if from > to => plan_err!("a join with rows from {from} to {to}"),
            _ if self.limit == Some(0) => plan_err!("a join with no rows"),
            _ => Ok(()),
        }
    }
}

/// The logical node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Joined {
    join: TimeJoin,
    left: LogicalPlan,
    right: LogicalPlan,
    schema: DFSchemaRef,
}

impl Joined {
    fn try_new(join: TimeJoin, left: LogicalPlan, right: LogicalPlan) -> Result<Self> {
        join.check(left.schema(), right.schema())?;
        let mut columns: Vec<Qualified> =
            left.schema().iter().map(|(relation, field)| (relation.cloned(), Arc::clone(field))).collect();
        columns.extend(right.schema().iter().map(|(relation, field)| {
            let nullable = join.outer || field.is_nullable();
            (relation.cloned(), Arc::new(field.as_ref().clone().with_nullable(nullable)))
        }));
        columns.extend(join.left_row.as_ref().map(|name| qualified(name, DataType::UInt64, false)));
        let schema = Arc::new(DFSchema::new_with_metadata(columns, left.schema().metadata().clone())?);
        Ok(Self { join, left, right, schema })
    }
}

impl PartialOrd for Joined {
    /// Plans have no order but equality.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Joined {
    fn name(&self) -> &str {
        "TimeJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The times, then the keys.
    fn expressions(&self) -> Vec<Expr> {
        let keys = self.join.on.iter().flat_map(|(l, r)| [l, r]);
        [&self.join.times.0, &self.join.times.1].into_iter().chain(keys).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeJoin: {}", self.join)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([left, right]) = <[LogicalPlan; 2]>::try_from(inputs) else {
            return internal_err!("TimeJoin has two inputs");
        };
        let mut exprs = Exprs(exprs.into_iter());
        let times = (exprs.one()?, exprs.one()?);
        let on = self.join.on.iter().map(|_| Ok((exprs.one()?, exprs.one()?))).collect::<Result<_>>()?;
        exprs.end()?;
        Self::try_new(TimeJoin { on, times, ..self.join.clone() }, left, right)
    }

    fn necessary_children_exprs(&self, outputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (left, right) = (self.left.schema().fields().len(), self.right.schema().fields().len());
        let of_left = outputs.iter().copied().filter(|i| *i < left).collect();
        let of_right = outputs.iter().filter_map(|i| i.checked_sub(left)).filter(|i| *i < right).collect();
        Some(vec![of_left, of_right])
    }
}

/// The plan of a node that holds a [`TimeJoin`].
pub(super) fn physical(
    compile: &Compile<'_>,
    node: &dyn UserDefinedLogicalNode,
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(Joined { join, left, right, schema }) = node.as_any().downcast_ref() else { return Ok(None) };
    let [left_input, right_input] = inputs else {
        return Err(internal_datafusion_err!("TimeJoin has two inputs"));
    };
    let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
    let ordered = left_keys.iter().chain([&join.times.0]).map_while(|key| match key {
        Expr::Column(column) => left.schema().maybe_index_of_column(column),
        _ => None,
    });
    let plan = JoinPlan {
        detail: join.to_string(),
        left_keys: compile.exprs(&left_keys, left.schema())?,
        right_keys: compile.exprs(&right_keys, right.schema())?,
        left_time: compile.expr(&join.times.0, left.schema())?,
        right_time: compile.expr(&join.times.1, right.schema())?,
        order: ordered.collect(),
        matching: join.matching,
        limit: join.limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        outer: join.outer,
        left_row: join.left_row.is_some(),
        schema: Arc::clone(schema.inner()),
    };
    Ok(Some(Arc::new(TimeJoinExec::new(plan, Arc::clone(left_input), Arc::clone(right_input)))))
}

impl fmt::Display for TimeJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = &self.times;
        match self.matching {
            TimeMatch::Nearest(comparison) => write!(f, "{left} {comparison} {right}")?,
            TimeMatch::Between { from, to } => write!(f, "{right} in {left} + [{from}, {to}]")?,
        }
        let on: Vec<String> = self.on.iter().map(|(l, r)| format!("{l} = {r}")).collect();
        write!(f, ", on=[{}]", on.join(", "))?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        if self.outer { f.write_str(", outer") } else { Ok(()) }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GtEq => ">=",
            Self::Gt => ">",
            Self::Eq => "=",
            Self::LtEq => "<=",
            Self::Lt => "<",
        })
    }
}
