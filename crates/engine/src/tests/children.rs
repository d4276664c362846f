//! Child tables: named series of a super table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::logical_expr::{ident, lit};
use triglot_catalog::{NewColumn, NewIdentity};
use triglot_model::{ColumnId, ColumnKind, ColumnType, ErrorKind, Precision, RewriteRule};
use triglot_query::CHILD_NAME;

use super::{open, root, rows};
use crate::{
    CreateTable, Engine, EngineError, NewChild, Outcome, RawKey, Relation, RowsOf, SeriesRows, Session,
    Statement, TableName,
};

fn name(table: &str) -> TableName {
    TableName { tenant: None, database: None, table: table.to_owned() }
}

/// `table(ts, v INT) TAGS (g INT)`: ids 0, 1 and 2.
async fn super_table(engine: &Engine, session: &Session, table: &str) {
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let create = CreateTable {
        table: name(table),
        if_not_exists: false,
        identity: NewIdentity::ChildName,
        columns: vec![
            column("ts", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
            column("v", ColumnType::I32, ColumnKind::Field),
            column("g", ColumnType::I32, ColumnKind::Tag),
        ],
        options: BTreeMap::new(),
    };
    engine.execute(session, Statement::CreateTable(create)).await.unwrap();
}

fn child(table: &str, child: &str, group: i32) -> NewChild {
    NewChild {
        table: name(table),
        name: child.to_owned(),
        tags: vec![(ColumnId(2), group.to_string().into())],
        ttl: None,
        comment: Some("c".to_owned()),
        if_not_exists: false,
    }
}

async fn create(engine: &Engine, session: &Session, children: Vec<NewChild>) -> Result<(), EngineError> {
    engine.execute(session, Statement::CreateChildren(children)).await.map(|_| ())
}

async fn insert(
    engine: &Engine,
    session: &Session,
    table: &str,
    of: RowsOf,
    values: &[(i64, i32)],
) -> Result<u64, EngineError> {
    insert_under(engine, session, table, (of, None), values).await
}

/// Rows of a series, to be remembered under a key.
async fn insert_under(
    engine: &Engine,
    session: &Session,
    table: &str,
    (of, key): (RowsOf, Option<RawKey>),
    values: &[(i64, i32)],
) -> Result<u64, EngineError> {
    let relation = engine.relation(session, "public", table)?;
    let values_only: Vec<i32> = values.iter().map(|(_, v)| *v).collect();
    let column: ArrayRef = Arc::new(Int32Array::from(values_only));
    let rows = SeriesRows {
        table: relation.table().clone(),
        series: vec![of],
        keys: vec![key],
        row_series: vec![0; values.len()],
        times: values.iter().map(|(t, _)| *t).collect(),
        columns: vec![(ColumnId(1), column)],
        set: None,
        rewrite: RewriteRule::Merge,
    };
    match engine.execute(session, Statement::InsertRows(vec![rows])).await? {
        Outcome::Affected(rows) => Ok(rows),
        other => panic!("{other:?}"),
    }
}

fn listed(engine: &Engine, session: &Session, table: &str) -> Vec<String> {
    let relation = engine.relation(session, "public", table).unwrap();
    let children = engine.children(relation.table(), &[ColumnId(2)]).unwrap();
    children
        .iter()
        .map(|c| format!("{} {} {}", c.name, c.tags[0].as_deref().unwrap_or("NULL"), c.comment.is_some()))
        .collect()
}

#[tokio::test]
async fn a_child_is_found_by_name_and_goes_with_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    {
        let engine = open(dir.path()).await;
        let session = root(&engine).await;
        super_table(&engine, &session, "s").await;
        create(&engine, &session, vec![child("s", "a", 1), child("s", "b", 2)]).await.unwrap();
        assert_eq!(insert(&engine, &session, "s", RowsOf::Child("a".into()), &[(1, 10)]).await.unwrap(), 1);
        let new = RowsOf::Ensure(Box::new(child("s", "c", 3)));
        insert(&engine, &session, "s", new, &[(1, 30), (2, 31)]).await.unwrap();
        assert_eq!(listed(&engine, &session, "s"), ["a 1 true", "b 2 true", "c 3 true"]);
        assert_eq!(
            rows(&engine, &session, "SELECT g, v FROM s ORDER BY g, ts").await,
            ["1|10", "3|30", "3|31"]
        );
        assert_eq!(rows(&engine, &session, "SELECT * FROM c").await.len(), 2, "a child reads as a table");
        assert_eq!(rows(&engine, &session, "SELECT v FROM s WHERE g > 1 AND g < 4").await.len(), 2);
        engine.flush().await.unwrap();
        engine.execute(&session, Statement::DropTable { table: name("c"), if_exists: false }).await.unwrap();
        assert_eq!(listed(&engine, &session, "s"), ["a 1 true", "b 2 true"]);
        assert_eq!(rows(&engine, &session, "SELECT v FROM s").await, ["10"]);
        // No shutdown: the next start replays the log.
    }
    {
        let engine = open(dir.path()).await;
        let session = root(&engine).await;
        assert_eq!(listed(&engine, &session, "s"), ["a 1 true", "b 2 true"]);
        assert_eq!(rows(&engine, &session, "SELECT v FROM s").await, ["10"]);
        create(&engine, &session, vec![child("s", "c", 4)]).await.unwrap();
        insert(&engine, &session, "s", RowsOf::Child("c".into()), &[(1, 40)]).await.unwrap();
        assert_eq!(rows(&engine, &session, "SELECT g, v FROM s ORDER BY g").await, ["1|10", "4|40"]);
        for child in ["a", "b", "c"] {
            let drop = Statement::DropTable { table: name(child), if_exists: false };
            engine.execute(&session, drop).await.unwrap();
        }
        engine.shutdown().await.unwrap();
    }
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    assert_eq!(listed(&engine, &session, "s"), [] as [&str; 0], "snapshots do not bring children back");
    assert_eq!(rows(&engine, &session, "SELECT v FROM s").await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_name_is_one_table_of_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    super_table(&engine, &session, "s").await;
    super_table(&engine, &session, "t").await;
    create(&engine, &session, vec![child("s", "a", 1)]).await.unwrap();
    let refused = |e: Result<(), EngineError>| e.unwrap_err();
    let twice = refused(create(&engine, &session, vec![child("s", "x", 1), child("s", "a", 2)]).await);
    assert!(matches!(twice, EngineError::TableExists { .. }), "{twice}");
    assert_eq!(listed(&engine, &session, "s"), ["a 1 true"], "all or none");
    for taken in [child("t", "a", 1), child("t", "s", 1)] {
        let error = refused(create(&engine, &session, vec![taken]).await);
        assert!(matches!(error, EngineError::NameTaken { .. }), "{error}");
    }
    let again = NewChild { if_not_exists: true, ..child("s", "a", 9) };
    create(&engine, &session, vec![again]).await.unwrap();
    assert_eq!(listed(&engine, &session, "s"), ["a 1 true"], "tags of an existing child stay");
    let table = CreateTable {
        table: name("a"),
        if_not_exists: false,
        identity: NewIdentity::AllTags,
        columns: Vec::new(),
        options: BTreeMap::new(),
    };
    let error = engine.execute(&session, Statement::CreateTable(table)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableExists);
    let missing = insert(&engine, &session, "s", RowsOf::Child("nope".into()), &[(1, 1)]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::TableNotFound);
    assert!(matches!(engine.relation(&session, "public", "a").unwrap(), Relation::Child(_)));
    assert!(matches!(engine.relation(&session, "public", "t").unwrap(), Relation::Super(_)));
}

#[tokio::test]
async fn tags_change_and_deletions_count() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    super_table(&engine, &session, "s").await;
    for (n, v) in [("a", 1), ("b", 2)] {
        let new = RowsOf::Ensure(Box::new(child("s", n, v)));
        insert(&engine, &session, "s", new, &[(1, v), (2, v), (3, v)]).await.unwrap();
    }
    let change = Statement::AlterChild {
        database: None,
        name: "a".to_owned(),
        tags: vec![(ColumnId(2), Some("7".into())), (ColumnId::CHILD_COMMENT, None)],
    };
    engine.execute(&session, change).await.unwrap();
    assert_eq!(listed(&engine, &session, "s"), ["a 7 false", "b 2 true"]);
    let delete = |table: &str, filter| Statement::DeleteCounted { table: name(table), filter };
    let count = async |statement| match engine.execute(&session, statement).await.unwrap() {
        Outcome::Affected(rows) => rows,
        other => panic!("{other:?}"),
    };
    let time = |ns| lit(datafusion::common::ScalarValue::TimestampNanosecond(Some(ns), None));
    assert_eq!(count(delete("a", Some(ident("ts").lt_eq(time(1))))).await, 1);
    assert_eq!(
        count(delete("s", Some(ident(CHILD_NAME).eq(lit("b")).and(ident("ts").gt(time(1)))))).await,
        2
    );
    assert_eq!(rows(&engine, &session, "SELECT v FROM s ORDER BY v").await, ["1", "1", "2"]);
    assert_eq!(count(delete("b", None)).await, 1);
    assert_eq!(count(delete("b", None)).await, 0);
    assert_eq!(rows(&engine, &session, "SELECT v FROM s").await, ["1", "1"]);
}

#[tokio::test]
async fn ten_thousand_children_are_listed_in_milliseconds() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    super_table(&engine, &session, "s").await;
    let many = (0..10_000).map(|n| child("s", &format!("d{n:05}"), n)).collect();
    create(&engine, &session, many).await.unwrap();
    let relation = engine.relation(&session, "public", "s").unwrap();
    assert_eq!(engine.child_count(relation.table()), 10_000);
    let started = std::time::Instant::now();
    let listed = engine.children(relation.table(), &[]).unwrap();
    println!("listed in {:?}", started.elapsed());
    assert_eq!((listed.len(), listed[9_999].name.as_str()), (10_000, "d09999"));
}

/// A series is known under the key of its rows until it is gone; whoever writes to it then is told.
#[tokio::test]
async fn a_known_series_takes_rows_until_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    super_table(&engine, &session, "s").await;
    let database = engine.relation(&session, "public", "s").unwrap().table().database.id;
    let key = |reading| engine.raw_key(database, reading, b"s,g=1");
    assert_eq!(engine.known_series(key(7)), None);
    let new = || RowsOf::Ensure(Box::new(child("s", "a", 1)));
    insert_under(&engine, &session, "s", (new(), Some(key(7))), &[(1, 10)]).await.unwrap();
    let known = engine.known_series(key(7)).unwrap();
    assert_eq!(engine.known_series(key(8)), None, "another reading of the same bytes");
    insert(&engine, &session, "s", RowsOf::Known(known), &[(2, 20)]).await.unwrap();
    assert_eq!(rows(&engine, &session, "SELECT g, v FROM s ORDER BY ts").await, ["1|10", "1|20"]);

    engine.execute(&session, Statement::DropTable { table: name("a"), if_exists: false }).await.unwrap();
    let gone = insert(&engine, &session, "s", RowsOf::Known(known), &[(3, 30)]).await.unwrap_err();
    assert!(matches!(gone, EngineError::StaleSeries), "{gone}");
    insert_under(&engine, &session, "s", (new(), Some(key(7))), &[(4, 40)]).await.unwrap();
    let renewed = engine.known_series(key(7)).unwrap();
    insert(&engine, &session, "s", RowsOf::Known(renewed), &[(5, 50)]).await.unwrap();
    assert_eq!(rows(&engine, &session, "SELECT g, v FROM s ORDER BY ts").await, ["1|40", "1|50"]);
}
