//! Predicates of DELETE.

use datafusion::common::DFSchema;
use datafusion::prelude::SessionContext as PlainContext;
use triglot_model::Precision;
use triglot_storage::TimeRange;

use super::fixture::{cpu, session};
use crate::source::SeriesSource;
use crate::source::memory::cpu_table;
use crate::{Decision, SeriesTable, decide_rows};

/// (start, end, names of hosts or none for all) of each part.
async fn decided(predicate: &str) -> Result<Vec<(i64, i64, Option<Vec<String>>)>, String> {
    let source = cpu(4, 1);
    let schema = DFSchema::try_from(cpu_table(Precision::Nano).read_schema()).unwrap();
    let expr = PlainContext::new().parse_sql_expr(predicate, &schema).unwrap();
    let table = SeriesTable::new(std::sync::Arc::new(cpu(4, 1)));
    match decide_rows(&session(cpu(4, 1)), table, expr).await.unwrap() {
        Decision::Undecided(part) => Err(part),
        Decision::Rows(parts) => Ok(parts
            .into_iter()
            .map(|(TimeRange { start, end }, series)| {
                let names = series.map(|shards| {
                    let mut names = Vec::new();
                    for (shard, sids) in shards {
                        let batch =
                            source.tag_batch(shard, &[crate::source::memory::HOST], Some(&sids)).unwrap();
                        names.extend(super::fixture::lines(&[batch.project(&[1]).unwrap()]));
                    }
                    names.sort();
                    names
                });
                (start, end, names)
            })
            .collect()),
    }
}

#[tokio::test]
async fn predicates_over_time_and_tags_are_decided_exactly() {
    let (min, max) = (i64::MIN, i64::MAX);
    let hosts = |names: &[&str]| Some(names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
    let at = |ns: i64| format!("arrow_cast({ns}, 'Timestamp(Nanosecond, None)')");
    let cases = [
        ("true".to_owned(), vec![(min, max, None)]),
        ("false".to_owned(), vec![]),
        (format!("time < {}", at(5)), vec![(min, 4, None)]),
        (format!("time <> {}", at(5)), vec![(min, 4, None), (6, max, None)]),
        (
            format!("time IN ({}, {}, {}, {})", at(5), at(7), at(9), at(12)),
            vec![(5, 5, None), (7, 7, None), (9, 9, None), (12, 12, None)],
        ),
        (format!("host = 'host_1' AND time >= {}", at(5)), vec![(5, max, hosts(&["host_1"]))]),
        (
            format!("(host = 'host_1' AND time > {}) OR (host = 'host_2' AND time < {})", at(5), at(3)),
            vec![(6, max, hosts(&["host_1"])), (min, 2, hosts(&["host_2"]))],
        ),
        (
            "NOT (host = 'host_1' OR host > 'host_2')".to_owned(),
            vec![(min, max, hosts(&["host_0", "host_2"]))],
        ),
        (format!("time < {} AND time > {}", at(3), at(5)), vec![]),
    ];
    for (predicate, expected) in cases {
        assert_eq!(decided(&predicate).await, Ok(expected), "{predicate}");
    }
}

#[tokio::test]
async fn other_predicates_are_not() {
    for predicate in
        ["n > 3", "host = 'a' OR n > 3", "time > to_timestamp(n)", "date_trunc('hour', time) = now()"]
    {
        assert!(decided(predicate).await.is_err(), "{predicate}");
    }
}
