//! Aggregates of `triglot-functions` above the operators, as dialects put them.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::functions_window::expr_fn::{lag, lead};
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::displayable;
use datafusion::prelude::{col, lit};
use proptest::prelude::*;
use triglot_functions::buckets::{Buckets, Width, bucket_next, bucket_start};
use triglot_functions::folds::{time_weight, time_weighted_mean_between};
use triglot_functions::selection;

use super::sorted::testing::{Row, double, groups, row, rows, run, select, table, text};
use super::{AssignWindows, OperatorPlanner, WINDOW, WindowKind};
use crate::SessionOptions;
use crate::tests::fixture;

fn by_group(rows: &[Row], batch_rows: usize, aggregates: Vec<(Expr, &str)>) -> Vec<String> {
    let names: Vec<&str> = std::iter::once("g").chain(aggregates.iter().map(|a| a.1)).collect();
    let aggregates: Vec<Expr> = aggregates.into_iter().map(|(a, name)| a.alias(name)).collect();
    let plan = LogicalPlanBuilder::from(table("m", rows, batch_rows)).aggregate(vec![col("g")], aggregates);
    let plan = plan.unwrap().sort(vec![col("g").sort(true, false)]).unwrap().build().unwrap();
    run(&select(plan, &names), batch_rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn values_of_certain_rows(rows in rows(0..400), batch_rows in 1_usize..12) {
        let mut rows = rows;
        rows.dedup_by_key(|r| (r.g, r.t));
        let (n, t, x) = (|| col("n"), || col("t"), || col("x"));
        let found = by_group(&rows, batch_rows, vec![
            (selection::first_known(n(), &[t()]), "first"),
            (selection::last_known(n(), &[t()]), "last"),
            (selection::first_row(n(), &[t()]), "first_row"),
            (selection::last_row(n(), &[t()]), "last_row"),
            (selection::beside_first(t(), n(), &[t()]), "first_t"),
            (selection::beside_last(x(), n(), &[t()]), "last_x"),
            (selection::beside_largest(t(), n(), &[t()]), "max_t"),
            (selection::beside_smallest(x(), n(), &[t()]), "min_x"),
        ]);
        let expected: Vec<String> = groups(&rows).into_iter().map(|rows| {
            let known: Vec<&Row> = rows.iter().filter(|r| r.n.is_some()).collect();
            let largest = known.iter().rev().max_by_key(|r| r.n);
            let smallest = known.iter().min_by_key(|r| r.n);
            let cells = [
                text(known.first().and_then(|r| r.n)), text(known.last().and_then(|r| r.n)),
                text(rows[0].n), text(rows[rows.len() - 1].n),
                text(known.first().map(|r| r.t)), double(known.last().and_then(|r| r.x)),
                text(largest.map(|r| r.t)), double(smallest.and_then(|r| r.x)),
            ];
            format!("{}|{}", text(rows[0].g), cells.join("|"))
        }).collect();
        prop_assert_eq!(found, expected);
    }

    /// The time-weighted mean of each bucket with its edges: against the area under the line at every instant.
    #[test]
    fn time_weighted_means_of_buckets(rows in rows(0..80), batch_rows in 1_usize..12, width in 3_i64..30) {
        let mut rows = rows;
        rows.dedup_by_key(|r| (r.g, r.t));
        let buckets = Buckets::new(Width::Fixed(width), 0, Tz::UTC, TimeUnit::Millisecond).unwrap();
        let plan = means(table("m", &rows, batch_rows), buckets);
        let found = run(&plan, batch_rows);
        let mut expected = Vec::new();
        for group in groups(&rows) {
            let points: Vec<(i64, f64)> = group.iter().filter_map(|r| Some((r.t, r.x?))).collect();
            let mut starts: Vec<i64> = group.iter().map(|r| r.t / width * width).collect();
            starts.dedup();
            for start in starts {
                let inside: Vec<_> = points.iter().filter(|p| (start..start + width).contains(&p.0)).collect();
                let mean = inside.first().map(|first| {
                    let from = if points[0].0 < start { start } else { first.0 };
                    let is_last = points[points.len() - 1].0 < start + width;
                    let to = if is_last { inside[inside.len() - 1].0 } else { start + width };
                    if from == to { first.1 } else { area(&points, from, to) / (to - from) as f64 }
                });
                expected.push((format!("{}|{start}", text(group[0].g)), mean));
            }
        }
        prop_assert_eq!(found.len(), expected.len());
        for (found, (key, mean)) in found.iter().zip(&expected) {
            let (found_key, found) = found.rsplit_once('|').unwrap();
            prop_assert_eq!(found_key, key);
            // NULL is no number.
            match (found.parse::<f64>().ok(), mean) {
                (Some(found), Some(mean)) => prop_assert!((found - mean).abs() < 1e-9, "{found} {mean}"),
                (found, mean) => prop_assert_eq!(&found, mean),
            }
        }
    }
}

/// Under straight lines, by halves of a unit of time.
fn area(points: &[(i64, f64)], from: i64, to: i64) -> f64 {
    let value = |time: f64| {
        let next = points.iter().position(|p| p.0 as f64 >= time).unwrap();
        let (t1, v1) = points[next];
        if t1 as f64 == time {
            return v1;
        }
        let (t0, v0) = points[next - 1];
        v0 + (v1 - v0) * (time - t0 as f64) / (t1 - t0) as f64
    };
    // Corners lie at whole times, so between them the middle is the mean.
    (from..to).map(|t| value(t as f64 + 0.5)).sum()
}

/// How a dialect plans it: weights by bucket, the neighbours' by `lag` and `lead`, then the means. The offset of
/// 1 is named: without it DataFusion's `lag` of a plan (unlike that of SQL) is the row itself.
fn means(input: LogicalPlan, buckets: Buckets) -> LogicalPlan {
    let start = bucket_start(buckets).call(vec![col("t")]).alias("s");
    let time = || col("s");
    let input = LogicalPlanBuilder::from(input).project(vec![col("g"), col("t"), col("x"), start]).unwrap();
    let weight = time_weight().call(vec![col("t"), col("x")]).alias("w");
    let weights = input.aggregate(vec![col("g"), time()], vec![weight]).unwrap();
    let neighbour = |function: Expr, name: &str| {
        let ordered = function.partition_by(vec![col("g")]).order_by(vec![time().sort(true, false)]);
        ordered.null_treatment(NullTreatment::IgnoreNulls).build().unwrap().alias(name)
    };
    let windows =
        vec![neighbour(lag(col("w"), Some(1), None), "b"), neighbour(lead(col("w"), Some(1), None), "a")];
    let end = bucket_next(buckets).call(vec![time()]);
    let mean = time_weighted_mean_between().call(vec![col("w"), col("b"), col("a"), time(), end]);
    let plan = weights.window(windows).unwrap();
    let plan = plan.project(vec![col("g"), cast(time(), DataType::Int64).alias("s"), mean]).unwrap();
    plan.sort(vec![col("g").sort(true, false), time().sort(true, false)]).unwrap().build().unwrap()
}

#[test]
fn windows_and_values_of_their_rows() {
    let rows = [row("a", 1, Some(3), None), row("a", 2, None, None), row("a", 9, Some(4), None)];
    let windows =
        AssignWindows { groups: vec![col("g")], time: col("t"), kind: WindowKind::Session { gap: 2 } };
    let plan = LogicalPlanBuilder::from(windows.over(table("m", &rows, 2)).unwrap());
    let last = selection::last_known(col("n"), &[col("t")]).alias("last");
    let ends = vec![min(col("t")).alias("first_t"), max(col("t")).alias("last_t"), last];
    let plan = plan.aggregate(vec![col("g"), col(WINDOW)], ends).unwrap().build().unwrap();
    assert_eq!(run(&select(plan, &["g", "first_t", "last_t", "last"]), 2), ["a|1|2|3", "a|9|9|4"]);
}

/// Conditions reach the scan of a table of series: time from below a window, tags from below and above.
#[tokio::test]
async fn conditions_reach_the_scan_through_an_operator() {
    let options =
        SessionOptions { extension_planners: vec![Arc::new(OperatorPlanner)], ..fixture::options() };
    let session = fixture::session_with(options, fixture::tables(fixture::cpu(10, 30)));
    let sql = "SELECT time, host, usage_user AS x FROM cpu WHERE time >= '2020-01-01T00:01:00'";
    let windows =
        AssignWindows { groups: vec![col("host")], time: col("time"), kind: WindowKind::Session { gap: 1 } };
    let plan = windows.over(fixture::plan(&session, sql).unwrap()).unwrap();
    let plan = LogicalPlanBuilder::from(plan).filter(col("host").eq(lit("host_1"))).unwrap();
    let plan =
        plan.aggregate(vec![col("host"), col(WINDOW)], vec![max(col("time"))]).unwrap().build().unwrap();
    let physical = session.physical_plan(&plan).await.unwrap();
    let text = displayable(physical.as_ref()).indent(false).to_string();
    assert!(text.contains("projection=[time, host], time=[2020-01-01T00:01:00, -], series=1/10"), "{text}");
    assert!(!text.contains("FilterExec"), "{text}");
}
