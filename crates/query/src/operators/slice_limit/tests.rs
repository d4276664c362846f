use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::prelude::{col, lit};
use proptest::prelude::*;

use super::super::sorted::testing::{Row, explain, groups, row, rows, run, select, table, text};
use super::SliceLimit;

fn show(rows: impl IntoIterator<Item = Row>) -> Vec<String> {
    rows.into_iter().map(|r| format!("{}|{}|{}", text(r.g), r.t, text(r.n))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn slices_and_their_rows_are_counted(
        rows in rows(0..30), batch_rows in 1_usize..9, skip_slices in 0_usize..3,
        take_slices in prop::option::of(0_usize..4), skip in 0_usize..4, take in prop::option::of(0_usize..6),
    ) {
        let limit = SliceLimit {
            slices: vec![col("g")],
            order: vec![col("t").sort(true, false)],
            skip_slices: skip_slices as u64,
            take_slices: take_slices.map(|n| n as u64),
            skip_rows: skip as u64,
            take_rows: take.map(|n| n as u64),
        };
        let plan = limit.over(table("m", &rows, batch_rows)).unwrap();
        let slices = groups(&rows).into_iter().skip(skip_slices).take(take_slices.unwrap_or(usize::MAX));
        let expected = slices.flat_map(|s| s.iter().skip(skip).take(take.unwrap_or(usize::MAX)).cloned());
        prop_assert_eq!(run(&select(plan, &["g", "t", "n"]), batch_rows), show(expected));
    }

    /// The largest rows of each group, and the earliest row of each value.
    #[test]
    fn ranks_and_distinct_values(rows in rows(0..30), batch_rows in 1_usize..9, k in 1_u64..4) {
        let by = |slices: Vec<Expr>, order, k| {
            let plan = SliceLimit::rows(slices, order, 0, Some(k)).over(table("m", &rows, batch_rows)).unwrap();
            run(&select(plan, &["g", "n"]), batch_rows)
        };
        let mut largest = Vec::new();
        for group in groups(&rows) {
            let mut values: Vec<Option<i64>> = group.iter().map(|r| r.n).collect();
            values.sort_by_key(|n| std::cmp::Reverse(*n));
            largest.extend(values.into_iter().take(k as usize).map(|n| format!("{}|{}", text(group[0].g), text(n))));
        }
        prop_assert_eq!(by(vec![col("g")], vec![col("n").sort(false, false)], k), largest);
        let mut distinct = Vec::new();
        for group in groups(&rows) {
            let mut values: Vec<Option<i64>> = group.iter().map(|r| r.n).collect();
            values.sort_by_key(|n| (n.is_none(), *n));
            values.dedup();
            distinct.extend(values.into_iter().map(|n| format!("{}|{}", text(group[0].g), text(n))));
        }
        prop_assert_eq!(by(vec![col("g"), col("n")], vec![col("t").sort(true, false)], 1), distinct);
    }
}

#[test]
fn conditions_go_below_a_limit_of_rows_but_not_of_slices() {
    let rows = [row("a", 1, None, None), row("b", 2, None, None)];
    let filtered = |limit: SliceLimit| {
        let plan = limit.over(table("m", &rows, 2)).unwrap();
        LogicalPlanBuilder::from(plan).filter(col("g").eq(lit("b"))).unwrap().build().unwrap()
    };
    let by_rows = SliceLimit::rows(vec![col("g")], vec![], 0, Some(1));
    let by_slices = SliceLimit { take_slices: Some(1), ..by_rows.clone() };
    let (rows_plan, slices_plan) = (filtered(by_rows), filtered(by_slices));
    let before = |text: &str| text.find("FilterExec").unwrap() < text.find("SliceLimitExec").unwrap();
    assert!(!before(&explain(&rows_plan)) && before(&explain(&slices_plan)));
    assert_eq!(run(&select(rows_plan, &["g"]), 2), ["b"]);
    assert!(run(&select(slices_plan, &["g"]), 2).is_empty());
}
