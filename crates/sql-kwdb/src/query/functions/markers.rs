//! Functions by name only: they stand for a change of the plan, which [`super::super::rewrite`] makes. The planner sees
//! their types; they are never run.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, PartitionEvaluatorArgs, StateFieldsArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, PartitionEvaluator, ScalarFunctionArgs,
    ScalarUDFImpl, Signature, Volatility, WindowUDFImpl,
};

use super::arithmetic::COMPUTED;
use super::render::type_name;
use super::zoned::is_text;
use crate::query::errors::coded;

/// A scalar function that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::query) enum Marker {
    /// `time_bucket(time, width)`.
    TimeBucket,
    /// `time_bucket_gapfill(time, width)`.
    Gapfill,
    /// `interpolate(aggregate, mode)`.
    Interpolate,
    /// `state_window(value)`.
    State,
    /// `session_window(time, gap)`.
    Session,
    /// `count_window(rows [, slide])`.
    Count,
    /// `event_window(start, end)`.
    Event,
    /// `time_window(time, width [, slide])`.
    Time,
}

impl Marker {
    pub(super) const ALL: [Self; 8] = [
        Self::TimeBucket,
        Self::Gapfill,
        Self::Interpolate,
        Self::State,
        Self::Session,
        Self::Count,
        Self::Event,
        Self::Time,
    ];

    /// The name in SQL.
    pub(in crate::query) const fn name(self) -> &'static str {
        match self {
            Self::TimeBucket => "time_bucket",
            Self::Gapfill => "time_bucket_gapfill",
            Self::Interpolate => "interpolate",
            Self::State => "state_window",
            Self::Session => "session_window",
            Self::Count => "count_window",
            Self::Event => "event_window",
            Self::Time => "time_window",
        }
    }

    /// Whether it is a group window.
    pub(in crate::query) const fn is_window(self) -> bool {
        matches!(self, Self::State | Self::Session | Self::Count | Self::Event | Self::Time)
    }

    /// The marker and its arguments, if `expr` is a call of one.
    pub(in crate::query) fn of(expr: &Expr) -> Option<(Self, &[Expr])> {
        match expr {
            Expr::Alias(alias) => Self::of(&alias.expr),
            Expr::ScalarFunction(call) => {
                let function = call.func.inner().downcast_ref::<MarkerFunction>()?;
                Some((function.marker, &call.args))
            }
            _ => None,
        }
    }
}

/// The function that the planner sees.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MarkerFunction {
    marker: Marker,
    signature: Signature,
}

impl MarkerFunction {
    pub(super) fn new(marker: Marker) -> Self {
        Self { marker, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

fn unknown_signature(name: &str, types: &[DataType]) -> datafusion::error::DataFusionError {
    let types: Vec<String> = types.iter().map(type_name).collect();
    coded("42883", format!("unknown signature: {name}({})", types.join(", ")))
}

/// What a text beside times is read as.
const TIME_OF_TEXT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

impl ScalarUDFImpl for MarkerFunction {
    fn name(&self) -> &str {
        self.marker.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let unknown = || Err(unknown_signature(self.name(), types));
        let is_time = |ty: &DataType| matches!(ty, DataType::Timestamp(..)) || is_text(ty);
        let is_length = |ty: &DataType| is_text(ty) || ty.is_integer() || matches!(ty, DataType::Interval(_));
        match (self.marker, types) {
            (Marker::TimeBucket | Marker::Gapfill, [time, width]) if is_time(time) && is_length(width) => {
                Ok(if is_text(time) { TIME_OF_TEXT } else { time.clone() })
            }
            (Marker::Interpolate, [value, _]) => match value {
                DataType::Decimal128(..) => Ok(COMPUTED),
                ty if ty.is_integer() || ty.is_floating() => Ok(ty.clone()),
                _ => Err(coded(
                    "22023",
                    "The type of the first parameter of interpolate must be of IntFamily, FloatFamily or \
                     DecimalFamily",
                )),
            },
            (Marker::State, [_]) => Ok(DataType::Int64),
            (Marker::Session, [time, gap]) if is_time(time) && is_length(gap) => Ok(DataType::Int64),
            (Marker::Count, [_] | [_, _]) => Ok(DataType::Int64),
            (Marker::Event, [DataType::Boolean, DataType::Boolean]) => Ok(DataType::Int64),
            (Marker::Time, [time, width, slide @ ..])
                if is_time(time) && is_length(width) && slide.len() < 2 && slide.iter().all(is_length) =>
            {
                Ok(DataType::Int64)
            }
            _ => unknown(),
        }
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} is known in queries only", self.name())
    }
}

/// An aggregate that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::query) enum Agg {
    First,
    Last,
    FirstRow,
    LastRow,
    FirstTs,
    LastTs,
    FirstRowTs,
    LastRowTs,
    Twa,
    Elapsed,
    /// `beside_max(column, value)`: the column in the row with the largest value.
    BesideMax,
    BesideMin,
    Sum,
    Avg,
}

impl Agg {
    pub(super) const ALL: [Self; 14] = [
        Self::First,
        Self::Last,
        Self::FirstRow,
        Self::LastRow,
        Self::FirstTs,
        Self::LastTs,
        Self::FirstRowTs,
        Self::LastRowTs,
        Self::Twa,
        Self::Elapsed,
        Self::BesideMax,
        Self::BesideMin,
        Self::Sum,
        Self::Avg,
    ];

    /// The name in SQL.
    pub(in crate::query) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::FirstRow => "first_row",
            Self::LastRow => "last_row",
            Self::FirstTs => "firstts",
            Self::LastTs => "lastts",
            Self::FirstRowTs => "first_row_ts",
            Self::LastRowTs => "last_row_ts",
            Self::Twa => "twa",
            Self::Elapsed => "elapsed",
            Self::BesideMax => "beside_max",
            Self::BesideMin => "beside_min",
            Self::Sum => "sum",
            Self::Avg => "avg",
        }
    }

    /// Whether it gives a value of the type of its argument.
    pub(in crate::query) const fn keeps_type(self) -> bool {
        matches!(
            self,
            Self::First | Self::Last | Self::FirstRow | Self::LastRow | Self::BesideMax | Self::BesideMin
        )
    }

    /// The aggregate that a function stands for.
    pub(in crate::query) fn of_function(function: &datafusion::logical_expr::AggregateUDF) -> Option<Self> {
        function.inner().downcast_ref::<AggMarker>().map(|found| found.agg)
    }

    /// The aggregate, if `call` is one.
    pub(in crate::query) fn of(call: &AggregateFunction) -> Option<Self> {
        Self::of_function(&call.func)
    }

    fn result(self, types: &[DataType]) -> Result<DataType> {
        let unknown = || Err(unknown_signature(self.name(), types));
        let is_number = |ty: &DataType| ty.is_numeric() || ty.is_null();
        match (self, types) {
            (Self::First | Self::FirstRow, [value]) => Ok(value.clone()),
            (Self::Last | Self::LastRow, [value] | [value, _]) => Ok(value.clone()),
            (Self::BesideMax | Self::BesideMin, [value, _]) => Ok(value.clone()),
            (Self::FirstTs | Self::FirstRowTs, [_]) | (Self::LastTs | Self::LastRowTs, [_] | [_, _]) => {
                // Of which unit the times are is known when the table is: see the rewriting.
                Ok(DataType::Timestamp(TimeUnit::Millisecond, None))
            }
            (Self::Twa, [DataType::Timestamp(..), value]) if is_number(value) => Ok(DataType::Float64),
            (Self::Elapsed, [DataType::Timestamp(..), unit @ ..]) if unit.len() < 2 => Ok(DataType::Float64),
            (Self::Twa | Self::Elapsed, [_, ..]) if !matches!(types, [DataType::Timestamp(..), ..]) => {
                let message =
                    format!("first parameter should be primary timestamp in {} function", self.name());
                Err(coded("22023", message))
            }
            (Self::Sum, [DataType::Decimal128(precision, scale)]) => {
                Ok(DataType::Decimal128((*precision + 10).min(38), *scale))
            }
            (Self::Avg, [DataType::Decimal128(..)]) => Ok(COMPUTED),
            (Self::Sum | Self::Avg, [ty]) if ty.is_floating() => Ok(DataType::Float64),
            (Self::Sum, [ty]) if ty.is_integer() => Ok(DataType::Decimal128(30, 0)),
            (Self::Avg, [ty]) if ty.is_integer() => Ok(COMPUTED),
            (Self::Sum | Self::Avg, [DataType::Null]) => Ok(DataType::Float64),
            _ => unknown(),
        }
    }
}

/// The aggregate that the planner sees.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AggMarker {
    agg: Agg,
    signature: Signature,
}

impl AggMarker {
    pub(super) fn new(agg: Agg) -> Self {
        Self { agg, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for AggMarker {
    fn name(&self) -> &str {
        self.agg.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.agg.result(types)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        exec_err!("{} is known in queries only", self.name())
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        exec_err!("{} is known in queries only", self.name())
    }
}

/// `diff(value) OVER (…)`: the difference to the row before; the first row of a partition gives none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::query) struct Diff {
    signature: Signature,
}

impl Diff {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl WindowUDFImpl for Diff {
    fn name(&self) -> &str {
        "diff"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        exec_err!("diff is known in queries only")
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let Some(input) = args.get_input_field(0) else { return plan_err!("diff takes one value") };
        let ty = match input.data_type() {
            ty if ty.is_integer() => DataType::Int64,
            ty if ty.is_floating() => DataType::Float64,
            ty @ DataType::Decimal128(..) => ty.clone(),
            other => return Err(unknown_signature("diff", std::slice::from_ref(other))),
        };
        Ok(Arc::new(Field::new(args.name(), ty, true)))
    }
}
