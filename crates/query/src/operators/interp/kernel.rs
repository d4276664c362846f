use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;

use super::super::sorted::{Kernel, MakeKernel, Run, evaluate, integers};
use super::column::{ColumnPoints, Found, PlannedColumn};

/// Points in time: numbers in the unit of the time column, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    first: i64,
    step: i64,
    pub(super) count: u64,
}

impl Grid {
    pub(super) fn new(first: i64, last: i64, step: i64) -> Self {
        let steps = (i128::from(last) - i128::from(first)).div_euclid(i128::from(step.max(1)));
        Self { first, step: step.max(1), count: u64::try_from(steps + 1).unwrap_or(0) }
    }

    /// From a time on, without an end.
    fn open(first: i64, step: i64) -> Self {
        Self { first, step: step.max(1), count: u64::MAX }
    }

    /// The time of a point, if there is such a point.
    pub(super) fn time(&self, point: u64) -> Option<i64> {
        let time = i128::from(self.first) + i128::from(point) * i128::from(self.step);
        i64::try_from(time).ok().filter(|_| point < self.count)
    }

    /// How many points lie before a time, and whether one lies at it.
    pub(super) fn around(&self, time: i64) -> (u64, bool) {
        let since = i128::from(time) - i128::from(self.first);
        let step = i128::from(self.step);
        // Rounded up: a point at the time is not before it.
        let before = u64::try_from((since + step - 1).div_euclid(step)).unwrap_or(0).min(self.count);
        (before, before < self.count && since >= 0 && since % step == 0)
    }
}

#[derive(Debug)]
pub(super) struct MakeInterp {
    pub(super) groups: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) time: Arc<dyn PhysicalExpr>,
    /// Absent: from the first to the last row of each series.
    pub(super) grid: Option<Grid>,
    pub(super) step: i64,
    pub(super) columns: Vec<PlannedColumn>,
    pub(super) is_filled: bool,
    pub(super) origin: bool,
}

impl MakeKernel for MakeInterp {
    fn kernel(&self, schema: SchemaRef, batch_rows: usize) -> Result<Box<dyn Kernel>> {
        Ok(Box::new(Interpolating {
            groups: self.groups.clone(),
            time: Arc::clone(&self.time),
            grid: self.grid,
            step: self.step,
            columns: self.columns.clone(),
            is_filled: self.is_filled,
            origin: self.origin,
            schema,
            batch_rows,
            series: VecDeque::new(),
        }))
    }
}

struct Interpolating {
    groups: Vec<Arc<dyn PhysicalExpr>>,
    time: Arc<dyn PhysicalExpr>,
    grid: Option<Grid>,
    step: i64,
    columns: Vec<PlannedColumn>,
    is_filled: bool,
    origin: bool,
    schema: SchemaRef,
    batch_rows: usize,
    /// Those with points to give; rows may follow for the last.
    series: VecDeque<Series>,
}

struct Series {
    keys: Vec<ScalarValue>,
    grid: Grid,
    /// The time of the last row so far.
    last: i64,
    columns: Vec<ColumnPoints>,
    /// The next point to give.
    point: u64,
}

impl Interpolating {
    fn end_last(&mut self) {
        if let Some(series) = self.series.back_mut() {
            if self.grid.is_none() {
                series.grid = Grid::new(series.grid.first, series.last, self.step);
            }
            series.columns.iter_mut().for_each(|c| c.end(&series.grid));
        }
    }
}

impl Kernel for Interpolating {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let times = integers(&evaluate(&self.time, &batch)?)?;
        let keys = self.groups.iter().map(|g| evaluate(g, &batch)).collect::<Result<Vec<_>>>()?;
        let inputs = self.columns.iter().map(|c| evaluate(&c.input, &batch)).collect::<Result<Vec<_>>>()?;
        for run in runs {
            if run.fresh {
                self.end_last();
                let keys = keys.iter().map(|k| ScalarValue::try_from_array(k, run.rows.start));
                let columns = self.columns.iter().map(|_| ColumnPoints::default()).collect();
                let first = times.value(run.rows.start);
                let grid = self.grid.unwrap_or_else(|| Grid::open(first, self.step));
                let keys = keys.collect::<Result<_>>()?;
                self.series.push_back(Series { keys, grid, last: first, columns, point: 0 });
            }
            let Some(series) = self.series.back_mut() else { continue };
            if let Some(last) = run.rows.clone().last() {
                series.last = times.value(last);
            }
            for ((column, points), values) in self.columns.iter().zip(&mut series.columns).zip(&inputs) {
                points.rows(column, &series.grid, values, &times, run.rows.clone())?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.end_last();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(series) = self.series.front_mut() {
            let mut rows = Rows::default();
            series.take(&self.columns, self.batch_rows, &mut rows)?;
            let (keys, point) = (series.keys.clone(), series.point);
            // The last series stays for the rows that may follow.
            let is_over = point >= series.grid.count && self.series.len() > 1;
            if is_over {
                self.series.pop_front();
            }
            if !rows.times.is_empty() {
                return self.batch(&keys, rows).map(Some);
            }
            if !is_over {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn bytes(&self) -> usize {
        self.series.iter().flat_map(|s| &s.columns).map(ColumnPoints::bytes).sum()
    }
}

/// Points on their way out.
#[derive(Default)]
struct Rows {
    times: Vec<i64>,
    /// Point by point what each column has.
    found: Vec<Vec<Option<Found>>>,
}

impl Series {
    /// The points that wait for no row, at most `limit`.
    fn take(&mut self, columns: &[PlannedColumn], limit: usize, rows: &mut Rows) -> Result<()> {
        let ready = self.columns.iter().map(|c| c.waiting).min().unwrap_or(0);
        while self.point < ready && rows.times.len() < limit {
            let empty: Vec<Option<u64>> =
                self.columns.iter_mut().zip(columns).map(|(p, c)| p.empty_until(self.point, c)).collect();
            if let Some(empty) = empty.into_iter().min().flatten() {
                self.point = empty.min(ready);
                continue;
            }
            let Some(time) = self.grid.time(self.point) else { break };
            let found = self.columns.iter().zip(columns).map(|(p, c)| p.found(c, time));
            let found: Vec<Option<Found>> = found.collect::<Result<_>>()?;
            self.point += 1;
            if found.iter().any(Option::is_some) {
                rows.times.push(time);
                rows.found.push(found);
            }
        }
        Ok(())
    }
}

impl Interpolating {
    fn batch(&self, keys: &[ScalarValue], rows: Rows) -> Result<RecordBatch> {
        let count = rows.times.len();
        let mut columns: Vec<ArrayRef> =
            keys.iter().map(|key| key.to_array_of_size(count)).collect::<Result<_>>()?;
        let time_type = self.schema.field(keys.len()).data_type();
        columns.push(cast(&Int64Array::from(rows.times), time_type)?);
        for (index, column) in self.columns.iter().enumerate() {
            let found = rows.found.iter().map(|f| f.get(index).and_then(Option::as_ref));
            let values = found.map(|f| f.map_or_else(|| column.null.clone(), |f| f.value.clone()));
            columns.push(ScalarValue::iter_to_array(values)?);
        }
        if self.is_filled {
            let exact = |found: &Vec<Option<Found>>| found.iter().flatten().any(|f| f.exact);
            columns.push(Arc::new(rows.found.iter().map(|f| Some(!exact(f))).collect::<BooleanArray>()));
        }
        if self.origin {
            let origins = rows.found.iter().map(|f| f.first().and_then(Option::as_ref)?.origin);
            columns.push(cast(&origins.collect::<Int64Array>(), time_type)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
