use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::exec::GapFillColumns;
use super::segment::{Segment, Steps};

/// The rows of `input`, which is sorted by (groups, time), with those that the grid lacks.
pub(super) fn fill_stream(
    input: SendableRecordBatchStream,
    columns: Arc<GapFillColumns>,
    steps: Steps,
    schema: SchemaRef,
    batch_rows: usize,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
) -> Result<SendableRecordBatchStream> {
    let groups = Groups::new(&input.schema(), &columns.groups)?;
    let state = Filling {
        input: Some(input),
        groups,
        columns,
        steps,
        schema: Arc::clone(&schema),
        batch_rows: batch_rows.max(1),
        segment: None,
        seen: false,
        memory,
        metrics,
    };
    let rows =
        stream::try_unfold(
            state,
            |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) },
        );
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

struct Filling {
    /// None: it has ended.
    input: Option<SendableRecordBatchStream>,
    groups: Groups,
    columns: Arc<GapFillColumns>,
    steps: Steps,
    schema: SchemaRef,
    batch_rows: usize,
    /// The whole groups that are being given out.
    segment: Option<Segment>,
    /// Whether there was a row.
    seen: bool,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
}

impl Filling {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(segment) = &mut self.segment {
                let timer = self.metrics.elapsed_compute().timer();
                let batch = segment.next_batch(self.batch_rows, &self.schema)?;
                timer.done();
                match batch {
                    Some(batch) => return Ok(Some(batch.record_output(&self.metrics))),
                    None => self.segment = None,
                }
            }
            let Some(input) = &mut self.input else { return Ok(None) };
            let whole = match input.next().await {
                Some(batch) => {
                    let batch = batch?;
                    self.seen |= batch.num_rows() > 0;
                    self.groups.push(batch)?
                }
                None => {
                    self.input = None;
                    if self.columns.forced && !self.seen {
                        // One group without rows.
                        let none = RecordBatch::new_empty(Arc::clone(&self.groups.schema));
                        self.segment = Some(Segment::new(none, vec![0], &self.columns, self.steps)?);
                    }
                    self.groups.finish()
                }
            };
            self.memory.try_resize(self.groups.bytes() + whole.bytes())?;
            if !whole.batches.is_empty() {
                let schema = &self.groups.schema;
                let rows = concat_batches(schema, &whole.batches)?;
                self.segment = Some(Segment::new(rows, whole.starts, &self.columns, self.steps)?);
            }
        }
    }
}

/// Collects rows until their group is known to be complete.
struct Groups {
    schema: SchemaRef,
    columns: Vec<usize>,
    /// None: all rows are one group.
    converter: Option<RowConverter>,
    /// The key of the last row so far.
    last: Option<OwnedRow>,
    pending: Whole,
}

/// Rows of consecutive groups, and where each of these starts.
#[derive(Default)]
struct Whole {
    batches: Vec<RecordBatch>,
    rows: usize,
    starts: Vec<usize>,
}

impl Whole {
    fn bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.rows += batch.num_rows();
            self.batches.push(batch);
        }
    }
}

impl Groups {
    fn new(schema: &SchemaRef, columns: &[usize]) -> Result<Self> {
        let fields = columns.iter().map(|i| SortField::new(schema.field(*i).data_type().clone()));
        let fields: Vec<SortField> = fields.collect();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) };
        Ok(Self {
            schema: Arc::clone(schema),
            columns: columns.to_vec(),
            converter,
            last: None,
            pending: Whole::default(),
        })
    }

    fn bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// Takes the next rows; gives the groups that these show to be complete.
    fn push(&mut self, batch: RecordBatch) -> Result<Whole> {
        let starts = self.starts_in(&batch)?;
        let before = self.pending.rows;
        let Some(last) = starts.last().copied() else {
            self.pending.push(batch);
            return Ok(Whole::default());
        };
        // The last group may go on; all before it are whole.
        let mut whole = std::mem::take(&mut self.pending);
        whole.push(batch.slice(0, last));
        whole.starts.extend(starts.iter().map(|s| before + s));
        whole.starts.pop();
        self.pending.starts.push(0);
        self.pending.push(batch.slice(last, batch.num_rows() - last));
        Ok(whole)
    }

    fn finish(&mut self) -> Whole {
        std::mem::take(&mut self.pending)
    }

    /// The rows of `batch` that start a group.
    fn starts_in(&mut self, batch: &RecordBatch) -> Result<Vec<usize>> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let Some(converter) = &self.converter else {
            return Ok(if self.pending.rows == 0 { vec![0] } else { Vec::new() });
        };
        let keys: Vec<_> = self.columns.iter().map(|i| Arc::clone(batch.column(*i))).collect();
        let rows = converter.convert_columns(&keys)?;
        let mut starts = Vec::new();
        let mut previous = self.last.as_ref().map(OwnedRow::row);
        for (index, row) in rows.iter().enumerate() {
            if previous != Some(row) {
                starts.push(index);
            }
            previous = Some(row);
        }
        self.last = previous.map(|row| row.owned());
        Ok(starts)
    }
}
