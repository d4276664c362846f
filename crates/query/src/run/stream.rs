use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::Stream;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::QueryError;

/// Where the error that ends a query is left for its stream. It does not travel through the channel,
/// which may be full of rows that a slow client does not take.
pub(crate) type Ending = Arc<Mutex<Option<QueryError>>>;

/// The rows of one query. Dropping it ends the query.
pub struct QueryStream {
    id: u64,
    schema: SchemaRef,
    /// Batches that came with the first answer.
    head: VecDeque<RecordBatch>,
    /// Batches that are still to come; none = the head was all.
    rest: Option<mpsc::Receiver<RecordBatch>>,
    ending: Ending,
}

impl QueryStream {
    pub(crate) fn new(
        id: u64,
        schema: SchemaRef,
        head: Vec<RecordBatch>,
        rest: Option<mpsc::Receiver<RecordBatch>>,
        ending: Ending,
    ) -> Self {
        Self { id, schema, head: head.into(), rest, ending }
    }

    /// A stream of rows that are already there.
    pub fn ready(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self::new(0, schema, batches, None, Ending::default())
    }

    /// The query's id in the registry; 0 for one that never ran.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// How many rows there are, if all of them are here already.
    pub fn rows_at_hand(&self) -> Option<usize> {
        self.rest.is_none().then(|| self.head.iter().map(RecordBatch::num_rows).sum())
    }

    /// All rows at once, for small answers and tests.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, QueryError> {
        futures::TryStreamExt::try_collect(self).await
    }
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryStream")
            .field("id", &self.id)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(batch) = self.head.pop_front() {
            return Poll::Ready(Some(Ok(batch)));
        }
        if let Some(rest) = &mut self.rest {
            match rest.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(batch)) => return Poll::Ready(Some(Ok(batch))),
                Poll::Ready(None) => self.rest = None,
            }
        }
        let ending = self.ending.lock().take();
        Poll::Ready(ending.map(Err))
    }
}
