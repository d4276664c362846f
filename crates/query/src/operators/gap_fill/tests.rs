//! The stream against a definition that looks at whole groups at a time.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::scalar::ScalarValue;
use futures::{TryStreamExt, stream};

use super::FillMode;
use super::exec::{FillInput, GapFillColumns};
use super::segment::Steps;
use super::stream::fill_stream;

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
fn run(rows: &[Row], mode: &FillMode, steps: Steps, grouped: bool, input_rows: usize) -> Vec<Filled> {
    let batches: Vec<_> = rows.chunks(input_rows).map(|r| Ok(batch(r))).collect();
    let input = Box::pin(RecordBatchStreamAdapter::new(schema(), stream::iter(batches)));
    let columns = GapFillColumns {
        groups: if grouped { vec![0] } else { Vec::new() },
        time: 1,
        fills: vec![FillInput { column: 2, mode: mode.clone() }],
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

fn by_definition(rows: &[Row], mode: &FillMode, steps: Steps, grouped: bool) -> Vec<Filled> {
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
        let mut step = steps.first;
        while step <= steps.last {
            times.push(step);
            step += steps.stride;
        }
        times.sort_unstable();
        times.dedup();
        for time in times {
            let own = points.iter().find(|p| p.0 == time);
            let known = || points.iter().filter_map(|(t, v)| v.map(|v| (*t, v)));
            let (before, after) = (known().rfind(|p| p.0 <= time), known().find(|p| p.0 >= time));
            let value = match mode {
                FillMode::Null => own.and_then(|p| p.1),
                FillMode::Value(_) => own.map_or(Some(-1.0), |p| p.1),
                FillMode::Previous => before.map(|p| p.1),
                FillMode::Next => after.map(|p| p.1),
                FillMode::Linear => before.zip(after).map(|((t0, v0), (t1, v1))| {
                    if t0 == t1 { v0 } else { v0 + (v1 - v0) * (time - t0) as f64 / (t1 - t0) as f64 }
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

const STEPS: Steps = Steps { first: 0, last: 60, stride: 10 };

fn modes() -> [FillMode; 5] {
    [
        FillMode::Null,
        FillMode::Previous,
        FillMode::Next,
        FillMode::Linear,
        FillMode::Value(ScalarValue::Float64(Some(-1.0))),
    ]
}

#[test]
fn groups_are_filled_as_defined_however_their_rows_come() {
    for mode in modes() {
        let expected = by_definition(&ROWS, &mode, STEPS, true);
        assert_eq!(expected.len(), 5 * 7 + 2);
        for input_rows in 1..=ROWS.len() {
            assert_eq!(run(&ROWS, &mode, STEPS, true, input_rows), expected, "{mode:?} by {input_rows}");
        }
    }
}

#[test]
fn without_groups_all_rows_are_one() {
    let rows: Vec<Row> = ROWS[..3].to_vec();
    for mode in modes() {
        let expected = by_definition(&rows, &mode, STEPS, false);
        for input_rows in 1..=3 {
            assert_eq!(run(&rows, &mode, STEPS, false, input_rows), expected, "{mode:?} by {input_rows}");
        }
    }
}

#[test]
fn an_empty_grid_or_input_adds_nothing() {
    let backwards = Steps { first: 60, last: 0, stride: 10 };
    assert_eq!(run(&ROWS, &FillMode::Null, backwards, true, 4).len(), ROWS.len());
    assert!(run(&[], &FillMode::Null, STEPS, true, 4).is_empty());
    // The last step before the end of the numbers.
    let far = Steps { first: i64::MAX - 1, last: i64::MAX, stride: 10 };
    assert_eq!(run(&ROWS[..1], &FillMode::Null, far, true, 4).len(), 2);
}
