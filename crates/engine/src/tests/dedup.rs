//! Rows of one series and time under changing rules, against a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use triglot_catalog::{NewColumn, NewIdentity};
use triglot_model::{ColumnId, ColumnKind, ColumnType, Precision, RewriteRule};

use super::{open, root, rows};
use crate::{
    CreateTable, Engine, EngineError, Outcome, Relation, RowsOf, SeriesRows, Session, Statement, TableName,
};

/// Numbers that are the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Columns `a` and `b` by device and time.
type Model = BTreeMap<(i64, i64), [Option<i64>; 2]>;

/// One row of a statement.
type Given = (i64, i64, [Option<i64>; 2]);

fn apply(model: &mut Model, rule: RewriteRule, given: &[Given]) -> bool {
    let mut next = model.clone();
    for (device, time, values) in given {
        let key = (*device, *time);
        match (rule, next.get(&key).copied()) {
            (_, None) | (RewriteRule::Replace, _) => drop(next.insert(key, *values)),
            (RewriteRule::Merge, Some(old)) => {
                let [(a, b), (c, d)] = [(values[0], old[0]), (values[1], old[1])];
                next.insert(key, [a.or(b), c.or(d)]);
            }
            (RewriteRule::Discard, Some(_)) => {}
            (RewriteRule::Reject, Some(_)) => return false,
        }
    }
    *model = next;
    true
}

async fn write(
    engine: &Engine,
    session: &Session,
    rule: RewriteRule,
    given: &[Given],
) -> Result<u64, EngineError> {
    let Relation::Super(table) = engine.relation(session, "public", "d").unwrap() else { panic!("no table") };
    let column = |at: usize| -> ArrayRef { Arc::new(given.iter().map(|g| g.2[at]).collect::<Int64Array>()) };
    let rows = SeriesRows {
        table,
        series: given.iter().map(|g| RowsOf::Tags(vec![(ColumnId(3), g.0.to_string().into())])).collect(),
        keys: Vec::new(),
        row_series: (0..).take(given.len()).collect(),
        times: given.iter().map(|g| g.1).collect(),
        columns: vec![(ColumnId(1), column(0)), (ColumnId(2), column(1))],
        set: None,
        rewrite: rule,
    };
    match engine.execute(session, Statement::InsertRows(vec![rows])).await? {
        Outcome::Affected(rows) => Ok(rows),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rules_for_duplicates_do_what_a_map_does() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let session = root(&engine).await;
    let column =
        |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
    let create = CreateTable {
        table: TableName { tenant: None, database: None, table: "d".to_owned() },
        if_not_exists: false,
        identity: NewIdentity::PrimaryTags(vec!["p".to_owned()]),
        columns: vec![
            column("ts", ColumnType::Ts(Precision::Milli), ColumnKind::Time),
            column("a", ColumnType::I64, ColumnKind::Field),
            column("b", ColumnType::I64, ColumnKind::Field),
            column("p", ColumnType::I64, ColumnKind::Tag),
        ],
        options: BTreeMap::new(),
    };
    engine.execute(&session, Statement::CreateTable(create)).await.unwrap();
    let mut numbers = Numbers(0x5eed_1234_5678_9abc);
    let mut model = Model::new();
    for step in 0..120 {
        let rules = [RewriteRule::Replace, RewriteRule::Merge, RewriteRule::Discard, RewriteRule::Reject];
        let rule = rules[numbers.below(4) as usize];
        let given: Vec<Given> = (0..=numbers.below(4))
            .map(|_| {
                let mut value = || (numbers.below(3) > 0).then(|| numbers.below(1000) as i64);
                let values = [value(), value()];
                (numbers.below(3) as i64, numbers.below(6) as i64, values)
            })
            .collect();
        let written = write(&engine, &session, rule, &given).await;
        match (apply(&mut model, rule, &given), &written) {
            (true, Ok(rows)) => assert_eq!(*rows, given.len() as u64),
            (false, Err(EngineError::RowExists { .. })) => {}
            (expected, other) => panic!("step {step}, {rule:?} {given:?}: {expected}, {other:?}"),
        }
        if numbers.below(8) == 0 {
            engine.flush().await.unwrap();
        }
        let shown = |v: Option<i64>| v.map_or("NULL".to_owned(), |v| v.to_string());
        let expected: Vec<String> =
            model.iter().map(|((p, _), [a, b])| format!("{p}|{}|{}", shown(*a), shown(*b))).collect();
        let found = rows(&engine, &session, "SELECT p, a, b FROM d ORDER BY p, ts").await;
        assert_eq!(found, expected, "step {step}, {rule:?} {given:?}");
    }
}
