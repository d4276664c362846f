//! What the operators' tests share: random series, and plans run over them in batches of any size.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::displayable;
use datafusion::prelude::col;
use futures::TryStreamExt;
use proptest::prelude::*;

use crate::operators::OperatorPlanner;
use crate::tests::fixture::{Tables, lines, options, session_with};
use crate::{QueryError, QuerySession, SessionOptions};

/// A row: group, time, integer, double.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::operators) struct Row {
    pub(in crate::operators) g: Option<&'static str>,
    pub(in crate::operators) t: i64,
    pub(in crate::operators) n: Option<i64>,
    pub(in crate::operators) x: Option<f64>,
}

pub(in crate::operators) fn row(g: &'static str, t: i64, n: Option<i64>, x: Option<f64>) -> Row {
    Row { g: Some(g), t, n, x }
}

pub(in crate::operators) const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("g", DataType::Utf8, true),
        Field::new("t", TIME, false),
        Field::new("n", DataType::Int64, true),
        Field::new("x", DataType::Float64, true),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.g).collect::<StringArray>()),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|r| r.t))),
        Arc::new(rows.iter().map(|r| r.n).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.x).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Sorted by (g, t), NULLs last, otherwise in their order.
pub(in crate::operators) fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|r| (r.g.is_none(), r.g, r.t));
    rows
}

/// Up to 40 rows of up to four series, sorted, with gaps, equal times and NULLs.
pub(in crate::operators) fn rows(ends: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Row>> {
    let group = prop::sample::select(vec![Some("a"), Some("a"), Some("b"), Some("c"), None]);
    let one = (group, ends, prop::option::weighted(0.7, -4_i64..5), prop::option::weighted(0.7, -4_i64..5));
    let one = one.prop_map(|(g, t, n, x)| Row { g, t, n, x: x.map(|x| x as f64 / 2.0) });
    prop::collection::vec(one, 0..40).prop_map(sorted)
}

/// The groups of sorted rows; without `grouped` all rows (which must be sorted by time) are one.
pub(in crate::operators) fn groups(rows: &[Row]) -> Vec<&[Row]> {
    rows.chunk_by(|a, b| a.g == b.g).collect()
}

/// A table of `rows`, which are sorted by (g, t), in batches of `batch_rows`; planning knows the order.
pub(in crate::operators) fn table(name: &str, rows: &[Row], batch_rows: usize) -> LogicalPlan {
    let batches: Vec<_> = rows.chunks(batch_rows).map(batch).collect();
    let order = vec![vec![col("g").sort(true, false), col("t").sort(true, false)]];
    let table = MemTable::try_new(schema(), vec![batches]).unwrap().with_sort_order(order);
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None).unwrap().build().unwrap()
}

/// A session whose operators give batches of `batch_rows`.
pub(in crate::operators) fn session(batch_rows: usize) -> QuerySession {
    let options =
        SessionOptions { batch_rows, extension_planners: vec![Arc::new(OperatorPlanner)], ..options() };
    session_with(options, Arc::new(Tables::default()))
}

/// The rows that `plan` gives, as text, in their order.
pub(in crate::operators) fn try_run(
    plan: &LogicalPlan,
    batch_rows: usize,
) -> Result<Vec<String>, QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches: Result<Vec<RecordBatch>, DataFusionError> =
        runtime.block_on(async { session(batch_rows).execute(plan).await?.try_collect().await });
    Ok(lines(&batches?))
}

/// As [`try_run`], which must not fail.
pub(in crate::operators) fn run(plan: &LogicalPlan, batch_rows: usize) -> Vec<String> {
    try_run(plan, batch_rows).unwrap()
}

/// The physical plan as text.
pub(in crate::operators) fn explain(plan: &LogicalPlan) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let plan = runtime.block_on(session(100).physical_plan(plan)).unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The columns of `plan` of these names, the time as a number.
pub(in crate::operators) fn select(plan: LogicalPlan, columns: &[&str]) -> LogicalPlan {
    let as_number = |name: &&str| -> Expr {
        let field = plan.schema().field_with_unqualified_name(name).unwrap();
        let column = Expr::Column(datafusion::common::Column::new_unqualified(*name));
        match field.data_type() {
            DataType::Timestamp(..) => datafusion::logical_expr::cast(column, DataType::Int64).alias(*name),
            _ => column,
        }
    };
    let columns: Vec<Expr> = columns.iter().map(as_number).collect();
    LogicalPlanBuilder::from(plan).project(columns).unwrap().build().unwrap()
}

/// A value as [`lines`] shows it.
pub(in crate::operators) fn text<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |v| v.to_string())
}

/// A double as [`lines`] shows it.
pub(in crate::operators) fn double(value: Option<f64>) -> String {
    let array = Float64Array::from(vec![value]);
    let Some(_) = value else { return "NULL".to_owned() };
    arrow::util::display::array_value_to_string(&array, 0).unwrap()
}
