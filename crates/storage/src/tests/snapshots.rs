//! R-1 and M-2: what a reader holds stays readable, and its files stay until it is done.

use futures::StreamExt;
use triglot_model::{IdentityRule, RowOp};

use super::{Query, TABLE, TestEnv, options, read, row, table};
use crate::{ScanRequest, SeriesSelection, TimeRange};

#[tokio::test]
async fn a_snapshot_outlives_flush_delete_compaction_and_drop() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let env = TestEnv::sim(1, options(2), std::slice::from_ref(&meta)).await;
    for i in 0..3 {
        env.write(&meta, RowOp::Merge, &[row("a", None, i, i), row("b", None, i, i)]).await.unwrap();
        if i < 2 {
            env.storage.flush().await.unwrap();
        }
    }
    let all = Query::all(&meta);
    let snapshot = env.storage.snapshot(&meta);
    let before = read(&snapshot, &all).await;
    assert_eq!(before.len(), 6);
    env.storage.flush().await.unwrap();
    assert_eq!(read(&snapshot, &all).await, before, "flush");
    env.delete(&meta, TimeRange { start: 1, end: 1 }, None).await.unwrap();
    assert_eq!(read(&snapshot, &all).await, before, "delete");
    assert_eq!(env.rows(&meta).await.len(), 4);
    env.storage.compact(None).await.unwrap();
    assert_eq!(read(&snapshot, &all).await, before, "compaction");
    let newer = env.storage.snapshot(&meta);
    env.tables.remove(TABLE);
    env.storage.drop_table(TABLE).await.unwrap();
    assert_eq!(read(&snapshot, &all).await, before, "drop");
    assert_eq!(read(&newer, &all).await.len(), 4);
    drop(newer);
    assert_eq!(read(&snapshot, &all).await, before, "an end of another reader");
    drop(snapshot);
    env.wait_for_data_files(0).await;
}

#[tokio::test]
async fn a_stream_alone_keeps_its_files() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    let rows: Vec<_> = (0..500).map(|i| row("a", None, i, i)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    env.storage.flush().await.unwrap();
    let snapshot = env.storage.snapshot(&meta);
    let chunk = snapshot.chunks(TimeRange::ALL, &SeriesSelection::All).remove(0);
    let request = ScanRequest {
        columns: vec![super::A],
        time: TimeRange::ALL,
        series: SeriesSelection::All,
        ordered: true,
        batch_rows: 100,
    };
    let mut stream = snapshot.scan(&chunk, &request);
    let mut seen = stream.next().await.unwrap().unwrap().num_rows();
    drop(snapshot);
    env.tables.remove(TABLE);
    env.storage.drop_table(TABLE).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(env.data_files(), 1);
    while let Some(batch) = stream.next().await {
        seen += batch.unwrap().num_rows();
    }
    assert_eq!(seen, 500);
    drop(stream);
    env.wait_for_data_files(0).await;
}
