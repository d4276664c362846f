//! Rows in, rows out; schema on write.

use std::borrow::Cow;
use std::collections::BTreeMap;

use triglot_catalog::{NewColumn, NewIdentity};
use triglot_model::{ColumnKind, ColumnType, Precision, RETENTION_OPTION};

use super::{open, options, root, rows};
use crate::{
    Batcher, ColumnShape, CreateTable, Engine, EngineError, FieldValue, IngestError, IngestOptions, Session,
    Statement, TableName,
};

fn row(
    batcher: &mut Batcher,
    table: &str,
    tags: &[(&str, &str)],
    fields: &[(&str, FieldValue<'_>)],
    time: i64,
) -> Result<(), IngestError> {
    let key = format!("{table}{tags:?}");
    let tags = tags.iter().map(|(k, v)| (Cow::Borrowed(*k), Cow::Borrowed(*v)));
    batcher.begin(table, key.as_bytes(), tags)?;
    for (name, value) in fields {
        batcher.field(name, *value)?;
    }
    batcher.end_row(Some(time))
}

#[tokio::test]
async fn what_is_committed_is_visible_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let sql = "SELECT time, host, v, note FROM m ORDER BY time, host";
    let expected = [
        "1970-01-01T00:00:00.000000001|a|1|NULL",
        "1970-01-01T00:00:00.000000001|b|2|two",
        "1970-01-01T00:00:00.000000002|a|3|NULL",
    ];
    {
        let engine = open(dir.path()).await;
        let session = root(&engine).await;
        let mut batcher = engine.batcher(&session, options()).unwrap();
        row(&mut batcher, "m", &[("host", "a")], &[("v", FieldValue::I64(1))], 1).unwrap();
        let two = [("v", FieldValue::I64(2)), ("note", FieldValue::Str("two"))];
        row(&mut batcher, "m", &[("host", "b")], &two, 1).unwrap();
        row(&mut batcher, "m", &[("host", "a")], &[("v", FieldValue::I64(3))], 2).unwrap();
        assert_eq!(batcher.commit().await.unwrap().rows, 3);
        assert_eq!(rows(&engine, &session, sql).await, expected);
        engine.flush().await.unwrap();
        assert_eq!(rows(&engine, &session, sql).await, expected);
        engine.shutdown().await.unwrap();
    }
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    assert_eq!(rows(&engine, &session, sql).await, expected);
}

#[tokio::test]
async fn later_values_win_field_by_field_and_known_series_are_recalled() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    for (field, value) in [("a", 1), ("b", 2), ("a", 3)] {
        let mut batcher = engine.batcher(&session, options()).unwrap();
        row(&mut batcher, "m", &[("t", "x")], &[(field, FieldValue::I64(value))], 5).unwrap();
        batcher.commit().await.unwrap();
    }
    assert_eq!(rows(&engine, &session, "SELECT a, b FROM m").await, ["3|2"]);
    let mut batcher = engine.batcher(&session, options()).unwrap();
    assert!(batcher.begin_known(format!("m{:?}", [("t", "x")]).as_bytes()));
    assert!(!batcher.begin_known(b"something else"));
}

/// Known series go another way than those that are named by their tags.
#[tokio::test]
async fn rows_of_a_series_stay_in_their_order_however_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let (one, other) = ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]);
    let mut batcher = engine.batcher(&session, options()).unwrap();
    row(&mut batcher, "m", &one, &[("v", FieldValue::I64(0))], 1).unwrap();
    batcher.commit().await.unwrap();
    for (time, names) in [(2, [&one, &other]), (3, [&other, &one])] {
        // The other name is known after its first request.
        engine.series_cache().clear();
        let mut batcher = engine.batcher(&session, options()).unwrap();
        row(&mut batcher, "m", &one, &[("v", FieldValue::I64(0))], 1).unwrap();
        batcher.commit().await.unwrap();
        let mut batcher = engine.batcher(&session, options()).unwrap();
        for (value, name) in (1..).zip(names) {
            row(&mut batcher, "m", name, &[("v", FieldValue::I64(value))], time).unwrap();
        }
        batcher.commit().await.unwrap();
    }
    assert_eq!(rows(&engine, &session, "SELECT v FROM m ORDER BY time").await, ["0", "2", "2"]);
    assert_eq!(rows(&engine, &session, "SELECT DISTINCT a, b FROM m").await, ["1|2"]);
}

#[tokio::test]
async fn known_and_new_series_of_a_request_may_have_different_fields() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let names: Vec<String> = (0..12).map(|n| format!("s{n:02}")).collect();
    let tags = |n: usize| [("t", names[n].as_str())];
    let mut batcher = engine.batcher(&session, options()).unwrap();
    for n in 0..8 {
        row(&mut batcher, "m", &tags(n), &[("f", FieldValue::I64(0))], 1).unwrap();
    }
    batcher.commit().await.unwrap();
    let mut batcher = engine.batcher(&session, options()).unwrap();
    for n in (0..12).rev() {
        let (f, g) = (("f", FieldValue::I64(n as i64)), ("g", FieldValue::Str(&names[n])));
        let fields = if n % 3 == 0 { vec![g] } else { vec![f, g] };
        row(&mut batcher, "m", &tags(n), &fields, 2).unwrap();
    }
    let clash = row(&mut batcher, "m", &tags(0), &[("g", FieldValue::I64(1))], 3);
    assert!(matches!(clash, Err(IngestError::TypeConflict { within_request: true, .. })), "{clash:?}");
    assert_eq!(batcher.commit().await.unwrap().rows, 12);
    let found =
        rows(&engine, &session, "SELECT t, f, g FROM m WHERE time > to_timestamp_nanos(1) ORDER BY t").await;
    let f = |n: usize| if n.is_multiple_of(3) { "NULL".to_owned() } else { n.to_string() };
    let expected: Vec<String> = (0..12).map(|n| format!("{0}|{1}|{0}", names[n], f(n))).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn nothing_is_stored_or_made_before_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let mut batcher = engine.batcher(&session, options()).unwrap();
    row(&mut batcher, "m", &[], &[("v", FieldValue::F64(1.0))], 1).unwrap();
    let clash = row(&mut batcher, "m", &[], &[("v", FieldValue::Bool(true))], 2);
    assert!(matches!(clash, Err(IngestError::TypeConflict { within_request: true, .. })));
    drop(batcher);
    assert!(engine.tables(&session, "public").unwrap().is_empty());
}

#[tokio::test]
async fn clashes_name_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let mut batcher = engine.batcher(&session, options()).unwrap();
    row(&mut batcher, "m", &[("t", "x")], &[("f", FieldValue::F64(1.0))], 1).unwrap();
    batcher.commit().await.unwrap();
    let mut batcher = engine.batcher(&session, options()).unwrap();
    let clash = row(&mut batcher, "m", &[("t", "x")], &[("f", FieldValue::I64(1))], 1);
    let Err(IngestError::TypeConflict { column, found, expected, within_request: false, .. }) = clash else {
        panic!("{clash:?}")
    };
    assert_eq!(column, "f");
    assert_eq!(found, ColumnShape::Field(ColumnType::I64));
    assert_eq!(expected, ColumnShape::Field(ColumnType::F64));
    let clash = row(&mut batcher, "m", &[("f", "x")], &[("g", FieldValue::I64(1))], 1);
    assert!(matches!(clash, Err(IngestError::TypeConflict { found: ColumnShape::Tag, .. })), "{clash:?}");
}

#[tokio::test]
async fn a_missing_database_and_strict_writes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let mut session = root(&engine).await;
    let strict = IngestOptions { create: false, ..options() };
    let mut batcher = engine.batcher(&session, strict).unwrap();
    let refused = row(&mut batcher, "m", &[], &[("v", FieldValue::I64(1))], 1);
    assert!(matches!(refused, Err(IngestError::TableNotFound { .. })), "{refused:?}");
    session.database_name = "nowhere".to_owned();
    let refused = engine.batcher(&session, options());
    assert!(matches!(refused, Err(EngineError::DatabaseNotFound { .. })));
}

#[tokio::test]
async fn times_are_converted_and_overflow_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let millis = IngestOptions { precision: Precision::Milli, ..options() };
    let mut batcher = engine.batcher(&session, millis).unwrap();
    row(&mut batcher, "m", &[], &[("v", FieldValue::I64(1))], 1_500).unwrap();
    let refused = row(&mut batcher, "m", &[], &[("v", FieldValue::I64(1))], i64::MAX);
    assert!(matches!(refused, Err(IngestError::Timestamp(_))));
    batcher.commit().await.unwrap();
    assert_eq!(rows(&engine, &session, "SELECT time FROM m").await, ["1970-01-01T00:00:01.500"]);
}

/// `table(ts in milliseconds, v DOUBLE)` in a database of nanoseconds, with a retention of its own.
async fn table_of_its_own(engine: &Engine, session: &Session, table: &str, retention_ns: u64) {
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let create = CreateTable {
        table: TableName { tenant: None, database: None, table: table.to_owned() },
        if_not_exists: false,
        identity: NewIdentity::AllTags,
        columns: vec![
            column("ts", ColumnType::Ts(Precision::Milli), ColumnKind::Time),
            column("v", ColumnType::F64, ColumnKind::Field),
        ],
        options: BTreeMap::from([(RETENTION_OPTION.to_owned(), retention_ns.to_string())]),
    };
    engine.execute(session, Statement::CreateTable(create)).await.unwrap();
}

#[tokio::test]
async fn a_tables_own_unit_and_retention_hold() {
    const SECOND: i64 = 1_000_000_000;
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    table_of_its_own(&engine, &session, "short", 3600 * SECOND as u64).await;
    table_of_its_own(&engine, &session, "endless", 0).await;
    let now = engine.clock().now_ns();
    let old = now - 3601 * SECOND;
    let one = [("v", FieldValue::F64(1.0))];
    let mut batcher = engine.batcher(&session, options()).unwrap();
    let expired = row(&mut batcher, "short", &[], &one, old);
    assert_eq!(
        expired,
        Err(IngestError::Expired { table: "short".to_owned(), time: old.div_euclid(1_000_000) })
    );
    row(&mut batcher, "endless", &[], &one, old).unwrap();
    row(&mut batcher, "endless", &[], &one, 1_999_999).unwrap();
    row(&mut batcher, "short", &[], &one, now).unwrap();
    assert_eq!(batcher.commit().await.unwrap().rows, 3);
    // Nanoseconds were given, milliseconds are stored.
    assert_eq!(
        rows(&engine, &session, "SELECT ts FROM endless ORDER BY ts LIMIT 1").await,
        ["1970-01-01T00:00:00.001"]
    );
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM short").await, ["1"]);
}
