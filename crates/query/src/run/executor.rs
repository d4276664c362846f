use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use tokio::sync::{Semaphore, oneshot};

use super::pump::{self, Limits};
use super::{QueryInfo, QueryRegistry, QueryRuntime, QueryStream};
use crate::{QueryError, QuerySession};

/// Limits of one node's queries.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Queries that may run at a time; one more is refused as busy.
    pub max_concurrent: usize,
    /// How long a query may take, planning and sending included; none = as long as it likes.
    pub time_limit: Option<Duration>,
}

/// Runs queries.
#[derive(Debug)]
pub struct QueryExecutor {
    runtime: QueryRuntime,
    registry: Arc<QueryRegistry>,
    permits: Arc<Semaphore>,
    options: ExecutorOptions,
}

impl QueryExecutor {
    /// An executor whose queries run on `runtime` and are listed in `registry`.
    pub fn new(runtime: QueryRuntime, registry: Arc<QueryRegistry>, options: ExecutorOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.max_concurrent));
        Self { runtime, registry, permits, options }
    }

    /// The running queries.
    pub fn registry(&self) -> &Arc<QueryRegistry> {
        &self.registry
    }

    /// The threads that queries run on.
    pub fn runtime(&self) -> &QueryRuntime {
        &self.runtime
    }

    /// Refuses all further queries; those that run go on.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Runs a plan. Returns when the first rows (or the end, or an error) are there, so that an error
    /// that comes before any row is an `Err` here and not the first item of the stream.
    pub async fn run(
        &self,
        session: QuerySession,
        plan: LogicalPlan,
        info: QueryInfo,
    ) -> Result<QueryStream, QueryError> {
        self.run_with(info, async move { Ok(session.execute(&plan).await?) }).await
    }

    /// Like [`Self::run`], for work that also plans on the query threads: `start` makes the stream.
    pub async fn run_with<F>(&self, info: QueryInfo, start: F) -> Result<QueryStream, QueryError>
    where
        F: Future<Output = Result<SendableRecordBatchStream, QueryError>> + Send + 'static,
    {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(tokio::sync::TryAcquireError::Closed) => return Err(QueryError::ShuttingDown),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                return Err(QueryError::Busy { limit: self.options.max_concurrent });
            }
        };
        let entry = self.registry.register(info);
        let (answer, answered) = oneshot::channel();
        let limits = Limits { entry, _permit: permit, time_limit: self.options.time_limit };
        let task = self.runtime.handle().spawn(pump::run(start, limits, answer));
        match answered.await {
            Ok(answer) => answer,
            // The task ended without an answer: it panicked, or the runtime is gone.
            Err(_) => match task.await {
                Err(e) if e.is_panic() => {
                    Err(QueryError::Internal { message: "a query task panicked".to_owned() })
                }
                _ => Err(QueryError::ShuttingDown),
            },
        }
    }
}
