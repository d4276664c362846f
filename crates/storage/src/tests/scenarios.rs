//! One behaviour at a time.

use triglot_model::{IdentityRule, RowOp, ShardId, Sid, TableId};

use super::model::{Model, OutRow, Value};
use super::{A, BUCKET, C, InRow, Query, T1, T2, TABLE, TestEnv, key, open, options, row, table};
use crate::{BatchSeries, DeleteFilter, SeriesRef, StorageError, TableMeta, TagChange, TimeRange};

fn all_tags() -> TableMeta {
    table(TABLE, IdentityRule::AllTags)
}

async fn env(shards: u16) -> (TestEnv, TableMeta) {
    let meta = all_tags();
    (TestEnv::sim(1, options(shards), std::slice::from_ref(&meta)).await, meta)
}

fn model_of(writes: &[(RowOp, Vec<InRow>)]) -> Vec<OutRow> {
    let mut model = Model::new(IdentityRule::AllTags);
    writes.iter().for_each(|(op, rows)| model.write(*op, rows));
    model.read(&Query::all(&all_tags()))
}

#[tokio::test]
async fn rows_are_the_same_through_flush_restart_crash_and_compaction() {
    let (mut env, meta) = env(3).await;
    let mut writes = Vec::new();
    for round in 0..6i64 {
        // Out of order, over eleven buckets, keys of earlier rounds again.
        let rows: Vec<InRow> = (0..120)
            .map(|i| row(&format!("s{}", i % 7), None, (i * 7919 + round) % 11_000 - 3000, i))
            .collect();
        env.write(&meta, RowOp::Merge, &rows).await.unwrap();
        writes.push((RowOp::Merge, rows));
        let expected = model_of(&writes);
        assert_eq!(env.rows(&meta).await, expected, "in memory");
        match round {
            0 => env.crash(true).await,
            1 => env.storage.flush().await.unwrap(),
            2 => env.restart().await,
            3 => env.crash(false).await,
            _ => drop(env.storage.compact(Some(TABLE)).await.unwrap()),
        }
        assert_eq!(env.rows(&meta).await, expected, "after round {round}");
    }
    env.storage.flush().await.unwrap();
    env.storage.compact(None).await.unwrap();
    let expected = model_of(&writes);
    assert_eq!(env.rows(&meta).await, expected);
    let stats = env.storage.stats();
    assert_eq!(stats.file_rows, expected.len() as u64, "compaction leaves one row a key");
    assert_eq!((stats.memtable_rows, stats.memtable_bytes, stats.series), (0, 0, 7));
    env.wait_for_data_files(stats.files as usize).await;
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, expected);
}

#[tokio::test]
async fn known_series_are_checked_against_the_epoch() {
    let (env, meta) = env(1).await;
    let first = row("a", None, 1, 1);
    let acks =
        env.storage.write(ShardId(0), vec![super::batch(&meta, RowOp::Merge, &[&first])]).await.unwrap();
    let mut known = super::batch(&meta, RowOp::Merge, &[&row("a", None, 2, 2)]);
    known.series = BatchSeries::Known(vec![acks[0].sids[0]]);
    known.series_epoch = acks[0].series_epoch;
    env.storage.write(ShardId(0), vec![known.clone()]).await.unwrap();
    assert_eq!(env.rows(&meta).await.len(), 2);
    let mut unknown = known.clone();
    unknown.series = BatchSeries::Known(vec![Sid(7)]);
    let refused = env.storage.write(ShardId(0), vec![unknown.clone()]).await;
    assert!(matches!(refused, Err(StorageError::BadBatch { .. })));
    // Mixed with a key, too.
    unknown.series = BatchSeries::Mixed(vec![SeriesRef::Known(Sid(7)), SeriesRef::Key(key("b", None))]);
    assert!(matches!(env.storage.write(ShardId(0), vec![unknown]).await, Err(StorageError::BadBatch { .. })));
    let change = TagChange { sid: Sid(0), tags: vec![(T1, Some("z".into()))] };
    env.storage.set_tags(&meta, vec![(ShardId(0), vec![change])]).await.unwrap();
    let stale = env.storage.write(ShardId(0), vec![known]).await;
    assert!(matches!(stale, Err(StorageError::StaleSeries { .. })));
    assert_eq!(env.rows(&meta).await.len(), 2);
}

/// A batch that does not fit the table would make every later flush fail.
#[tokio::test]
async fn a_batch_of_the_wrong_shape_is_refused_whole() {
    let (env, meta) = env(1).await;
    let good = super::batch(&meta, RowOp::Merge, &[&row("a", None, 1, 1)]);
    let mut wrong_type = good.clone();
    wrong_type.columns[0].0 = C;
    let mut tag = good.clone();
    tag.columns[0].0 = T2;
    let mut twice = good.clone();
    twice.columns.push(twice.columns[0].clone());
    let mut longer = good.clone();
    longer.times.push(2);
    for bad in [wrong_type, tag, twice, longer] {
        let refused = env.storage.write(ShardId(0), vec![good.clone(), bad]).await;
        assert!(matches!(refused, Err(StorageError::BadBatch { .. })), "{refused:?}");
    }
    assert_eq!(env.rows(&meta).await, vec![]);
    assert_eq!(env.storage.stats().memtable_bytes, 0, "the budget has everything back");
}

#[tokio::test]
async fn tags_change_without_rewriting_rows() {
    let (mut env, meta) = env(1).await;
    env.write(&meta, RowOp::Merge, &[row("a", Some("x"), 1, 1), row("b", Some("x"), 1, 2)]).await.unwrap();
    env.storage.flush().await.unwrap();
    let files = env.data_files();
    let set = |sid, t1: &str| TagChange { sid: Sid(sid), tags: vec![(T1, Some(t1.into()))] };
    let taken = env.storage.set_tags(&meta, vec![(ShardId(0), vec![set(0, "b")])]).await;
    assert!(matches!(taken, Err(StorageError::Series(_))), "{taken:?}");
    // All or nothing: the first change alone would be fine.
    assert!(env.storage.set_tags(&meta, vec![(ShardId(0), vec![set(0, "c"), set(1, "c")])]).await.is_err());
    env.storage.set_tags(&meta, vec![(ShardId(0), vec![set(0, "c")])]).await.unwrap();
    let names = |rows: Vec<OutRow>| rows.into_iter().filter_map(|r| r.key.t1).collect::<Vec<_>>();
    assert_eq!(names(env.rows(&meta).await), ["b", "c"]);
    env.crash(true).await;
    assert_eq!(names(env.rows(&meta).await), ["b", "c"], "from the WAL");
    env.storage.flush().await.unwrap();
    env.crash(true).await;
    assert_eq!(names(env.rows(&meta).await), ["b", "c"], "from the snapshot");
    assert_eq!(env.data_files(), files);
    // The old identity is free again, and a new series.
    env.write(&meta, RowOp::Merge, &[row("a", Some("x"), 1, 3)]).await.unwrap();
    assert_eq!(names(env.rows(&meta).await), ["a", "b", "c"]);
}

/// What is queued behind a change of tags sees it: a series made under the new identity by a write
/// that shares the group would make the change fail after it was logged, and every later start.
#[tokio::test]
async fn a_tag_change_and_writes_of_the_same_identity_in_one_group() {
    let (mut env, meta) = env(1).await;
    env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1)]).await.unwrap();
    for round in 0..50i64 {
        let (from, to) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let snapshot = env.storage.snapshot(&meta);
        let Some(sid) = snapshot.series_where(ShardId(0), T1, &[from]).min() else { continue };
        let change = TagChange { sid: Sid(sid), tags: vec![(T1, Some(to.into()))] };
        let rows = [row(to, None, 100 + round, 1)];
        // Polled in this order, so that they are queued together.
        let (set, written) = tokio::join!(
            env.storage.set_tags(&meta, vec![(ShardId(0), vec![change])]),
            env.write(&meta, RowOp::Merge, &rows)
        );
        written.unwrap();
        assert!(matches!(set, Ok(()) | Err(StorageError::Series(_))), "{set:?}");
    }
    let rows = env.rows(&meta).await;
    assert_eq!(rows.len(), 51);
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, rows);
}

#[tokio::test]
async fn deletes_by_time_by_series_and_both() {
    for flush_first in [false, true] {
        let (mut env, meta) = env(2).await;
        let rows: Vec<InRow> =
            (0..40).map(|i| row(["a", "b"][i as usize % 2], None, (i / 2) * 200, i)).collect();
        let mut model = Model::new(IdentityRule::AllTags);
        env.write(&meta, RowOp::Merge, &rows).await.unwrap();
        model.write(RowOp::Merge, &rows);
        if flush_first {
            env.storage.flush().await.unwrap();
        }
        let deletes = [
            (TimeRange { start: 0, end: 200 }, None),
            (TimeRange { start: 900, end: 1400 }, Some("a")),
            (TimeRange::ALL, Some("b")),
        ];
        for (time, t1) in deletes {
            env.delete(&meta, time, t1).await.unwrap();
            model.delete(time, t1);
            // What is written later is not deleted.
            let again = [row("b", None, time.start.max(0), 7)];
            env.write(&meta, RowOp::Merge, &again).await.unwrap();
            model.write(RowOp::Merge, &again);
            assert_eq!(env.rows(&meta).await, model.read(&Query::all(&meta)), "{time:?} {t1:?}");
        }
        for step in 0..5 {
            match step {
                0 => env.crash(true).await,
                1 | 3 => env.storage.flush().await.unwrap(),
                2 => env.restart().await,
                _ => drop(env.storage.compact(None).await.unwrap()),
            }
            assert_eq!(
                env.rows(&meta).await,
                model.read(&Query::all(&meta)),
                "flushed {flush_first}, {step}"
            );
        }
    }
}

#[tokio::test]
async fn a_delete_of_everything_stays_while_files_are_compacted() {
    let (mut env, meta) = env(1).await;
    for i in 0..3 {
        env.write(&meta, RowOp::Merge, &[row("a", None, i, i)]).await.unwrap();
        env.storage.flush().await.unwrap();
    }
    env.delete(&meta, TimeRange::ALL, None).await.unwrap();
    env.storage.compact(None).await.unwrap();
    assert_eq!(env.rows(&meta).await, vec![]);
    env.write(&meta, RowOp::Merge, &[row("a", None, 9, 9)]).await.unwrap();
    env.storage.flush().await.unwrap();
    env.storage.compact(None).await.unwrap();
    env.crash(true).await;
    let rows = env.rows(&meta).await;
    assert_eq!(rows.iter().map(|r| r.time).collect::<Vec<_>>(), [9]);
}

#[tokio::test]
async fn a_dropped_table_is_gone_with_its_files() {
    let (mut env, meta) = env(2).await;
    let other = table(TableId(2), IdentityRule::AllTags);
    env.tables.put(other.clone());
    env.write(&other, RowOp::Merge, &[row("a", None, 1, 1)]).await.unwrap();
    for i in 0..4 {
        env.write(&meta, RowOp::Merge, &[row("a", None, i, i), row("b", None, i, i)]).await.unwrap();
        env.storage.flush().await.unwrap();
    }
    env.write(&meta, RowOp::Merge, &[row("a", None, 50, 1)]).await.unwrap();
    env.tables.remove(TABLE);
    env.storage.drop_table(TABLE).await.unwrap();
    assert_eq!(env.rows(&meta).await, vec![]);
    let late = env.write(&meta, RowOp::Merge, &[row("a", None, 51, 1)]).await;
    assert!(matches!(late, Err(StorageError::TableDropped { table: TABLE })), "{late:?}");
    env.wait_for_data_files(1).await;
    assert_eq!(env.storage.stats().series, 1);
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, vec![]);
    assert_eq!(env.rows(&other).await.len(), 1);
    assert_eq!(env.storage.recovery().iter().map(|r| r.orphans).sum::<usize>(), 0);
    env.storage.drop_table(TABLE).await.unwrap();
}

/// The catalog's drop is durable, ours was not made: the next start makes it.
#[tokio::test]
async fn a_drop_that_a_crash_cut_off_is_finished_at_the_start() {
    let (mut env, meta) = env(1).await;
    env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1)]).await.unwrap();
    env.storage.flush().await.unwrap();
    env.write(&meta, RowOp::Merge, &[row("b", None, 1, 1)]).await.unwrap();
    env.tables.remove(TABLE);
    env.crash(true).await;
    assert_eq!(env.data_files(), 0);
    assert_eq!(env.rows(&meta).await, vec![]);
}

#[tokio::test]
async fn retention_drops_whole_buckets() {
    let (mut env, mut meta) = env(1).await;
    meta.retention = Some(2 * BUCKET);
    env.tables.put(meta.clone());
    let rows: Vec<InRow> = (0..50).map(|i| row("a", None, i * 100, i)).collect();
    env.write(&meta, RowOp::Merge, &rows[..25]).await.unwrap();
    env.storage.flush().await.unwrap();
    env.write(&meta, RowOp::Merge, &rows[25..]).await.unwrap();
    assert_eq!(env.storage.enforce_retention().await.unwrap(), 0);
    env.clock.set(4500);
    // Horizon 2500: buckets 0 and 1000 are over, the one of 2000 is not.
    assert_eq!(env.storage.enforce_retention().await.unwrap(), 2);
    let times = |rows: Vec<OutRow>| rows.iter().map(|r| r.time).min();
    assert_eq!(times(env.rows(&meta).await), Some(2000));
    env.wait_for_data_files(1).await;
    env.restart().await;
    assert_eq!(times(env.rows(&meta).await), Some(2000));
    env.clock.set(1_000_000);
    env.storage.enforce_retention().await.unwrap();
    assert_eq!(env.rows(&meta).await, vec![]);
    let stats = env.storage.stats();
    assert_eq!((stats.memtable_bytes, stats.files), (0, 0));
}

#[tokio::test]
async fn the_number_of_shards_is_that_of_the_directory() {
    let (mut env, meta) = env(3).await;
    let rows: Vec<InRow> = (0..20).map(|i| row(&format!("s{i}"), None, i, i)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    let before = env.rows(&meta).await;
    env.options.shards = 8;
    env.restart().await;
    assert_eq!(env.storage.shards(), 3);
    assert_eq!(env.rows(&meta).await, before);
}

#[tokio::test]
async fn extreme_times_are_ordinary() {
    let (mut env, meta) = env(1).await;
    let times = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    let rows: Vec<InRow> = times.iter().map(|t| row("a", None, *t, 1)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    let found = |rows: Vec<OutRow>| rows.iter().map(|r| r.time).collect::<Vec<_>>();
    assert_eq!(found(env.rows(&meta).await), times);
    env.restart().await;
    assert_eq!(found(env.rows(&meta).await), times);
    env.delete(&meta, TimeRange { start: i64::MAX, end: i64::MAX }, None).await.unwrap();
    env.delete(&meta, TimeRange { start: i64::MIN, end: i64::MIN }, None).await.unwrap();
    assert_eq!(found(env.rows(&meta).await), times[1..5]);
}

#[tokio::test]
async fn a_series_limit_refuses_new_series_only() {
    let meta = all_tags();
    let mut options = options(1);
    options.limits.max_series = 2;
    let env = TestEnv::sim(1, options, std::slice::from_ref(&meta)).await;
    env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1), row("b", None, 1, 1)]).await.unwrap();
    let refused = env.write(&meta, RowOp::Merge, &[row("c", None, 1, 1)]).await;
    assert!(matches!(refused, Err(StorageError::TooManySeries { limit: 2 })), "{refused:?}");
    env.write(&meta, RowOp::Merge, &[row("a", None, 2, 1)]).await.unwrap();
    assert_eq!(env.rows(&meta).await.len(), 3);
}

/// The series share of the memory budget: known series are written on, also after a start that finds
/// more than the share, and a dropped table makes room.
#[tokio::test]
async fn a_full_series_share_refuses_new_series_only() {
    let (meta, other) = (all_tags(), table(TableId(2), IdentityRule::AllTags));
    let mut options = options(1);
    options.series_bytes = 64 << 10;
    let mut env = TestEnv::sim(1, options, &[meta.clone(), other.clone()]).await;
    let mut made = 0;
    let refused = loop {
        match env.write(&meta, RowOp::Merge, &[row(&format!("series {made}"), None, 1, 1)]).await {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 10_000);
    };
    assert!(matches!(refused, StorageError::SeriesMemory { .. }), "{refused}");
    assert_eq!(refused.kind(), triglot_model::ErrorKind::LimitReached);
    assert!(env.storage.stats().series_bytes <= 96 << 10, "{:?}", env.storage.stats());
    let new = [row("new", None, 1, 1)];
    assert!(env.write(&other, RowOp::Merge, &new).await.is_err());
    env.write(&meta, RowOp::Merge, &[row("series 0", None, 2, 1)]).await.unwrap();
    // A start with a smaller share finds everything.
    env.options.series_bytes = 16 << 10;
    env.crash(true).await;
    assert_eq!(env.storage.stats().series, made);
    assert_eq!(env.rows(&meta).await.len() as u64, made + 1);
    env.write(&meta, RowOp::Merge, &[row("series 1", None, 2, 1)]).await.unwrap();
    assert!(env.write(&meta, RowOp::Merge, &new).await.is_err());
    env.tables.remove(meta.def.id);
    env.storage.drop_table(meta.def.id).await.unwrap();
    env.write(&other, RowOp::Merge, &new).await.unwrap();
    assert_eq!(env.storage.stats().series, 1);
}

#[tokio::test]
async fn after_shutdown_requests_are_refused_and_a_second_shutdown_does_no_harm() {
    let (env, meta) = env(2).await;
    env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1)]).await.unwrap();
    env.storage.shutdown().await.unwrap();
    let refused = env.write(&meta, RowOp::Merge, &[row("a", None, 2, 1)]).await;
    assert!(matches!(refused, Err(StorageError::ShuttingDown)), "{refused:?}");
    let _ = env.storage.shutdown().await;
    let again = open(&env.disk, &env.tables, &env.clock, &env.options).await.unwrap();
    assert_eq!(super::read(&again.snapshot(&meta), &Query::all(&meta)).await.len(), 1);
    assert_eq!(again.recovery().iter().map(|r| r.rows).sum::<u64>(), 0, "shutdown flushed all");
}

#[tokio::test]
async fn replaced_series_snapshots_are_deleted() {
    let (mut env, meta) = env(1).await;
    for i in 0..20 {
        env.write(&meta, RowOp::Merge, &[row(&format!("s{i}"), None, i, i)]).await.unwrap();
        env.storage.flush().await.unwrap();
    }
    let count = |env: &TestEnv| super::count_files(env.disk.as_ref(), "shards", ".arrow");
    for _ in 0..1000 {
        if count(&env) <= 9 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(count(&env) <= 9, "{} snapshots", count(&env));
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await.len(), 20);
    assert_eq!(env.storage.recovery()[0].orphans, 0);
}

#[tokio::test]
async fn a_delete_names_series_of_a_shard() {
    let (env, meta) = env(1).await;
    env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1), row("b", None, 1, 2)]).await.unwrap();
    let one = roaring::RoaringBitmap::from_iter([1]);
    let filter = DeleteFilter { time: TimeRange::ALL, series: Some(vec![(ShardId(0), one)]) };
    env.storage.delete(&meta, filter).await.unwrap();
    let rows = env.rows(&meta).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].values[0], Value::Int(1));
    assert_eq!(meta.def.stored_columns().next().unwrap().id, A);
}
