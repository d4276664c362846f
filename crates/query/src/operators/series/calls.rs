use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray, PrimitiveBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{exec_datafusion_err, internal_err};
use datafusion::error::Result;

use super::super::sorted::Run;
use super::RowFunction;

/// What a function gives a row.
enum Given<T> {
    Nothing,
    Null,
    Value(T),
}

/// A function with what it remembers of the rows before.
pub(super) enum Call {
    DiffInteger { ignore_negative: bool, drop_null: bool, previous: Option<i128>, first: bool },
    DiffFloat { ignore_negative: bool, drop_null: bool, previous: Option<f64>, first: bool },
    Derivative { unit: f64, ignore_negative: bool, previous: Option<(i64, f64)> },
    SumInt(i64),
    SumUInt(u64),
    SumFloat(f64),
    Average(LastRows),
    StateCount(i64),
    StateDuration { unit: i64, since: Option<i64> },
}

impl Call {
    /// The function, whose result has this type.
    pub(super) fn new(function: RowFunction, result: &DataType) -> Self {
        match (function, result) {
            (RowFunction::Diff { ignore_negative, drop_null }, DataType::Int64) => {
                Self::DiffInteger { ignore_negative, drop_null, previous: None, first: true }
            }
            (RowFunction::Diff { ignore_negative, drop_null }, _) => {
                Self::DiffFloat { ignore_negative, drop_null, previous: None, first: true }
            }
            (RowFunction::Derivative { unit, ignore_negative }, _) => {
                Self::Derivative { unit: unit as f64, ignore_negative, previous: None }
            }
            (RowFunction::CumulativeSum, DataType::Int64) => Self::SumInt(0),
            (RowFunction::CumulativeSum, DataType::UInt64) => Self::SumUInt(0),
            (RowFunction::CumulativeSum, _) => Self::SumFloat(0.0),
            (RowFunction::MovingAverage { rows }, _) => Self::Average(LastRows::new(rows)),
            (RowFunction::StateCount, _) => Self::StateCount(0),
            (RowFunction::StateDuration { unit }, _) => Self::StateDuration { unit, since: None },
        }
    }

    /// Forgets the rows before.
    fn reset(&mut self) {
        match self {
            Self::DiffInteger { previous, first, .. } => (*previous, *first) = (None, true),
            Self::DiffFloat { previous, first, .. } => (*previous, *first) = (None, true),
            Self::Derivative { previous, .. } => *previous = None,
            Self::SumInt(sum) => *sum = 0,
            Self::SumUInt(sum) => *sum = 0,
            Self::SumFloat(sum) => *sum = 0.0,
            Self::Average(last) => last.clear(),
            Self::StateCount(count) => *count = 0,
            Self::StateDuration { since, .. } => *since = None,
        }
    }

    /// The results for `argument`, NULL where there is none; sets `given` where there is.
    pub(super) fn values(
        &mut self,
        argument: &ArrayRef,
        times: &Int64Array,
        runs: &[Run],
        given: &mut [bool],
    ) -> Result<ArrayRef> {
        match self {
            Self::DiffInteger { .. } if argument.data_type() == &DataType::UInt64 => self
                .each::<UInt64Type, Int64Type>(argument, times, runs, given, |call, _, value| {
                    call.diff_integer(value.map(i128::from))
                }),
            Self::DiffInteger { .. } => {
                self.each::<Int64Type, Int64Type>(argument, times, runs, given, |call, _, value| {
                    call.diff_integer(value.map(i128::from))
                })
            }
            Self::DiffFloat { .. } => {
                self.each::<Float64Type, Float64Type>(argument, times, runs, given, |call, _, value| {
                    Ok(call.diff_float(value))
                })
            }
            Self::Derivative { .. } => {
                self.each::<Float64Type, Float64Type>(argument, times, runs, given, |call, time, value| {
                    Ok(value.map_or(Given::Nothing, |value| call.derivative(time, value)))
                })
            }
            Self::SumInt(_) => {
                self.each::<Int64Type, Int64Type>(argument, times, runs, given, |call, _, value| {
                    let (Self::SumInt(sum), Some(value)) = (call, value) else { return Ok(Given::Nothing) };
                    *sum = sum.checked_add(value).ok_or_else(|| too_large("a cumulative sum"))?;
                    Ok(Given::Value(*sum))
                })
            }
            Self::SumUInt(_) => {
                self.each::<UInt64Type, UInt64Type>(argument, times, runs, given, |call, _, value| {
                    let (Self::SumUInt(sum), Some(value)) = (call, value) else { return Ok(Given::Nothing) };
                    *sum = sum.checked_add(value).ok_or_else(|| too_large("a cumulative sum"))?;
                    Ok(Given::Value(*sum))
                })
            }
            Self::SumFloat(_) => {
                self.each::<Float64Type, Float64Type>(argument, times, runs, given, |call, _, value| {
                    let (Self::SumFloat(sum), Some(value)) = (call, value) else { return Ok(Given::Nothing) };
                    *sum += value;
                    Ok(Given::Value(*sum))
                })
            }
            Self::Average(_) => {
                self.each::<Float64Type, Float64Type>(argument, times, runs, given, |call, _, value| {
                    let (Self::Average(last), Some(value)) = (call, value) else { return Ok(Given::Nothing) };
                    Ok(last.push(value).map_or(Given::Nothing, Given::Value))
                })
            }
            Self::StateCount(_) | Self::StateDuration { .. } => {
                self.each::<Int64Type, Int64Type>(argument, times, runs, given, |call, time, value| {
                    Ok(value.map_or(Given::Null, |value| Given::Value(call.state(time, value != 0))))
                })
            }
        }
    }

    /// Calls `row` for each row with its time and argument, which is read as `I`.
    fn each<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &mut self,
        argument: &ArrayRef,
        times: &Int64Array,
        runs: &[Run],
        given: &mut [bool],
        mut row: impl FnMut(&mut Self, i64, Option<I::Native>) -> Result<Given<O::Native>>,
    ) -> Result<ArrayRef> {
        let values = cast(argument, &I::DATA_TYPE)?;
        let values: &PrimitiveArray<I> = values.as_primitive();
        if values.len() != times.len() || given.len() != times.len() {
            return internal_err!("columns of different lengths");
        }
        let mut results = PrimitiveBuilder::<O>::with_capacity(times.len());
        let rows =
            runs.iter().flat_map(|run| run.rows.clone().map(|at| (run.fresh && at == run.rows.start, at)));
        for ((fresh, at), given) in rows.zip(given) {
            if fresh {
                self.reset();
            }
            match row(self, times.value(at), values.is_valid(at).then(|| values.value(at)))? {
                Given::Nothing => results.append_null(),
                Given::Null => {
                    *given = true;
                    results.append_null();
                }
                Given::Value(value) => {
                    *given = true;
                    results.append_value(value);
                }
            }
        }
        Ok(Arc::new(results.finish()))
    }

    fn diff_integer(&mut self, value: Option<i128>) -> Result<Given<i64>> {
        let Self::DiffInteger { ignore_negative, drop_null, previous, first } = self else {
            return Ok(Given::Nothing);
        };
        let difference = value.zip(*previous).map(|(value, previous)| value - previous);
        *previous = value.or(*previous);
        if std::mem::replace(first, false) {
            return Ok(Given::Nothing);
        }
        match difference.filter(|d| !(*ignore_negative && *d < 0)) {
            Some(difference) => {
                i64::try_from(difference).map(Given::Value).map_err(|_| too_large("a difference"))
            }
            None => Ok(if *drop_null { Given::Nothing } else { Given::Null }),
        }
    }

    fn diff_float(&mut self, value: Option<f64>) -> Given<f64> {
        let Self::DiffFloat { ignore_negative, drop_null, previous, first } = self else {
            return Given::Nothing;
        };
        let difference = value.zip(*previous).map(|(value, previous)| value - previous);
        *previous = value.or(*previous);
        if std::mem::replace(first, false) {
            return Given::Nothing;
        }
        match difference.filter(|d| !(*ignore_negative && *d < 0.0)) {
            Some(difference) => Given::Value(difference),
            None if *drop_null => Given::Nothing,
            None => Given::Null,
        }
    }

    fn derivative(&mut self, time: i64, value: f64) -> Given<f64> {
        let Self::Derivative { unit, ignore_negative, previous } = self else { return Given::Nothing };
        let Some((since, from)) = previous.replace((time, value)) else { return Given::Nothing };
        // Exact, whatever the distance; converted once.
        let passed = i128::from(time) - i128::from(since);
        let change = (value - from) / (passed as f64 / *unit);
        match passed {
            0 => Given::Null,
            _ if *ignore_negative && change < 0.0 => Given::Nothing,
            _ => Given::Value(change),
        }
    }

    fn state(&mut self, time: i64, met: bool) -> i64 {
        match self {
            Self::StateCount(count) => {
                *count = if met { *count + 1 } else { 0 };
                if met { *count } else { -1 }
            }
            Self::StateDuration { unit, since } => {
                if !met {
                    *since = None;
                    return -1;
                }
                time.saturating_sub(*since.get_or_insert(time)) / *unit
            }
            _ => -1,
        }
    }
}

fn too_large(what: &str) -> datafusion::error::DataFusionError {
    exec_datafusion_err!("{what} exceeds 64 bits")
}

/// The mean of the last rows: a queue of two stacks, so that no sum is ever subtracted from. What left the
/// window (also an infinity) leaves no trace.
pub(super) struct LastRows {
    rows: usize,
    /// Sums of the older rows from each to the last of them, oldest on top.
    older: Vec<f64>,
    newer: Vec<f64>,
    newer_sum: f64,
}

impl LastRows {
    fn new(rows: usize) -> Self {
        Self { rows, older: Vec::new(), newer: Vec::new(), newer_sum: 0.0 }
    }

    fn clear(&mut self) {
        self.older.clear();
        self.newer.clear();
        self.newer_sum = 0.0;
    }

    /// Adds a row; the mean, once there are enough.
    fn push(&mut self, value: f64) -> Option<f64> {
        self.newer.push(value);
        self.newer_sum += value;
        if self.older.len() + self.newer.len() > self.rows {
            if self.older.is_empty() {
                let mut sum = 0.0;
                while let Some(row) = self.newer.pop() {
                    sum += row;
                    self.older.push(sum);
                }
                self.newer_sum = 0.0;
            }
            self.older.pop();
        }
        let full = self.older.len() + self.newer.len() == self.rows;
        full.then(|| (self.older.last().copied().unwrap_or(0.0) + self.newer_sum) / self.rows as f64)
    }
}
