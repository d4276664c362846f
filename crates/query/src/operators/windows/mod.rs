//! `AssignWindows`: says which windows each row of a series lies in, for an aggregate above it.

mod assign;
mod kernel;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use triglot_functions::buckets::Buckets;

use super::sorted::{
    ASCENDING, Compile, Exprs, Node, Qualified, SortedExec, SortedOperator, SortedPlan, qualified, show,
};
use assign::Rule;
use kernel::MakeWindows;

/// The added column that numbers the windows of a group from 0 on, `UInt64`. Not every number need occur.
pub const WINDOW: &str = "__window";

/// The added column with a sliding window's start, of the type of time.
pub const WINDOW_START: &str = "__window_start";

/// Assigns rows to windows. The columns are those of the input, then [`WINDOW`], for
/// [`WindowKind::Sliding`] also [`WINDOW_START`].
///
/// Rows of no window are left out, rows of several windows are repeated. An aggregate above groups by
/// `groups` and [`WINDOW`]; the first and last time of a window are its `min` and `max` of time. Planning
/// sees to input sorted by (groups, time); rows come out in that order, and unless windows overlap also
/// in the order (groups, [`WINDOW`]), so that the aggregate holds one window at a time. One batch is in
/// memory, for [`WindowKind::Event`] also the rows of the open window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AssignWindows {
    /// What splits rows into series with windows of their own; may be empty.
    pub groups: Vec<Expr>,
    /// When a row happened: a timestamp or a 64-bit integer, never NULL.
    pub time: Expr,
    /// The windows.
    pub kind: WindowKind,
}

/// Kinds of windows. Lengths are in units of the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// A row joins the window of the row before it if it is at most `gap` later.
    Session {
        /// The longest time without a row, not negative.
        gap: i64,
    },
    /// A window is a run of equal values.
    State {
        /// The value, of any type.
        value: Expr,
        /// What becomes of rows without one.
        nulls: NullState,
    },
    /// A window opens on a row that meets `start` and closes on the next that meets `end`, which may be the
    /// same row. Then the next one may open. A window that never closes is none.
    Event {
        /// A condition; NULL is not met.
        start: Expr,
        /// A condition; NULL is not met.
        end: Expr,
    },
    /// `rows` consecutive rows; the next window begins `slide` rows after the start of the one before. The
    /// last windows may have fewer rows.
    Count {
        /// Rows of a window, above 0.
        rows: u64,
        /// Rows from the start of one window to that of the next, above 0.
        slide: u64,
        /// Rows with a NULL in any of these are left out and not counted.
        required: Vec<Expr>,
    },
    /// Windows `[s, s + width)` that start where `buckets` do (whose width is thus the slide).
    Sliding {
        /// The starts.
        buckets: Buckets,
        /// The length of each window, above 0.
        width: i64,
    },
}

/// Rows without a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullState {
    /// They belong to no window and end none.
    Skip,
    /// They belong to the window of the row before them, if there is one.
    Continue,
    /// They belong to the window of the next row with a state, if there is one; they wait for it.
    Precede,
}

impl AssignWindows {
    /// The operator over `input`.
    ///
    /// # Errors
    /// A time that is none, conditions that are not boolean, lengths that are not positive.
    pub fn over(self, input: LogicalPlan) -> Result<LogicalPlan> {
        Node::plan(input, self)
    }

    fn check(&self, input: &DFSchema) -> Result<DataType> {
        let time = self.time.get_type(input)?;
        if !matches!(time, DataType::Timestamp(..) | DataType::Int64) {
            return plan_err!("windows over a time of type {time}");
        }
        match &self.kind {
            WindowKind::Session { gap } if *gap < 0 => plan_err!("sessions with a gap of {gap}"),
            WindowKind::Count { rows, slide, .. } if *rows == 0 || *slide == 0 => {
                plan_err!("windows of {rows} rows, one every {slide} rows")
            }
            WindowKind::Sliding { width, .. } if *width <= 0 => plan_err!("windows of width {width}"),
            WindowKind::Sliding { buckets, .. } => match &time {
                DataType::Timestamp(unit, _) if *unit != buckets.unit() => {
                    plan_err!("windows of {buckets} over a time of type {time}")
                }
                _ => Ok(time),
            },
            WindowKind::Event { start, end } => {
                for condition in [start, end] {
                    let ty = condition.get_type(input)?;
                    if !matches!(ty, DataType::Boolean | DataType::Null) {
                        return plan_err!("{condition} is no condition but {ty}");
                    }
                }
                Ok(time)
            }
            _ => Ok(time),
        }
    }

    fn rule(&self, compile: &Compile<'_>, below: &DFSchema) -> Result<Rule> {
        Ok(match &self.kind {
            WindowKind::Session { gap } => Rule::Session { gap: *gap },
            WindowKind::State { value, nulls } => {
                Rule::State { value: compile.expr(value, below)?, nulls: *nulls }
            }
            WindowKind::Event { start, end } => {
                Rule::Event { start: compile.expr(start, below)?, end: compile.expr(end, below)? }
            }
            WindowKind::Count { rows, slide, required } => {
                Rule::Count { rows: *rows, slide: *slide, required: compile.exprs(required, below)? }
            }
            WindowKind::Sliding { buckets, width } => Rule::Sliding { buckets: *buckets, width: *width },
        })
    }

    /// Whether no row lies in two windows.
    fn is_disjoint(&self) -> bool {
        match &self.kind {
            WindowKind::Count { rows, slide, .. } => slide >= rows,
            WindowKind::Sliding { .. } => false,
            _ => true,
        }
    }
}

impl SortedOperator for AssignWindows {
    const NAME: &'static str = "AssignWindows";

    fn expressions(&self) -> Vec<Expr> {
        let mut exprs = self.groups.clone();
        exprs.push(self.time.clone());
        match &self.kind {
            WindowKind::State { value, .. } => exprs.push(value.clone()),
            WindowKind::Event { start, end } => exprs.extend([start.clone(), end.clone()]),
            WindowKind::Count { required, .. } => exprs.extend(required.iter().cloned()),
            WindowKind::Session { .. } | WindowKind::Sliding { .. } => {}
        }
        exprs
    }

    fn with_expressions(&self, exprs: &mut Exprs) -> Result<Self> {
        let groups = exprs.like(&self.groups)?;
        let time = exprs.one()?;
        let mut kind = self.kind.clone();
        match &mut kind {
            WindowKind::State { value, .. } => *value = exprs.one()?,
            WindowKind::Event { start, end } => (*start, *end) = (exprs.one()?, exprs.one()?),
            WindowKind::Count { required, .. } => *required = exprs.like(required)?,
            WindowKind::Session { .. } | WindowKind::Sliding { .. } => {}
        }
        Ok(Self { groups, time, kind })
    }

    fn columns(&self, input: &DFSchema) -> Result<Vec<Qualified>> {
        let time = self.check(input)?;
        let kept = input.iter().map(|(relation, field)| (relation.cloned(), Arc::clone(field)));
        let mut columns: Vec<Qualified> = kept.collect();
        columns.push(qualified(WINDOW, DataType::UInt64, false));
        if matches!(self.kind, WindowKind::Sliding { .. }) {
            columns.push(qualified(WINDOW_START, time, false));
        }
        Ok(columns)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, time={}, groups={}", self.kind, self.time, show(&self.groups))
    }

    fn separable(&self) -> &[Expr] {
        &self.groups
    }

    fn keeps_columns(&self) -> bool {
        true
    }

    fn physical(
        &self,
        compile: &Compile<'_>,
        node: &Node<Self>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let below = node.input.schema();
        let time = compile.expr(&self.time, below)?;
        let group_columns: Option<Vec<usize>> = self.groups.iter().map(|g| node.index_of(g)).collect();
        let ordered_by = |last: Option<usize>| -> Option<Vec<(usize, SortOptions)>> {
            let columns = group_columns.iter().flatten().copied().chain(last);
            group_columns.as_ref().map(|_| columns.map(|c| (c, ASCENDING)).collect())
        };
        let mut orders: Vec<_> =
            node.index_of(&self.time).and_then(|t| ordered_by(Some(t))).into_iter().collect();
        if self.is_disjoint() {
            orders.extend(ordered_by(Some(below.fields().len())));
        }
        let kernel = MakeWindows { time: Arc::clone(&time), rule: self.rule(compile, below)? };
        let plan = SortedPlan {
            name: Self::NAME,
            detail: format!("{}, time={}, groups={}", self.kind, self.time, show(&self.groups)),
            groups: compile.exprs(&self.groups, below)?,
            order: SortedPlan::by_time(time),
            together: false,
            keeps_columns: true,
            orders,
            schema: Arc::clone(node.schema.inner()),
            kernel: Arc::new(kernel),
        };
        Ok(Arc::new(SortedExec::new(plan, input)))
    }
}

impl fmt::Display for WindowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { gap } => write!(f, "session gap={gap}"),
            Self::State { value, nulls: NullState::Skip } => write!(f, "state {value}"),
            Self::State { value, nulls: NullState::Continue } => write!(f, "state {value} or before"),
            Self::State { value, nulls: NullState::Precede } => write!(f, "state {value} or after"),
            Self::Event { start, end } => write!(f, "event from {start} to {end}"),
            Self::Count { rows, slide, required } => {
                write!(f, "count rows={rows} slide={slide} required={}", show(required))
            }
            Self::Sliding { buckets, width } => write!(f, "sliding every {buckets} width={width}"),
        }
    }
}
