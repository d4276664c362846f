use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{cast, take};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_plan::PhysicalExpr;

use super::super::sorted::{Kernel, MakeKernel, Run, evaluate, integers};
use super::NullState;
use super::assign::{Assigner, Rule, Span, condition};

#[derive(Debug)]
pub(super) struct MakeWindows {
    pub(super) time: Arc<dyn PhysicalExpr>,
    pub(super) rule: Rule,
}

impl MakeKernel for MakeWindows {
    fn kernel(&self, schema: SchemaRef, batch_rows: usize) -> Result<Box<dyn Kernel>> {
        let ready = Ready { schema, batch_rows, queue: VecDeque::new() };
        let time = Arc::clone(&self.time);
        Ok(match (Assigner::new(&self.rule), &self.rule) {
            (None, Rule::Event { start, end }) => Box::new(Events {
                ready,
                start: Arc::clone(start),
                end: Arc::clone(end),
                open: None,
                pending: Vec::new(),
                window: 0,
            }),
            (Some(assigner), Rule::State { nulls: NullState::Precede, .. }) => {
                Box::new(StatesAhead { ready, time, assigner, waiting: None, pending: Vec::new() })
            }
            (assigner, _) => Box::new(Windows { ready, time, assigner }),
        })
    }
}

/// Rows with their windows, on their way out.
struct Ready {
    schema: SchemaRef,
    batch_rows: usize,
    queue: VecDeque<Repeated>,
}

/// Rows of a batch, each once for each of its windows.
struct Repeated {
    batch: RecordBatch,
    spans: Vec<Span>,
    /// Of sliding windows: the starts of the windows of all spans, one after another.
    starts: Option<Vec<i64>>,
    /// The place reached: a span, a window of it, and how many windows came before.
    span: usize,
    window: u64,
    given: usize,
}

impl Ready {
    fn push(&mut self, batch: RecordBatch, spans: Vec<Span>, starts: Option<Vec<i64>>) {
        if !spans.is_empty() {
            self.queue.push_back(Repeated { batch, spans, starts, span: 0, window: 0, given: 0 });
        }
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(front) = self.queue.front_mut() {
            if let Some(batch) = front.next(&self.schema, self.batch_rows)? {
                return Ok(Some(batch));
            }
            self.queue.pop_front();
        }
        Ok(None)
    }
}

impl Repeated {
    fn next(&mut self, schema: &SchemaRef, limit: usize) -> Result<Option<RecordBatch>> {
        let (mut rows, mut windows) = (Vec::new(), Vec::new());
        while let Some(span) = self.spans.get(self.span) {
            if rows.len() == limit {
                break;
            }
            rows.push(span.row);
            windows.push(span.first + self.window);
            self.window += 1;
            if self.window == span.count {
                (self.span, self.window) = (self.span + 1, 0);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let given = self.given..self.given + rows.len();
        self.given = given.end;
        let is_whole = rows.len() == self.batch.num_rows()
            && rows.iter().enumerate().all(|(index, row)| index == *row as usize);
        let mut columns: Vec<ArrayRef> = if is_whole {
            self.batch.columns().to_vec()
        } else {
            let rows = UInt32Array::from(rows);
            self.batch.columns().iter().map(|c| take(c, &rows, None)).collect::<Result<_, _>>()?
        };
        columns.push(Arc::new(UInt64Array::from(windows)));
        if let Some(starts) = &self.starts {
            let starts = Int64Array::from_iter_values(starts.get(given).unwrap_or_default().iter().copied());
            columns.push(cast(&starts, schema.field(columns.len()).data_type())?);
        }
        Ok(Some(RecordBatch::try_new(Arc::clone(schema), columns)?))
    }
}

/// All windows but those of events.
struct Windows {
    ready: Ready,
    time: Arc<dyn PhysicalExpr>,
    assigner: Option<Assigner>,
}

impl Kernel for Windows {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let Some(assigner) = &mut self.assigner else { return Ok(()) };
        let times = integers(&evaluate(&self.time, &batch)?)?;
        let spans = assigner.assign(&batch, &times, runs)?;
        let starts = match assigner {
            Assigner::Sliding(sliding) => Some(sliding.take_starts()),
            _ => None,
        };
        self.ready.push(batch, spans, starts);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.ready.next()
    }
}

/// Windows of states in which rows without one belong to what follows: they wait for it.
struct StatesAhead {
    ready: Ready,
    time: Arc<dyn PhysicalExpr>,
    /// Knows the windows of rows with a state.
    assigner: Assigner,
    /// Where in the current batch the rows begin that wait.
    waiting: Option<usize>,
    /// Rows of earlier batches that wait.
    pending: Vec<RecordBatch>,
}

impl Kernel for StatesAhead {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let times = integers(&evaluate(&self.time, &batch)?)?;
        let mut known = self.assigner.assign(&batch, &times, runs)?.into_iter().peekable();
        let mut spans = Vec::new();
        for run in runs {
            if run.fresh {
                self.waiting = None;
                self.pending.clear();
            }
            for row in run.rows.clone() {
                let Some(span) = known.next_if(|span| span.row as usize == row) else {
                    self.waiting.get_or_insert(row);
                    continue;
                };
                let of_window =
                    |rows: std::ops::Range<usize>| rows.map(|row| Span { row: row as u32, ..span });
                for earlier in std::mem::take(&mut self.pending) {
                    let rows = of_window(0..earlier.num_rows()).collect();
                    self.ready.push(earlier, rows, None);
                }
                spans.extend(of_window(self.waiting.take().unwrap_or(row)..row + 1));
            }
        }
        if let Some(first) = self.waiting {
            hold(&mut self.pending, &batch, first);
            self.waiting = Some(0);
        }
        self.ready.push(batch, spans, None);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.pending.clear();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.ready.next()
    }

    fn bytes(&self) -> usize {
        self.pending.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// Keeps the rows of a batch from `first` on, which wait for their window.
fn hold(pending: &mut Vec<RecordBatch>, batch: &RecordBatch, first: usize) {
    let rest = batch.num_rows() - first;
    if rest > 0 {
        pending.push(batch.slice(first, rest));
    }
}

/// Windows between two events: their rows wait until the window closes.
struct Events {
    ready: Ready,
    start: Arc<dyn PhysicalExpr>,
    end: Arc<dyn PhysicalExpr>,
    /// Where the open window begins in the current batch.
    open: Option<usize>,
    /// Its rows in earlier batches.
    pending: Vec<RecordBatch>,
    window: u64,
}

impl Events {
    fn spans(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = Span> + use<> {
        let first = self.window;
        rows.map(move |row| Span { row: row as u32, first, count: 1 })
    }
}

impl Kernel for Events {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let (start, end) = (condition(&self.start, &batch)?, condition(&self.end, &batch)?);
        let mut spans = Vec::new();
        for run in runs {
            if run.fresh {
                (self.open, self.window) = (None, 0);
                self.pending.clear();
            }
            for row in run.rows.clone() {
                if self.open.is_none() && start.value(row) {
                    self.open = Some(row);
                }
                let Some(opened) = self.open.filter(|_| end.value(row)) else { continue };
                for earlier in std::mem::take(&mut self.pending) {
                    let rows = self.spans(0..earlier.num_rows()).collect();
                    self.ready.push(earlier, rows, None);
                }
                spans.extend(self.spans(opened..row + 1));
                self.open = None;
                self.window += 1;
            }
        }
        if let Some(opened) = self.open {
            hold(&mut self.pending, &batch, opened);
            self.open = Some(0);
        }
        self.ready.push(batch, spans, None);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.pending.clear();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.ready.next()
    }

    fn bytes(&self) -> usize {
        self.pending.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}
