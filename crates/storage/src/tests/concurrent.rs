//! Many tasks at once on a real disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use triglot_disk::RealDisk;
use triglot_model::{IdentityRule, RowOp};

use super::model::Value;
use super::{InRow, Query, TABLE, TestEnv, options, read, rounds, row, table};
use crate::TimeRange;

const WRITERS: i64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_readers_flushes_and_compactions_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let meta = table(TABLE, IdentityRule::AllTags);
    let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
    let mut env = TestEnv::on(disk, None, options(2), std::slice::from_ref(&meta)).await;
    let batches = rounds(40) as i64;
    let done = AtomicBool::new(false);
    let writers = futures::future::join_all((0..WRITERS).map(|writer| {
        let (env, meta) = (&env, &meta);
        async move {
            for batch in 0..batches {
                // Every row is written twice, in different batches: the sum counts each once.
                let rows: Vec<InRow> = (0..100)
                    .map(|i| {
                        row(&format!("s{}", i % 10), Some(&format!("w{writer}")), (batch / 2) * 100 + i, i)
                    })
                    .collect();
                env.write(meta, RowOp::Merge, &rows).await.unwrap();
            }
        }
    }));
    let reader = async {
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let rows = read(&env.storage.snapshot(&meta), &Query::all(&meta)).await;
            assert!(rows.len() >= last, "{} rows after {last}", rows.len());
            last = rows.len();
            tokio::task::yield_now().await;
        }
    };
    let maintenance = async {
        while !done.load(Ordering::Relaxed) {
            env.storage.flush().await.unwrap();
            env.storage.compact(None).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let writing = async {
        writers.await;
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, reader, maintenance);
    let per_writer = (batches / 2) * 100;
    for round in 0..2 {
        let rows = env.rows(&meta).await;
        assert_eq!(rows.len() as i64, WRITERS * per_writer, "{round}");
        let sum: i64 = rows.iter().map(|r| if let Value::Int(a) = r.values[0] { a } else { 0 }).sum();
        assert_eq!(sum, WRITERS * (batches / 2) * (0..100).sum::<i64>());
        env.restart().await;
    }
    assert_eq!(env.storage.stats().memtable_bytes, 0);
    env.storage.shutdown().await.unwrap();
}

/// A delete, a flush and a compaction in any interleaving: deleted rows stay deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deletes_during_flushes_and_compactions() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    for round in 0..rounds(40) as i64 {
        let rows: Vec<InRow> =
            (0..200).map(|i| row(["a", "b"][i as usize % 2], None, i * 20, round)).collect();
        env.write(&meta, RowOp::Merge, &rows).await.unwrap();
        let everything = round % 3 == 0;
        let time = if everything { TimeRange::ALL } else { TimeRange { start: 0, end: 1999 } };
        let (flushed, deleted, compacted) = tokio::join!(
            env.storage.flush(),
            async {
                for _ in 0..round % 7 {
                    tokio::task::yield_now().await;
                }
                env.delete(&meta, time, None).await
            },
            env.storage.compact(None)
        );
        flushed.unwrap();
        deleted.unwrap();
        compacted.unwrap();
        let left = if everything { 0 } else { 100 };
        assert_eq!(env.rows(&meta).await.len(), left, "round {round}");
        env.storage.flush().await.unwrap();
        env.storage.compact(None).await.unwrap();
        assert_eq!(env.rows(&meta).await.len(), left, "round {round}, compacted");
        if round % 10 == 9 {
            env.restart().await;
            assert_eq!(env.rows(&meta).await.len(), left, "round {round}, restarted");
        }
    }
    assert_eq!(env.storage.stats().memtable_bytes, 0);
}

/// Requests whose callers give up at any point leave the storage whole and its budget balanced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_give_up() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    for round in 0..rounds(60) {
        let rows = [row("a", None, round as i64 * 700, 1)];
        let patience = std::time::Duration::from_micros(round * 37 % 1500);
        let _ = tokio::time::timeout(patience, env.write(&meta, RowOp::Merge, &rows)).await;
        let _ = tokio::time::timeout(patience, env.storage.flush()).await;
        let _ = tokio::time::timeout(patience, env.storage.compact(None)).await;
        env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    }
    env.storage.flush().await.unwrap();
    assert_eq!(env.storage.stats().memtable_bytes, 0);
    let rows = env.rows(&meta).await;
    assert_eq!(rows.len() as u64, rounds(60));
    env.restart().await;
    assert_eq!(env.rows(&meta).await, rows);
}
