//! Full memory and full disks.

use triglot_model::{ErrorKind, IdentityRule, Pressure, RowOp};

use super::model::Value;
use super::{B, InRow, TABLE, TestEnv, key, options, row, table};

#[tokio::test]
async fn pressure_goes_from_calm_to_reject_and_back() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut options = options(1);
    options.memtable_bytes = 256 << 10;
    let env = TestEnv::sim(1, options, std::slice::from_ref(&meta)).await;
    assert_eq!(env.storage.pressure(), Pressure::Calm);
    let mut seen = vec![Pressure::Calm];
    let mut written = 0;
    let refused = loop {
        let text = Value::Text("x".repeat(10_000));
        let big = InRow { key: key("a", None), time: written, values: vec![(B, text)], explicit: false };
        match env.write(&meta, RowOp::Merge, &[big]).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        let now = env.storage.pressure();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        assert!(written < 1000);
    };
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    assert_eq!(seen, [Pressure::Calm, Pressure::Flush, Pressure::Stall]);
    assert!(env.storage.stats().memtable_bytes <= 256 << 10);
    assert_eq!(env.rows(&meta).await.len() as i64, written, "reading goes on");
    env.storage.flush().await.unwrap();
    assert_eq!(env.storage.pressure(), Pressure::Calm);
    assert_eq!(env.storage.stats().memtable_bytes, 0);
    env.write(&meta, RowOp::Merge, &[row("b", None, 1, 1)]).await.unwrap();
    assert_eq!(env.rows(&meta).await.len() as i64, written + 1);
}

/// Background flushing keeps writes going although all rows together are many times the budget.
#[tokio::test(flavor = "multi_thread")]
async fn writes_beyond_the_budget_flow_while_flushes_run() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut options = options(1);
    options.memtable_bytes = 256 << 10;
    options.flush_bytes = 64 << 10;
    options.max_stall = std::time::Duration::from_secs(60);
    let env = TestEnv::sim(1, options, std::slice::from_ref(&meta)).await;
    for round in 0..100 {
        let rows: Vec<InRow> = (0..500).map(|i| row("a", None, round * 500 + i, i)).collect();
        env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    }
    assert_eq!(env.rows(&meta).await.len(), 50_000);
    assert!(env.storage.stats().flushes > 3);
    env.storage.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    let mut acknowledged = 0;
    let sim = env.sim.clone().unwrap();
    env.write(&meta, RowOp::Merge, &[row("a", None, -1, 0)]).await.unwrap();
    sim.set_capacity(Some(1));
    let refused = loop {
        let rows: Vec<InRow> = (0..50).map(|i| row("a", None, acknowledged * 50 + i, i)).collect();
        match env.write(&meta, RowOp::Merge, &rows).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000);
    };
    assert_eq!(refused.kind(), ErrorKind::DiskFull, "{refused}");
    let expected = acknowledged as usize * 50 + 1;
    let flush = env.storage.flush().await.unwrap_err();
    assert_eq!(flush.kind(), ErrorKind::DiskFull, "{flush}");
    assert_eq!(env.storage.stats().flush_failures, 1);
    assert_eq!(env.rows(&meta).await.len(), expected);
    // A series that came with a refused write is not lost for later ones.
    let new_series: Vec<InRow> = (0..50).map(|i| row("new", None, i, 1)).collect();
    assert_eq!(env.write(&meta, RowOp::Merge, &new_series).await.unwrap_err().kind(), ErrorKind::DiskFull);
    sim.set_capacity(None);
    env.write(&meta, RowOp::Merge, &new_series).await.unwrap();
    assert_eq!(env.rows(&meta).await.len(), expected + 50);
    env.crash(true).await;
    let rows = env.rows(&meta).await;
    assert_eq!(rows.len(), expected + 50);
    env.storage.flush().await.unwrap();
    assert_eq!(env.storage.stats().memtable_bytes, 0);
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, rows);
}

/// A flush fails after some of its files were written: they are not left behind (unless the commit
/// itself failed, which leaves its outcome open), rows stay, and the next flush writes all of it.
#[tokio::test]
async fn a_flush_that_fails_half_way_leaves_nothing_behind() {
    let meta = table(TABLE, IdentityRule::AllTags);
    let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    let rows: Vec<InRow> = (0..5).map(|i| row("a", None, i * 1000, i)).collect();
    env.write(&meta, RowOp::Merge, &rows).await.unwrap();
    let before = env.rows(&meta).await;
    let sim = env.sim.clone().unwrap();
    for kilobytes in 0..12 {
        // Room for none, one, two … files on top of what is there.
        sim.set_capacity(Some(used(env.disk.as_ref(), "") + (kilobytes << 10)));
        if env.storage.flush().await.is_ok() {
            break;
        }
        if env.data_files() < 5 {
            env.wait_for_data_files(0).await;
        }
        assert_eq!(env.rows(&meta).await, before);
        assert!(env.storage.stats().memtable_bytes > 0);
    }
    sim.set_capacity(None);
    env.storage.flush().await.unwrap();
    assert_eq!(env.rows(&meta).await, before);
    env.crash(true).await;
    assert_eq!(env.rows(&meta).await, before);
    assert_eq!(env.data_files(), 5);
}

fn used(disk: &dyn triglot_disk::Disk, dir: &str) -> u64 {
    let entries = disk.list(dir).unwrap();
    let of = |e: &triglot_disk::DirEntry| {
        let path = if dir.is_empty() { e.name.clone() } else { format!("{dir}/{}", e.name) };
        if e.meta.is_dir { used(disk, &path) } else { e.meta.len }
    };
    entries.iter().map(of).sum()
}
