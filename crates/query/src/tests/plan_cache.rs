//! Queries whose plans are kept answer like queries that are planned as a whole.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use futures::TryStreamExt;
use proptest::prelude::*;
use triglot_model::Precision;

use super::fixture::{cpu, options, parse, plain, query, session_of, sorted, tables};
use crate::source::SeriesSource;
use crate::source::memory::{MemorySource, TestRow};
use crate::{PlannedQuery, QueryError, QuerySession, SessionBuilder, SessionContext, SessionValues};

/// `$h` stands for a tag value, `$t` and `$u` for instants.
const KEPT: &[&str] = &[
    "SELECT * FROM cpu WHERE host = '$h'",
    "SELECT n, host, time FROM cpu WHERE time >= '$t' AND '$u' > time",
    "SELECT date_bin(interval '10 nanoseconds', time, timestamp '1970-01-01') AS b, max(usage_user), count(*) \
     FROM cpu WHERE host IN ('$h', 'b') AND time >= '$t' AND time < '$u' GROUP BY b ORDER BY b",
    "SELECT time, n FROM cpu WHERE host = '$h' AND region = 'a' AND time BETWEEN '$t' AND '$u' ORDER BY time DESC",
    "SELECT host, avg(n), sum(usage_user) FROM cpu c WHERE (c.time > '$t' AND c.host IN ('$h')) GROUP BY host",
    "SELECT host, region, n FROM cpu WHERE n > 3 AND host IN ('a', '$h', 'x', 'y', 'ab') AND usage_user < n + 2",
    "SELECT count(*) FROM cpu WHERE time >= '$t' AND (host = 'a' OR n = 3)",
    "SELECT DISTINCT region FROM public.cpu WHERE Host = '$h' AND \"time\" <= '$u'",
    "SELECT host, last_value(n ORDER BY time, n) FROM cpu WHERE host IN ('$h', 'a') GROUP BY host",
    "SELECT max(time), min(time) FROM cpu WHERE host = '$h'",
    "SELECT n, '$h' AS h, host = '$h' AS same FROM cpu WHERE host = '$h' AND time = '$t'",
    "SELECT host, max(time) FROM cpu WHERE host IN ('$h', 'a') GROUP BY host",
    "SELECT n, host = 'a' AS same, time > '1970-01-01T00:00:00.000000020' FROM cpu WHERE host = '$h' AND time > '$t'",
    "SELECT sum(n) FROM cpu",
];

/// Queries that are planned as a whole each time.
const PLANNED: &[&str] = &[
    "SELECT * FROM cpu WHERE host LIKE 'a%'",
    "SELECT * FROM cpu WHERE host <> '$h'",
    "SELECT * FROM cpu WHERE host = '$h' OR time > '$t'",
    "SELECT * FROM cpu WHERE host = '$h' AND (region = 'a' OR (n > 1 AND false))",
    "SELECT n FROM cpu WHERE time >= '$t' AND time < now()",
    "SELECT n, now() > time FROM cpu WHERE host = '$h'",
    "SELECT * FROM cpu WHERE host = '$h' AND n IN (SELECT n FROM cpu WHERE host = 'a')",
    "SELECT a.n FROM cpu a JOIN cpu b ON a.n = b.n WHERE a.host = '$h'",
    "WITH c AS (SELECT * FROM cpu WHERE host = '$h') SELECT * FROM c",
    "SELECT * FROM cpu WHERE host = '$h' AND true",
    "SELECT * FROM cpu WHERE host = '$h' AND coalesce(host, region) = 'a'",
];

fn ast(sql: &str) -> Query {
    match parse(sql) {
        Statement::Query(query) => *query,
        other => panic!("{other} is not a query"),
    }
}

fn known(session: &QuerySession, sql: &str) -> bool {
    PlannedQuery::new(ast(sql), session).unwrap().is_known()
}

async fn run(session: &QuerySession, sql: &str) -> Result<Vec<arrow::record_batch::RecordBatch>, QueryError> {
    let rows = PlannedQuery::new(ast(sql), session)?.execute(session).await?;
    Ok(rows.try_collect().await?)
}

fn rows() -> impl Strategy<Value = Vec<TestRow>> {
    let tag = || proptest::option::weighted(0.8, prop::sample::select(vec!["a", "b", "ab"]));
    let row = (tag(), tag(), 0i64..60, proptest::option::of(0u8..9), proptest::option::of(0i64..9));
    prop::collection::vec(row, 0..40).prop_map(|rows| {
        let mut rows: Vec<TestRow> = rows
            .into_iter()
            .map(|(host, region, time, user, n)| TestRow {
                host: host.map(String::from),
                region: region.map(String::from),
                time,
                user: user.map(f64::from),
                count: n,
            })
            .collect();
        // One row a series and time, as storage has it.
        rows.sort_by_key(|r| (r.host.clone(), r.region.clone(), r.time));
        rows.dedup_by_key(|r| (r.host.clone(), r.region.clone(), r.time));
        rows
    })
}

fn literals() -> impl Strategy<Value = (&'static str, i64, i64)> {
    (prop::sample::select(vec!["a", "b", "ab", "none", ""]), -5i64..65, -5i64..65)
}

fn filled(sql: &str, (host, from, to): (&str, i64, i64), precision: Precision) -> String {
    let instant = |units: i64| {
        let ns = units * precision.ns();
        let seconds = ns.div_euclid(1_000_000_000);
        let time = chrono::DateTime::from_timestamp(seconds, ns.rem_euclid(1_000_000_000) as u32).unwrap();
        time.format("%Y-%m-%dT%H:%M:%S%.9f").to_string()
    };
    sql.replace("$h", host).replace("$t", &instant(from)).replace("$u", &instant(to))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn kept_plans_answer_like_datafusion(
        rows in rows(),
        values in prop::collection::vec(literals(), 3..5),
        precision in prop::sample::select(vec![Precision::Nano, Precision::Milli]),
        inflate in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut source = MemorySource::new(precision, &rows, 16);
            source.inflate = if inflate { 1 << 20 } else { 1 };
            let (builder, tables) = (SessionBuilder::new(options()), tables(source));
            let reference = plain(precision, &rows);
            for sql in KEPT.iter().chain(PLANNED) {
                for values in &values {
                    let sql = filled(sql, *values, precision);
                    let session = session_of(&builder, tables.clone());
                    let found = run(&session, &sql).await.unwrap();
                    // With ties a last value is any of them: compared with itself, planned as a whole.
                    let expected = if sql.contains("last_value") || sql.contains("public.") {
                        query(&session, &sql).await.unwrap()
                    } else {
                        reference.sql(&sql).await.unwrap().collect().await.unwrap()
                    };
                    prop_assert_eq!(sorted(&found), sorted(&expected), "{}", sql);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn shapes_are_known_from_the_second_query_on() {
    let tables = tables(cpu(3, 20));
    let builder = SessionBuilder::new(options());
    let (first, second) = (("host_1", 0, 40), ("host_2", 3, 50));
    for sql in KEPT {
        let session = session_of(&builder, tables.clone());
        assert!(!known(&session, &filled(sql, first, Precision::Milli)), "{sql}");
        run(&session, &filled(sql, first, Precision::Milli)).await.unwrap();
        assert!(known(&session, &filled(sql, second, Precision::Milli)) || sql.contains("AS same"), "{sql}");
    }
    for sql in PLANNED {
        let session = session_of(&builder, tables.clone());
        run(&session, &filled(sql, first, Precision::Milli)).await.unwrap();
        assert!(!known(&session, &filled(sql, first, Precision::Milli)), "{sql}");
    }
}

#[tokio::test]
async fn other_constants_and_other_tables_are_other_shapes() {
    let builder = SessionBuilder::new(options());
    let session = session_of(&builder, tables(cpu(3, 20)));
    run(&session, "SELECT n FROM cpu WHERE host = 'host_1' AND n > 3 LIMIT 2").await.unwrap();
    assert!(known(&session, "SELECT n FROM cpu WHERE host = 'host_2' AND n > 3 LIMIT 2"));
    assert!(!known(&session, "SELECT n FROM cpu WHERE host = 'host_1' AND n > 4 LIMIT 2"));
    assert!(!known(&session, "SELECT n FROM cpu WHERE host = 'host_1' AND n > 3 LIMIT 3"));
    assert!(!known(&session, "SELECT n FROM cpu WHERE region = 'host_1' AND n > 3 LIMIT 2"));
    // A table that was altered has another definition.
    let altered = session_of(&builder, tables(cpu(3, 20)));
    assert!(!known(&altered, "SELECT n FROM cpu WHERE host = 'host_1' AND n > 3 LIMIT 2"));
}

/// The cache holds plans, not rows: nothing of a snapshot stays pinned.
#[tokio::test]
async fn kept_plans_pin_nothing() {
    let builder = SessionBuilder::new(options());
    let source: Arc<dyn SeriesSource> = Arc::new(cpu(3, 20));
    let pinned = Arc::downgrade(&source);
    let table: Arc<dyn datafusion::catalog::TableProvider> = Arc::new(crate::SeriesTable::new(source));
    let tables = Arc::new(super::fixture::Tables {
        tables: [("cpu".to_owned(), table)].into(),
        ..super::fixture::Tables::default()
    });
    for host in ["host_0", "host_1"] {
        let session = session_of(&builder, tables.clone());
        let sql = format!("SELECT max(n) FROM cpu WHERE host = '{host}' ORDER BY 1 LIMIT 1");
        run(&session, &sql).await.unwrap();
        assert!(known(&session, &sql));
    }
    drop(tables);
    assert!(pinned.upgrade().is_none());
}

/// A threshold that a sort has found in one query must not cut another one's rows.
#[tokio::test]
async fn sorts_with_a_limit_begin_anew() {
    let builder = SessionBuilder::new(options());
    let tables = tables(cpu(3, 50));
    for host in ["host_2", "host_0", "host_1", "host_2"] {
        let session = session_of(&builder, tables.clone());
        let sql =
            format!("SELECT time, n FROM cpu WHERE host = '{host}' ORDER BY usage_user DESC, n LIMIT 3");
        let (found, expected) = (run(&session, &sql).await.unwrap(), query(&session, &sql).await.unwrap());
        assert_eq!(super::fixture::lines(&found), super::fixture::lines(&expected), "{sql}");
        assert!(known(&session, &sql));
    }
}

#[tokio::test]
async fn errors_are_the_planners() {
    let builder = SessionBuilder::new(options());
    let session = session_of(&builder, tables(cpu(3, 20)));
    run(&session, "SELECT n FROM cpu WHERE time > '2020-01-01'").await.unwrap();
    for sql in [
        "SELECT n FROM cpu WHERE time > 'yesterday'",
        "SELECT n FROM cpu WHERE time > ''",
        "SELECT n FROM cpu WHERE other.time > '2020-01-01'",
        "SELECT x FROM cpu WHERE time > '2020-01-01'",
        "SELECT n FROM nothing WHERE time > '2020-01-01'",
    ] {
        let found = run(&session, sql).await.unwrap_err();
        let expected = query(&session, sql).await.unwrap_err();
        assert_eq!(found.to_string(), expected.to_string(), "{sql}");
    }
}

/// A session's user and variables.
#[derive(Debug)]
struct Who(&'static str);

impl SessionValues for Who {
    fn function(&self, name: &str) -> Option<ScalarValue> {
        (name == "who_am_i").then(|| ScalarValue::from(self.0))
    }

    fn variable(&self, name: &str) -> Option<ScalarValue> {
        (name == "who").then(|| ScalarValue::from(self.0))
    }
}

/// What a session knows of itself must not come out of a plan that another one left.
#[tokio::test]
async fn plans_that_tell_about_the_session_are_not_kept() {
    let builder = SessionBuilder::new(options());
    let tables = tables(cpu(3, 1));
    let session = |who, now_ns| {
        let (tenant, database) = ("cnosdb".to_owned(), "public".to_owned());
        let values: Arc<dyn SessionValues> = Arc::new(Who(who));
        let resolver = tables.clone();
        builder.build(SessionContext { tenant, database, resolver, now_ns, values: Some(values) })
    };
    let (ann, bob) = (session("ann", 1_000_000_000), session("bob", 2_000_000_000));
    for (sql, of_ann, of_bob) in [
        ("SELECT host, who_am_i() FROM cpu WHERE host = 'host_1'", "host_1|ann", "host_1|bob"),
        ("SELECT host, @@who FROM cpu WHERE host = 'host_1'", "host_1|ann", "host_1|bob"),
        (
            "SELECT host, CAST(now() AS BIGINT) FROM cpu WHERE host = 'host_1'",
            "host_1|1000000000",
            "host_1|2000000000",
        ),
        (
            "SELECT host, count(*) FROM cpu WHERE host = 'host_1' AND n IS NULL AND who_am_i() = 'ann' GROUP BY host",
            "host_1|1",
            "",
        ),
        (
            "SELECT host, CASE WHEN @@who = 'ann' THEN 1 ELSE 2 END FROM cpu WHERE host = 'host_1' LIMIT 1",
            "host_1|1",
            "host_1|2",
        ),
    ] {
        for (session, expected) in [(&ann, of_ann), (&bob, of_bob), (&ann, of_ann)] {
            assert!(!known(session, sql), "{sql}");
            let found = super::fixture::lines(&run(session, sql).await.unwrap()).join("\n");
            assert_eq!(found, expected, "{sql}");
        }
    }
    // While a plan without any of these is shared by both.
    let sql = "SELECT host FROM cpu WHERE host = 'host_1'";
    run(&ann, sql).await.unwrap();
    assert!(known(&bob, sql));
}
