use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::{Kernel, Runs, evaluate};

/// What `kernel` makes of `input`.
pub(in crate::operators) fn kernel_stream(
    input: SendableRecordBatchStream,
    groups: Vec<Arc<dyn PhysicalExpr>>,
    runs: Runs,
    kernel: Box<dyn Kernel>,
    schema: SchemaRef,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
) -> SendableRecordBatchStream {
    let state = Running { input: Some(input), groups, runs, kernel, memory, metrics };
    let rows =
        stream::try_unfold(
            state,
            |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) },
        );
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

struct Running {
    /// None: it has ended, or its rest does not matter.
    input: Option<SendableRecordBatchStream>,
    groups: Vec<Arc<dyn PhysicalExpr>>,
    runs: Runs,
    kernel: Box<dyn Kernel>,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let timer = self.metrics.elapsed_compute().timer();
            let ready = self.kernel.next()?;
            timer.done();
            if let Some(batch) = ready {
                return Ok(Some(batch.record_output(&self.metrics)));
            }
            let Some(input) = &mut self.input else { return Ok(None) };
            match input.next().await {
                Some(batch) => self.push(batch?)?,
                None => {
                    self.input = None;
                    self.kernel.finish()?;
                }
            }
            if self.kernel.is_done() {
                self.input = None;
            }
            self.memory.try_resize(self.kernel.bytes())?;
        }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let _timer = self.metrics.elapsed_compute().timer();
        let keys = self.groups.iter().map(|g| evaluate(g, &batch)).collect::<Result<Vec<_>>>()?;
        let runs = self.runs.of(&batch, &keys)?;
        if runs.is_empty() { Ok(()) } else { self.kernel.push(batch, &runs) }
    }
}
