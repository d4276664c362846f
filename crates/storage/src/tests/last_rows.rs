//! The newest row of each series where the cached ones of files do not tell all: versions in several
//! inputs, deletions, later types, many and few series.

use triglot_model::{ColumnId, ColumnType, IdentityRule, RowOp};

use super::model::{OutRow, Value};
use super::{A, B, InRow, Query, TABLE, TestEnv, key, options, read_last, row, table};
use crate::{TableMeta, TimeRange};

async fn env(seed: u64) -> (TestEnv, TableMeta) {
    let meta = table(TABLE, IdentityRule::AllTags);
    let env = TestEnv::sim(seed, options(1), std::slice::from_ref(&meta)).await;
    (env, meta)
}

async fn write(env: &TestEnv, meta: &TableMeta, op: RowOp, rows: &[InRow]) {
    env.write(meta, op, rows).await.unwrap();
}

/// `a` of the newest row of each series: `(t1, time, a)`.
async fn last(env: &TestEnv, meta: &TableMeta) -> Vec<(String, i64, Value)> {
    let query = Query { columns: vec![A], ..Query::all(meta) };
    let short = |r: OutRow| (r.key.t1.unwrap(), r.time, r.values[0].clone());
    read_last(&env.storage.snapshot(meta), &query).await.into_iter().map(short).collect()
}

fn is(series: &str, time: i64, a: i64) -> (String, i64, Value) {
    (series.to_owned(), time, Value::Int(a))
}

#[tokio::test]
async fn late_rows_and_versions_of_the_newest_row() {
    let (mut env, meta) = env(1).await;
    write(&env, &meta, RowOp::Merge, &[row("x", None, 10, 1), row("y", None, 500, 2)]).await;
    env.storage.flush().await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1), is("y", 500, 2)]);
    // Late: in an older bucket, in the same one, in memory and in a file.
    write(&env, &meta, RowOp::Merge, &[row("x", None, -5, 3), row("y", None, 400, 4)]).await;
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1), is("y", 500, 2)]);
    env.storage.flush().await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1), is("y", 500, 2)]);
    // Another field of the newest row leaves `a` as it is; then `a` again, in a third input.
    let text = Value::Text("new".to_owned());
    let field = InRow { key: key("y", None), time: 500, values: vec![(B, text.clone())], explicit: false };
    write(&env, &meta, RowOp::Merge, &[field]).await;
    let all = Query { columns: vec![A, B], ..Query::all(&meta) };
    let found = read_last(&env.storage.snapshot(&meta), &all).await;
    assert_eq!(found[1].values, [Value::Int(2), text]);
    env.storage.flush().await.unwrap();
    write(&env, &meta, RowOp::Merge, &[row("y", None, 500, 5)]).await;
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1), is("y", 500, 5)]);
    env.crash(true).await;
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1), is("y", 500, 5)]);
    env.storage.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_deleted_newest_row_uncovers_the_one_before() {
    let (mut env, meta) = env(2).await;
    let rows: Vec<InRow> = (0..20).flat_map(|i| [row("x", None, i, i), row("y", None, i, i)]).collect();
    write(&env, &meta, RowOp::Merge, &rows).await;
    env.storage.flush().await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 19, 19), is("y", 19, 19)]);
    env.delete(&meta, TimeRange { start: 15, end: 30 }, Some("x")).await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 14, 14), is("y", 19, 19)]);
    // One row by its key.
    write(&env, &meta, RowOp::Delete, &[row("y", None, 19, 0)]).await;
    assert_eq!(last(&env, &meta).await, [is("x", 14, 14), is("y", 18, 18)]);
    env.storage.flush().await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 14, 14), is("y", 18, 18)]);
    // Written again at the deleted time, and above it.
    write(&env, &meta, RowOp::Merge, &[row("x", None, 19, 7), row("y", None, 19, 8)]).await;
    assert_eq!(last(&env, &meta).await, [is("x", 19, 7), is("y", 19, 8)]);
    env.restart().await;
    assert_eq!(last(&env, &meta).await, [is("x", 19, 7), is("y", 19, 8)]);
    env.delete(&meta, TimeRange::ALL, Some("y")).await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 19, 7)]);
    env.storage.compact(None).await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 19, 7)]);
    env.storage.shutdown().await.unwrap();
}

/// Columns that come, go and widen after a file's newest rows were cached.
#[tokio::test]
async fn cached_rows_follow_the_schema() {
    let mut meta = table(TABLE, IdentityRule::AllTags);
    let narrow = |meta: &mut TableMeta, ty| {
        let mut def = meta.def.as_ref().clone();
        def.columns.iter_mut().filter(|c| c.id == A).for_each(|c| c.ty = ty);
        meta.def = std::sync::Arc::new(def);
    };
    narrow(&mut meta, ColumnType::I32);
    let env = TestEnv::sim(3, options(1), std::slice::from_ref(&meta)).await;
    write(&env, &meta, RowOp::Merge, &[row("x", None, 10, 1)]).await;
    env.storage.flush().await.unwrap();
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1)]);
    narrow(&mut meta, ColumnType::I64);
    assert_eq!(last(&env, &meta).await, [is("x", 10, 1)]);
    let def =
        meta.def.with_column("later", ColumnType::I64, triglot_model::ColumnKind::Field, None, None).unwrap();
    let later: ColumnId = def.column("later").unwrap().id;
    meta.def = std::sync::Arc::new(def);
    let query = Query { columns: vec![later, A], ..Query::all(&meta) };
    let found = read_last(&env.storage.snapshot(&meta), &query).await;
    assert_eq!(found[0].values, [Value::Null, Value::Int(1)]);
    env.storage.shutdown().await.unwrap();
}

/// Few series come out of blocks, many out of the cached newest rows; both must agree, with a cache
/// that is too small for anything as well.
#[tokio::test]
async fn few_and_many_series() {
    let meta = table(TABLE, IdentityRule::AllTags);
    for cache_bytes in [0, 4 << 10, 16 << 20] {
        let mut options = options(1);
        options.cache_bytes = cache_bytes;
        let env = TestEnv::sim(4, options, std::slice::from_ref(&meta)).await;
        let name = |series: i64| format!("s{series:03}");
        let rows: Vec<InRow> = (0..300)
            .flat_map(|s| (0..=s % 7).map(move |i| (s, i)))
            .map(|(s, i)| row(&name(s), None, i * 3, s * 100 + i))
            .collect();
        write(&env, &meta, RowOp::Merge, &rows).await;
        env.storage.flush().await.unwrap();
        let expected = |s: i64| is(&name(s), s % 7 * 3, s * 100 + s % 7);
        let one = Query { columns: vec![A], t1: Some(name(12)), ..Query::all(&meta) };
        for _ in 0..2 {
            let found = read_last(&env.storage.snapshot(&meta), &one).await;
            assert_eq!((found.len(), found[0].time, found[0].values[0].clone()), (1, 15, Value::Int(1205)));
            assert_eq!(last(&env, &meta).await, (0..300).map(expected).collect::<Vec<_>>());
        }
        env.storage.shutdown().await.unwrap();
    }
}
