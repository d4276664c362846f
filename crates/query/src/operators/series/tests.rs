//! Against each function's definition (fact sheet, section 10), over whole lists of rows.

use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{col, lit};
use proptest::prelude::*;

use super::super::sorted::testing::{Row, double, groups, row, rows, run, select, table, text, try_run};
use super::{DuplicateTime, RowCall, RowFunction, SeriesFunctions};

fn call(function: RowFunction, argument: Expr, name: &str) -> RowCall {
    RowCall { function, argument, name: name.to_owned() }
}

fn over(rows: &[Row], calls: Vec<RowCall>, batch_rows: usize) -> LogicalPlan {
    let series = SeriesFunctions {
        groups: vec![col("g")],
        time: col("t"),
        calls,
        passthrough: vec![col("g"), col("t")],
        unique_times: false,
    };
    series.over(table("m", rows, batch_rows)).unwrap()
}

/// None: no row; Some(None): NULL.
type Result = Option<Option<f64>>;

fn diff(rows: &[Row], at: usize, ignore_negative: bool, drop_null: bool) -> Result {
    if at == 0 {
        return None;
    }
    let previous = rows[..at].iter().rev().find_map(|r| r.n);
    let difference = rows[at].n.zip(previous).map(|(a, b)| (a - b) as f64);
    let difference = difference.filter(|d| !(ignore_negative && *d < 0.0));
    if drop_null && difference.is_none() { None } else { Some(difference) }
}

fn derivative(rows: &[Row], at: usize, unit: i64, ignore_negative: bool) -> Result {
    let now = rows[at].x?;
    let (then, before) = rows[..at].iter().rev().find_map(|r| r.x.map(|x| (r.t, x)))?;
    if then == rows[at].t {
        return Some(None);
    }
    let change = (now - before) / ((rows[at].t - then) as f64 / unit as f64);
    if ignore_negative && change < 0.0 { None } else { Some(Some(change)) }
}

fn cumulative(rows: &[Row], at: usize) -> Result {
    rows[at].n?;
    Some(Some(rows[..=at].iter().filter_map(|r| r.n).sum::<i64>() as f64))
}

fn average(rows: &[Row], at: usize, k: usize) -> Result {
    rows[at].x?;
    let known: Vec<f64> = rows[..=at].iter().filter_map(|r| r.x).collect();
    let last = known.len().checked_sub(k)?;
    Some(Some(known[last..].iter().sum::<f64>() / k as f64))
}

/// The rows of the run that meets `n > 0` at `at`, oldest first; NULLs are looked through.
fn met(rows: &[Row], at: usize) -> Vec<&Row> {
    let mut run: Vec<&Row> =
        rows[..=at].iter().rev().filter(|r| r.n.is_some()).take_while(|r| r.n > Some(0)).collect();
    run.reverse();
    run
}

fn state_count(rows: &[Row], at: usize) -> Result {
    let Some(n) = rows[at].n else { return Some(None) };
    Some(Some(if n > 0 { met(rows, at).len() as f64 } else { -1.0 }))
}

fn state_duration(rows: &[Row], at: usize, unit: i64) -> Result {
    let Some(n) = rows[at].n else { return Some(None) };
    Some(Some(if n > 0 { ((rows[at].t - met(rows, at)[0].t) / unit) as f64 } else { -1.0 }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn each_function_alone_is_as_defined(
        rows in rows(0..200), batch_rows in 1_usize..12, k in 1_usize..5, unit in 1_i64..9, a in any::<bool>(), b in any::<bool>(),
    ) {
        type Reference = Box<dyn Fn(&[Row], usize) -> Result>;
        let positive = || col("n").gt(lit(0_i64));
        let cases: Vec<(RowFunction, Expr, bool, Reference)> = vec![
            (RowFunction::Diff { ignore_negative: a, drop_null: b }, col("n"), true, Box::new(move |r, i| diff(r, i, a, b))),
            (RowFunction::Derivative { unit, ignore_negative: a }, col("x"), false, Box::new(move |r, i| derivative(r, i, unit, a))),
            (RowFunction::CumulativeSum, col("n"), true, Box::new(cumulative)),
            (RowFunction::MovingAverage { rows: k }, col("x"), false, Box::new(move |r, i| average(r, i, k))),
            (RowFunction::StateCount, positive(), true, Box::new(state_count)),
            (RowFunction::StateDuration { unit }, positive(), true, Box::new(move |r, i| state_duration(r, i, unit))),
        ];
        for (function, argument, integer, reference) in cases {
            let mut expected = Vec::new();
            for group in groups(&rows) {
                for (at, row) in group.iter().enumerate() {
                    let Some(value) = reference(group, at) else { continue };
                    let value = if integer { text(value) } else { double(value) };
                    expected.push(format!("{}|{}|{value}", text(row.g), row.t));
                }
            }
            let plan = select(over(&rows, vec![call(function, argument, "f")], batch_rows), &["g", "t", "f"]);
            prop_assert_eq!(run(&plan, batch_rows), expected, "{}", function);
        }
    }

    #[test]
    fn a_row_comes_out_if_any_call_has_something(rows in rows(0..200), batch_rows in 1_usize..12) {
        let calls = vec![
            call(RowFunction::CumulativeSum, col("n"), "sum"),
            call(RowFunction::Derivative { unit: 1, ignore_negative: false }, col("x"), "d"),
        ];
        let mut expected = Vec::new();
        for group in groups(&rows) {
            for (at, row) in group.iter().enumerate() {
                let (sum, d) = (cumulative(group, at), derivative(group, at, 1, false));
                if sum.is_some() || d.is_some() {
                    let (sum, d) = (text(sum.flatten()), double(d.flatten()));
                    expected.push(format!("{}|{}|{sum}|{d}", text(row.g), row.t));
                }
            }
        }
        let plan = select(over(&rows, calls, batch_rows), &["g", "t", "sum", "d"]);
        prop_assert_eq!(run(&plan, batch_rows), expected);
    }
}

#[test]
fn two_rows_at_one_time_are_a_typed_error_where_asked() {
    let rows = [row("a", 1, Some(1), None), row("b", 1, Some(1), None), row("b", 1, Some(2), None)];
    for batch_rows in 1..4 {
        let series = |unique_times| SeriesFunctions {
            groups: vec![col("g")],
            time: col("t"),
            calls: vec![call(RowFunction::CumulativeSum, col("n"), "f")],
            passthrough: vec![],
            unique_times,
        };
        let plan = |unique| series(unique).over(table("m", &rows, batch_rows)).unwrap();
        assert_eq!(run(&plan(false), batch_rows), ["1", "1", "3"]);
        let error = try_run(&plan(true), batch_rows).unwrap_err();
        assert_eq!(error.source_as::<DuplicateTime>(), Some(&DuplicateTime { time: 1 }));
    }
}

#[test]
fn sums_and_differences_that_do_not_fit_are_errors() {
    let rows = [
        row("a", 1, Some(i64::MIN), None),
        row("a", 2, Some(i64::MAX), None),
        row("a", 3, Some(i64::MAX), None),
    ];
    let diff = RowFunction::Diff { ignore_negative: false, drop_null: false };
    let error = try_run(&over(&rows, vec![call(diff, col("n"), "f")], 2), 2).unwrap_err();
    assert!(error.to_string().contains("a difference exceeds 64 bits"), "{error}");
    let error =
        try_run(&over(&rows[1..], vec![call(RowFunction::CumulativeSum, col("n"), "f")], 2), 2).unwrap_err();
    assert!(error.to_string().contains("a cumulative sum exceeds 64 bits"), "{error}");
}

/// An infinity that left the window leaves no trace.
#[test]
fn an_average_forgets() {
    let values = [f64::INFINITY, 1.0, 2.0, 1e300, -1e300, 3.0, 5.0];
    let rows: Vec<Row> = values.iter().zip(0..).map(|(x, t)| row("a", t, None, Some(*x))).collect();
    let plan = over(&rows, vec![call(RowFunction::MovingAverage { rows: 2 }, col("x"), "f")], 3);
    assert_eq!(run(&select(plan, &["f"]), 3), ["inf", "1.5", "5e299", "0.0", "-5e299", "4.0"]);
}

#[test]
fn arguments_that_a_function_does_not_take_are_refused() {
    for (function, argument) in [
        (RowFunction::CumulativeSum, col("g")),
        (RowFunction::MovingAverage { rows: 0 }, col("n")),
        (RowFunction::Derivative { unit: 0, ignore_negative: false }, col("n")),
        (RowFunction::Derivative { unit: 1, ignore_negative: false }, col("t")),
        (RowFunction::StateCount, col("n")),
        (RowFunction::StateDuration { unit: -1 }, col("n").gt(lit(1))),
        (RowFunction::Diff { ignore_negative: false, drop_null: false }, col("g")),
    ] {
        let series = SeriesFunctions {
            groups: vec![],
            time: col("t"),
            calls: vec![call(function, argument, "f")],
            passthrough: vec![],
            unique_times: false,
        };
        assert!(series.over(table("m", &[], 1)).is_err(), "{function}");
    }
}
