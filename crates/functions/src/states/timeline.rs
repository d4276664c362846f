use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DynComparator, Int64Array, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, cast, concat, take};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};

use crate::lists::{list_of, list_type};
use crate::summary::structure;

/// The member of `state_agg`'s summary: a list of `{state, start_time, end_time}` in the order of time.
pub(super) const PERIODS: &str = "state_periods";
/// The member of `compact_state_agg`'s summary: a list of `{state, duration}`, each state once.
pub(super) const DURATIONS: &str = "state_durations";

/// Which of the two summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Full,
    Compact,
}

impl Form {
    /// The members of the summary.
    pub(super) fn fields(self, time: &DataType, state: &DataType) -> Result<Fields> {
        let list = |fields: Fields| list_type(&DataType::Struct(fields));
        Ok(match self {
            Self::Full => Fields::from(vec![Field::new(PERIODS, list(period_fields(time, state)), true)]),
            Self::Compact => {
                Fields::from(vec![Field::new(DURATIONS, list(duration_fields(unit_of(time)?, state)), true)])
            }
        })
    }

    /// The form and the types of time (full form only) and state of a summary.
    pub(super) fn of(summary: &DataType) -> Option<(Self, DataType)> {
        let DataType::Struct(members) = summary else { return None };
        let member = members.first()?;
        let DataType::List(element) = member.data_type() else { return None };
        let DataType::Struct(parts) = element.data_type() else { return None };
        let (state, second) = (parts.first()?.data_type(), parts.get(1)?.data_type());
        let full = Self::Full.fields(second, state);
        if full.is_ok_and(|fields| fields == *members) {
            return Some((Self::Full, state.clone()));
        }
        let DataType::Duration(unit) = second else { return None };
        let compact = Self::Compact.fields(&DataType::Timestamp(*unit, None), state);
        compact.is_ok_and(|fields| fields == *members).then(|| (Self::Compact, state.clone()))
    }
}

fn unit_of(time: &DataType) -> Result<TimeUnit> {
    match time {
        DataType::Timestamp(unit, _) => Ok(*unit),
        other => plan_err!("expected a timestamp, got {other}"),
    }
}

fn period_fields(time: &DataType, state: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("state", state.clone(), true),
        Field::new("start_time", time.clone(), true),
        Field::new("end_time", time.clone(), true),
    ])
}

fn duration_fields(unit: TimeUnit, state: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("state", state.clone(), true),
        Field::new("duration", DataType::Duration(unit), true),
    ])
}

/// Compares elements of two arrays of one type.
pub(super) fn comparator(a: &ArrayRef, b: &ArrayRef) -> Result<DynComparator> {
    Ok(make_comparator(a, b, SortOptions::default())?)
}

/// The periods of one group.
#[derive(Debug)]
pub(super) struct Timeline {
    states: ArrayRef,
    /// For each period the row of `states`, start and end.
    periods: Vec<(u64, i64, i64)>,
}

impl Timeline {
    /// From the rows of a group, in any order, without NULLs. None without rows.
    pub(super) fn new(times: &[Int64Array], states: &[ArrayRef]) -> Result<Option<Self>> {
        let states: Vec<&dyn Array> = states.iter().map(AsRef::as_ref).collect();
        if states.is_empty() {
            return Ok(None);
        }
        let states = concat(&states)?;
        let times: Vec<i64> = times.iter().flat_map(|t| t.values().iter().copied()).collect();
        if times.len() != states.len() {
            return exec_err!("{} times for {} states", times.len(), states.len());
        }
        let mut rows: Vec<(i64, usize)> = times.into_iter().zip(0..).collect();
        rows.sort_by_key(|(time, _)| *time);
        let compare = comparator(&states, &states)?;
        let mut periods: Vec<(u64, i64, i64)> = Vec::new();
        for (time, row) in rows {
            if let Some((state, _, end)) = periods.last_mut() {
                *end = time;
                if compare(*state as usize, row) == Ordering::Equal {
                    continue;
                }
            }
            periods.push((row as u64, time, time));
        }
        Ok((!periods.is_empty()).then_some(Self { states, periods }))
    }

    /// The summary of this form.
    pub(super) fn summary(&self, form: Form, time: &DataType) -> Result<ScalarValue> {
        let state = self.states.data_type();
        let parts = match form {
            Form::Full => {
                let starts = Int64Array::from_iter_values(self.periods.iter().map(|p| p.1));
                let ends = Int64Array::from_iter_values(self.periods.iter().map(|p| p.2));
                let states = self.taken(self.periods.iter().map(|p| p.0))?;
                let columns = vec![states, cast(&starts, time)?, cast(&ends, time)?];
                (period_fields(time, state), columns)
            }
            Form::Compact => {
                let unit = unit_of(time)?;
                let (rows, totals): (Vec<u64>, Vec<i64>) = self.totals()?.into_iter().unzip();
                let totals = cast(&Int64Array::from(totals), &DataType::Duration(unit))?;
                (duration_fields(unit, state), vec![self.taken(rows.into_iter())?, totals])
            }
        };
        let elements = arrow::array::StructArray::try_new(parts.0, parts.1, None)?;
        structure(&form.fields(time, state)?, vec![list_of(Arc::new(elements))])
    }

    fn taken(&self, rows: impl Iterator<Item = u64>) -> Result<ArrayRef> {
        Ok(take(&self.states, &UInt64Array::from_iter_values(rows), None)?)
    }

    /// A row and the total time of each state, in the order of states.
    fn totals(&self) -> Result<Vec<(u64, i64)>> {
        let compare = comparator(&self.states, &self.states)?;
        let mut periods = self.periods.clone();
        periods.sort_by(|a, b| compare(a.0 as usize, b.0 as usize));
        let mut totals: Vec<(u64, i64)> = Vec::new();
        for (row, start, end) in periods {
            let Some(time) = end.checked_sub(start) else {
                return exec_err!("a state lasts longer than its unit of time can count");
            };
            match totals.last_mut() {
                Some((state, total)) if compare(*state as usize, row as usize) == Ordering::Equal => {
                    *total = total.saturating_add(time);
                }
                _ => totals.push((row, time)),
            }
        }
        Ok(totals)
    }
}
