//! Random operations against the model.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use triglot_model::{ColumnId, IdentityRule, RowOp, Sid};

use super::model::{Model, Value};
use super::{A, B, C, InRow, Query, T1, T2, TABLE, TestEnv, key, options, read, read_last, rounds, table};
use crate::{SeriesKey, TableMeta, TagChange, TimeRange};

pub(super) const RULES: [fn() -> IdentityRule; 3] =
    [|| IdentityRule::AllTags, || IdentityRule::ChildName, || IdentityRule::PrimaryTags(vec![T1])];

#[derive(Debug, Clone)]
pub(super) enum Op {
    Write(RowOp, Vec<InRow>),
    Delete(TimeRange, Option<String>),
    /// The n-th series of the model gets this `t2`.
    SetTag(usize, Option<String>),
    Flush,
    Compact,
    Restart,
}

pub(super) fn random_op(rng: &mut StdRng, series: usize) -> Op {
    match rng.random_range(0..20) {
        0..=10 => {
            let op = [RowOp::Merge, RowOp::Merge, RowOp::Replace, RowOp::InsertIfAbsent, RowOp::Delete]
                [rng.random_range(0..5)];
            Op::Write(op, (0..rng.random_range(1..30)).map(|_| random_row(rng)).collect())
        }
        11..=13 => Op::Delete(random_range(rng), rng.random_bool(0.6).then(|| random_t1(rng))),
        14 if series > 0 => Op::SetTag(rng.random_range(0..series), random_t2(rng)),
        14..=16 => Op::Flush,
        17..=18 => Op::Compact,
        _ => Op::Restart,
    }
}

fn random_t1(rng: &mut StdRng) -> String {
    format!("s{}", rng.random_range(0..4))
}

fn random_t2(rng: &mut StdRng) -> Option<String> {
    rng.random_bool(0.5).then(|| format!("x{}", rng.random_range(0..2)))
}

fn random_range(rng: &mut StdRng) -> TimeRange {
    let start = rng.random_range(-1500..2500);
    match rng.random_range(0..6) {
        0 => TimeRange::ALL,
        1 => TimeRange { start, end: i64::MAX },
        _ => TimeRange { start, end: start + rng.random_range(0..1200) },
    }
}

fn random_row(rng: &mut StdRng) -> InRow {
    let (t1, t2) = (random_t1(rng), random_t2(rng));
    let mut values = Vec::new();
    for column in [A, B, C] {
        if rng.random_bool(0.6) {
            values
                .push((column, if rng.random_bool(0.25) { Value::Null } else { random_value(rng, column) }));
        }
    }
    // Few distinct times around bucket edges, so that keys collide.
    let time = [-1001, -1, 0, 5, 999, 1000, 1001, 2500][rng.random_range(0..8)];
    InRow { key: key(&t1, t2.as_deref()), time, values, explicit: rng.random_bool(0.5) }
}

fn random_value(rng: &mut StdRng, column: ColumnId) -> Value {
    let n = rng.random_range(0..1000);
    match column {
        A => Value::Int(n),
        B => Value::Text(format!("text {n}, long enough to live outside of its view")),
        _ => Value::Float((n as f64 / 8.0).to_bits()),
    }
}

/// A random read.
pub(super) fn random_query(rng: &mut StdRng) -> Query {
    let columns: Vec<ColumnId> = [C, A, B].into_iter().filter(|_| rng.random_bool(0.6)).collect();
    Query {
        columns,
        time: random_range(rng),
        t1: rng.random_bool(0.4).then(|| random_t1(rng)),
        ordered: rng.random_bool(0.5),
        batch_rows: [1, 3, 8192][rng.random_range(0..3)],
    }
}

/// Finds the series of the model in the storage.
pub(super) fn find_series(
    env: &TestEnv,
    meta: &TableMeta,
    model: &Model,
    series: usize,
) -> (triglot_model::ShardId, Sid) {
    let snapshot = env.storage.snapshot(meta);
    for shard in snapshot.shards() {
        for (sid, found) in super::keys_of(&snapshot, shard) {
            if found == model.series[series] {
                return (shard, Sid(sid));
            }
        }
    }
    panic!("series {series} of the model is not in storage");
}

async fn apply(env: &mut TestEnv, meta: &TableMeta, model: &mut Model, op: &Op) {
    match op {
        Op::Write(row_op, rows) => {
            // Rows reach storage by shard, which keeps the order within a key.
            env.write(meta, *row_op, rows).await.unwrap();
            model.write(*row_op, rows);
        }
        Op::Delete(time, t1) => {
            env.delete(meta, *time, t1.as_deref()).await.unwrap();
            model.delete(*time, t1.as_deref());
        }
        Op::SetTag(series, t2) => {
            let (shard, sid) = find_series(env, meta, model, *series);
            let change = TagChange { sid, tags: vec![(T2, t2.clone().map(Into::into))] };
            let done = env.storage.set_tags(meta, vec![(shard, vec![change])]).await;
            assert_eq!(done.is_ok(), model.set_tag(*series, t2.as_deref()), "{done:?}");
        }
        Op::Flush => env.storage.flush().await.unwrap(),
        Op::Compact => drop(env.storage.compact(None).await.unwrap()),
        Op::Restart => env.restart().await,
    }
}

#[tokio::test]
async fn random_operations_read_as_the_model_says() {
    for seed in 0..rounds(30) {
        let mut rng = StdRng::seed_from_u64(seed);
        let rule = RULES[seed as usize % 3]();
        let meta = table(TABLE, rule.clone());
        // Every rule with one, two and three shards.
        let shards = 1 + (seed / 3 % 3) as u16;
        let mut env = TestEnv::sim(seed, options(shards), std::slice::from_ref(&meta)).await;
        let mut model = Model::new(rule);
        let mut pinned = Vec::new();
        let mut log = Vec::new();
        for step in 0..40 {
            let op = random_op(&mut rng, model.series.len());
            log.push(op.clone());
            apply(&mut env, &meta, &mut model, &op).await;
            let query = random_query(&mut rng);
            let snapshot = env.storage.snapshot(&meta);
            let found = read(&snapshot, &query).await;
            assert_eq!(found, model.read(&query), "seed {seed}, step {step}, {query:?}, after {log:#?}");
            let last = read_last(&snapshot, &query).await;
            assert_eq!(last, model.read_last(&query), "last rows, seed {seed}, step {step}, after {log:#?}");
            // Tags are not pinned (S-1), so old snapshots are compared where none change.
            match op {
                Op::Restart | Op::SetTag(..) => pinned.clear(),
                _ if rng.random_bool(0.2) => pinned.push((snapshot, query, found, last)),
                _ => {}
            }
            for (snapshot, query, expected, last) in &pinned {
                assert_eq!(&read(snapshot, query).await, expected, "old snapshot, seed {seed}, step {step}");
                assert_eq!(
                    &read_last(snapshot, query).await,
                    last,
                    "old last rows, seed {seed}, step {step}"
                );
            }
        }
        assert_eq!(env.rows(&meta).await, model.read(&Query::all(&meta)), "seed {seed}");
        drop(pinned);
        env.storage.shutdown().await.unwrap();
    }
}

#[test]
fn keys_of_tests_are_sorted() {
    let SeriesKey { tags, .. } = key("a", Some("b"));
    assert!(tags.is_sorted());
}
