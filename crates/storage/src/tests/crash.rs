//! A crash at every mutating I/O of a random sequence: what was acknowledged is there, what was
//! not is there whole or not at all (by shard), and writing goes on.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use triglot_disk::{Disk, SimDisk};
use triglot_model::{IdentityRule, ManualClock, RowOp};

use super::model::{Key, Model, OutRow};
use super::random::{Op, RULES, find_series, random_op};
use super::{
    InRow, Query, T1, T2, TABLE, TestEnv, TestTables, open, options, read, read_last, rounds, table,
};
use crate::series::identity_hash64;
use crate::{TableMeta, TagChange};

const SHARDS: u16 = 2;
const STEPS: usize = 14;

/// The shard that the row's series lives in, or is made in: where the key hashes to that the series
/// was born with, since a change of tags moves no rows.
fn shard(meta: &TableMeta, model: &Model, row: &InRow) -> u64 {
    let tag = |id| row.key.tag(id).map(str::to_owned);
    let known = model.series.iter().position(|k| match &meta.def.identity {
        IdentityRule::AllTags => (&k.t1, &k.t2) == (&tag(T1), &tag(T2)),
        IdentityRule::ChildName => k.child.as_deref() == row.key.child.as_deref(),
        IdentityRule::PrimaryTags(_) => k.t1 == tag(T1),
    });
    match known {
        Some(series) => home(meta, &model.born[series]),
        None => identity_hash64(&meta.def.identity, &row.key).unwrap() % u64::from(SHARDS),
    }
}

fn home(meta: &TableMeta, key: &Key) -> u64 {
    let tags = [(T1, &key.t1), (T2, &key.t2)];
    let tags = tags.into_iter().filter_map(|(id, v)| Some((id, v.as_deref()?.into()))).collect();
    let key = crate::SeriesKey { child: key.child.as_deref().map(Into::into), tags };
    identity_hash64(&meta.def.identity, &key).unwrap() % u64::from(SHARDS)
}

/// Operations that reach one shard each, but for deletes.
fn script(seed: u64, meta: &TableMeta, model: &Model) -> Vec<Op> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut model = model.clone();
    let mut ops = Vec::new();
    while ops.len() < STEPS {
        match random_op(&mut rng, model.series.len()) {
            Op::Write(op, mut rows) => {
                let first = shard(meta, &model, &rows[0]);
                rows.retain(|r| shard(meta, &model, r) == first);
                model.write(op, &rows);
                ops.push(Op::Write(op, rows));
            }
            Op::Restart => {}
            Op::SetTag(series, t2) => {
                model.set_tag(series, t2.as_deref());
                ops.push(Op::SetTag(series, t2));
            }
            op => ops.push(op),
        }
    }
    ops
}

/// The states that may be found if the crash came during `op`.
fn outcomes(meta: &TableMeta, before: &Model, op: &Op) -> Vec<Vec<OutRow>> {
    let all = Query::all(meta);
    let none = before.read(&all);
    let mut after = before.clone();
    match op {
        Op::Write(row_op, rows) => after.write(*row_op, rows),
        Op::SetTag(series, t2) => drop(after.set_tag(*series, t2.as_deref())),
        Op::Delete(time, t1) => {
            after.delete(*time, t1.as_deref());
            let full = after.read(&all);
            // By shard of the row: a mask of the shards that have deleted.
            let place = |row: &OutRow| {
                let series = before.series.iter().position(|k| *k == row.key).unwrap();
                home(meta, &before.born[series])
            };
            let mixed = |mask: u64| {
                none.iter().filter(|r| mask >> place(r) & 1 == 0 || full.contains(r)).cloned().collect()
            };
            return (0..1 << SHARDS).map(mixed).collect();
        }
        Op::Flush | Op::Compact | Op::Restart => {}
    }
    vec![none, after.read(&all)]
}

async fn run(env: &TestEnv, meta: &TableMeta, model: &Model, op: &Op) -> bool {
    match op {
        Op::Write(row_op, rows) => env.write(meta, *row_op, rows).await.is_ok(),
        Op::Delete(time, t1) => env.delete(meta, *time, t1.as_deref()).await.is_ok(),
        Op::SetTag(series, t2) => {
            let (shard, sid) = find_series(env, meta, model, *series);
            let change = TagChange { sid, tags: vec![(T2, t2.clone().map(Into::into))] };
            env.storage.set_tags(meta, vec![(shard, vec![change])]).await.is_ok()
        }
        Op::Flush => env.storage.flush().await.is_ok(),
        Op::Compact => env.storage.compact(None).await.is_ok(),
        Op::Restart => true,
    }
}

fn track(model: &mut Model, op: &Op) {
    match op {
        Op::Write(row_op, rows) => model.write(*row_op, rows),
        Op::Delete(time, t1) => model.delete(*time, t1.as_deref()),
        Op::SetTag(series, t2) => drop(model.set_tag(*series, t2.as_deref())),
        Op::Flush | Op::Compact | Op::Restart => {}
    }
}

/// Opens, possibly crashing in recovery a few times first.
async fn reopen(mut sim: SimDisk, tables: &Arc<TestTables>, rng: &mut StdRng) -> TestEnv {
    let clock = Arc::new(ManualClock::new(0));
    let options = options(SHARDS);
    for _ in 0..rng.random_range(0..3) {
        sim.crash_after(rng.random_range(1..12));
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        if let Ok(storage) = open(&disk, tables, &clock, &options).await {
            let _ = storage.shutdown().await;
        }
        sim = if rng.random_bool(0.5) { sim.crash() } else { sim.restart_clean() };
    }
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    let storage = open(&disk, tables, &clock, &options).await.unwrap();
    TestEnv { disk, sim: Some(sim), clock, tables: Arc::clone(tables), options, storage }
}

/// One run that crashes at the `n`-th I/O. False if it came to its end before.
async fn crash_at(seed: u64, n: u64, power_loss: bool) -> bool {
    let meta = table(TABLE, RULES[seed as usize % 3]());
    let tables = Arc::new(TestTables::default());
    tables.put(meta.clone());
    let mut rng = StdRng::seed_from_u64(seed ^ n << 20);
    let sim = SimDisk::new(seed ^ n << 20);
    sim.crash_after(n);
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    let clock = Arc::new(ManualClock::new(0));
    let mut model = Model::new(meta.def.identity.clone());
    let mut allowed = vec![Vec::new()];
    let what = format!("seed {seed}, I/O {n}, power loss {power_loss}");
    if let Ok(storage) = open(&disk, &tables, &clock, &options(SHARDS)).await {
        let tables = Arc::clone(&tables);
        let env = TestEnv { disk, sim: Some(sim.clone()), clock, tables, options: options(SHARDS), storage };
        for op in script(seed, &meta, &model) {
            allowed = outcomes(&meta, &model, &op);
            if !run(&env, &meta, &model, &op).await {
                break;
            }
            track(&mut model, &op);
            allowed = vec![model.read(&Query::all(&meta))];
        }
        if !sim.is_crashed() {
            assert!(allowed.contains(&env.rows(&meta).await), "{what}");
            let _ = env.storage.shutdown().await;
            return false;
        }
        let next = if power_loss { sim.crash() } else { sim.restart_clean() };
        let _ = env.storage.shutdown().await;
        drop(env);
        check(next, &tables_of(&meta), &meta, &allowed, &mut rng, &what).await;
    } else {
        let next = if power_loss { sim.crash() } else { sim.restart_clean() };
        check(next, &tables, &meta, &allowed, &mut rng, &what).await;
    }
    true
}

fn tables_of(meta: &TableMeta) -> Arc<TestTables> {
    let tables = Arc::new(TestTables::default());
    tables.put(meta.clone());
    tables
}

/// The newest row of each series.
fn newest(rows: &[OutRow]) -> Vec<OutRow> {
    let newer = |row: &OutRow| rows.iter().any(|r| r.key == row.key && r.time > row.time);
    rows.iter().filter(|row| !newer(row)).cloned().collect()
}

/// The next start finds one of the `allowed` states, and goes on with it.
async fn check(
    sim: SimDisk,
    tables: &Arc<TestTables>,
    meta: &TableMeta,
    allowed: &[Vec<OutRow>],
    rng: &mut StdRng,
    what: &str,
) {
    let mut env = reopen(sim, tables, rng).await;
    let found = env.rows(meta).await;
    assert!(allowed.contains(&found), "{what}: found {found:#?}, allowed {allowed:#?}");
    // Times that the script never uses: they only add.
    let more: Vec<InRow> = (0..6).map(|i| super::row(&format!("s{i}"), None, 100_000 + i, i)).collect();
    env.write(meta, RowOp::Merge, &more).await.unwrap();
    let total = found.len() + more.len();
    let old = async |env: &TestEnv| {
        let rows = read(&env.storage.snapshot(meta), &Query::all(meta)).await;
        assert_eq!(rows.len(), total, "{what}");
        rows.into_iter().filter(|r| r.time < 100_000).collect::<Vec<_>>()
    };
    assert_eq!(old(&env).await, found, "{what}");
    env.crash(true).await;
    assert_eq!(old(&env).await, found, "{what}, second power loss");
    env.storage.flush().await.unwrap();
    env.storage.compact(None).await.unwrap();
    assert_eq!(old(&env).await, found, "{what}, compacted");
    env.crash(true).await;
    assert_eq!(old(&env).await, found, "{what}, third power loss");
    let all = Query::all(meta);
    let last = read_last(&env.storage.snapshot(meta), &all).await;
    assert_eq!(last, newest(&read(&env.storage.snapshot(meta), &all).await), "{what}, last rows");
    env.storage.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_crash_at_every_io() {
    for seed in 0..rounds(3) {
        let mut n = 1;
        while crash_at(seed, n, (seed + n) % 2 == 0).await {
            n += 1;
        }
        assert!(n > 60, "seed {seed} ended after {n} I/Os: the script does too little");
    }
}
