//! Group windows (sheet section 12.3): an operator that tells each row its window, for an aggregate above it.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit};
use triglot_engine::query::operators::{AssignWindows, NullState, WINDOW, WINDOW_START, WindowKind};
use triglot_functions::buckets::{Buckets, Width, bucket_next, bucket_start};

use super::buckets::{Length, time_of};
use super::first_time;
use crate::query::errors::coded;
use crate::query::functions::markers::Marker;

/// The name of a window's start among the keys.
const START: &str = "__window_begin";
const INVALID: &str = "invalid input interval time.";
/// Windows of time are no shorter.
const SHORTEST_NS: i64 = 10_000_000;

/// Rows with their windows.
#[derive(Debug)]
pub(super) struct Window {
    /// The rows.
    pub(super) rows: LogicalPlan,
    /// What windows are grouped by.
    pub(super) key: Expr,
    /// The start and the end of a window by the keys, where they are not those of its rows.
    pub(super) bounds: Option<(Expr, Expr)>,
}

/// The windows that `call` means over `input`, of which rows with equal `keys` are a series.
pub(super) fn assign(input: &Arc<LogicalPlan>, call: &Expr, keys: &[Expr], zone: Tz) -> Result<Window> {
    let schema = input.schema();
    let Some((marker, args)) = Marker::of(call) else { return Err(coded("42601", "no group window")) };
    let Some(time) = first_time(schema).map(Expr::Column) else {
        let message = "group window function is only supported for use in single time series table query.";
        return Err(coded("42601", message));
    };
    let kind = match (marker, args) {
        (Marker::State, [value]) => {
            check_state(value, schema)?;
            WindowKind::State { value: value.clone(), nulls: NullState::Continue }
        }
        (Marker::Session, [_, gap]) => WindowKind::Session { gap: session_gap(gap, &time, schema)? },
        (Marker::Count, [rows, slide @ ..]) => {
            let count = |expr: &Expr, message: &str| positive(expr).ok_or_else(|| coded("42601", message));
            let rows = count(rows, "count_window(): invalid count value")?;
            let slide = match slide.first() {
                Some(slide) => count(slide, "count_window(): invalid sliding value")?,
                None => rows,
            };
            if slide > rows {
                return Err(coded("42601", "count_window(): invalid sliding value"));
            }
            WindowKind::Count { rows, slide, required: Vec::new() }
        }
        (Marker::Event, [start, end]) => WindowKind::Event { start: start.clone(), end: end.clone() },
        (Marker::Time, [time, width, slide @ ..]) => {
            return of_time(input, time, width, slide.first(), keys, zone);
        }
        _ => return Err(coded("42601", format!("unknown signature: {}()", marker.name()))),
    };
    let operator = AssignWindows { groups: keys.to_vec(), time, kind };
    let rows = operator.over(input.as_ref().clone())?;
    Ok(Window { rows, key: Expr::Column(Column::new_unqualified(WINDOW)), bounds: None })
}

fn positive(expr: &Expr) -> Option<u64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(Some(count)) if count > 0 && value.data_type().is_integer() => {
            u64::try_from(count).ok()
        }
        _ => None,
    }
}

fn check_state(value: &Expr, schema: &DFSchema) -> Result<()> {
    let ty = value.get_type(schema)?;
    let known = ty.is_integer()
        || matches!(ty, DataType::Boolean | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
    match value {
        Expr::Case(_) if known => Ok(()),
        Expr::Column(_) if known => Ok(()),
        _ => {
            let message = "state_window(): if arg is column, type should be int/bool/char/varchar.";
            Err(coded("42601", message))
        }
    }
}

/// The longest pause: seconds to weeks.
fn session_gap(gap: &Expr, time: &Expr, schema: &DFSchema) -> Result<i64> {
    let invalid = || coded("42601", INVALID);
    let DataType::Timestamp(unit, _) = time.get_type(schema)? else { return Err(invalid()) };
    let length = Length::of(gap, INVALID, INVALID).map_err(|_| invalid())?;
    match length {
        Length::Nanos(nanos) if nanos < 1_000_000_000 => Err(invalid()),
        _ => length.units(unit).ok_or_else(invalid),
    }
}

/// Windows of days and weeks are counted from 1970-01-01 UTC, others as `time_bucket` counts.
fn tumbling(length: Length, zone: Tz, unit: TimeUnit) -> Result<Buckets> {
    match length {
        Length::Days(_) => {
            let width = length.units(unit).ok_or_else(|| coded("42601", INVALID))?;
            Ok(Buckets::new(Width::Fixed(width), 0, Tz::UTC, unit)?)
        }
        _ => length.buckets(zone, unit),
    }
}

fn of_time(
    input: &Arc<LogicalPlan>,
    time: &Expr,
    width: &Expr,
    slide: Option<&Expr>,
    keys: &[Expr],
    zone: Tz,
) -> Result<Window> {
    let invalid = || coded("42601", INVALID);
    let (time, unit) = time_of(time, input.schema())?;
    let length = |expr: &Expr| -> Result<Length> {
        let length = Length::of(expr, INVALID, INVALID).map_err(|_| invalid())?;
        match length {
            Length::Nanos(nanos) if nanos < SHORTEST_NS => Err(invalid()),
            other => Ok(other),
        }
    };
    let width = length(width)?;
    let start = Expr::Column(Column::new_unqualified(START));
    let Some(slide) = slide.map(|s| Length::of(s, INVALID, INVALID).map_err(|_| invalid())).transpose()?
    else {
        let buckets = tumbling(width, zone, unit)?;
        let key = bucket_start(buckets).call(vec![time]).alias(START);
        let end = bucket_next(buckets).call(vec![start.clone()]);
        return Ok(Window { rows: input.as_ref().clone(), key, bounds: Some((start, end)) });
    };
    let (Some(width), Some(step)) = (width.units(unit), slide.units(unit)) else { return Err(invalid()) };
    if step > width {
        return Err(invalid());
    }
    let buckets = Buckets::new(Width::Fixed(step), 0, Tz::UTC, unit)?;
    let kind = WindowKind::Sliding { buckets, width };
    let rows = AssignWindows { groups: keys.to_vec(), time, kind }.over(input.as_ref().clone())?;
    let key = Expr::Column(Column::new_unqualified(WINDOW_START)).alias(START);
    let nanos = i128::from(width) * super::buckets::unit_ns(unit);
    let nanos = i64::try_from(nanos).map_err(|_| invalid())?;
    let span = ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(0, 0, nanos)));
    let end = start.clone() + lit(span);
    Ok(Window { rows, key, bounds: Some((start, end)) })
}
