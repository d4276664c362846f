use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_plan::PhysicalExpr;

use super::super::sorted::{Kernel, MakeKernel, Run, evaluate, integers};
use super::calls::Call;
use super::{DuplicateTime, RowFunction};
use crate::QueryError;

#[derive(Debug, Clone)]
pub(super) struct PlannedCall {
    pub(super) function: RowFunction,
    pub(super) argument: Arc<dyn PhysicalExpr>,
}

#[derive(Debug)]
pub(super) struct MakeSeries {
    pub(super) time: Arc<dyn PhysicalExpr>,
    pub(super) calls: Vec<PlannedCall>,
    pub(super) passthrough: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) unique_times: bool,
}

impl MakeKernel for MakeSeries {
    fn kernel(&self, schema: SchemaRef, _batch_rows: usize) -> Result<Box<dyn Kernel>> {
        // The calls are the last columns.
        let types = schema.fields().iter().skip(self.passthrough.len());
        let calls =
            self.calls.iter().zip(types).map(|(call, field)| {
                (Arc::clone(&call.argument), Call::new(call.function, field.data_type()))
            });
        Ok(Box::new(Series {
            time: Arc::clone(&self.time),
            calls: calls.collect(),
            passthrough: self.passthrough.clone(),
            unique_times: self.unique_times,
            last: None,
            schema,
            ready: None,
        }))
    }
}

struct Series {
    time: Arc<dyn PhysicalExpr>,
    calls: Vec<(Arc<dyn PhysicalExpr>, Call)>,
    passthrough: Vec<Arc<dyn PhysicalExpr>>,
    unique_times: bool,
    /// The time of the last row.
    last: Option<i64>,
    schema: SchemaRef,
    ready: Option<RecordBatch>,
}

impl Series {
    fn check_times(&mut self, times: &Int64Array, runs: &[Run]) -> Result<(), QueryError> {
        for run in runs {
            let mut last = self.last.filter(|_| !run.fresh);
            for time in times.values().iter().skip(run.rows.start).take(run.rows.len()) {
                if last == Some(*time) {
                    return Err(DuplicateTime { time: *time }.into());
                }
                last = Some(*time);
            }
            self.last = last;
        }
        Ok(())
    }
}

impl Kernel for Series {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let times = integers(&evaluate(&self.time, &batch)?)?;
        if self.unique_times {
            self.check_times(&times, runs)?;
        }
        let mut columns: Vec<ArrayRef> =
            self.passthrough.iter().map(|e| evaluate(e, &batch)).collect::<Result<_>>()?;
        let mut given = vec![false; batch.num_rows()];
        for (argument, call) in &mut self.calls {
            columns.push(call.values(&evaluate(argument, &batch)?, &times, runs, &mut given)?);
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.ready = if given.iter().all(|g| *g) {
            Some(rows)
        } else {
            let given = BooleanArray::new(BooleanBuffer::from(given), None);
            Some(filter_record_batch(&rows, &given)?).filter(|rows| rows.num_rows() > 0)
        };
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        Ok(self.ready.take())
    }
}
