//! Plans as text: a change of shape shows here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fixture::{self, cpu, explain, lines, options, plan, query, session, session_with, tables};
use crate::functions::FunctionPack;
use crate::source::SeriesSource;
use crate::{QueryError, SeriesListTable, SeriesTable};

#[tokio::test]
async fn a_dashboard_query_reads_one_series_in_order_and_needs_no_exchange() {
    let sql = "SELECT date_bin(interval '1 minute', time) AS m, max(usage_user) FROM cpu \
        WHERE host IN ('host_1') AND time >= '2020-01-01T00:01:00' AND time < '2020-01-01T00:02:00' GROUP BY m";
    assert_eq!(
        explain(&session(cpu(10, 30)), sql).await.trim(),
        "\
ProjectionExec: expr=[date_bin(IntervalMonthDayNano(\"IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 60000000000 }\"),cpu.time)@0 as m, max(cpu.usage_user)@1 as max(cpu.usage_user)]
  AggregateExec: mode=SinglePartitioned, gby=[date_bin(IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 60000000000 }, time@0) as date_bin(IntervalMonthDayNano(\"IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 60000000000 }\"),cpu.time)], aggr=[max(cpu.usage_user)], ordering_mode=Sorted
    CooperativeExec
      SeriesScanExec: table=cpu, projection=[time, usage_user], time=[2020-01-01T00:01:00, 2020-01-01T00:01:59.999999999], series=1/10, chunks=1, files=1, needs_merge=0"
    );
}

#[tokio::test]
async fn one_series_comes_by_time_so_that_nothing_is_sorted() {
    let session = session(cpu(3, 20_000));
    let sql = "SELECT time, n FROM cpu WHERE host = 'host_2' ORDER BY time LIMIT 3";
    let text = explain(&session, sql).await;
    assert!(!text.contains("SortExec"), "{text}");
    assert!(text.contains("limit=3"), "{text}");
    let found = query(&session, sql).await.unwrap();
    assert_eq!(lines(&found), ["2020-01-01T00:00:00|NULL", "2020-01-01T00:00:10|1", "2020-01-01T00:00:20|2"]);
    let text = explain(&session, "SELECT time FROM cpu ORDER BY time").await;
    assert!(text.contains("SortExec"), "{text}");
}

#[tokio::test]
async fn a_large_scan_is_dealt_out_and_a_small_one_is_not() {
    let mut large = cpu(10, 10);
    large.inflate = 1_000_000;
    let sql = "SELECT host, avg(usage_user) FROM cpu GROUP BY host";
    let text = explain(&session(large), sql).await;
    assert!(text.contains("partitions=2"), "{text}");
    assert!(text.contains("RepartitionExec: partitioning=Hash"), "{text}");
    let text = explain(&session(cpu(10, 10)), sql).await;
    assert!(!text.contains("RepartitionExec") && !text.contains("partitions="), "{text}");
}

#[tokio::test]
async fn a_session_may_ask_for_other_partitions() {
    let sql = "SELECT host, avg(usage_user) FROM cpu GROUP BY host";
    let asked = |partitions: usize| {
        let mut large = cpu(10, 10);
        large.inflate = 1_000_000;
        session(large).with_target_partitions(partitions)
    };
    let text = explain(&asked(3), sql).await;
    assert!(text.contains("partitions=3") && text.contains("Hash([host@0], 3)"), "{text}");
    for one in [0, 1] {
        let text = explain(&asked(one), sql).await;
        assert!(!text.contains("RepartitionExec") && !text.contains("partitions="), "{text}");
    }
    let text = explain(&asked(usize::MAX), sql).await;
    assert!(text.contains("Hash([host@0], 64)"), "{text}");
    let rows = lines(&query(&asked(3), sql).await.unwrap());
    assert_eq!(rows.len(), 10);
}

#[tokio::test]
async fn filters_on_fields_stay_above_and_others_go_into_the_scan() {
    let text = explain(
        &session(cpu(4, 5)),
        "SELECT n FROM cpu WHERE usage_user > 3 AND region LIKE '%name_1' AND time > '2020-01-01'",
    )
    .await;
    let scan = text.lines().last().unwrap().trim();
    assert_eq!(
        scan,
        "SeriesScanExec: table=cpu, projection=[usage_user, n], \
         time=[2020-01-01T00:00:00.000000001, -], series=1/4, chunks=1, files=1, needs_merge=0"
    );
    assert!(text.contains("FilterExec: usage_user@0 > 3, projection=[n@1]"), "{text}");
}

#[tokio::test]
async fn count_is_answered_by_an_exact_statistic_only() {
    let session = session(cpu(4, 5));
    let text = explain(&session, "SELECT count(*) FROM cpu").await;
    assert!(!text.contains("SeriesScanExec"), "{text}");
    assert_eq!(lines(&query(&session, "SELECT count(*) FROM cpu").await.unwrap()), ["20"]);
    let some = "SELECT count(*) FROM cpu WHERE host = 'host_1'";
    assert!(explain(&session, some).await.contains("SeriesScanExec"));
    assert_eq!(lines(&query(&session, some).await.unwrap()), ["5"]);
}

#[tokio::test]
async fn explain_shows_the_scan_and_analyze_its_rows() {
    let session = session(cpu(4, 5));
    let text = lines(&query(&session, "EXPLAIN SELECT n FROM cpu").await.unwrap()).join("\n");
    assert!(
        text.contains("logical_plan|TableScan: cpu") && text.contains("SeriesScanExec: table=cpu"),
        "{text}"
    );
    let text = lines(&query(&session, "EXPLAIN ANALYZE SELECT n FROM cpu").await.unwrap()).join("\n");
    assert!(text.contains("output_rows=20") && text.contains("bytes_read="), "{text}");
}

#[tokio::test]
async fn r1_every_reference_to_a_table_is_one_snapshot() {
    let tables = tables(cpu(4, 5));
    let session = session_with(options(), Arc::clone(&tables));
    let sql = "SELECT count(*) FROM cpu a JOIN public.cpu b ON a.time = b.time AND a.host = b.host \
        WHERE a.n IN (SELECT n FROM cnosdb.public.cpu)";
    assert_eq!(lines(&query(&session, sql).await.unwrap()), ["16"]);
    assert_eq!(tables.resolved.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn joins_unions_windows_and_ctes_run_with_the_full_rules() {
    let session = session(cpu(2, 3));
    let cases = [
        ("SELECT count(*) FROM (SELECT host FROM cpu UNION SELECT region FROM cpu) x", "4"),
        ("SELECT max(r) FROM (SELECT row_number() OVER (PARTITION BY host ORDER BY time) r FROM cpu) x", "3"),
        ("WITH c AS (SELECT max(n) m FROM cpu) SELECT count(*) FROM cpu, c WHERE n = m", "2"),
        ("SELECT count(*) FROM cpu WHERE n = (SELECT max(n) FROM cpu)", "2"),
        (
            "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 5) SELECT sum(i) FROM t",
            "15",
        ),
        ("SELECT sum(value) FROM generate_series(1, 4)", "10"),
        ("SELECT now()", "2020-09-13T12:26:40"),
        ("SELECT count(DISTINCT host) FROM cpu", "2"),
    ];
    for (sql, expected) in cases {
        assert_eq!(lines(&query(&session, sql).await.unwrap()), [expected], "{sql}");
    }
}

#[tokio::test]
async fn errors_say_what_kind_they_are() {
    use triglot_model::ErrorKind;
    let session = session(cpu(2, 3));
    let error = plan(&session, "SELECT * FROM nothing").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableNotFound);
    assert_eq!(error.to_string(), "Table not found: \"cnosdb.public.nothing\"");
    let error = plan(&session, "SELECT nothing FROM cpu").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plan);
    assert!(error.is_datafusion());
    assert!(error.to_string().starts_with("Schema error: No field named nothing."), "{error}");
    let error = query(&session, "SELECT CAST(host AS BIGINT) FROM cpu").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Execution);
    let error = plan(&session, "SELECT no_such_function(n) FROM cpu").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plan);
    assert!(
        error.to_string().starts_with("Error during planning: Invalid function 'no_such_function'"),
        "{error}"
    );
    let parse: QueryError = datafusion::error::DataFusionError::SQL(
        Box::new(datafusion::sql::sqlparser::parser::ParserError::ParserError("x".to_owned())),
        None,
    )
    .into();
    assert_eq!(parse.kind(), ErrorKind::Parse);
}

#[tokio::test]
async fn the_series_list_shows_series_whether_they_have_rows_or_not() {
    let source: Arc<dyn SeriesSource> = Arc::new(cpu(4, 1));
    let mut tables = fixture::Tables::default();
    tables.tables.insert("series".to_owned(), Arc::new(SeriesListTable::new(source)));
    let session = session_with(options(), Arc::new(tables));
    let sql = "SELECT host FROM series WHERE region = 'region_with_a_long_name_0' ORDER BY host";
    assert_eq!(lines(&query(&session, sql).await.unwrap()), ["host_0", "host_3"]);
    assert_eq!(lines(&query(&session, "SELECT count(*) FROM series").await.unwrap()), ["4"]);
}

#[tokio::test]
async fn the_hidden_series_column_tells_series_apart() {
    let table = SeriesTable::new(Arc::new(cpu(12, 2))).with_series_column();
    let mut tables = fixture::Tables::default();
    tables.tables.insert("cpu".to_owned(), Arc::new(table));
    let session = session_with(options(), Arc::new(tables));
    let sql = "SELECT count(DISTINCT __sid), count(DISTINCT host) FROM cpu";
    assert_eq!(lines(&query(&session, sql).await.unwrap()), ["12|12"]);
}

#[tokio::test]
async fn now_can_have_a_zone_and_still_bounds_a_scan() {
    let functions = crate::SessionOptions::default_functions().with_now_in("+00:00");
    let options = crate::SessionOptions { functions: Arc::new(functions), ..options() };
    let session = session_with(options, tables(cpu(1, 1)));
    assert_eq!(lines(&query(&session, "SELECT now()").await.unwrap()), ["2020-09-13T12:26:40Z"]);
    let text = explain(&session, "SELECT n FROM cpu WHERE time > now() - interval '1 hour'").await;
    assert!(text.contains("time=[2020-09-13T11:26:40.000000001, -]"), "{text}");
    assert!(!text.contains("FilterExec"), "{text}");
}

#[test]
fn a_function_name_that_is_taken_is_refused_unless_it_is_replaced_on_purpose() {
    let sum = datafusion::functions_aggregate::sum::sum_udaf();
    let pack = |name: &str| FunctionPack {
        aggregates: vec![(name.to_owned(), Arc::clone(&sum))],
        ..FunctionPack::default()
    };
    let functions = crate::SessionOptions::default_functions();
    assert!(functions.clone().with(pack("spread")).is_ok());
    assert!(functions.clone().with(pack("max")).is_err());
    let mut replacing = pack("max");
    replacing.replaces.insert("max".to_owned());
    assert!(functions.with(replacing).is_ok());
}
