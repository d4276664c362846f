//! The stream against a definition that looks at whole groups at a time.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use chrono::TimeZone;
use chrono_tz::Tz;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use futures::{TryStreamExt, stream};
use triglot_functions::buckets::{Buckets, Width};

use super::super::sorted::testing as sorted;
use super::exec::{FillInput, GapFillColumns};
use super::segment::Steps;
use super::stream::fill_stream;
use super::{FillColumn, FillMode, GapFill, Grid, Nulls, Rounding, Stride};

type Row = (&'static str, i64, Option<f64>);
type Point = (i64, Option<f64>);
type Filled = (String, i64, Option<f64>);

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("g", DataType::Utf8, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("v", DataType::Float64, true),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let groups: StringArray = rows.iter().map(|r| Some(r.0)).collect();
    let times: TimestampMillisecondArray = rows.iter().map(|r| Some(r.1)).collect();
    let values: Float64Array = rows.iter().map(|r| r.2).collect();
    RecordBatch::try_new(schema(), vec![Arc::new(groups), Arc::new(times), Arc::new(values)]).unwrap()
}

/// Runs the operator over `rows` in batches of `input_rows`.
fn run(
    rows: &[Row],
    mode: &FillMode,
    nulls: Nulls,
    steps: Steps,
    grouped: bool,
    input_rows: usize,
) -> Vec<Filled> {
    let batches: Vec<_> = rows.chunks(input_rows).map(|r| Ok(batch(r))).collect();
    let input = Box::pin(RecordBatchStreamAdapter::new(schema(), stream::iter(batches)));
    let columns = GapFillColumns {
        groups: if grouped { vec![0] } else { Vec::new() },
        time: 1,
        fills: vec![FillInput { column: 2, mode: mode.clone(), nulls }],
        forced: false,
        is_filled: false,
    };
    let output = if grouped { schema() } else { Arc::new(schema().project(&[1, 2]).unwrap()) };
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let filled = fill_stream(
        input,
        Arc::new(columns),
        steps,
        output,
        3,
        MemoryConsumer::new("test").register(&pool),
        BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0),
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches: Vec<RecordBatch> = runtime.block_on(filled.try_collect()).unwrap();
    assert_eq!(pool.reserved(), 0);
    let mut all = Vec::new();
    for batch in batches {
        assert!(batch.num_rows() <= 3);
        let key = usize::from(grouped);
        let times = batch.column(key).as_primitive::<TimestampMillisecondType>();
        let values = batch.column(key + 1).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let group = if grouped { batch.column(0).as_string::<i32>().value(row) } else { "" };
            all.push((group.to_owned(), times.value(row), values.is_valid(row).then(|| values.value(row))));
        }
    }
    all
}

fn by_definition(rows: &[Row], mode: &FillMode, nulls: Nulls, steps: Steps, grouped: bool) -> Vec<Filled> {
    let mut groups: Vec<(&str, Vec<Point>)> = Vec::new();
    for (group, time, value) in rows {
        let group = if grouped { group } else { "" };
        match groups.last_mut() {
            Some((last, points)) if *last == group => points.push((*time, *value)),
            _ => groups.push((group, vec![(*time, *value)])),
        }
    }
    let mut all = Vec::new();
    for (group, points) in groups {
        let mut times: Vec<i64> = points.iter().map(|p| p.0).collect();
        let mut step = steps.first.unwrap_or(points[0].0);
        while step <= steps.last.unwrap_or(points[points.len() - 1].0) {
            times.push(step);
            step = match steps.stride {
                Stride::Fixed(stride) => step + stride,
                Stride::Buckets(buckets) => buckets.next(step).unwrap(),
            };
        }
        times.sort_unstable();
        times.dedup();
        for time in times {
            let own = points.iter().find(|p| p.0 == time);
            if let Some(own) = own.filter(|p| nulls != Nulls::Gaps || p.1.is_some()) {
                all.push((group.to_owned(), time, own.1));
                continue;
            }
            let known = || points.iter().filter(|p| p.1.is_some() || nulls == Nulls::Known);
            let (before, after) = (known().rfind(|p| p.0 <= time), known().find(|p| p.0 >= time));
            let nearer = match (before, after) {
                (Some(b), Some(a)) => Some(if time - b.0 <= a.0 - time { b } else { a }),
                (b, a) => b.or(a),
            };
            let value = match mode {
                FillMode::Null => None,
                FillMode::Value(_) => Some(-1.0),
                FillMode::Previous => before.and_then(|p| p.1),
                FillMode::Next => after.and_then(|p| p.1),
                FillMode::Near => nearer.and_then(|p| p.1),
                FillMode::Linear(_) => before.zip(after).and_then(|((t0, v0), (t1, v1))| {
                    let (v0, v1) = ((*v0)?, (*v1)?);
                    Some(if t0 == t1 { v0 } else { v0 + (v1 - v0) * (time - t0) as f64 / (t1 - t0) as f64 })
                }),
            };
            all.push((group.to_owned(), time, value));
        }
    }
    all
}

const ROWS: [Row; 11] = [
    ("a", 10, Some(1.0)),
    ("a", 30, None),
    ("a", 50, Some(5.0)),
    ("b", 0, None),
    ("b", 20, Some(2.0)),
    ("b", 25, Some(4.0)),
    ("c", 70, Some(7.0)),
    ("d", 10, None),
    ("e", 30, Some(0.5)),
    ("e", 40, Some(0.25)),
    ("e", 60, Some(-2.0)),
];

const STEPS: Steps = Steps { first: Some(0), last: Some(60), stride: Stride::Fixed(10) };

fn modes() -> [FillMode; 6] {
    [
        FillMode::Null,
        FillMode::Previous,
        FillMode::Next,
        FillMode::Near,
        FillMode::Linear(Rounding::Nearest),
        FillMode::Value(ScalarValue::Float64(Some(-1.0))),
    ]
}

const NULLS: [Nulls; 3] = [Nulls::Gaps, Nulls::Kept, Nulls::Known];

#[test]
fn groups_are_filled_as_defined_however_their_rows_come() {
    for (mode, nulls) in modes().into_iter().flat_map(|m| NULLS.map(|n| (m.clone(), n))) {
        let expected = by_definition(&ROWS, &mode, nulls, STEPS, true);
        assert_eq!(expected.len(), 5 * 7 + 2);
        for input_rows in 1..=ROWS.len() {
            let found = run(&ROWS, &mode, nulls, STEPS, true, input_rows);
            assert_eq!(found, expected, "{mode:?} {nulls:?} by {input_rows}");
        }
    }
}

#[test]
fn without_ends_a_grid_spans_the_rows_of_its_group() {
    for steps in [
        Steps { first: None, last: None, ..STEPS },
        Steps { first: None, ..STEPS },
        Steps { last: None, ..STEPS },
    ] {
        for (mode, nulls) in modes().into_iter().flat_map(|m| NULLS.map(|n| (m.clone(), n))) {
            let expected = by_definition(&ROWS, &mode, nulls, steps, true);
            for input_rows in 1..=ROWS.len() {
                let found = run(&ROWS, &mode, nulls, steps, true, input_rows);
                assert_eq!(found, expected, "{mode:?} {nulls:?} {steps:?} by {input_rows}");
            }
        }
    }
}

#[test]
fn without_groups_all_rows_are_one() {
    let rows: Vec<Row> = ROWS[..3].to_vec();
    for (mode, nulls) in modes().into_iter().flat_map(|m| NULLS.map(|n| (m.clone(), n))) {
        let expected = by_definition(&rows, &mode, nulls, STEPS, false);
        for input_rows in 1..=3 {
            let found = run(&rows, &mode, nulls, STEPS, false, input_rows);
            assert_eq!(found, expected, "{mode:?} {nulls:?} by {input_rows}");
        }
    }
}

/// Months in a zone: grids that are not regular, over the change to summer time.
#[test]
fn grids_of_buckets_follow_the_calendar() {
    let zone = Tz::Europe__Berlin;
    let month = |m| zone.with_ymd_and_hms(2021, m, 1, 0, 0, 0).unwrap().timestamp_millis();
    let buckets = Buckets::new(Width::Months(1), 0, zone, TimeUnit::Millisecond).unwrap();
    let steps = Steps { first: Some(month(2)), last: Some(month(5)), stride: Stride::Buckets(buckets) };
    let rows = [("a", month(3), Some(1.0)), ("a", month(6), Some(4.0))];
    for mode in modes() {
        let expected = by_definition(&rows, &mode, Nulls::Kept, steps, true);
        let times: Vec<i64> = expected.iter().map(|r| r.1).collect();
        assert_eq!(times, [2, 3, 4, 5, 6].map(month));
        assert_eq!(run(&rows, &mode, Nulls::Kept, steps, true, 1), expected, "{mode:?}");
    }
}

#[test]
fn an_empty_grid_or_input_adds_nothing() {
    let backwards = Steps { first: Some(60), last: Some(0), stride: Stride::Fixed(10) };
    assert_eq!(run(&ROWS, &FillMode::Null, Nulls::Gaps, backwards, true, 4).len(), ROWS.len());
    assert!(run(&[], &FillMode::Null, Nulls::Gaps, STEPS, true, 4).is_empty());
    // The last step before the end of the numbers.
    let far = Steps { first: Some(i64::MAX - 1), last: Some(i64::MAX), stride: Stride::Fixed(10) };
    assert_eq!(run(&ROWS[..1], &FillMode::Null, Nulls::Gaps, far, true, 4).len(), 2);
}

/// Days of +08:00 from any time of the first to any time of the last.
fn filled(rows: &[sorted::Row], groups: Vec<Expr>, forced: bool) -> Vec<String> {
    let buckets =
        Buckets::new(Width::Fixed(86_400_000), 0, Tz::Asia__Shanghai, TimeUnit::Millisecond).unwrap();
    let time = |hours: i64| lit(ScalarValue::TimestampMillisecond(Some(hours * 3_600_000), None));
    let grid = Grid { first: Some(time(-5)), last: Some(time(20)), stride: Stride::Buckets(buckets) };
    let name = (None, "v".to_owned());
    let fill = FillColumn { input: col("m.n"), mode: FillMode::Previous, nulls: Nulls::Kept, name };
    let input = Arc::new(sorted::table("m", rows, 10));
    let node = GapFill::try_new(input, groups, col("m.t"), grid, vec![fill]).unwrap();
    let node = if forced { node.forced() } else { node }.with_is_filled("is_filled").unwrap();
    sorted::run(&sorted::select(node.into_plan(), &["t", "v", "is_filled"]), 10)
}

#[test]
fn a_forced_grid_needs_no_rows_and_added_rows_are_told() {
    // Days begin at 16:00 UTC.
    let day = |n: i64| n * 86_400_000 - 8 * 3_600_000;
    let expected = |known: &[(i64, &str)]| -> Vec<String> {
        known.iter().map(|(n, rest)| format!("{}|{rest}", day(*n))).collect()
    };
    let empty = expected(&[(0, "NULL|true"), (1, "NULL|true")]);
    assert_eq!(filled(&[], vec![], true), empty);
    assert!(filled(&[], vec![], false).is_empty());
    assert!(filled(&[], vec![col("m.g")], true).is_empty());
    let rows = [sorted::row("a", day(0), Some(7), None)];
    for groups in [vec![], vec![col("m.g")]] {
        assert_eq!(filled(&rows, groups, true), expected(&[(0, "7|false"), (1, "7|true")]));
    }
}
