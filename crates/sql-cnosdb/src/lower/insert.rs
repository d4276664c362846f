//! `INSERT`: which columns the values go to, and the time that was not given.
//!
//! Casts, the all-NULL rule and the retention are the engine's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::prelude::Column;
use datafusion::sql::sqlparser::ast::Query;
use triglot_engine::{Engine, Insert, InsertSource, Outcome, Session, Statement};
use triglot_model::{ColumnKind, TableDef};

use super::{named, table_name, values_rows};
use crate::ast::QName;
use crate::error::SqlError;

/// A missing or NULL time is stored as the epoch.
const EPOCH_TEXT: &str = "1970-01-01T00:00:00";

pub(super) async fn literals(
    engine: &Engine,
    session: &Session,
    name: &QName,
    columns: Option<Vec<String>>,
    rows: RecordBatch,
) -> Result<Outcome, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    let mut targets = Targets::of(&def, columns, rows.num_columns())?;
    let rows = targets.fill_time(&def, &rows)?;
    write(engine, session, name, targets.columns, InsertSource::Batches(vec![rows])).await
}

pub(super) async fn planned(
    engine: &Engine,
    session: &Session,
    name: &QName,
    columns: Option<Vec<String>>,
    source: LogicalPlan,
) -> Result<Outcome, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    let mut targets = Targets::of(&def, columns, source.schema().fields().len())?;
    let plan = targets.fill_planned_time(&def, source)?;
    write(engine, session, name, targets.columns, InsertSource::Plan(Box::new(plan))).await
}

/// The rows that an INSERT would write, for EXPLAIN.
pub(super) fn rows(
    engine: &Engine,
    session: &Session,
    name: &QName,
    columns: Option<Vec<String>>,
    source: Query,
) -> Result<LogicalPlan, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    values_rows::check(engine, session, &source)?;
    let source = engine.plan(session, source)?;
    let mut targets = Targets::of(&def, columns, source.schema().fields().len())?;
    targets.fill_planned_time(&def, source)
}

async fn write(
    engine: &Engine,
    session: &Session,
    name: &QName,
    columns: Vec<String>,
    source: InsertSource,
) -> Result<Outcome, SqlError> {
    let insert = Insert { table: table_name(name), columns, source, op: None };
    engine.execute(session, Statement::Insert(insert)).await.map_err(|e| named(session, name, true, e))
}

/// The columns that the values go to, by position, and which of them is the time.
pub(super) struct Targets {
    pub(super) columns: Vec<String>,
    pub(super) time: Option<usize>,
}

impl Targets {
    pub(super) fn of(def: &TableDef, written: Option<Vec<String>>, values: usize) -> Result<Self, SqlError> {
        let columns = written.unwrap_or_else(|| def.columns.iter().map(|c| c.name.clone()).collect());
        for (at, name) in columns.iter().enumerate() {
            if def.column(name).is_none() {
                let expected: Vec<&str> = def.columns.iter().map(|c| c.name.as_str()).collect();
                return Err(SqlError::semantic(
                    "010044",
                    format_args!(
                        "Insert column '{name}' does not exist in target table, expect {}",
                        expected.join(",")
                    ),
                ));
            }
            if columns.iter().take(at).any(|c| c == name) {
                return Err(SqlError::semantic(
                    "010003",
                    format_args!("Insert column '{name}' is written twice"),
                ));
            }
        }
        if columns.len() != values {
            return Err(SqlError::semantic("010045", "Insert columns and Source columns not match"));
        }
        let is_time = |name: &String| def.column(name).is_some_and(|c| c.kind == ColumnKind::Time);
        let time = columns.iter().position(is_time);
        Ok(Self { columns, time })
    }

    fn add_time(&mut self, def: &TableDef) {
        self.columns.extend(def.time_column().map(|c| c.name.clone()));
    }

    /// Puts the epoch where the time is NULL or was not given.
    fn fill_time(&mut self, def: &TableDef, rows: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let mut arrays = rows.columns().to_vec();
        match self.time.and_then(|at| arrays.get_mut(at)) {
            Some(time) => *time = without_nulls(time),
            None => {
                arrays.push(Arc::new(Int64Array::from(vec![0; rows.num_rows()])));
                self.add_time(def);
            }
        }
        let fields: Vec<Field> = arrays
            .iter()
            .zip(&self.columns)
            .map(|(a, name)| Field::new(name, a.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(SqlError::Arrow)
    }

    pub(super) fn fill_planned_time(
        &mut self,
        def: &TableDef,
        plan: LogicalPlan,
    ) -> Result<LogicalPlan, SqlError> {
        let mut nullable = None;
        let mut exprs = Vec::new();
        for (at, (qualifier, field)) in plan.schema().iter().enumerate() {
            let column = Expr::Column(Column::from((qualifier, field)));
            if Some(at) == self.time && (field.is_nullable() || field.data_type() == &DataType::Null) {
                nullable = Some(at);
                exprs.push(coalesce(vec![column, epoch(field.data_type())]).alias(field.name().clone()));
            } else {
                exprs.push(column);
            }
        }
        if self.time.is_some() && nullable.is_none() {
            return Ok(plan);
        }
        if self.time.is_none() {
            self.add_time(def);
            exprs.push(lit(0i64).alias("__time"));
        }
        let projected = LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build);
        projected.map_err(SqlError::Planning)
    }
}

/// The epoch in the type of a planned time column, so that coalescing does not change the type.
fn epoch(ty: &DataType) -> Expr {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => lit(EPOCH_TEXT),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.clone();
            lit(match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(Some(0), zone),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(0), zone),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(0), zone),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(Some(0), zone),
            })
        }
        _ => lit(0i64),
    }
}

/// Literal times with the epoch for NULL; literals of other types have no NULL to fill or fail as
/// they are.
fn without_nulls(time: &ArrayRef) -> ArrayRef {
    match time.data_type() {
        DataType::Null => Arc::new(Int64Array::from(vec![0; time.len()])),
        DataType::Int64 if time.null_count() > 0 => Arc::new(
            time.as_primitive::<Int64Type>().iter().map(|t| Some(t.unwrap_or(0))).collect::<Int64Array>(),
        ),
        DataType::Utf8 if time.null_count() > 0 => Arc::new(
            time.as_string::<i32>().iter().map(|t| Some(t.unwrap_or(EPOCH_TEXT))).collect::<StringArray>(),
        ),
        _ => time.clone(),
    }
}
