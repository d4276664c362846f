//! The arguments of `time_window` and `time_window_gapfill`.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use triglot_functions::windows::{TimeWindows, WindowError};

use super::{coded, refused};
use crate::duration::CnosDuration;

const DAY_NS: i64 = 86_400_000_000_000;
/// A window is no longer than this.
const MAX_NS: i64 = 365 * DAY_NS;
/// A row lies in no more windows than this.
const MAX_OVERLAPPING: i64 = 100;

/// A call, read and checked.
#[derive(Debug)]
pub(super) struct WindowCall {
    /// The time of a row.
    pub(super) time: Expr,
    /// The type of `time`: a timestamp.
    pub(super) time_type: DataType,
    /// The windows in nanoseconds.
    pub(super) in_ns: TimeWindows,
    /// The windows in the unit of `time`.
    pub(super) in_unit: TimeWindows,
}

impl WindowCall {
    /// # Errors
    /// 010058 for lengths that are not allowed, 010001 for arguments that are not constant.
    pub(super) fn read(args: &[Expr], schema: &DFSchema) -> Result<Self> {
        let [time, width, rest @ ..] = args else {
            return Err(refused("time_window needs a time and a length"));
        };
        let width = length(width)?;
        let slide = rest.first().map_or(Ok(width), length)?;
        let origin = rest.get(1).map_or(Ok(0), instant)?;
        let in_ns = TimeWindows::new(width, slide, origin).map_err(|e| invalid(e.to_string()))?;
        if in_ns.overlapping() > MAX_OVERLAPPING {
            return Err(invalid(format!(
                "at most {MAX_OVERLAPPING} windows may overlap, but found {}",
                in_ns.overlapping()
            )));
        }
        let (time, time_type) = match time.get_type(schema)? {
            ty @ DataType::Timestamp(..) => (time.clone(), ty),
            // Texts: the marker has let nothing else through.
            _ => (cast(time.clone(), nanoseconds()), nanoseconds()),
        };
        let DataType::Timestamp(unit, _) = time_type else { return Err(refused("time_window needs a time")) };
        let in_unit = in_ns.in_unit(unit).map_err(|e| match e {
            WindowError::Fraction { ns, .. } => {
                invalid(format!("{} is finer than the precision of time", duration(ns)))
            }
            WindowError::Empty { .. } | WindowError::OutOfRange { .. } => invalid(e.to_string()),
        })?;
        Ok(Self { time, time_type, in_ns, in_unit })
    }
}

pub(super) fn nanoseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, None)
}

/// 010058.
fn invalid(reason: impl std::fmt::Display) -> DataFusionError {
    coded("010058", format!("Invalid TimeWindow parameter : {reason}"))
}

fn duration(ns: i64) -> CnosDuration {
    CnosDuration { ns: Some(ns) }
}

/// An interval in nanoseconds, in `(0s, 365d]`.
fn length(expr: &Expr) -> Result<i64> {
    let ns = match constant(expr)? {
        ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => {
            Some(i128::from(i.days) * i128::from(DAY_NS) + i128::from(i.nanoseconds))
        }
        ScalarValue::IntervalDayTime(Some(i)) => {
            Some(i128::from(i.days) * i128::from(DAY_NS) + i128::from(i.milliseconds) * 1_000_000)
        }
        ScalarValue::IntervalMonthDayNano(Some(_)) | ScalarValue::IntervalYearMonth(Some(_)) => {
            return Err(invalid("months and years have no fixed length, use days"));
        }
        _ => None,
    };
    let Some(ns) = ns else { return Err(refused(format!("{expr} is not a constant INTERVAL"))) };
    match i64::try_from(ns) {
        Ok(ns) if (1..=MAX_NS).contains(&ns) => Ok(ns),
        outside => {
            // Lengths beyond 292 years are shown as 292 years.
            let ns = outside.unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX });
            let sign = if ns < 0 { "-" } else { "" };
            Err(invalid(format!("Max duration is (0s, 365d], but found {sign}{}", duration(ns))))
        }
    }
}

/// A constant timestamp in nanoseconds.
fn instant(expr: &Expr) -> Result<i64> {
    match constant(expr)?.cast_to(&nanoseconds())? {
        ScalarValue::TimestampNanosecond(Some(ns), _) => Ok(ns),
        _ => Err(refused(format!("{expr} is not a constant timestamp"))),
    }
}

fn constant(expr: &Expr) -> Result<ScalarValue> {
    let simplifier = ExprSimplifier::new(SimplifyContext::default());
    let schema = DFSchema::empty();
    let not_constant = |_| refused(format!("{expr} is not a constant"));
    let coerced = simplifier.coerce(expr.clone(), &schema).map_err(not_constant)?;
    match simplifier.simplify(coerced)? {
        Expr::Literal(value, _) => Ok(value),
        _ => Err(refused(format!("{expr} is not a constant"))),
    }
}
