//! One partition of a scan as a stream of batches.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::physical_plan::RecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};
use futures::{Stream, StreamExt};
use triglot_model::ShardId;

use super::exec::ScanPlan;
use crate::source::BatchStream;

/// Opens one reader.
pub(crate) type Open = Box<dyn FnOnce() -> BatchStream + Send>;

/// Reads the units of a partition one after another.
pub(crate) struct ScanStream {
    plan: Arc<ScanPlan>,
    waiting: VecDeque<(ShardId, Open)>,
    reading: Option<(ShardId, BatchStream)>,
    /// Rows that may still be given.
    remaining: Option<usize>,
    metrics: BaselineMetrics,
    bytes: Count,
}

impl ScanStream {
    pub(crate) fn new(
        plan: Arc<ScanPlan>,
        units: VecDeque<(ShardId, Open)>,
        limit: Option<usize>,
        metrics: BaselineMetrics,
        bytes: Count,
    ) -> Self {
        Self { plan, waiting: units, reading: None, remaining: limit, metrics, bytes }
    }

    fn shape(&mut self, shard: ShardId, batch: &RecordBatch) -> Result<RecordBatch> {
        let plan = &self.plan;
        let tags = if plan.shape.needs_tags() {
            Some(plan.tags.get(plan.source.as_ref(), &plan.shape, &plan.selection, shard)?)
        } else {
            None
        };
        let mut shaped = plan.shape.apply(shard, batch, tags.as_deref())?;
        if let Some(remaining) = &mut self.remaining {
            if shaped.num_rows() > *remaining {
                shaped = shaped.slice(0, *remaining);
            }
            *remaining -= shaped.num_rows();
        }
        self.bytes.add(batch.get_array_memory_size());
        Ok(shaped)
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        loop {
            if self.remaining == Some(0) {
                self.reading = None;
                return Poll::Ready(None);
            }
            let Some((shard, reading)) = &mut self.reading else {
                let Some((shard, open)) = self.waiting.pop_front() else { return Poll::Ready(None) };
                self.reading = Some((shard, open()));
                continue;
            };
            let shard = *shard;
            match ready!(reading.poll_next_unpin(cx)) {
                None => self.reading = None,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(batch)) if batch.num_rows() == 0 => {}
                Some(Ok(batch)) => return Poll::Ready(Some(self.shape(shard, &batch))),
            }
        }
    }
}

impl Stream for ScanStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let time = self.metrics.elapsed_compute().clone();
        let timer = time.timer();
        let polled = self.poll_batch(cx);
        timer.done();
        self.metrics.record_poll(polled)
    }
}

impl RecordBatchStream for ScanStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.shape.schema)
    }
}
