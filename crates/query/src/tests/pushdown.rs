//! Filters that the scan decides give the same rows as filters that it does not see.

use proptest::prelude::*;
use triglot_model::Precision;

use super::fixture::{plain, query, session, sorted};
use crate::source::memory::{MemorySource, TestRow};

fn tag() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(
        0.8,
        prop_oneof!["a", "b", "ab", "", "12", "a value of more than twelve bytes"],
    )
}

fn row() -> impl Strategy<Value = TestRow> {
    (tag(), tag(), -20i64..60, proptest::option::of(0u8..9), proptest::option::of(0i64..9)).prop_map(
        |(host, region, time, user, count)| TestRow { host, region, time, user: user.map(f64::from), count },
    )
}

/// A timestamp literal near the rows of a table of this precision, often between two units.
fn instant(precision: Precision) -> BoxedStrategy<String> {
    let ns = match precision {
        Precision::Milli => {
            prop_oneof![(-25i64..65).prop_map(|ms| ms * 1_000_000), -25_000_000i64..65_000_000].boxed()
        }
        _ => (-25i64..65).boxed(),
    };
    prop_oneof![
        3 => ns.prop_map(|ns| format!("arrow_cast({ns}, 'Timestamp(Nanosecond, None)')")),
        1 => (-25i64..65).prop_map(|ms| format!("arrow_cast({ms}, 'Timestamp(Millisecond, None)')")),
        1 => (0i64..65).prop_map(|ms| format!("'1970-01-01T00:00:00.0{ms:02}'")),
        1 => (0i64..65).prop_map(|ns| format!("'1970-01-01T00:00:00.0000000{ns:02}Z'")),
    ]
    .boxed()
}

fn comparison() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="])
}

fn atom(precision: Precision) -> BoxedStrategy<String> {
    let instant = || instant(precision);
    let tag_name = || prop::sample::select(vec!["host", "region"]);
    let value = || prop::sample::select(vec!["'a'", "'b'", "'ab'", "''", "NULL", "'12'"]);
    prop_oneof![
        (comparison(), instant()).prop_map(|(op, t)| format!("time {op} {t}")),
        (instant(), comparison()).prop_map(|(t, op)| format!("{t} {op} time")),
        (instant(), instant()).prop_map(|(a, b)| format!("time BETWEEN {a} AND {b}")),
        (instant(), instant()).prop_map(|(a, b)| format!("time NOT BETWEEN {a} AND {b}")),
        (instant(), instant()).prop_map(|(a, b)| format!("time IN ({a}, {b})")),
        (comparison(), -25i64..65).prop_map(|(op, n)| format!("CAST(time AS BIGINT) {op} {n}")),
        (tag_name(), comparison(), value()).prop_map(|(t, op, v)| format!("{t} {op} {v}")),
        (tag_name(), value(), value()).prop_map(|(t, a, b)| format!("{t} IN ({a}, {b})")),
        (tag_name(), value(), value()).prop_map(|(t, a, b)| format!("{t} NOT IN ({a}, {b})")),
        tag_name().prop_map(|t| format!("{t} IS NULL")),
        tag_name().prop_map(|t| format!("{t} IS NOT NULL")),
        tag_name().prop_map(|t| format!("{t} LIKE 'a%'")),
        tag_name().prop_map(|t| format!("length({t}) > 1")),
        Just("host = region".to_owned()),
        Just("coalesce(host, 'b') = coalesce(region, 'b')".to_owned()),
        Just("TRY_CAST(host AS BIGINT) = 12".to_owned()),
        (comparison(), 0u8..9).prop_map(|(op, n)| format!("usage_user {op} {n}")),
        Just("n IS NULL".to_owned()),
        Just("CAST(n AS VARCHAR) = host".to_owned()),
    ]
    .boxed()
}

fn predicate(precision: Precision) -> impl Strategy<Value = String> {
    atom(precision).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            1 => inner.prop_map(|a| format!("(NOT {a})")),
        ]
    })
}

fn case() -> impl Strategy<Value = (Precision, Vec<TestRow>, String)> {
    prop::sample::select(vec![Precision::Nano, Precision::Milli]).prop_flat_map(|precision| {
        (Just(precision), prop::collection::vec(row(), 0..40), predicate(precision))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn scans_filter_like_datafusion((precision, rows, predicate) in case(), inflate in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let sql = format!("SELECT * FROM cpu WHERE {predicate}");
            let expected = plain(precision, &rows).sql(&sql).await.unwrap().collect().await;
            let mut source = MemorySource::new(precision, &rows, 16);
            // Rows that count as many make the scan use several partitions and split chunks.
            source.inflate = if inflate { 1 << 20 } else { 1 };
            let found = query(&session(source), &sql).await;
            match (expected, found) {
                (Ok(expected), Ok(found)) => prop_assert_eq!(sorted(&found), sorted(&expected), "{}", sql),
                (Err(_), Err(_)) => {}
                (expected, found) => prop_assert!(false, "{}: {:?} but {:?}", sql, expected, found),
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_scan_may_give_tags_time_and_fields_in_any_order_or_none_at_all() {
    let rows = vec![
        TestRow { host: Some("a".into()), region: None, time: 5, user: Some(1.5), count: None },
        TestRow { host: None, region: Some("r".into()), time: 7, user: None, count: Some(2) },
    ];
    let session = session(MemorySource::new(Precision::Nano, &rows, 16));
    let found =
        query(&session, "SELECT n, region, usage_user, host, CAST(time AS BIGINT) FROM cpu").await.unwrap();
    assert_eq!(sorted(&found), ["2|r|NULL|NULL|7", "NULL|NULL|1.5|a|5"]);
    let found = query(&session, "SELECT count(*) FROM cpu WHERE n = 2").await.unwrap();
    assert_eq!(sorted(&found), ["1"]);
    let found = query(&session, "SELECT 1 FROM cpu LIMIT 1").await.unwrap();
    assert_eq!(sorted(&found), ["1"]);
}

#[tokio::test]
async fn limits_hold_over_several_chunks_and_partitions() {
    let mut source = super::fixture::cpu(10, 20_000);
    for inflate in [1, 100] {
        source.inflate = inflate;
        let source = std::mem::replace(&mut source, super::fixture::cpu(10, 20_000));
        let session = session(source);
        for limit in [0, 1, 8191, 8193, 150_000, 300_000] {
            let sql = format!("SELECT usage_user FROM cpu LIMIT {limit}");
            let found = query(&session, &sql).await.unwrap();
            let rows: usize = found.iter().map(|b| b.num_rows()).sum();
            assert_eq!(rows, limit.min(200_000), "limit {limit}, inflate {inflate}");
        }
    }
}
