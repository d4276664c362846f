//! Functions by name only: they stand for a change of the plan, which the rewriting makes.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use triglot_functions::windows::{END, START};

/// What a marker stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Marker {
    /// `time_window(time, window [, slide [, origin]])`.
    TimeWindow,
    /// `time_window_gapfill`, with the same arguments.
    Gapfill,
    /// `locf(aggregate)`.
    Locf,
    /// `interpolate(aggregate)`.
    Interpolate,
    /// `topk(column, k)`.
    TopK,
    /// `bottom(column, k)`.
    Bottom,
}

impl Marker {
    pub(crate) const ALL: [Self; 6] =
        [Self::TimeWindow, Self::Gapfill, Self::Locf, Self::Interpolate, Self::TopK, Self::Bottom];

    /// The name in SQL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TimeWindow => "time_window",
            Self::Gapfill => "time_window_gapfill",
            Self::Locf => "locf",
            Self::Interpolate => "interpolate",
            Self::TopK => "topk",
            Self::Bottom => "bottom",
        }
    }

    /// The marker and the arguments, if `expr` is a call of one.
    pub(super) fn of(expr: &Expr) -> Option<(Self, &[Expr])> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let function = call.func.inner().downcast_ref::<MarkerFunction>()?;
        Some((function.marker, &call.args))
    }
}

/// All distinct calls of the given markers in the expressions of one node, outermost first.
pub(super) fn calls_in(node: &LogicalPlan, markers: &[Marker]) -> Result<Vec<Expr>> {
    let mut calls = Vec::new();
    node.apply_expressions(|expr| {
        collect_calls(expr, markers, &mut calls)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(calls)
}

/// As [`calls_in`], of one expression, added to `calls`.
pub(super) fn collect_calls(expr: &Expr, markers: &[Marker], calls: &mut Vec<Expr>) -> Result<()> {
    expr.apply(|e| {
        if Marker::of(e).is_some_and(|(m, _)| markers.contains(&m)) && !calls.contains(e) {
            calls.push(e.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The function that the SQL planner sees. It checks types; it is never run.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MarkerFunction {
    marker: Marker,
    signature: Signature,
}

impl MarkerFunction {
    pub(crate) fn new(marker: Marker) -> Self {
        Self { marker, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for MarkerFunction {
    fn name(&self) -> &str {
        self.marker.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, args: &[DataType]) -> Result<Vec<DataType>> {
        match (self.marker, args) {
            (Marker::TimeWindow | Marker::Gapfill, [time, lengths @ ..])
                if (1..=3).contains(&lengths.len()) =>
            {
                let mut types = vec![timestamp(self.name(), time)?];
                for (index, ty) in lengths.iter().enumerate() {
                    types.push(if index < 2 {
                        interval(self.name(), ty)?
                    } else {
                        timestamp(self.name(), ty)?
                    });
                }
                Ok(types)
            }
            (Marker::Locf | Marker::Interpolate, [value]) => Ok(vec![value.clone()]),
            (Marker::TopK | Marker::Bottom, [value, count]) if count.is_integer() => {
                Ok(vec![value.clone(), count.clone()])
            }
            (Marker::TopK | Marker::Bottom, _) => plan_err!("{}", super::selection::ARGUMENTS),
            _ => plan_err!("{} does not take arguments of the types {args:?}", self.name()),
        }
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        let Some(first) = args.first() else { return plan_err!("{} without arguments", self.name()) };
        Ok(match self.marker {
            Marker::TimeWindow => DataType::Struct(
                [START, END].into_iter().map(|name| Field::new(name, first.clone(), true)).collect(),
            ),
            Marker::Gapfill | Marker::Locf | Marker::Interpolate | Marker::TopK | Marker::Bottom => {
                first.clone()
            }
        })
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} is known in queries only", self.name())
    }
}

fn timestamp(name: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Timestamp(..) => Ok(ty.clone()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Timestamp(TimeUnit::Nanosecond, None))
        }
        other => plan_err!("{name} expects a timestamp, found {other}"),
    }
}

fn interval(name: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Interval(_) => Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
        other => plan_err!("{name} expects an INTERVAL, found {other}"),
    }
}
