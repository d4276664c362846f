//! Keyed tables: uniqueness under concurrency, over restarts and through crashes; rows that reject duplicates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::logical_expr::{ident, lit};
use triglot_catalog::{NewColumn, NewIdentity};
use triglot_disk::SimDisk;
use triglot_model::{
    ColumnId, ColumnKind, ColumnType, KEYED_OPTION, KeyedDef, Precision, RewriteRule, UniqueKey,
};

use super::{open, root, rows};
use crate::{
    CreateTable, Engine, EngineError, EngineOptions, InsertKeyed, OnDuplicate, Outcome, Relation, RowsOf,
    SeriesRows, Session, Statement, TableIn, TableName, Update, UpdateChanges,
};

const ID: ColumnId = ColumnId(1);
const NAME: ColumnId = ColumnId(2);
const CODE: ColumnId = ColumnId(3);

fn name(table: &str) -> TableName {
    TableName { tenant: None, database: None, table: table.to_owned() }
}

/// `k(id INT8 PRIMARY KEY, name TEXT, code INT8 UNIQUE)`.
async fn make(engine: &Engine, session: &Session) -> Result<(), EngineError> {
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let unique = |name: &str, id| UniqueKey { name: name.to_owned(), columns: vec![id] };
    let keyed =
        KeyedDef { unique: vec![unique("primary", ID), unique("k_code_key", CODE)], required: vec![ID] };
    let create = CreateTable {
        table: name("k"),
        if_not_exists: false,
        identity: NewIdentity::AllTags,
        columns: vec![
            column("rowid", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
            column("id", ColumnType::I64, ColumnKind::Field),
            column("name", ColumnType::TEXT, ColumnKind::Field),
            column("code", ColumnType::I64, ColumnKind::Field),
        ],
        options: BTreeMap::from([(KEYED_OPTION.to_owned(), keyed.to_option())]),
    };
    engine.execute(session, Statement::CreateTable(create)).await.map(|_| ())
}

fn table(engine: &Engine, session: &Session) -> TableIn {
    match engine.relation(session, "public", "k").unwrap() {
        Relation::Normal(table) | Relation::Super(table) => table,
        Relation::Child(_) => panic!("a child"),
    }
}

type Row<'r> = (i64, Option<&'r str>, Option<i64>);

async fn insert(
    engine: &Engine,
    session: &Session,
    rows: &[Row<'_>],
    on_duplicate: OnDuplicate,
) -> Result<u64, EngineError> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0)));
    let names: ArrayRef = Arc::new(rows.iter().map(|r| r.1).collect::<StringArray>());
    let codes: ArrayRef = Arc::new(rows.iter().map(|r| r.2).collect::<Int64Array>());
    let table = table(engine, session);
    let columns = vec![(ID, ids), (NAME, names), (CODE, codes)];
    let insert = InsertKeyed { table, rows: rows.len(), columns, on_duplicate };
    match engine.execute(session, Statement::InsertKeyed(insert)).await? {
        Outcome::Affected(rows) => Ok(rows),
        other => panic!("{other:?}"),
    }
}

async fn all(engine: &Engine, session: &Session) -> Vec<String> {
    rows(engine, session, "SELECT * FROM k ORDER BY id").await
}

fn is_duplicate<T>(result: &Result<T, EngineError>) -> bool {
    matches!(result, Err(EngineError::DuplicateKey { .. }))
}

#[tokio::test]
async fn one_of_many_writers_of_a_key_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    make(&engine, &session).await.unwrap();
    let mut tasks = Vec::new();
    for writer in 0..32_i64 {
        let (engine, session) = (engine.clone(), session.clone());
        tasks.push(tokio::spawn(async move {
            let rows = [(writer % 4, Some("w"), None), (100 + writer, None, Some(writer))];
            insert(&engine, &session, &rows, OnDuplicate::Refuse).await
        }));
    }
    let mut written = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(rows) => written += rows,
            other => assert!(is_duplicate(&other), "{other:?}"),
        }
    }
    // A refused statement wrote neither of its rows.
    assert_eq!(written, 8);
    assert_eq!(rows(&engine, &session, "SELECT count(*), count(DISTINCT id) FROM k").await, ["8|8"]);
}

#[tokio::test]
async fn keys_are_found_again_after_a_restart_in_files_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    {
        let engine = open(dir.path()).await;
        let session = root(&engine).await;
        make(&engine, &session).await.unwrap();
        insert(&engine, &session, &[(1, Some("a"), Some(10))], OnDuplicate::Refuse).await.unwrap();
        engine.flush().await.unwrap();
        insert(&engine, &session, &[(2, Some("b"), None)], OnDuplicate::Refuse).await.unwrap();
        engine.shutdown().await.unwrap();
    }
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    assert!(is_duplicate(&insert(&engine, &session, &[(1, None, None)], OnDuplicate::Refuse).await));
    assert!(is_duplicate(&insert(&engine, &session, &[(2, None, None)], OnDuplicate::Refuse).await));
    assert!(is_duplicate(&insert(&engine, &session, &[(3, None, Some(10))], OnDuplicate::Refuse).await));
    insert(&engine, &session, &[(3, None, Some(11))], OnDuplicate::Refuse).await.unwrap();
    // The row id is the engine's own and is not shown.
    assert_eq!(all(&engine, &session).await, ["1|a|10", "2|b|NULL", "3|NULL|11"]);
}

#[tokio::test]
async fn rows_take_the_place_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    make(&engine, &session).await.unwrap();
    let first = [(1, Some("a"), Some(10)), (2, Some("b"), Some(20))];
    insert(&engine, &session, &first, OnDuplicate::Refuse).await.unwrap();
    let update = |columns: &[ColumnId]| OnDuplicate::Update { key: 0, columns: columns.to_vec() };
    // Only the named columns change, to NULL too; a new row gets all of them.
    let rows = [(1, None, Some(99)), (3, Some("c"), None)];
    assert_eq!(insert(&engine, &session, &rows, update(&[NAME])).await.unwrap(), 2);
    assert_eq!(all(&engine, &session).await, ["1|NULL|10", "2|b|20", "3|c|NULL"]);
    let whole = update(&[ID, NAME, CODE]);
    assert_eq!(insert(&engine, &session, &[(1, Some("z"), Some(30))], whole.clone()).await.unwrap(), 1);
    // 10 is free again, 30 and 20 are not.
    insert(&engine, &session, &[(4, None, Some(10))], OnDuplicate::Refuse).await.unwrap();
    assert!(is_duplicate(&insert(&engine, &session, &[(2, None, Some(30))], whole.clone()).await));
    let twice = insert(&engine, &session, &[(1, None, None), (1, None, None)], whole).await;
    assert!(matches!(twice, Err(EngineError::RowChangedTwice { .. })), "{twice:?}");
    let skip = OnDuplicate::Skip { key: None };
    assert_eq!(insert(&engine, &session, &[(1, None, None), (5, None, Some(20))], skip).await.unwrap(), 0);
    // A duplicate of another key than the named one is one.
    let skip = OnDuplicate::Skip { key: Some(0) };
    assert!(is_duplicate(&insert(&engine, &session, &[(5, None, Some(20))], skip).await));
    assert_eq!(all(&engine, &session).await, ["1|z|30", "2|b|20", "3|c|NULL", "4|NULL|10"]);
}

#[tokio::test]
async fn rows_of_series_are_refused_and_keys_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    make(&engine, &session).await.unwrap();
    insert(&engine, &session, &[(1, None, Some(1)), (2, None, Some(2))], OnDuplicate::Refuse).await.unwrap();
    let rows = SeriesRows {
        table: table(&engine, &session),
        series: vec![RowsOf::Table],
        keys: Vec::new(),
        row_series: vec![0],
        times: vec![1],
        columns: vec![(ID, Arc::new(Int64Array::from(vec![1])))],
        set: None,
        rewrite: RewriteRule::Merge,
    };
    let refused = engine.execute(&session, Statement::InsertRows(vec![rows])).await;
    assert!(matches!(refused, Err(EngineError::KeyedTable { .. })), "{refused:?}");
    let mut batcher = engine.batcher(&session, super::options()).unwrap();
    batcher.begin("k", b"k", []).unwrap();
    batcher.field("id", crate::FieldValue::I64(1)).unwrap();
    batcher.end_row(Some(1)).unwrap();
    let refused = batcher.commit().await;
    assert!(matches!(refused, Err(EngineError::KeyedTable { .. })), "{refused:?}");
    let update = |value: i64, filter: Option<i64>| Update {
        table: name("k"),
        changes: UpdateChanges::Fields(vec![("id".to_owned(), lit(value))]),
        filter: filter.map(|id| ident("id").eq(lit(id))),
    };
    let moved = engine.execute(&session, Statement::Update(update(2, Some(1)))).await;
    assert!(matches!(moved, Err(EngineError::DuplicateKey { .. })), "{moved:?}");
    let both = engine.execute(&session, Statement::Update(update(7, None))).await;
    assert!(matches!(both, Err(EngineError::DuplicateKey { .. })), "{both:?}");
    engine.execute(&session, Statement::Update(update(7, Some(1)))).await.unwrap();
    let delete = Statement::Delete { table: name("k"), filter: Some(ident("code").eq(lit(2_i64))) };
    assert!(matches!(engine.execute(&session, delete).await, Ok(Outcome::Affected(1))));
    insert(&engine, &session, &[(1, None, None), (2, None, Some(2))], OnDuplicate::Refuse).await.unwrap();
    assert_eq!(all(&engine, &session).await, ["1|NULL|NULL", "2|NULL|2", "7|NULL|1"]);
}

/// Inserts one key after the other on a disk that fails at its `at`-th I/O. Gives the keys that were
/// acknowledged, and whether it came to that I/O.
async fn until_crash(disk: &SimDisk, at: u64) -> (BTreeSet<i64>, bool) {
    disk.crash_after(at);
    let mut acknowledged = BTreeSet::new();
    if let Ok(engine) = open_sim(disk).await {
        let session = root(&engine).await;
        if make(&engine, &session).await.is_ok() {
            for id in 0..8 {
                match insert(&engine, &session, &[(id, Some("x"), Some(id))], OnDuplicate::Refuse).await {
                    Ok(_) => drop(acknowledged.insert(id)),
                    Err(_) => break,
                }
                if id == 4 {
                    let _ = engine.flush().await;
                }
            }
        }
    }
    (acknowledged, disk.is_crashed())
}

async fn open_sim(disk: &SimDisk) -> Result<Engine, EngineError> {
    let mut options = EngineOptions::new(Arc::new(disk.clone()));
    options.storage.shards = 1;
    Engine::open(options).await
}

#[tokio::test]
async fn a_crash_loses_no_key_and_doubles_none() {
    for at in (1..400).step_by(9) {
        let disk = SimDisk::new(at);
        let (acknowledged, crashed) = until_crash(&disk, at).await;
        let disk = disk.crash();
        let engine = open_sim(&disk).await.unwrap();
        let session = root(&engine).await;
        if engine.relation(&session, "public", "k").is_ok() {
            for id in 0..8 {
                let again = insert(&engine, &session, &[(id, None, None)], OnDuplicate::Refuse).await;
                if acknowledged.contains(&id) {
                    assert!(is_duplicate(&again), "I/O {at}: {id} was acknowledged, {again:?}");
                }
            }
            let counted = rows(&engine, &session, "SELECT count(*), count(DISTINCT id) FROM k").await;
            assert_eq!(counted, ["8|8"], "I/O {at}");
        } else {
            assert!(acknowledged.is_empty(), "I/O {at}");
        }
        if !crashed {
            break;
        }
    }
}

#[tokio::test]
async fn rows_that_reject_duplicates_find_them() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let create = CreateTable {
        table: name("k"),
        if_not_exists: false,
        identity: NewIdentity::PrimaryTags(vec!["p".to_owned()]),
        columns: vec![
            column("ts", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
            column("v", ColumnType::I64, ColumnKind::Field),
            column("p", ColumnType::TEXT, ColumnKind::Tag),
            column("q", ColumnType::TEXT, ColumnKind::Tag),
        ],
        options: BTreeMap::new(),
    };
    engine.execute(&session, Statement::CreateTable(create)).await.unwrap();
    let table = table(&engine, &session);
    let write = async |given: &[(i64, i64, &str, &str)]| {
        let tags = |p: &str, q: &str| RowsOf::Tags(vec![(ColumnId(2), p.into()), (ColumnId(3), q.into())]);
        let rows = SeriesRows {
            table: table.clone(),
            series: given.iter().map(|(_, _, p, q)| tags(p, q)).collect(),
            keys: Vec::new(),
            row_series: (0..).take(given.len()).collect(),
            times: given.iter().map(|r| r.0).collect(),
            columns: vec![(ColumnId(1), Arc::new(Int64Array::from_iter_values(given.iter().map(|r| r.1))))],
            set: None,
            rewrite: RewriteRule::Reject,
        };
        engine.execute(&session, Statement::InsertRows(vec![rows])).await
    };
    write(&[(1, 10, "a", "x"), (2, 20, "a", "x"), (1, 30, "b", "y")]).await.unwrap();
    engine.flush().await.unwrap();
    write(&[(3, 40, "a", "other")]).await.unwrap();
    for given in [[(1, 0, "a", "x"), (9, 0, "a", "x")], [(3, 0, "a", "z"), (9, 0, "c", "")]] {
        let refused = write(&given).await;
        assert!(matches!(refused, Err(EngineError::RowExists { .. })), "{refused:?}");
    }
    // Twice within the statement, under tags that mean the same device.
    let refused = write(&[(7, 0, "n", "1"), (7, 0, "n", "2")]).await;
    assert!(matches!(refused, Err(EngineError::RowExists { time: 7, .. })), "{refused:?}");
    write(&[(3, 50, "b", "y")]).await.unwrap();
    let found = rows(&engine, &session, "SELECT v, p, q FROM k ORDER BY v").await;
    assert_eq!(found, ["10|a|x", "20|a|x", "30|b|y", "40|a|x", "50|b|y"]);
}
