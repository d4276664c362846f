//! Reading only the newest rows gives the same answers as reading all.

use proptest::prelude::*;
use triglot_model::Precision;

use super::fixture::{explain, plain, query, session, sorted};
use crate::source::Since;
use crate::source::memory::{MemorySource, TestRow};

const FIRES: &[&str] = &[
    "SELECT host, last_value(usage_user ORDER BY time), max(time) FROM cpu GROUP BY host",
    "SELECT host, region, last_value(n ORDER BY time) AS n FROM cpu GROUP BY host, region",
    "SELECT first_value(n ORDER BY time DESC), first_value(host ORDER BY time DESC) FROM cpu",
    "SELECT max(time) FROM cpu WHERE host = 'a' OR host LIKE 'b%'",
    "SELECT DISTINCT ON (host) host, region, time, n, usage_user FROM cpu ORDER BY host, time DESC",
    "SELECT h, last_value(u ORDER BY t) FROM (SELECT time AS t, host AS h, usage_user AS u FROM cpu) c GROUP BY h",
    "SELECT upper(host), last_value(usage_user + n ORDER BY time) FROM cpu GROUP BY upper(host)",
];

const STAYS: &[&str] = &[
    "SELECT host, last_value(usage_user ORDER BY time) FROM cpu WHERE n > 3 GROUP BY host",
    "SELECT host, last_value(usage_user ORDER BY time) FROM cpu WHERE time < '1970-01-01T00:00:00.000000030Z' GROUP BY host",
    "SELECT host, last_value(usage_user) IGNORE NULLS FROM (SELECT * FROM cpu ORDER BY time LIMIT 4) GROUP BY host",
    "SELECT host, last_value(usage_user ORDER BY time) IGNORE NULLS FROM cpu GROUP BY host",
    "SELECT host, last_value(usage_user ORDER BY time) FILTER (WHERE n > 2) FROM cpu GROUP BY host",
    "SELECT host, first_value(usage_user ORDER BY time) FROM cpu GROUP BY host",
    "SELECT host, last_value(usage_user ORDER BY n, time) FROM cpu GROUP BY host",
    "SELECT host, max(time), count(*) FROM cpu GROUP BY host",
    "SELECT n, max(time) FROM cpu GROUP BY n",
    "SELECT max(n) FROM cpu",
    "SELECT host FROM cpu GROUP BY host",
];

/// Rows at different times, so that the newest row of a group is one row.
fn rows() -> impl Strategy<Value = Vec<TestRow>> {
    let tag = || proptest::option::weighted(0.8, prop::sample::select(vec!["a", "b", "bc"]));
    let row = (tag(), tag(), proptest::option::of(0i64..9), proptest::option::of(0i64..9));
    (prop::collection::vec(row, 0..60), any::<u64>()).prop_map(|(rows, seed)| {
        let len = rows.len() as i64;
        let step = 1 + (seed % 7) as i64 * len.max(1);
        let rows = rows.into_iter().enumerate();
        rows.map(|(i, (host, region, user, count))| TestRow {
            host: host.map(String::from),
            region: region.map(String::from),
            // A walk that visits every residue once, hence not in order.
            time: (i as i64 * step + i as i64) % (len * 8 + 1) * 64 + i as i64,
            user: user.map(|u| u as f64),
            count,
        })
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    /// Rows before an instant are as if they were not there, newest rows and counts included.
    #[test]
    fn rows_since_an_instant_answer_like_those_alone(rows in rows(), part in 0_usize..60) {
        let first = rows.get(part).map_or(700, |r| r.time);
        let later: Vec<TestRow> = rows.iter().filter(|r| r.time >= first).cloned().collect();
        let more = ["SELECT * FROM cpu", "SELECT count(*), min(time) FROM cpu", "SELECT n FROM cpu WHERE time < '1970-01-01T00:00:00.000000900Z'"];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for sql in FIRES.iter().chain(&more) {
                let expected = plain(Precision::Nano, &later).sql(sql).await.unwrap().collect().await.unwrap();
                let source = Since::new(MemorySource::new(Precision::Nano, &rows, 512), first);
                let found = query(&session(source), sql).await.unwrap();
                assert_eq!(sorted(&found), sorted(&expected), "{sql}");
            }
        });
    }

    #[test]
    fn last_rows_answer_like_all_rows(rows in rows()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for sql in FIRES.iter().chain(STAYS.iter().filter(|s| !s.contains("LIMIT"))) {
                let expected = plain(Precision::Nano, &rows).sql(sql).await.unwrap().collect().await.unwrap();
                let session = session(MemorySource::new(Precision::Nano, &rows, 1000));
                let found = query(&session, sql).await.unwrap();
                prop_assert_eq!(sorted(&found), sorted(&expected), "{}", sql);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn the_rule_fires_exactly_where_only_newest_rows_count() {
    let session = session(super::fixture::cpu(3, 10));
    for sql in FIRES {
        let plan = explain(&session, sql).await;
        assert!(plan.contains("last_only"), "{sql}\n{plan}");
    }
    for sql in STAYS {
        let plan = explain(&session, sql).await;
        assert!(!plan.contains("last_only"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn a_null_in_the_newest_row_is_the_last_value() {
    let row = |time, user, count| TestRow { host: Some("a".into()), region: None, time, user, count };
    let rows = [row(1, Some(1.0), Some(1)), row(2000, None, Some(2))];
    let session = session(MemorySource::new(Precision::Nano, &rows, 1000));
    let sql = "SELECT last_value(usage_user ORDER BY time), last_value(n ORDER BY time) FROM cpu";
    assert_eq!(sorted(&query(&session, sql).await.unwrap()), ["NULL|2"]);
}
