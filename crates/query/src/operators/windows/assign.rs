use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::error::Result;
use datafusion::physical_plan::PhysicalExpr;
use triglot_functions::buckets::Buckets;

use super::super::sorted::{Run, evaluate};
use super::NullState;

/// A [`super::WindowKind`] that runs.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    Session { gap: i64 },
    State { value: Arc<dyn PhysicalExpr>, nulls: NullState },
    Event { start: Arc<dyn PhysicalExpr>, end: Arc<dyn PhysicalExpr> },
    Count { rows: u64, slide: u64, required: Vec<Arc<dyn PhysicalExpr>> },
    Sliding { buckets: Buckets, width: i64 },
}

/// The windows of a row: `count` consecutive ones from `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) row: u32,
    pub(super) first: u64,
    pub(super) count: u64,
}

/// Windows in which a row lies, found row by row in one group after another. Event windows, which are known
/// only when they close, are the kernel's.
pub(super) enum Assigner {
    Session { gap: i64, last: Option<i64>, window: u64 },
    State(States),
    Count { rows: u64, slide: u64, required: Vec<Arc<dyn PhysicalExpr>>, seen: u64 },
    Sliding(Sliding),
}

impl Assigner {
    /// None for event windows.
    pub(super) fn new(rule: &Rule) -> Option<Self> {
        Some(match rule {
            Rule::Session { gap } => Self::Session { gap: *gap, last: None, window: 0 },
            Rule::State { value, nulls } => Self::State(States {
                value: Arc::clone(value),
                nulls: *nulls,
                converter: None,
                last: None,
                window: 0,
            }),
            Rule::Count { rows, slide, required } => {
                Self::Count { rows: *rows, slide: *slide, required: required.clone(), seen: 0 }
            }
            Rule::Sliding { buckets, width } => Self::Sliding(Sliding {
                buckets: *buckets,
                width: *width,
                open: VecDeque::new(),
                first: 0,
                starts: Vec::new(),
            }),
            Rule::Event { .. } => return None,
        })
    }

    /// The windows of the rows of a batch.
    pub(super) fn assign(
        &mut self,
        batch: &RecordBatch,
        times: &Int64Array,
        runs: &[Run],
    ) -> Result<Vec<Span>> {
        let mut spans = Vec::with_capacity(batch.num_rows());
        match self {
            Self::Session { gap, last, window } => {
                for run in runs {
                    if run.fresh {
                        (*last, *window) = (None, 0);
                    }
                    for row in run.rows.clone() {
                        let time = times.value(row);
                        if last.is_some_and(|last| time.saturating_sub(last) > *gap) {
                            *window += 1;
                        }
                        *last = Some(time);
                        spans.push(Span { row: row as u32, first: *window, count: 1 });
                    }
                }
            }
            Self::State(states) => states.assign(batch, runs, &mut spans)?,
            Self::Count { rows, slide, required, seen } => {
                let known = all_known(batch, required)?;
                for run in runs {
                    if run.fresh {
                        *seen = 0;
                    }
                    for row in run.rows.clone().filter(|row| known.as_ref().is_none_or(|k| k.value(*row))) {
                        // Windows start at rows 0, slide, 2 slide, …; this one may lie in a gap between them.
                        let last = *seen / *slide;
                        let first = (*seen + 1).saturating_sub(*rows).div_ceil(*slide);
                        *seen += 1;
                        if first <= last {
                            spans.push(Span { row: row as u32, first, count: last - first + 1 });
                        }
                    }
                }
            }
            Self::Sliding(sliding) => sliding.assign(times, runs, &mut spans)?,
        }
        Ok(spans)
    }
}

/// Rows without a NULL in any of `exprs`; none: all rows.
fn all_known(batch: &RecordBatch, exprs: &[Arc<dyn PhysicalExpr>]) -> Result<Option<BooleanArray>> {
    let mut known: Option<BooleanArray> = None;
    for expr in exprs {
        let this = arrow::compute::is_not_null(&evaluate(expr, batch)?)?;
        known = Some(match known {
            Some(known) => arrow::compute::and(&known, &this)?,
            None => this,
        });
    }
    Ok(known)
}

/// A condition on each row; NULL is not met.
pub(super) fn condition(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    let met = cast(&evaluate(expr, batch)?, &DataType::Boolean)?;
    let met = met.as_boolean();
    Ok(if met.null_count() > 0 { arrow::compute::prep_null_mask_filter(met) } else { met.clone() })
}

pub(super) struct States {
    value: Arc<dyn PhysicalExpr>,
    nulls: NullState,
    converter: Option<RowConverter>,
    /// The last state of the group.
    last: Option<OwnedRow>,
    window: u64,
}

impl States {
    fn rows(&mut self, values: &ArrayRef) -> Result<Rows> {
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => none.insert(RowConverter::new(vec![SortField::new(values.data_type().clone())])?),
        };
        Ok(converter.convert_columns(std::slice::from_ref(values))?)
    }

    fn assign(&mut self, batch: &RecordBatch, runs: &[Run], spans: &mut Vec<Span>) -> Result<()> {
        let values = evaluate(&self.value, batch)?;
        let nulls = values.logical_nulls();
        let rows = self.rows(&values)?;
        for run in runs {
            if run.fresh {
                (self.last, self.window) = (None, 0);
            }
            let mut last = self.last.as_ref().map(OwnedRow::row);
            for row in run.rows.clone() {
                if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                    if self.nulls != NullState::Continue || last.is_none() {
                        continue;
                    }
                } else {
                    let state = rows.row(row);
                    if last.is_some_and(|last| last != state) {
                        self.window += 1;
                    }
                    last = Some(state);
                }
                spans.push(Span { row: row as u32, first: self.window, count: 1 });
            }
            let last = last.map(|row| row.owned());
            self.last = last;
        }
        Ok(())
    }
}

pub(super) struct Sliding {
    buckets: Buckets,
    width: i64,
    /// The starts of the windows that the last row lies in.
    open: VecDeque<i64>,
    /// The number of the first of these.
    first: u64,
    /// Start by start what the spans of the current batch mean: for each span its windows' starts.
    starts: Vec<i64>,
}

impl Sliding {
    /// The starts of the windows of all spans found last, one after another.
    pub(super) fn take_starts(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.starts)
    }

    fn assign(&mut self, times: &Int64Array, runs: &[Run], spans: &mut Vec<Span>) -> Result<()> {
        for run in runs {
            if run.fresh {
                self.open.clear();
                self.first = 0;
            }
            for row in run.rows.clone() {
                self.advance(times.value(row))?;
                if !self.open.is_empty() {
                    spans.push(Span { row: row as u32, first: self.first, count: self.open.len() as u64 });
                    self.starts.extend(&self.open);
                }
            }
        }
        Ok(())
    }

    /// Makes `open` the windows that hold `time`.
    fn advance(&mut self, time: i64) -> Result<()> {
        let oldest = time.saturating_sub(self.width);
        let newest = self.open.back().copied();
        while self.open.front().is_some_and(|start| *start <= oldest) {
            self.open.pop_front();
            self.first += 1;
        }
        let last = self.buckets.start_of(time)?;
        // The next start that is not yet open and whose window has not ended.
        let mut next = match newest.filter(|newest| *newest > oldest) {
            Some(newest) if newest >= last => return Ok(()),
            Some(newest) => self.buckets.next(newest)?,
            None => self.buckets.next(self.buckets.start_of(oldest)?)?,
        };
        while next <= last {
            self.open.push_back(next);
            if next == last {
                break;
            }
            next = self.buckets.next(next)?;
        }
        Ok(())
    }
}
