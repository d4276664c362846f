//! Tags that change under `AllTags` with several shards: one identity never gets two series.

use std::collections::BTreeSet;

use triglot_model::{IdentityRule, RowOp, ShardId, Sid};

use super::model::Key;
use super::{InRow, T1, TABLE, TestEnv, keys_of, options, row, table};
use crate::{StorageError, TableMeta, TagChange};

async fn env(shards: u16) -> (TestEnv, TableMeta) {
    let meta = table(TABLE, IdentityRule::AllTags);
    (TestEnv::sim(7, options(shards), std::slice::from_ref(&meta)).await, meta)
}

fn place_of(env: &TestEnv, meta: &TableMeta, t1: &str) -> (ShardId, Sid) {
    let snapshot = env.storage.snapshot(meta);
    let mut found = snapshot.shards().flat_map(|s| {
        let sids = snapshot.series_where(s, T1, &[t1]);
        sids.into_iter().map(move |sid| (s, Sid(sid))).collect::<Vec<_>>()
    });
    found.next().unwrap_or_else(|| panic!("no series {t1}"))
}

async fn rename(env: &TestEnv, meta: &TableMeta, from: &str, to: &str) -> Result<(), StorageError> {
    let (shard, sid) = place_of(env, meta, from);
    let change = TagChange { sid, tags: vec![(T1, Some(to.into()))] };
    env.storage.set_tags(meta, vec![(shard, vec![change])]).await
}

/// All series, which must differ.
fn distinct_series(env: &TestEnv, meta: &TableMeta) -> BTreeSet<Key> {
    let snapshot = env.storage.snapshot(meta);
    let all: Vec<Key> = snapshot.shards().flat_map(|s| keys_of(&snapshot, s).into_values()).collect();
    let distinct: BTreeSet<Key> = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len(), "an identity has two series: {all:?}");
    distinct
}

/// Later rows of the new identity go to the series that has it, wherever that lives; the old identity
/// is a new series at its home. So it stays after a stop and after a power loss.
#[tokio::test]
async fn rows_follow_a_series_that_left_its_home() {
    for shards in [2, 3, 5] {
        let (mut env, meta) = env(shards).await;
        env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1)]).await.unwrap();
        let mut expected = 1;
        for round in 0..12i64 {
            let (from, to) = (format!("r{}", round - 1), format!("r{round}"));
            rename(&env, &meta, if round == 0 { "a" } else { &from }, &to).await.unwrap();
            env.write(&meta, RowOp::Merge, &[row(&to, None, 100 + round, 1)]).await.unwrap();
            expected += 1;
            assert_eq!(distinct_series(&env, &meta).len(), 1, "round {round}");
            match round % 4 {
                0 => env.restart().await,
                1 => env.crash(true).await,
                2 => env.storage.flush().await.unwrap(),
                _ => {}
            }
        }
        let rows = env.rows(&meta).await;
        assert_eq!(rows.len(), expected);
        assert!(rows.iter().all(|r| r.key.t1.as_deref() == Some("r11")));
        env.write(&meta, RowOp::Merge, &[row("a", None, 1, 2)]).await.unwrap();
        assert_eq!(distinct_series(&env, &meta).len(), 2);
    }
}

#[tokio::test]
async fn an_identity_of_another_shard_is_refused() {
    let (env, meta) = env(4).await;
    let names: Vec<String> = (0..8).map(|i| format!("n{i}")).collect();
    let rows: Vec<InRow> = names.iter().map(|n| row(n, None, 1, 1)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    for from in &names {
        for to in names.iter().filter(|to| *to != from) {
            let refused = rename(&env, &meta, from, to).await;
            assert!(
                matches!(refused, Err(StorageError::SeriesTaken { .. } | StorageError::Series(_))),
                "{from} to {to}: {refused:?}"
            );
        }
    }
    // Two series of two shards that would become one.
    let all = names.iter().map(|n| place_of(&env, &meta, n));
    let change = |(shard, sid)| (shard, vec![TagChange { sid, tags: vec![(T1, Some("one".into()))] }]);
    let refused = env.storage.set_tags(&meta, all.map(change).collect()).await;
    assert!(matches!(refused, Err(StorageError::SeriesTaken { .. })), "{refused:?}");
    assert_eq!(distinct_series(&env, &meta).len(), names.len());
    // What was refused claims nothing any more.
    rename(&env, &meta, "n0", "one").await.unwrap();
}

/// Writers that make a series while tags are being changed to its identity.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_and_changes_that_race_for_an_identity() {
    let (env, meta) = env(3).await;
    for round in 0..60i64 {
        let (old, new) = (format!("old{round}"), format!("new{round}"));
        env.write(&meta, RowOp::Merge, &[row(&old, None, round, 1)]).await.unwrap();
        let write = async {
            // A stale route is asked for again, as the engine does.
            for _ in 0..100 {
                match env.write(&meta, RowOp::Merge, &[row(&new, None, 1000 + round, 1)]).await {
                    Err(StorageError::StaleSeries { .. }) => tokio::task::yield_now().await,
                    done => return done,
                }
            }
            panic!("round {round}: the route does not settle")
        };
        let (changed, written) = tokio::join!(rename(&env, &meta, &old, &new), write);
        written.unwrap();
        let expected = match changed {
            Ok(()) => 1,
            Err(StorageError::SeriesTaken { .. } | StorageError::Series(_)) => 2,
            Err(other) => panic!("{other}"),
        };
        let of_round = |k: &&Key| k.t1.as_deref() == Some(&*old) || k.t1.as_deref() == Some(&*new);
        assert_eq!(distinct_series(&env, &meta).iter().filter(of_round).count(), expected, "round {round}");
    }
    assert_eq!(env.rows(&meta).await.len(), 120);
}
