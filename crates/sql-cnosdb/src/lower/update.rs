//! `UPDATE`: of fields with expressions over the row, or of tags with constants (sheet section 13).

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{not_impl_datafusion_err, plan_datafusion_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::Expr as SqlExpr;
use triglot_engine::{Engine, Outcome, Query, Session, Statement, Update, UpdateChanges};
use triglot_model::{ColumnKind, TableDef};

use super::delete::{filter_of, predicate, select_exprs};
use super::{named, table_name};
use crate::ast::QName;
use crate::error::SqlError;

type Assignments = Vec<(String, Box<SqlExpr>)>;

/// Fields and the expressions that they become.
type NewValues = Vec<(String, Expr)>;

pub(super) async fn update(
    engine: &Engine,
    session: &Session,
    name: &QName,
    assignments: Assignments,
    filter: Option<Box<SqlExpr>>,
) -> Result<Outcome, SqlError> {
    let table = table_name(name);
    let def = engine.table(session, &table).map_err(|e| named(session, name, true, e))?;
    let filter = required(filter)?;
    let update = match target_kind(&def, &assignments)? {
        ColumnKind::Tag => {
            let filter = over_tags(engine, session, name, &def, filter)?;
            let changes = UpdateChanges::Tags(constants(engine, session, assignments).await?);
            Update { table, changes, filter: Some(filter) }
        }
        ColumnKind::Time | ColumnKind::Field | ColumnKind::CompositeKey => {
            let (fields, filter) = expressions(engine, session, name, assignments, filter)?;
            Update { table, changes: UpdateChanges::Fields(fields), filter }
        }
    };
    engine.execute(session, Statement::Update(update)).await.map_err(|e| named(session, name, true, e))
}

/// The rows that an UPDATE would change with their new values, for EXPLAIN.
pub(super) fn rows(
    engine: &Engine,
    session: &Session,
    name: &QName,
    assignments: Assignments,
    filter: Option<Box<SqlExpr>>,
) -> Result<LogicalPlan, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    let filter = required(filter)?;
    if target_kind(&def, &assignments)? == ColumnKind::Tag {
        over_tags(engine, session, name, &def, filter.clone())?;
    }
    let values = assignments.into_iter().map(|(_, value)| *value).collect();
    Ok(engine.plan(session, *select_exprs(values, name, Some(filter))?)?)
}

fn required(filter: Option<Box<SqlExpr>>) -> Result<SqlExpr, SqlError> {
    filter.map(|f| *f).ok_or_else(|| {
        SqlError::Planning(plan_datafusion_err!(
            "Disable updating of the entire table, if you want to continue, please add `where true`"
        ))
    })
}

/// A predicate over nothing but tags.
fn over_tags(
    engine: &Engine,
    session: &Session,
    name: &QName,
    def: &TableDef,
    filter: SqlExpr,
) -> Result<Expr, SqlError> {
    let filter = predicate(engine, session, name, filter)?;
    let is_tag = |name: &str| def.column(name).is_some_and(|c| c.kind == ColumnKind::Tag);
    if filter.column_refs().iter().all(|c| is_tag(&c.name)) {
        return Ok(filter);
    }
    Err(SqlError::Planning(plan_datafusion_err!("Where clause cannot contain field/time column")))
}

/// What is assigned to: only tags or only fields.
fn target_kind(def: &TableDef, assignments: &Assignments) -> Result<ColumnKind, SqlError> {
    let mut kinds = Vec::with_capacity(assignments.len());
    for (at, (name, _)) in assignments.iter().enumerate() {
        let Some(column) = def.column(name) else {
            return Err(SqlError::Planning(plan_datafusion_err!(
                "Column {name} not exists in table {}",
                def.name
            )));
        };
        if assignments.iter().take(at).any(|(other, _)| other == name) {
            return Err(SqlError::Planning(plan_datafusion_err!("Column {name} is assigned to twice")));
        }
        kinds.push(column.kind);
    }
    let first = kinds.first().copied().unwrap_or(ColumnKind::Field);
    if kinds.iter().any(|kind| *kind != first) {
        return Err(SqlError::Planning(plan_datafusion_err!(
            "Update the time/tag/field columns at the same statement is not supported"
        )));
    }
    match first {
        ColumnKind::Time => Err(SqlError::Planning(not_impl_datafusion_err!("update_time"))),
        kind => Ok(kind),
    }
}

/// The new values as expressions over the table's columns, and the predicate.
fn expressions(
    engine: &Engine,
    session: &Session,
    name: &QName,
    assignments: Assignments,
    filter: SqlExpr,
) -> Result<(NewValues, Option<Expr>), SqlError> {
    let (columns, values): (Vec<String>, Vec<SqlExpr>) =
        assignments.into_iter().map(|(column, value)| (column, *value)).unzip();
    let plan = engine.plan(session, *select_exprs(values, name, Some(filter))?)?;
    let filter = filter_of(&plan);
    match plan {
        LogicalPlan::Projection(projection) => {
            Ok((columns.into_iter().zip(projection.expr).collect(), filter))
        }
        other => Err(SqlError::Planning(plan_datafusion_err!(
            "The values of an UPDATE must be expressions over a row, not {}",
            other.display()
        ))),
    }
}

/// The values of tags, which are evaluated without a row.
async fn constants(
    engine: &Engine,
    session: &Session,
    assignments: Assignments,
) -> Result<Vec<(String, Option<String>)>, SqlError> {
    let mut values = Vec::with_capacity(assignments.len());
    for (column, value) in assignments {
        let text = format!("SELECT {value}");
        let plan = engine.plan(session, *super::delete::parse_query(&text)?)?;
        if reads_tables(&plan)? {
            return Err(SqlError::Planning(plan_datafusion_err!(
                "The value of tag {column} must be constant"
            )));
        }
        let query = Query { text, plan, target_partitions: None };
        let batches = match engine.execute(session, Statement::Query(query)).await? {
            Outcome::Rows(rows) => rows.collect().await.map_err(triglot_engine::EngineError::from)?,
            Outcome::Done | Outcome::Affected(_) => Vec::new(),
        };
        let value = match batches.iter().find(|b| b.num_rows() > 0).and_then(|b| b.columns().first()) {
            Some(array) => {
                let texts = cast(array, &DataType::Utf8).map_err(SqlError::Arrow)?;
                let texts = texts.as_string::<i32>();
                texts.is_valid(0).then(|| texts.value(0).to_owned())
            }
            None => None,
        };
        values.push((column, value));
    }
    Ok(values)
}

/// Whether a plan reads anything, in subqueries too.
fn reads_tables(plan: &LogicalPlan) -> Result<bool, SqlError> {
    let mut reads = false;
    let walked: Result<_, DataFusionError> = plan.apply_with_subqueries(|node| {
        reads |= matches!(node, LogicalPlan::TableScan(_));
        Ok(if reads { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(SqlError::Planning)?;
    Ok(reads)
}
