use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, IntervalMonthDayNanoArray, ListArray, StructArray, UInt64Array,
};
use arrow::compute::kernels::numeric::add;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::timeline::{DURATIONS, Form, PERIODS, comparator};
use crate::args::{argument, interval, per_second, times};
use crate::summary::{member, structs, wrong_input};

/// The summaries' name in errors.
const SUMMARY: &str = "StateAggData";

/// `duration_in(summary, state [, start [, interval]])`: how long the state lasted, as an interval of days
/// and nanoseconds; with `start` only from there on, with `interval` only up to `start + interval`. It is
/// 0 for a state that never was, NULL for a NULL. Summaries of `compact_state_agg` take no `start`.
pub fn duration_in() -> ScalarUDF {
    let signature = Signature::one_of((2..=4).map(TypeSignature::Any).collect(), Volatility::Immutable);
    ScalarUDF::from(DurationIn { signature })
}

/// `state_at(summary of state_agg, time)`: the state at that time; NULL before the first and after the
/// last row.
pub fn state_at() -> ScalarUDF {
    ScalarUDF::from(StateAt { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DurationIn {
    signature: Signature,
}

impl ScalarUDFImpl for DurationIn {
    fn name(&self) -> &str {
        "duration_in"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let summary = argument(types, 0)?;
        match Form::of(summary) {
            Some((Form::Compact, _)) if types.len() > 2 => {
                plan_err!("duration_in takes no start time for a summary of compact_state_agg")
            }
            Some(_) => Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
            None => Err(wrong_input(SUMMARY, summary)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|a| a.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let summaries = structs(argument(&arrays, 0)?)?;
        let durations = match Form::of(summaries.data_type()) {
            Some((Form::Full, state)) => {
                let wanted = cast(argument(&arrays, 1)?, &state)?;
                within(summaries, &wanted, arrays.get(2), arrays.get(3))?
            }
            Some((Form::Compact, state)) => total(summaries, &cast(argument(&arrays, 1)?, &state)?)?,
            None => return Err(wrong_input(SUMMARY, summaries.data_type())),
        };
        Ok(ColumnarValue::Array(Arc::new(durations)))
    }
}

/// The list in each summary, and the elements of all lists.
fn elements<'a>(summaries: &'a StructArray, name: &str) -> Result<(&'a ListArray, &'a StructArray)> {
    let Some(lists) = member(summaries, name)?.as_list_opt::<i32>() else {
        return exec_err!("{name} is no list");
    };
    Ok((lists, structs(lists.values())?))
}

/// Where the elements of the row's list lie; None if the row is NULL.
fn range(summaries: &StructArray, lists: &ListArray, row: usize) -> Option<Range<usize>> {
    if summaries.is_null(row) || lists.is_null(row) {
        return None;
    }
    let offsets = lists.value_offsets();
    let (start, end) = (*offsets.get(row)?, *offsets.get(row + 1)?);
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The total of the wanted state in each compact summary.
fn total(summaries: &StructArray, wanted: &ArrayRef) -> Result<IntervalMonthDayNanoArray> {
    let (lists, all) = elements(summaries, DURATIONS)?;
    let durations = member(all, "duration")?;
    let DataType::Duration(unit) = durations.data_type() else {
        return exec_err!("durations are no durations");
    };
    let unit = per_second(&DataType::Timestamp(*unit, None))?;
    let durations = times(durations)?;
    let compare = comparator(wanted, member(all, "state")?)?;
    let row_total = |row| {
        let Some(range) = range(summaries, lists, row).filter(|_| wanted.is_valid(row)) else {
            return Ok(None);
        };
        let of_state = range.filter(|at| compare(row, *at) == Ordering::Equal);
        interval(of_state.map(|at| i128::from(durations.value(at))).sum(), unit).map(Some)
    };
    (0..summaries.len()).map(row_total).collect()
}

/// The time in the wanted state from `start` to `start + span` in each summary.
fn within(
    summaries: &StructArray,
    wanted: &ArrayRef,
    start: Option<&ArrayRef>,
    span: Option<&ArrayRef>,
) -> Result<IntervalMonthDayNanoArray> {
    let (lists, all) = elements(summaries, PERIODS)?;
    let (starts, ends) = (member(all, "start_time")?, member(all, "end_time")?);
    let (time, unit) = (starts.data_type().clone(), per_second(starts.data_type())?);
    let from = start.map(|start| cast(start, &time)).transpose()?;
    let to = match (&from, span) {
        (Some(from), Some(span)) => {
            let span = cast(span, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            Some(times(&add(from, &span)?)?)
        }
        _ => None,
    };
    let from = from.as_ref().map(times).transpose()?;
    let (starts, ends) = (times(starts)?, times(ends)?);
    let compare = comparator(wanted, member(all, "state")?)?;
    // The bound at a row: none, NULL or a time.
    let bound = |bounds: &Option<Int64Array>, row: usize, without: i64| match bounds {
        None => Some(without),
        Some(bounds) => bounds.is_valid(row).then(|| bounds.value(row)),
    };
    let row_total = |row| {
        let (Some(range), Some(from), Some(to)) =
            (range(summaries, lists, row), bound(&from, row, i64::MIN), bound(&to, row, i64::MAX))
        else {
            return Ok(None);
        };
        if wanted.is_null(row) {
            return Ok(None);
        }
        let of_state = range.filter(|at| compare(row, *at) == Ordering::Equal);
        let spans = of_state.map(|at| {
            let (start, end) = (starts.value(at).max(from), ends.value(at).min(to));
            (i128::from(end) - i128::from(start)).max(0)
        });
        interval(spans.sum(), unit).map(Some)
    };
    (0..summaries.len()).map(row_total).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StateAt {
    signature: Signature,
}

impl ScalarUDFImpl for StateAt {
    fn name(&self) -> &str {
        "state_at"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let summary = argument(types, 0)?;
        match Form::of(summary) {
            Some((Form::Full, state)) => Ok(state),
            Some((Form::Compact, _)) => {
                plan_err!("state_at needs a summary of state_agg, got one of compact_state_agg")
            }
            None => Err(wrong_input(SUMMARY, summary)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|a| a.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let summaries = structs(argument(&arrays, 0)?)?;
        let (lists, all) = elements(summaries, PERIODS)?;
        let (starts, ends) = (member(all, "start_time")?, member(all, "end_time")?);
        let wanted = times(&cast(argument(&arrays, 1)?, starts.data_type())?)?;
        let (starts, ends) = (times(starts)?, times(ends)?);
        let at = (0..summaries.len()).map(|row| {
            let mut range = range(summaries, lists, row).filter(|_| wanted.is_valid(row))?;
            let (time, last) = (wanted.value(row), range.end.checked_sub(1)?);
            let holds = |at: &usize| {
                starts.value(*at) <= time
                    && (time < ends.value(*at) || (*at == last && time == ends.value(*at)))
            };
            range.find(holds).map(|at| at as u64)
        });
        let at = UInt64Array::from_iter(at);
        Ok(ColumnarValue::Array(take(member(all, "state")?, &at, None)?))
    }
}
