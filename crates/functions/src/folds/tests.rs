//! Against definitions over whole groups, however the rows are dealt to parts and merged.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use proptest::prelude::*;

use super::bins::{Bins, Histogram};
use super::edges::{Elapsed, InstantRate, Spread, TimeWeight};
use super::fit::LeastSquares;
use super::percentile::Percentiles;
use super::udaf::Groups;
use super::{Arguments, Fold, Number};

/// Group, time, value.
type Row = (usize, i64, Option<f64>);

const GROUPS: usize = 3;

/// The results for each group, merged from `parts` of rows dealt one by one.
fn fold<F: Fold>(fold: F, rows: &[Row], parts: usize) -> ArrayRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    let ty = fold.return_type(Some(&time));
    let mut whole = Groups::new(fold.clone(), ty.clone(), 0);
    for part in 0..parts {
        let own: Vec<Row> = rows.iter().skip(part).step_by(parts).copied().collect();
        let times: ArrayRef = Arc::new(own.iter().map(|r| Some(r.1)).collect::<TimestampMillisecondArray>());
        let values: ArrayRef = Arc::new(own.iter().map(|r| r.2).collect::<Float64Array>());
        let columns = match F::ARGUMENTS {
            Arguments::Value => vec![values],
            Arguments::Time => vec![times],
            Arguments::TimeAndValue => vec![times, values],
        };
        let groups: Vec<usize> = own.iter().map(|r| r.0).collect();
        if part == 0 {
            whole.update_batch(&columns, &groups, None, GROUPS).unwrap();
            continue;
        }
        let mut partial = Groups::new(fold.clone(), ty.clone(), 0);
        partial.update_batch(&columns, &groups, None, GROUPS).unwrap();
        let state = GroupsAccumulator::state(&mut partial, EmitTo::All).unwrap();
        whole.merge_batch(&state, &(0..GROUPS).collect::<Vec<_>>(), GROUPS).unwrap();
    }
    let result = whole.evaluate(EmitTo::All).unwrap();
    assert_eq!((result.len(), result.data_type()), (GROUPS, &ty));
    result
}

fn numbers(array: &ArrayRef) -> Vec<Option<f64>> {
    array.as_primitive::<Float64Type>().iter().collect()
}

/// The known points of a group by time.
fn points(rows: &[Row], group: usize) -> Vec<(i64, f64)> {
    let mut points: Vec<(i64, f64)> =
        rows.iter().filter(|r| r.0 == group).filter_map(|r| Some((r.1, r.2?))).collect();
    points.sort_by_key(|p| p.0);
    points
}

fn close(found: &[Option<f64>], expected: &[Option<f64>]) -> bool {
    found.iter().zip(expected).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
        (a, b) => a == b,
    })
}

/// Rows at different times, in any order.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..GROUPS, prop::option::weighted(0.8, -8_i32..9));
    prop::collection::vec(row, 0..25)
        .prop_map(|rows| {
            rows.into_iter()
                .zip(0_i64..)
                .map(|((g, v), i)| (g, i * i, v.map(|v| f64::from(v) / 2.0)))
                .collect::<Vec<Row>>()
        })
        .prop_shuffle()
}

/// What a group's points give, time and value, in the order of time.
type Reference<'a> = &'a dyn Fn(&[(i64, f64)]) -> Option<f64>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_is_as_defined(rows in rows(), parts in 1_usize..4, p in 0_u32..101) {
        let by_group = |f: Reference<'_>| -> Vec<Option<f64>> { (0..GROUPS).map(|g| f(&points(&rows, g))).collect() };
        let spread = by_group(&|p| {
            let values = || p.iter().map(|p| p.1);
            Some(values().reduce(f64::max)? - values().reduce(f64::min)?)
        });
        prop_assert_eq!(numbers(&fold(Spread, &rows, parts)), spread);

        let elapsed: Vec<Option<f64>> = (0..GROUPS).map(|g| {
            let times = || rows.iter().filter(|r| r.0 == g).map(|r| r.1);
            Some((times().max()? - times().min()?) as f64 / 10.0)
        }).collect();
        prop_assert_eq!(numbers(&fold(Elapsed { unit: 10 }, &rows, parts)), elapsed);

        let rate = by_group(&|p| match p {
            [.., (t0, v0), (t1, v1)] => Some(if v1 < v0 { *v1 } else { v1 - v0 } * 1000.0 / (t1 - t0) as f64),
            _ => None,
        });
        let found = numbers(&fold(InstantRate { unit: 1000 }, &rows, parts));
        prop_assert!(close(&found, &rate), "{found:?} {rate:?}");

        let percentile = by_group(&|points| {
            let mut values: Vec<f64> = points.iter().map(|p| p.1).collect();
            values.sort_by(f64::total_cmp);
            let last = values.len().checked_sub(1)?;
            let hundredths = p as usize * last;
            let (below, rest) = (hundredths / 100, hundredths % 100);
            let above = values[(below + 1).min(last)];
            Some(values[below] + (above - values[below]) * rest as f64 / 100.0)
        });
        let percentiles = Percentiles { ps: vec![Number(f64::from(p))], list: false };
        let found = numbers(&fold(percentiles, &rows, parts));
        prop_assert!(close(&found, &percentile), "{found:?} {percentile:?}");

        // The line that no other one beats: by Cramer's rule.
        let line = |points: &[(i64, f64)]| {
            let (start, step) = (1.0, 2.0);
            let xs: Vec<f64> = (0..points.len()).map(|i| start + i as f64 * step).collect();
            let n = points.len() as f64;
            let (sx, sy) = (xs.iter().sum::<f64>(), points.iter().map(|p| p.1).sum::<f64>());
            let sxx: f64 = xs.iter().map(|x| x * x).sum();
            let sxy: f64 = xs.iter().zip(points).map(|(x, p)| x * p.1).sum();
            let determinant = n * sxx - sx * sx;
            match points.len() {
                0 => None,
                1 => Some((0.0, points[0].1)),
                _ => Some(((n * sxy - sx * sy) / determinant, (sxx * sy - sx * sxy) / determinant)),
            }
        };
        let found = fold(LeastSquares { start: Number(1.0), step: Number(2.0) }, &rows, parts);
        let found = found.as_struct();
        for (column, part) in [(0, (|l: (f64, f64)| l.0) as fn((f64, f64)) -> f64), (1, |l| l.1)] {
            let expected = by_group(&|p| line(p).map(part));
            prop_assert!(close(&numbers(found.column(column)), &expected), "{expected:?}");
        }

        let weight = fold(TimeWeight, &rows, parts);
        let weight = weight.as_struct();
        // Of a value that goes on straight lines, the area is that of every instant's value.
        let area = by_group(&|p| {
            p.first()?;
            Some(p.windows(2).map(|w| (w[0].1 + w[1].1) / 2.0 * (w[1].0 - w[0].0) as f64).sum())
        });
        let found = numbers(weight.column(4));
        prop_assert!(close(&found, &area), "{found:?} {area:?}");
        prop_assert_eq!(numbers(weight.column(1)), by_group(&|p| p.first().map(|p| p.1)));
        prop_assert_eq!(numbers(weight.column(3)), by_group(&|p| p.last().map(|p| p.1)));
    }

    #[test]
    fn histograms_count(rows in rows(), parts in 1_usize..4, normalized in any::<bool>()) {
        let bins = Bins::linear(-2.0, 1.5, 3, true);
        let ends = [(f64::NEG_INFINITY, -2.0), (-2.0, -0.5), (-0.5, 1.0), (1.0, 2.5), (2.5, f64::INFINITY)];
        prop_assert_eq!(bins.ends().collect::<Vec<_>>(), ends);
        let found = fold(Histogram { bins, normalized }, &rows, parts);
        let found = found.as_list::<i32>();
        for group in 0..GROUPS {
            let points = points(&rows, group);
            let list = found.value(group);
            let list = list.as_struct();
            for (bin, (lower, upper)) in ends.iter().enumerate() {
                let count = points.iter().filter(|p| p.1 > *lower && p.1 <= *upper).count();
                if normalized {
                    let share = if points.is_empty() { 0.0 } else { count as f64 / points.len() as f64 };
                    prop_assert_eq!(list.column(2).as_primitive::<Float64Type>().value(bin), share);
                } else {
                    prop_assert_eq!(list.column(2).as_primitive::<Int64Type>().value(bin), count as i64);
                }
            }
        }
    }
}

#[test]
fn bins_of_the_manual() {
    // histogram(voltage, 'log_bin', {"start":1, "factor": 3, "count": 3, "infinity": true})
    let log: Vec<(f64, f64)> = Bins::logarithmic(1.0, 3.0, 3, true).ends().collect();
    assert_eq!(log, [(f64::NEG_INFINITY, 1.0), (1.0, 3.0), (3.0, 9.0), (9.0, 27.0), (27.0, f64::INFINITY)]);
    // Falling edges: each bin still goes upwards.
    let falling: Vec<(f64, f64)> = Bins::linear(4.0, -2.0, 2, true).ends().collect();
    assert_eq!(falling, [(4.0, f64::INFINITY), (2.0, 4.0), (0.0, 2.0), (f64::NEG_INFINITY, 0.0)]);
}

#[test]
fn several_percentiles_are_a_list() {
    let rows: Vec<Row> = (0..5).map(|i| (0, i, Some(i as f64))).collect();
    let found = fold(Percentiles { ps: vec![Number(0.0), Number(50.0), Number(90.0)], list: true }, &rows, 2);
    let found = found.as_list::<i32>();
    assert_eq!(numbers(&found.value(0)), [Some(0.0), Some(2.0), Some(3.6)]);
    assert!(found.is_null(1) && found.is_null(2));
}
