//! What operators over rows sorted by (groups, time) share: the logical node, the plan that runs, and the
//! stream that cuts batches into groups. An operator itself is a [`SortedOperator`] and a [`Kernel`].

mod compile;
mod exec;
mod node;
mod runs;
mod stream;
#[cfg(test)]
pub(super) mod testing;

pub(super) use compile::{Compile, evaluate, integers};
pub(super) use exec::{ASCENDING, SortedExec, SortedPlan};
pub(super) use node::{Exprs, Node, Qualified, SortedOperator, field_of, qualified, show};
pub(super) use runs::{Run, Runs};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use std::fmt::Debug;

/// What an operator does with the rows of one partition. All rows of a group come one after another.
pub(super) trait Kernel: Send {
    /// Takes the next rows; `runs` are the groups in them.
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()>;

    /// There are no more rows.
    fn finish(&mut self) -> Result<()>;

    /// The next rows to give out. Asked until there are none, then [`Self::push`] comes again.
    fn next(&mut self) -> Result<Option<RecordBatch>>;

    /// Bytes kept from one [`Self::push`] to the next.
    fn bytes(&self) -> usize {
        0
    }

    /// Whether no further row can change the result.
    fn is_done(&self) -> bool {
        false
    }
}

/// Makes the kernels of a plan's partitions.
pub(super) trait MakeKernel: Debug + Send + Sync {
    /// A kernel that gives batches of `schema` with at most `batch_rows` rows.
    fn kernel(&self, schema: SchemaRef, batch_rows: usize) -> Result<Box<dyn Kernel>>;
}
