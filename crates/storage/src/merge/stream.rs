//! The merge as a stream over asynchronous inputs.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::future::join_all;
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};

use super::MergeError;
use super::core::{Core, Step};
use super::fold::FoldMode;
use super::rows::Layout;

/// How inputs are merged.
#[derive(Clone, Debug)]
pub struct MergeOptions {
    /// The stored columns of the result; inputs are brought to it (missing columns NULL, types cast up).
    pub layout: Layout,
    /// What is known about data older than the inputs.
    pub mode: FoldMode,
    /// Whether a partial result has `__op` and `__set`; needed if any input has. Without meaning
    /// for final results.
    pub control: bool,
    /// Rows of a full batch.
    pub batch_rows: usize,
}

/// A streaming k-way merge of sorted inputs. It holds at most two batches of each input and the
/// rows of one output batch. Runs that only one input has are passed on without comparing rows,
/// and without copying them when they fill a batch.
pub struct MergeStream<E> {
    schema: SchemaRef,
    inner: BoxStream<'static, Result<RecordBatch, E>>,
}

impl<E> std::fmt::Debug for MergeStream<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MergeStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

struct State<E> {
    core: Core,
    inputs: Vec<BoxStream<'static, Result<RecordBatch, E>>>,
    started: bool,
}

impl<E: From<MergeError> + Send + 'static> MergeStream<E> {
    /// Merges `inputs`, each in (sid, time[, composite key]) order with several rows of a key in
    /// arrival order, given oldest first. The stream fails at the first failure of an input, and
    /// if an input breaks the physical schema or goes backwards.
    pub fn new(inputs: Vec<BoxStream<'static, Result<RecordBatch, E>>>, options: MergeOptions) -> Self {
        let MergeOptions { layout, mode, control, batch_rows } = options;
        let core = Core::new(layout, inputs.len(), mode, control, batch_rows);
        let schema = core.schema();
        let state = State { core, inputs, started: false };
        let inner =
            try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) });
        Self { schema, inner: inner.boxed() }
    }

    /// The schema of all batches.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl<E: From<MergeError>> State<E> {
    async fn next(&mut self) -> Result<Option<RecordBatch>, E> {
        if !self.started {
            self.started = true;
            // All first batches at once, so that the waits for storage overlap.
            let first = join_all(self.inputs.iter_mut().map(StreamExt::next)).await;
            for (input, batch) in first.into_iter().enumerate() {
                self.core.push(input, batch.transpose()?.as_ref())?;
            }
        }
        loop {
            match self.core.advance()? {
                Step::Emit(batch) => return Ok(Some(batch)),
                Step::Done => return Ok(None),
                Step::Need(input) => {
                    let batch = match self.inputs.get_mut(input) {
                        Some(stream) => stream.next().await.transpose()?,
                        None => None,
                    };
                    self.core.push(input, batch.as_ref())?;
                }
            }
        }
    }
}

impl<E> Stream for MergeStream<E> {
    type Item = Result<RecordBatch, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(context)
    }
}

/// Reads `inputs` one behind the other, each folded by itself: right if no key is in two inputs.
/// The result is in (sid, time) order if the inputs' (sid, time) ranges ascend; otherwise each
/// input's rows are in order. Inputs behind the first are not polled before their turn.
pub fn concat_folded<E: From<MergeError> + Send + 'static>(
    inputs: Vec<BoxStream<'static, Result<RecordBatch, E>>>,
    options: MergeOptions,
) -> MergeStream<E> {
    let control = options.control && options.mode == FoldMode::Partial;
    let schema = options.layout.schema(control);
    let streams = inputs.into_iter().map(move |input| MergeStream::new(vec![input], options.clone()));
    MergeStream { schema, inner: futures::stream::iter(streams).flatten().boxed() }
}
