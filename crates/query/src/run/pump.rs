//! The task that drives one query on the query threads.

use std::future::Future;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::QueryStream;
use super::registry::Registered;
use super::stream::Ending;
use crate::QueryError;

/// Batches that wait between the query and its reader: enough to keep both busy, few enough that a
/// reader who stops also stops the query.
const WAITING_BATCHES: usize = 3;

/// A query whose rows fit into this many is answered as a whole, without a channel.
const HEAD_ROWS: usize = 8192;

/// What one query holds while it runs, and what ends it.
pub(crate) struct Limits {
    pub(crate) entry: Registered,
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) time_limit: Option<Duration>,
}

type Answer = oneshot::Sender<Result<QueryStream, QueryError>>;

/// Starts a query, answers with its first rows, and sends the others as they are taken. The query ends
/// early when it is killed, when its time is over, or when nobody wants its rows any more.
pub(crate) async fn run<F>(start: F, limits: Limits, mut answer: Answer)
where
    F: Future<Output = Result<SendableRecordBatchStream, QueryError>>,
{
    let id = limits.entry.id;
    let stop = stopped(&limits);
    tokio::pin!(stop);
    let head = tokio::select! {
        biased;
        () = answer.closed() => return,
        error = &mut stop => Err(error),
        head = read_head(start) => head,
    };
    let head = match head {
        Ok(head) => head,
        Err(error) => {
            drop(limits);
            let _ = answer.send(Err(error));
            return;
        }
    };
    let schema = head.rows.schema();
    if head.is_all {
        // The query leaves the list before its reader hears of the end.
        drop((head.rows, limits));
        let _ = answer.send(Ok(QueryStream::new(id, schema, head.batches, None, Ending::default())));
        return;
    }
    limits.entry.running();
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let ending = Ending::default();
    let stream = QueryStream::new(id, schema, head.batches, Some(receiver), Ending::clone(&ending));
    if answer.send(Ok(stream)).is_err() {
        return;
    }
    let outcome = tokio::select! {
        biased;
        () = sender.closed() => Ok(()),
        error = &mut stop => Err(error),
        sent = send_rest(head.rows, &sender) => sent,
    };
    // Before the channel closes: the reader looks here when it does.
    *ending.lock() = outcome.err();
    drop(limits);
    drop(sender);
}

struct Head {
    batches: Vec<RecordBatch>,
    rows: SendableRecordBatchStream,
    is_all: bool,
}

/// The first batches: all of a small answer, the first one of a large one.
async fn read_head<F>(start: F) -> Result<Head, QueryError>
where
    F: Future<Output = Result<SendableRecordBatchStream, QueryError>>,
{
    let mut rows = start.await?;
    let (mut batches, mut count) = (Vec::new(), 0);
    while count < HEAD_ROWS {
        match rows.next().await {
            Some(batch) => {
                let batch = batch?;
                count += batch.num_rows();
                if batch.num_rows() > 0 {
                    batches.push(batch);
                }
                // A reader of a long query should not wait for many small batches.
                if batches.len() == 4 {
                    break;
                }
            }
            None => return Ok(Head { batches, rows, is_all: true }),
        }
    }
    Ok(Head { batches, rows, is_all: false })
}

async fn send_rest(
    mut rows: SendableRecordBatchStream,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<(), QueryError> {
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 && sender.send(batch).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Waits for a reason to stop.
fn stopped(limits: &Limits) -> impl Future<Output = QueryError> + Send + use<> {
    let (id, killed, limit) = (limits.entry.id, limits.entry.killed(), limits.time_limit);
    let deadline = limit.and_then(|l| Instant::now().checked_add(l));
    async move {
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = killed => QueryError::Cancelled { id },
            () = timeout => QueryError::Timeout {
                limit_ms: limit.map_or(0, |l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX)),
            },
        }
    }
}
