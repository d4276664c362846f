//! Tables that change while rows of older versions are around.

use std::sync::Arc;

use triglot_model::{ColumnId, ColumnKind, ColumnType, IdentityRule, RowOp, TableDef};

use super::model::Value;
use super::{A, InRow, TABLE, TestEnv, column, key, options, row, table};
use crate::TableMeta;

fn with(meta: &TableMeta, def: TableDef) -> TableMeta {
    TableMeta { def: Arc::new(def), ..meta.clone() }
}

fn values(time: i64, values: Vec<(ColumnId, Value)>) -> InRow {
    InRow { key: key("a", None), time, values, explicit: false }
}

#[tokio::test]
async fn columns_come_go_and_widen_over_files_and_memory() {
    // All combinations of what is flushed when the schema changes.
    for flushes in 0..16u32 {
        let mut def = (*table(TABLE, IdentityRule::AllTags).def).clone();
        def.columns.retain(|c| c.id.0 < 3);
        def.columns.push(column(3, "a", ColumnType::I32, ColumnKind::Field));
        def.columns.push(column(4, "b", ColumnType::TEXT, ColumnKind::Field));
        let meta = with(&table(TABLE, IdentityRule::AllTags), def);
        let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
        let b = ColumnId(4);
        let text = |s: &str| Value::Text(s.to_owned());
        let maybe = async |env: &TestEnv, bit: u32| {
            if flushes >> bit & 1 == 1 {
                env.storage.flush().await.unwrap();
            }
        };
        env.write(&meta, RowOp::Merge, &[values(1, vec![(A, Value::Int(1)), (b, text("old"))])])
            .await
            .unwrap();
        maybe(&env, 0).await;
        let meta = with(&meta, meta.def.with_type("a", ColumnType::I64, None).unwrap());
        let meta =
            with(&meta, meta.def.with_column("d", ColumnType::F64, ColumnKind::Field, None, None).unwrap());
        env.tables.put(meta.clone());
        let d = meta.def.column("d").unwrap().id;
        env.write(&meta, RowOp::Merge, &[values(2, vec![(A, Value::Int(1 << 40)), (d, Value::Float(0))])])
            .await
            .unwrap();
        maybe(&env, 1).await;
        let meta = with(&meta, meta.def.without_column("b").unwrap());
        let meta =
            with(&meta, meta.def.with_column("b", ColumnType::I64, ColumnKind::Field, None, None).unwrap());
        env.tables.put(meta.clone());
        let new_b = meta.def.column("b").unwrap().id;
        assert_ne!(new_b, b);
        env.write(&meta, RowOp::Merge, &[values(1, vec![(new_b, Value::Int(5))])]).await.unwrap();
        maybe(&env, 2).await;
        // By column order: a, d, b.
        let expected = vec![
            (1, vec![Value::Int(1), Value::Null, Value::Int(5)]),
            (2, vec![Value::Int(1 << 40), Value::Float(0), Value::Null]),
        ];
        for step in 0..4 {
            let found: Vec<_> = env.rows(&meta).await.into_iter().map(|r| (r.time, r.values)).collect();
            assert_eq!(found, expected, "flushes {flushes:b}, step {step}");
            match step {
                0 => env.crash(true).await,
                1 => env.restart().await,
                _ => drop(env.storage.compact(None).await.unwrap()),
            }
        }
    }
}

#[tokio::test]
async fn a_composite_key_keeps_rows_of_one_time_apart() {
    let mut def = (*table(TABLE, IdentityRule::AllTags).def).clone();
    def.columns.push(column(6, "k", ColumnType::I64, ColumnKind::CompositeKey));
    let meta = with(&table(TABLE, IdentityRule::AllTags), def);
    let mut env = TestEnv::sim(1, options(1), std::slice::from_ref(&meta)).await;
    let ck = ColumnId(6);
    let of = |k: i64, a: i64| values(1, vec![(ck, Value::Int(k)), (A, Value::Int(a))]);
    env.write(&meta, RowOp::Merge, &[of(2, 20), of(1, 10)]).await.unwrap();
    env.storage.flush().await.unwrap();
    env.write(&meta, RowOp::Merge, &[of(2, 21), of(3, 30)]).await.unwrap();
    // Without its key column a row is refused.
    assert!(env.write(&meta, RowOp::Merge, &[row("a", None, 1, 1)]).await.is_err());
    for _ in 0..3 {
        let rows = env.rows(&meta).await;
        let found: Vec<_> = rows.iter().map(|r| (r.values[3].clone(), r.values[0].clone())).collect();
        let mut found: Vec<_> = found;
        found.sort();
        let expected = [(1, 10), (2, 21), (3, 30)].map(|(k, a)| (Value::Int(k), Value::Int(a)));
        assert_eq!(found, expected);
        env.restart().await;
        env.storage.compact(None).await.unwrap();
    }
}
