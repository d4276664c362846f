//! Against the definition (fact sheet, section 9): for each left row a look at all right rows.

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::col;
use proptest::prelude::*;

use super::super::sorted::testing::{Row, explain, row, rows, run, table, text};
use super::{Comparison, TimeJoin, TimeMatch};

fn join(matching: TimeMatch, by_group: bool, limit: Option<u64>, outer: bool) -> TimeJoin {
    TimeJoin {
        on: if by_group { vec![(col("a.g"), col("b.g"))] } else { Vec::new() },
        times: (col("a.t"), col("b.t")),
        matching,
        limit,
        outer,
        left_row: Some("left_row".to_owned()),
    }
}

fn shown(join: TimeJoin, left: &[Row], right: &[Row], batch_rows: (usize, usize)) -> Vec<String> {
    let plan = join.over(table("a", left, batch_rows.0), table("b", right, batch_rows.1)).unwrap();
    run(&columns(plan), batch_rows.0)
}

fn columns(plan: LogicalPlan) -> LogicalPlan {
    let number = |name: &str| datafusion::logical_expr::cast(col(name), arrow::datatypes::DataType::Int64);
    let columns = vec![
        col("a.g"),
        number("a.t").alias("at"),
        col("a.n"),
        number("b.t").alias("bt"),
        col("b.n"),
        col("left_row"),
    ];
    LogicalPlanBuilder::from(plan).project(columns).unwrap().build().unwrap()
}

fn matches<'r>(left: &Row, right: &'r [Row], join: &TimeJoin) -> Vec<&'r Row> {
    let same = |r: &&Row| join.on.is_empty() || (left.g.is_some() && r.g == left.g);
    let (l, limit) = (left.t, join.limit.map_or(usize::MAX, |n| n as usize));
    let by_time = |r: &&Row| match join.matching {
        TimeMatch::Nearest(Comparison::GtEq) => l >= r.t,
        TimeMatch::Nearest(Comparison::Gt) => l > r.t,
        TimeMatch::Nearest(Comparison::Eq) => l == r.t,
        TimeMatch::Nearest(Comparison::LtEq) => l <= r.t,
        TimeMatch::Nearest(Comparison::Lt) => l < r.t,
        TimeMatch::Between { from, to } => l + from <= r.t && r.t <= l + to,
    };
    let all: Vec<&Row> = right.iter().filter(same).filter(by_time).collect();
    match join.matching {
        TimeMatch::Nearest(Comparison::GtEq | Comparison::Gt) => {
            all[all.len().saturating_sub(limit)..].to_vec()
        }
        _ => all.into_iter().take(limit).collect(),
    }
}

fn by_definition(join: &TimeJoin, left: &[Row], right: &[Row]) -> Vec<String> {
    let mut all = Vec::new();
    for (number, l) in left.iter().enumerate() {
        let own = format!("{}|{}|{}", text(l.g), l.t, text(l.n));
        let matches = matches(l, right, join);
        if matches.is_empty() && join.outer {
            all.push(format!("{own}|NULL|NULL|{number}"));
        }
        all.extend(matches.iter().map(|r| format!("{own}|{}|{}|{number}", r.t, text(r.n))));
    }
    all
}

fn matching() -> impl Strategy<Value = TimeMatch> {
    use Comparison::{Eq, Gt, GtEq, Lt, LtEq};
    prop_oneof![
        prop::sample::select(vec![GtEq, Gt, Eq, LtEq, Lt]).prop_map(TimeMatch::Nearest),
        (-9_i64..5, 0_i64..12).prop_map(|(from, length)| TimeMatch::Between { from, to: from + length }),
    ]
}

/// Rows of one time are in no order of their own: numbered by it, so that the definition sees the same one.
fn distinct(rows: Vec<Row>) -> Vec<Row> {
    let mut rows = rows;
    rows.dedup_by_key(|r| (r.g, r.t));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_row_finds_its_neighbours(
        left in rows(0..40), right in rows(0..40), sizes in (1_usize..9, 1_usize..9), matching in matching(),
        limit in prop::option::weighted(0.7, 1_u64..4), outer in any::<bool>(),
    ) {
        let join = join(matching, true, limit, outer);
        let (left, right) = (distinct(left), distinct(right));
        let expected = by_definition(&join, &left, &right);
        prop_assert_eq!(shown(join, &left, &right, sizes), expected);
    }

    #[test]
    fn without_keys_time_alone_decides(
        left in rows(0..40), right in rows(0..40), sizes in (1_usize..9, 1_usize..9), matching in matching(),
        limit in prop::option::weighted(0.7, 1_u64..4), outer in any::<bool>(),
    ) {
        let join = join(matching, false, limit, outer);
        let one = |rows: Vec<Row>| {
            let mut rows: Vec<Row> = rows.into_iter().map(|r| Row { g: Some("z"), ..r }).collect();
            rows.sort_by_key(|r| r.t);
            distinct(rows)
        };
        let (left, right) = (one(left), one(right));
        let expected = by_definition(&join, &left, &right);
        let mut found = shown(join, &left, &right, sizes);
        let mut expected = expected;
        // The order of left rows is by time alone, which is distinct; so is that of the right ones.
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn only_columns_that_are_asked_for_are_read_and_sorted_inputs_are_not_sorted_again() {
    let rows = [row("a", 1, Some(1), None)];
    let join = join(TimeMatch::Nearest(Comparison::GtEq), true, Some(1), true);
    let plan = join.over(table("a", &rows, 1), table("b", &rows, 1)).unwrap();
    let text = explain(&columns(plan));
    assert!(!text.contains("SortExec") && !text.contains("RepartitionExec"), "{text}");
    assert!(text.contains("TimeJoinExec: a.t >= b.t, on=[a.g = b.g], limit=1, outer"), "{text}");
}

#[test]
fn what_cannot_run_is_refused() {
    let over = |join: TimeJoin| join.over(table("a", &[], 1), table("b", &[], 1));
    let asof = TimeMatch::Nearest(Comparison::GtEq);
    assert!(over(join(asof, true, Some(0), false)).is_err());
    assert!(over(join(TimeMatch::Between { from: 2, to: 1 }, true, None, false)).is_err());
    let other = TimeJoin { on: vec![(col("a.g"), col("b.n"))], ..join(asof, true, None, false) };
    assert!(over(other).is_err());
    let times = TimeJoin { times: (col("a.t"), col("b.n")), ..join(asof, true, None, false) };
    assert!(over(times).is_err());
}
