//! Limits of running queries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, StreamExt, stream};
use triglot_model::{ErrorKind, ManualClock};

use super::fixture::{cpu, lines, options, plan, session, session_with, tables};
use crate::{
    ExecutorOptions, MemoryOptions, QueryError, QueryExecutor, QueryInfo, QueryRegistry, QueryRuntime,
    QueryState, SessionOptions, query_memory,
};

fn executor(max_concurrent: usize, time_limit: Option<Duration>) -> QueryExecutor {
    let registry = QueryRegistry::new(Arc::new(ManualClock::new(1_000)));
    let options = ExecutorOptions { max_concurrent, time_limit };
    QueryExecutor::new(QueryRuntime::new(2).unwrap(), registry, options)
}

fn info() -> QueryInfo {
    QueryInfo { text: "q".into(), user: "root".into(), tenant: "cnosdb".into(), database: "public".into() }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

fn batch(rows: i64) -> RecordBatch {
    RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from_iter_values(0..rows))]).unwrap()
}

/// Tells when the query's stream is gone.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Rows = std::pin::Pin<Box<dyn Stream<Item = datafusion::error::Result<RecordBatch>> + Send>>;

/// A query of `batches` that then never ends, and whether it is gone.
fn endless(batches: usize) -> (SendableRecordBatchStream, Arc<AtomicBool>) {
    let gone = Arc::new(AtomicBool::new(false));
    let guard = Gone(Arc::clone(&gone));
    let rows: Rows = Box::pin(
        stream::iter((0..batches).map(|_| Ok(batch(8192)))).chain(stream::pending()).inspect(move |_| {
            let _held = &guard;
        }),
    );
    (Box::pin(RecordBatchStreamAdapter::new(schema(), rows)), gone)
}

/// Waits for another task to bring something about.
async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

#[tokio::test]
async fn a_query_runs_and_leaves_the_list() {
    let executor = executor(4, None);
    let session = session(cpu(3, 4));
    let plan = plan(&session, "SELECT count(DISTINCT host) FROM cpu").unwrap();
    let stream = executor.run(session, plan, info()).await.unwrap();
    assert!(executor.registry().list().is_empty());
    assert_eq!(lines(&stream.collect().await.unwrap()), ["3"]);
}

#[tokio::test]
async fn a_large_answer_comes_complete_and_in_order() {
    let executor = executor(4, None);
    let session = session(cpu(1, 100_000));
    let plan = plan(&session, "SELECT n FROM cpu WHERE n IS NOT NULL ORDER BY time").unwrap();
    let found = lines(&executor.run(session, plan, info()).await.unwrap().collect().await.unwrap());
    let expected: Vec<String> = (0..100_000).filter(|i| i % 5 != 0).map(|i| i.to_string()).collect();
    assert!(found == expected);
}

#[tokio::test]
async fn dropping_the_stream_ends_the_query() {
    let executor = executor(4, None);
    let (rows, gone) = endless(2);
    let mut stream = executor.run_with(info(), async { Ok(rows) }).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 8192);
    assert_eq!(executor.registry().list().len(), 1);
    assert!(!gone.load(Ordering::SeqCst));
    drop(stream);
    eventually("the query ends", || gone.load(Ordering::SeqCst)).await;
    eventually("it leaves the list", || executor.registry().list().is_empty()).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_before_the_first_row_ends_the_query() {
    let executor = Arc::new(executor(4, None));
    let (rows, gone) = endless(0);
    let caller = tokio::spawn({
        let executor = Arc::clone(&executor);
        async move { executor.run_with(info(), async { Ok(rows) }).await.map(|_| ()) }
    });
    eventually("it is listed", || executor.registry().list().len() == 1).await;
    caller.abort();
    eventually("the query ends", || gone.load(Ordering::SeqCst)).await;
    eventually("it leaves the list", || executor.registry().list().is_empty()).await;
}

#[tokio::test]
async fn kill_ends_a_query_before_and_after_its_first_row() {
    let executor = Arc::new(executor(4, None));
    let (rows, _) = endless(2);
    let mut stream = executor.run_with(info(), async { Ok(rows) }).await.unwrap();
    let id = stream.id();
    let listed = executor.registry().list().remove(0);
    assert_eq!((listed.id, listed.state, listed.start_ns), (id, QueryState::Running, 1_000));
    assert!(executor.registry().kill(id));
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(stream.next().await.is_none());
    eventually("it leaves the list", || executor.registry().list().is_empty()).await;
    assert!(!executor.registry().kill(id));

    let (rows, _) = endless(0);
    let waiting = tokio::spawn({
        let executor = Arc::clone(&executor);
        async move { executor.run_with(info(), async { Ok(rows) }).await.map(|_| ()) }
    });
    eventually("it is listed", || executor.registry().list().len() == 1).await;
    let listed = executor.registry().list().remove(0);
    assert_eq!(listed.state, QueryState::Planning);
    assert!(executor.registry().kill(listed.id));
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn the_time_limit_ends_computing_and_waiting_for_a_slow_reader_alike() {
    let executor = executor(4, Some(Duration::from_millis(50)));
    let (rows, gone) = endless(0);
    let error = executor.run_with(info(), async { Ok(rows) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.to_string(), "query exceeded its time limit of 50 ms");
    assert!(gone.load(Ordering::SeqCst));

    let (rows, gone) = endless(1_000_000);
    let stream = executor.run_with(info(), async { Ok(rows) }).await.unwrap();
    eventually("the query ends although nobody reads", || gone.load(Ordering::SeqCst)).await;
    let items: Vec<_> = StreamExt::collect(stream).await;
    assert!(items.len() < 10, "back-pressure did not hold: {} batches", items.len());
    assert!(matches!(items.last(), Some(Err(QueryError::Timeout { limit_ms: 50 }))));
}

#[tokio::test]
async fn one_query_too_many_is_refused_until_another_ends() {
    let executor = executor(1, None);
    let (rows, _) = endless(2);
    let first = executor.run_with(info(), async { Ok(rows) }).await.unwrap();
    let (rows, _) = endless(2);
    let error = executor.run_with(info(), async { Ok(rows) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(first);
    eventually("the place is free", || executor.registry().list().is_empty()).await;
    let (rows, _) = endless(2);
    let mut again = executor.run_with(info(), async { Ok(rows) }).await;
    for _ in 0..1000 {
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (rows, _) = endless(2);
        again = executor.run_with(info(), async { Ok(rows) }).await;
    }
    assert!(again.is_ok());
    executor.close();
    let (rows, _) = endless(2);
    let error = executor.run_with(info(), async { Ok(rows) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShuttingDown);
}

#[tokio::test]
async fn a_panic_in_a_query_is_an_error_and_nothing_more() {
    let executor = executor(1, None);
    let error = executor.run_with(info(), async { panic!("on purpose") }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let session = session(cpu(1, 1));
    let plan = plan(&session, "SELECT 1").unwrap();
    assert!(executor.run(session, plan, info()).await.is_ok());
}

fn with_memory(
    memory_bytes: u64,
    spill_dir: Option<std::path::PathBuf>,
    max_spill_bytes: u64,
) -> SessionOptions {
    let memory = MemoryOptions { memory_bytes, spill_dir, max_spill_bytes };
    SessionOptions { runtime: query_memory(&memory).unwrap(), ..options() }
}

const BIG_SORT: &str = "SELECT n, usage_user, host FROM cpu ORDER BY usage_user, host, n";

#[tokio::test]
async fn beyond_its_memory_a_sort_spills_and_gives_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let tables = tables(cpu(20, 20_000));
    let roomy = super::fixture::query(&session_with(options(), Arc::clone(&tables)), BIG_SORT).await.unwrap();
    // One partition: how two sorts share a tight pool depends on which comes first.
    let tight = with_memory(16 << 20, Some(dir.path().to_owned()), 1 << 30);
    let tight = SessionOptions { target_partitions: 1, ..tight };
    let executor = executor(1, None);
    let session = session_with(tight, tables);
    let plan = plan(&session, BIG_SORT).unwrap();
    let found = executor.run(session, plan, info()).await.unwrap().collect().await.unwrap();
    assert!(lines(&found) == lines(&roomy));
}

#[tokio::test]
async fn without_space_to_spill_a_query_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    for options in [with_memory(4 << 20, None, 0), with_memory(4 << 20, Some(dir.path().to_owned()), 1 << 16)]
    {
        let session = session_with(options, tables(cpu(20, 20_000)));
        let error = super::fixture::query(&session, BIG_SORT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        let small = super::fixture::query(&session, "SELECT max(n) FROM cpu").await.unwrap();
        assert_eq!(lines(&small), ["19999"]);
    }
}
