//! Against the definition (fact sheet, section 8, INTERP): for each point a look at all rows of the series.

use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use proptest::prelude::*;

use super::super::gap_fill::{FillMode, Rounding};
use super::super::sorted::testing::{Row, double, explain, groups, row, rows, run, select, table, text};
use super::{Interp, InterpColumn, Points, Within};

fn time(t: i64) -> datafusion::logical_expr::Expr {
    lit(ScalarValue::TimestampMillisecond(Some(t), None))
}

fn column(input: &str, mode: FillMode, skip_nulls: bool, within: Option<i64>) -> InterpColumn {
    let within = within.map(|distance| Within { distance, otherwise: ScalarValue::Int32(Some(-9)) });
    InterpColumn { input: col(input), mode, skip_nulls, within, name: format!("p_{input}") }
}

fn over(columns: Vec<InterpColumn>, points: (i64, i64, i64)) -> Interp {
    Interp {
        groups: vec![col("g")],
        time: col("t"),
        points: Points { ends: Some([time(points.0), time(points.1)]), step: points.2 },
        columns,
        time_name: "p".to_owned(),
        is_filled: Some("filled".to_owned()),
        origin: Some("origin".to_owned()),
    }
}

/// What a column has at `p`: none: nothing. With the time of the row it is from.
type Found = Option<(Option<f64>, Option<i64>)>;

fn at(rows: &[Row], value: fn(&Row) -> Option<f64>, column: &InterpColumn, p: i64) -> Found {
    let rows: Vec<(i64, Option<f64>)> =
        rows.iter().map(|r| (r.t, value(r))).filter(|r| r.1.is_some() || !column.skip_nulls).collect();
    if let Some(own) = rows.iter().find(|r| r.0 == p) {
        return Some((own.1, Some(own.0)));
    }
    let before = rows.iter().rfind(|r| r.0 < p);
    let after = rows.iter().find(|r| r.0 > p);
    let near = match (before, after) {
        (Some(b), Some(a)) => Some(if p - b.0 <= a.0 - p { b } else { a }),
        (b, a) => b.or(a),
    };
    let neighbour = match &column.mode {
        FillMode::Null => return Some((None, None)),
        FillMode::Value(_) => return Some((Some(7.0), None)),
        FillMode::Linear(_) => {
            let (b, a) = before.zip(after)?;
            let line = b.1.zip(a.1).map(|(v0, v1)| v0 + (v1 - v0) * (p - b.0) as f64 / (a.0 - b.0) as f64);
            return Some((line, None));
        }
        FillMode::Previous => before,
        FillMode::Next => after,
        FillMode::Near => near,
    };
    match &column.within {
        None => neighbour.map(|r| (r.1, Some(r.0))),
        Some(within) => {
            let near = neighbour.filter(|r| (r.0 - p).abs() <= within.distance);
            Some(near.map_or((Some(-9.0), None), |r| (r.1, Some(r.0))))
        }
    }
}

fn mode() -> impl Strategy<Value = FillMode> {
    prop::sample::select(vec![
        FillMode::Null,
        FillMode::Value(ScalarValue::Utf8(Some("7".to_owned()))),
        FillMode::Previous,
        FillMode::Next,
        FillMode::Near,
        FillMode::Linear(Rounding::TowardsZero),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn points_are_as_defined(
        rows in rows(0..60), batch_rows in 1_usize..12, first in -10_i64..70, length in -3_i64..80, step in 1_i64..12,
        modes in (mode(), mode()), skip in any::<(bool, bool)>(), within in prop::option::weighted(0.3, 0_i64..10),
    ) {
        let x = column("x", modes.0.clone(), skip.0, within);
        let n = column("n", modes.1.clone(), skip.1, None);
        let plan = over(vec![x.clone(), n.clone()], (first, first + length, step)).over(table("m", &rows, batch_rows));
        let plan = select(plan.unwrap(), &["g", "p", "p_x", "p_n", "filled", "origin"]);
        let mut expected = Vec::new();
        for group in groups(&rows) {
            for p in (0..).map(|k| first + k * step).take_while(|p| *p <= first + length) {
                let found_x = at(group, |r| r.x, &x, p);
                let found_n = at(group, |r| r.n.map(|n| n as f64), &n, p);
                if found_x.is_none() && found_n.is_none() {
                    continue;
                }
                let exact = [&found_x, &found_n].iter().any(|f| f.is_some_and(|f| f.1 == Some(p)));
                let origin = found_x.and_then(|f| f.1);
                let value_n = found_n.and_then(|f| f.0).map(|n| n.trunc() as i64);
                expected.push(format!(
                    "{}|{p}|{}|{}|{}|{}",
                    text(group[0].g), double(found_x.and_then(|f| f.0)), text(value_n), !exact, text(origin)
                ));
            }
        }
        prop_assert_eq!(run(&plan, batch_rows), expected);
    }

    /// Without ends, each series has the points that it has between its first and its last row.
    #[test]
    fn points_from_the_first_to_the_last_row(
        rows in rows(0..60), batch_rows in 1_usize..12, step in 1_i64..12, mode in mode(), skip in any::<bool>(),
    ) {
        let x = column("x", mode, skip, None);
        let mut open = over(vec![x.clone()], (0, 0, step));
        open.points.ends = None;
        let plan = select(open.over(table("m", &rows, batch_rows)).unwrap(), &["g", "p", "p_x"]);
        let mut expected = Vec::new();
        for group in groups(&rows) {
            let (first, last) = (group[0].t, group[group.len() - 1].t);
            for p in (0..).map(|k| first + k * step).take_while(|p| *p <= last) {
                if let Some(found) = at(group, |r| r.x, &x, p) {
                    expected.push(format!("{}|{p}|{}", text(group[0].g), double(found.0)));
                }
            }
        }
        prop_assert_eq!(run(&plan, batch_rows), expected);
    }
}

/// A point a nanosecond for years, none of which has anything: nothing runs over them one by one.
#[test]
fn stretches_without_anything_cost_nothing() {
    let rows = [row("a", 5, Some(1), None)];
    let next = column("n", FillMode::Next, false, None);
    let plan = over(vec![next], (0, i64::MAX, 1)).over(table("m", &rows, 1)).unwrap();
    assert_eq!(run(&select(plan, &["p", "p_n"]), 4), ["0|1", "1|1", "2|1", "3|1", "4|1", "5|1"]);
}

#[test]
fn conditions_on_groups_go_below_and_refusals() {
    let interp = |mode| over(vec![column("n", mode, false, None)], (0, 3, 1));
    let plan = interp(FillMode::Null).over(table("m", &[], 1)).unwrap();
    let plan = datafusion::logical_expr::LogicalPlanBuilder::from(plan).filter(col("g").eq(lit("a")));
    let text = explain(&plan.unwrap().build().unwrap());
    assert!(text.find("InterpExec").unwrap() < text.find("FilterExec").unwrap(), "{text}");
    let mut of_text = interp(FillMode::Linear(Rounding::Nearest));
    of_text.columns[0].input = col("g");
    assert!(of_text.over(table("m", &[], 1)).is_err());
    let mut standing = interp(FillMode::Null);
    standing.points.step = 0;
    assert!(standing.over(table("m", &[], 1)).is_err());
}
