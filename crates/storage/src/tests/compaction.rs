//! What background compaction does about deletions and memory, besides what random operations show.

use triglot_model::{IdentityRule, RowOp, ShardId};

use super::model::OutRow;
use super::{InRow, TABLE, TestEnv, options, row, table};
use crate::{TableMeta, TimeRange};

/// One file of 100 rows: series `a` has 60, `b` has 40.
async fn one_file() -> (TestEnv, TableMeta) {
    let meta = table(TABLE, IdentityRule::AllTags);
    let env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    let of = |series: &'static str, rows: i64| (0..rows).map(move |t| row(series, None, t, t));
    let rows: Vec<InRow> = of("a", 60).chain(of("b", 40)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    env.storage.flush().await.unwrap();
    (env, meta)
}

/// What the background does, which each flush wakes: merges of what is worth it. Gives all merges so far.
async fn background(env: &TestEnv) -> u64 {
    env.storage.shard(ShardId(0)).unwrap().compact(None, false).await.unwrap();
    env.storage.stats().compactions
}

/// Deletes and makes the deletion durable in the manifest, before which no file is written for it.
async fn delete(env: &TestEnv, meta: &TableMeta, time: TimeRange, series: &str) {
    env.delete(meta, time, Some(series)).await.unwrap();
    env.storage.flush().await.unwrap();
}

fn range(start: i64, end: i64) -> TimeRange {
    TimeRange { start, end }
}

#[tokio::test]
async fn a_file_of_which_much_is_deleted_is_written_again() {
    let (mut env, meta) = one_file().await;
    delete(&env, &meta, range(0, 9), "a").await;
    assert_eq!(background(&env).await, 0, "10 of 100 rows are not worth it");
    assert_eq!(env.storage.stats().file_rows, 100);
    delete(&env, &meta, TimeRange::ALL, "b").await;
    let expected = env.rows(&meta).await;
    assert_eq!(expected.len(), 50);
    assert_eq!(background(&env).await, 1);
    let stats = env.storage.stats();
    assert_eq!((stats.files, stats.file_rows), (1, 50));
    assert!(env.storage.snapshot(&meta).chunks(TimeRange::ALL, &Default::default())[0].is_exact);
    assert_eq!(background(&env).await, 1, "once is enough");
    assert_eq!(env.rows(&meta).await, expected);
    // Rows that are written at deleted times live, here and after a crash.
    env.write(&meta, RowOp::Merge, &[row("b", None, 5, 7)]).await.unwrap();
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await.len(), 51);
    env.storage.flush().await.unwrap();
    env.storage.compact(None).await.unwrap();
    assert_eq!(env.storage.stats().file_rows, 51);
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await.len(), 51);
}

#[tokio::test]
async fn a_file_of_which_all_is_deleted_goes() {
    let (mut env, meta) = one_file().await;
    env.delete(&meta, TimeRange::ALL, None).await.unwrap();
    env.storage.flush().await.unwrap();
    assert_eq!(background(&env).await, 1);
    env.wait_for_data_files(0).await;
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, Vec::<OutRow>::new());
}

/// Deletions are not applied for good while older rows are in memory, since these come into a file
/// of their own, which the deletion must still reach; nor before the manifest has them.
#[tokio::test]
async fn deletions_wait_for_older_rows_in_memory() {
    let (mut env, meta) = one_file().await;
    env.write(&meta, RowOp::Merge, &[row("c", None, 5, 5)]).await.unwrap();
    env.delete(&meta, range(0, 500), Some("a")).await.unwrap();
    assert_eq!(background(&env).await, 0);
    assert_eq!(env.storage.compact(None).await.unwrap(), 0);
    let expected = env.rows(&meta).await;
    assert_eq!(expected.len(), 41);
    env.storage.flush().await.unwrap();
    // Two files now, and the deletion is newer than both.
    env.storage.compact(None).await.unwrap();
    let stats = env.storage.stats();
    assert_eq!((stats.files, stats.file_rows), (1, 41));
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, expected);
}

#[tokio::test]
async fn merges_that_do_not_fit_into_the_share_take_fewer_files() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut options = options(1);
    // Less than anything needs; the background merges nothing.
    options.compaction_bytes = 1;
    options.compaction.trigger_files = 100;
    let env = TestEnv::sim(1, options, std::slice::from_ref(&meta)).await;
    for file in 0..6 {
        env.write(&meta, RowOp::Merge, &[row("a", None, file, file)]).await.unwrap();
        env.storage.flush().await.unwrap();
    }
    assert_eq!(env.storage.stats().files, 6);
    // Two by two: five merges make one file of six.
    assert_eq!(env.storage.compact(None).await.unwrap(), 5);
    assert_eq!((env.storage.stats().files, env.storage.stats().file_rows), (1, 6));
    assert_eq!(env.rows(&meta).await.len(), 6);
}
