use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::{exec_datafusion_err, internal_datafusion_err};
use datafusion::error::Result;

use super::Stride;
use super::exec::GapFillColumns;
use super::fill::Filler;

/// A grid of times: numbers in the unit of the time column. Ends that are not given are the group's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    pub(super) stride: Stride,
}

/// A row of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutputRow {
    /// The row of the input that it is; none: it was added.
    pub(super) row: Option<u32>,
    /// The first row of its group.
    pub(super) group: u32,
    /// The last row of its group before it, if there is one.
    pub(super) last: Option<u32>,
    /// The first row of its group after it, if there is one.
    pub(super) next: Option<u32>,
    pub(super) time: i64,
}

/// Whole groups of rows on their way out.
pub(super) struct Segment {
    /// The times of the rows.
    times: Int64Array,
    time_type: DataType,
    groups: Vec<ArrayRef>,
    fillers: Vec<Filler>,
    /// Where each group ends.
    ends: Vec<u32>,
    steps: Steps,
    is_filled: bool,
    cursor: Cursor,
}

/// The place reached: everything before it has been given out.
struct Cursor {
    /// Index into `ends`.
    group: usize,
    start: u32,
    row: u32,
    /// The next time of the grid; none when it is used up.
    step: Option<i64>,
    /// The last time of the group's grid.
    last: i64,
}

impl Segment {
    /// `rows` sorted by (groups, time); `starts` says where each group begins.
    pub(super) fn new(
        rows: RecordBatch,
        starts: Vec<usize>,
        columns: &GapFillColumns,
        steps: Steps,
    ) -> Result<Self> {
        let count = u32::try_from(rows.num_rows())
            .map_err(|_| exec_datafusion_err!("a group of {} rows is too large to fill", rows.num_rows()))?;
        let column = |index: usize| {
            rows.columns().get(index).cloned().ok_or_else(|| internal_datafusion_err!("no column {index}"))
        };
        let mut ends: Vec<u32> = Vec::with_capacity(starts.len());
        for start in starts.into_iter().skip(1) {
            ends.push(u32::try_from(start).map_err(|_| internal_datafusion_err!("group beyond its rows"))?);
        }
        ends.push(count);
        let time = column(columns.time)?;
        let times = cast(&time, &DataType::Int64)?.as_primitive::<Int64Type>().clone();
        if times.null_count() > 0 {
            return Err(exec_datafusion_err!("gaps between times that are NULL cannot be filled"));
        }
        let fillers = columns
            .fills
            .iter()
            .map(|fill| Filler::new(column(fill.column)?, fill, &times, &ends))
            .collect::<Result<_>>()?;
        let cursor = Cursor::at(0, 0, &ends, &times, &steps);
        Ok(Self {
            time_type: time.data_type().clone(),
            groups: columns.groups.iter().map(|i| column(*i)).collect::<Result<_>>()?,
            times,
            fillers,
            ends,
            steps,
            is_filled: columns.is_filled,
            cursor,
        })
    }

    /// The next rows, at most `limit`; none at the end.
    pub(super) fn next_batch(&mut self, limit: usize, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let mut rows = Vec::with_capacity(limit);
        while rows.len() < limit {
            match self.next_row() {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let keys = UInt32Array::from_iter_values(rows.iter().map(|r| r.group));
        let mut columns = Vec::with_capacity(schema.fields().len());
        for group in &self.groups {
            columns.push(take(group, &keys, None)?);
        }
        let times = Int64Array::from_iter_values(rows.iter().map(|r| r.time));
        columns.push(cast(&times, &self.time_type)?);
        for filler in &self.fillers {
            columns.push(filler.values(&rows)?);
        }
        if self.is_filled {
            columns.push(Arc::new(rows.iter().map(|r| Some(r.row.is_none())).collect::<BooleanArray>()));
        }
        Ok(Some(RecordBatch::try_new(Arc::clone(schema), columns)?))
    }

    fn next_row(&mut self) -> Option<OutputRow> {
        let cursor = &mut self.cursor;
        loop {
            let end = *self.ends.get(cursor.group)?;
            let time = (cursor.row < end).then(|| self.times.value(cursor.row as usize));
            let last = (cursor.row > cursor.start).then(|| cursor.row - 1);
            let next = |row: u32| (row < end).then_some(row);
            match (time, cursor.step) {
                (Some(time), step) if step.is_none_or(|s| time <= s) => {
                    let (row, group) = (cursor.row, cursor.start);
                    cursor.row += 1;
                    if step == Some(time) {
                        cursor.step = self.steps.after(time, cursor.last);
                    }
                    return Some(OutputRow { row: Some(row), group, last, next: next(row + 1), time });
                }
                (_, Some(step)) => {
                    cursor.step = self.steps.after(step, cursor.last);
                    let (group, next) = (cursor.start, next(cursor.row));
                    return Some(OutputRow { row: None, group, last, next, time: step });
                }
                (_, None) => {
                    *cursor = Cursor::at(cursor.group + 1, end, &self.ends, &self.times, &self.steps);
                }
            }
        }
    }
}

impl Cursor {
    /// Before the first row of a group, which starts at the row `start`.
    fn at(group: usize, start: u32, ends: &[u32], times: &Int64Array, steps: &Steps) -> Self {
        let end = ends.get(group).copied().unwrap_or(start);
        let own = |row: u32| (start < end).then(|| times.value(row as usize));
        let ends = steps.first.or_else(|| own(start)).zip(steps.last.or_else(|| own(end - 1)));
        let ends = ends.filter(|(first, last)| first <= last);
        Self { group, start, row: start, step: ends.map(|e| e.0), last: ends.map_or(i64::MIN, |e| e.1) }
    }
}

impl Steps {
    fn after(&self, step: i64, last: i64) -> Option<i64> {
        let next = match self.stride {
            Stride::Fixed(stride) => step.checked_add(stride)?,
            Stride::Buckets(buckets) => buckets.next(step).ok()?,
        };
        Some(next).filter(|next| *next <= last)
    }
}
