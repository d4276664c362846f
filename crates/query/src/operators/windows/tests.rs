//! Against each kind's definition, taken from the fact sheet (section 8), over whole lists of rows.

use arrow::datatypes::TimeUnit;
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{col, lit};
use proptest::prelude::*;
use triglot_functions::buckets::{Buckets, Width};

use super::super::sorted::testing::{Row, explain, groups, row, rows, run, select, table, text};
use super::{AssignWindows, NullState, WINDOW, WINDOW_START, WindowKind};

/// Row, number of its window.
type Assigned<'a> = Vec<(&'a Row, u64)>;

fn sessions(rows: &[Row], gap: i64) -> Assigned<'_> {
    let breaks = |upto: usize| (1..=upto).filter(|i| rows[*i].t - rows[i - 1].t > gap).count() as u64;
    rows.iter().enumerate().map(|(i, r)| (r, breaks(i))).collect()
}

fn states(rows: &[Row], nulls: NullState) -> Assigned<'_> {
    let (mut current, mut window, mut all) = (None, 0, Vec::new());
    for row in rows {
        match (row.n, current) {
            (None, Some(_)) if nulls == NullState::Continue => {}
            (None, _) => continue,
            (Some(state), Some(before)) if state != before => window += 1,
            _ => {}
        }
        current = row.n.or(current);
        all.push((row, window));
    }
    all
}

/// Rows without a state have that of the next row with one.
fn states_ahead(rows: &[Row]) -> Assigned<'_> {
    let state = |i: usize| rows[i..].iter().find_map(|r| r.n);
    let (mut window, mut before, mut all) = (0, None, Vec::new());
    for (i, row) in rows.iter().enumerate() {
        let Some(state) = state(i) else { break };
        window += u64::from(before.is_some_and(|before| before != state));
        before = Some(state);
        all.push((row, window));
    }
    all
}

/// From a positive `n` to a negative `x`.
fn events(rows: &[Row]) -> Assigned<'_> {
    let (mut rest, mut all, mut window) = (0, Vec::new(), 0);
    while let Some(opened) = (rest..rows.len()).find(|i| rows[*i].n.is_some_and(|n| n > 0)) {
        let Some(closed) = (opened..rows.len()).find(|i| rows[*i].x.is_some_and(|x| x < 0.0)) else { break };
        all.extend(rows[opened..=closed].iter().map(|r| (r, window)));
        window += 1;
        rest = closed + 1;
    }
    all
}

fn counts(rows: &[Row], size: usize, slide: usize) -> Assigned<'_> {
    let known: Vec<&Row> = rows.iter().filter(|r| r.n.is_some()).collect();
    let mut all = Vec::new();
    for (index, row) in known.iter().enumerate() {
        let windows = (0..known.len()).filter(|w| (w * slide..w * slide + size).contains(&index));
        all.extend(windows.map(|w| (*row, w as u64)));
    }
    all
}

fn over(rows: &[Row], kind: WindowKind, batch_rows: usize) -> LogicalPlan {
    let windows = AssignWindows { groups: vec![col("g")], time: col("t"), kind };
    windows.over(table("m", rows, batch_rows)).unwrap()
}

fn lines(assigned: impl IntoIterator<Item = (Row, u64)>) -> Vec<String> {
    let line = |(r, w): (Row, u64)| format!("{}|{}|{}|{w}", text(r.g), r.t, text(r.n));
    assigned.into_iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn each_kind_is_as_defined(
        rows in rows(0..60), batch_rows in 1_usize..12, gap in 0_i64..6, size in 1_usize..5, slide in 1_usize..5,
    ) {
        let event = WindowKind::Event { start: col("n").gt(lit(0_i64)), end: col("x").lt(lit(0.0)) };
        let count = WindowKind::Count { rows: size as u64, slide: slide as u64, required: vec![col("n")] };
        let state = |nulls| WindowKind::State { value: col("n"), nulls };
        type Reference = Box<dyn Fn(&[Row]) -> Assigned<'_>>;
        let kinds: [(WindowKind, Reference); 6] = [
            (WindowKind::Session { gap }, Box::new(move |r| sessions(r, gap))),
            (state(NullState::Skip), Box::new(|r| states(r, NullState::Skip))),
            (state(NullState::Continue), Box::new(|r| states(r, NullState::Continue))),
            (state(NullState::Precede), Box::new(states_ahead)),
            (event, Box::new(events)),
            (count, Box::new(move |r| counts(r, size, slide))),
        ];
        for (kind, reference) in kinds {
            let expected = groups(&rows).into_iter().flat_map(reference).map(|(r, w)| (r.clone(), w));
            let plan = select(over(&rows, kind.clone(), batch_rows), &["g", "t", "n", WINDOW]);
            prop_assert_eq!(run(&plan, batch_rows), lines(expected), "{}", kind);
        }
    }

    #[test]
    fn sliding_windows_hold_the_rows_between_their_ends(
        rows in rows(-50..60), batch_rows in 1_usize..12, width in 1_i64..20, slide in 1_i64..20, offset in 0_i64..20,
    ) {
        let buckets = Buckets::new(Width::Fixed(slide), offset, Tz::UTC, TimeUnit::Millisecond).unwrap();
        let plan = over(&rows, WindowKind::Sliding { buckets, width }, batch_rows);
        let mut expected = Vec::new();
        for row in &rows {
            let starts = (-100..100).map(|k| k * slide + offset).filter(|s| *s <= row.t && row.t < s + width);
            expected.extend(starts.map(|s| format!("{}|{}|{s}", text(row.g), row.t)));
        }
        prop_assert_eq!(run(&select(plan.clone(), &["g", "t", WINDOW_START]), batch_rows), expected);
        // One number for one start.
        let groups = vec![col("g"), col(WINDOW)];
        let ends = vec![min(col(WINDOW_START)).alias("a"), max(col(WINDOW_START)).alias("b")];
        let numbers = LogicalPlanBuilder::from(plan).aggregate(groups, ends).unwrap().build().unwrap();
        for line in run(&select(numbers, &["a", "b"]), batch_rows) {
            let (first, last) = line.split_once('|').unwrap();
            prop_assert_eq!(first, last);
        }
    }
}

/// A day of 23 hours, one of 25: windows of one local day that start every day.
#[test]
fn sliding_windows_follow_the_clocks_of_a_zone() {
    let buckets =
        Buckets::new(Width::Fixed(86_400_000), 0, Tz::Europe__Berlin, TimeUnit::Millisecond).unwrap();
    const HOUR: i64 = 3_600_000;
    // 2021-03-27T23:00Z is midnight in Berlin; the clocks went forward two hours later.
    let midnight = 1_616_886_000_000;
    let rows = [row("a", midnight, None, None), row("a", midnight + 23 * HOUR, None, None)];
    let plan = over(&rows, WindowKind::Sliding { buckets, width: 24 * HOUR }, 10);
    let found = run(&select(plan, &["t", WINDOW_START]), 10);
    let expected =
        [(0, 0), (23, 0), (23, 23)].map(|(t, s)| format!("{}|{}", midnight + t * HOUR, midnight + s * HOUR));
    assert_eq!(found, expected);
}

#[test]
fn an_aggregate_above_needs_neither_sort_nor_exchange() {
    let rows = [row("a", 1, Some(1), None), row("a", 2, Some(1), None), row("b", 9, Some(2), None)];
    let plan = over(&rows, WindowKind::Session { gap: 5 }, 2);
    let plan = LogicalPlanBuilder::from(plan)
        .aggregate(vec![col("g"), col(WINDOW)], vec![count(col("n")), min(col("t")), max(col("t"))])
        .unwrap()
        .build()
        .unwrap();
    let text = explain(&plan);
    assert!(text.contains("ordering_mode=Sorted") && !text.contains("SortExec"), "{text}");
    assert_eq!(run(&select(plan, &["g", WINDOW, "count(m.n)"]), 2), ["a|0|2", "b|0|1"]);
}

#[test]
fn conditions_on_groups_go_below_and_others_stay() {
    let plan = over(&[row("a", 1, None, None)], WindowKind::Session { gap: 5 }, 2);
    let plan = LogicalPlanBuilder::from(plan)
        .filter(
            col("g")
                .eq(lit("a"))
                .and(col("t").gt(lit(datafusion::scalar::ScalarValue::TimestampMillisecond(Some(0), None)))),
        )
        .unwrap()
        .project(vec![col("g"), col(WINDOW)])
        .unwrap()
        .build()
        .unwrap();
    let text = explain(&plan);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = |what: &str| {
        lines.iter().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what} in {text}"))
    };
    assert!(
        at("FilterExec: t@") < at("AssignWindowsExec") && at("AssignWindowsExec") < at("FilterExec: g@"),
        "{text}"
    );
    // Columns that nobody asks for are not read.
    assert!(!text.contains("x@") && text.contains("AssignWindowsExec: session gap=5"), "{text}");
}

#[test]
fn what_cannot_run_is_refused() {
    let refused = |kind: WindowKind, time: &str| {
        let windows = AssignWindows { groups: vec![], time: col(time), kind };
        windows.over(table("m", &[], 1)).unwrap_err().strip_backtrace()
    };
    assert!(refused(WindowKind::Session { gap: 1 }, "x").contains("time of type Float64"));
    assert!(refused(WindowKind::Session { gap: -1 }, "t").contains("-1"));
    assert!(refused(WindowKind::Count { rows: 0, slide: 1, required: vec![] }, "t").contains("0 rows"));
    assert!(refused(WindowKind::Event { start: col("n"), end: lit(true) }, "t").contains("no condition"));
    let buckets = Buckets::new(Width::Fixed(1), 0, Tz::UTC, TimeUnit::Second).unwrap();
    assert!(refused(WindowKind::Sliding { buckets, width: 1 }, "t").contains("1 s over a time"));
}
