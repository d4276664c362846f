//! `DELETE`, and predicates over time and tags in general (SHOW SERIES uses them too).

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::analyzer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::prelude::Column;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Query, SelectItem, SetExpr};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use triglot_engine::{Engine, Outcome, Session, Statement};
use triglot_model::{ColumnKind, TableDef};

use super::{named, table_name};
use crate::ast::QName;
use crate::compare::{Comparisons, compares};
use crate::error::SqlError;

pub(super) async fn delete(
    engine: &Engine,
    session: &Session,
    name: &QName,
    filter: Option<Box<SqlExpr>>,
) -> Result<Outcome, SqlError> {
    let table = table_name(name);
    let def = engine.table(session, &table).map_err(|e| named(session, name, true, e))?;
    let filter = filter.map(|f| decidable(engine, session, name, &def, *f)).transpose()?;
    engine
        .execute(session, Statement::Delete { table, filter })
        .await
        .map_err(|e| named(session, name, true, e))
}

/// The rows that a DELETE would take away, for EXPLAIN.
pub(super) fn rows(
    engine: &Engine,
    session: &Session,
    name: &QName,
    filter: Option<Box<SqlExpr>>,
) -> Result<LogicalPlan, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    if let Some(filter) = &filter {
        decidable(engine, session, name, &def, filter.as_ref().clone())?;
    }
    let times: Vec<String> = def.time_column().map(|c| quote(&c.name)).into_iter().collect();
    Ok(engine.plan(session, *select(&times.join(", "), name, filter.map(|f| *f))?)?)
}

/// A predicate that time and tags decide.
fn decidable(
    engine: &Engine,
    session: &Session,
    name: &QName,
    def: &TableDef,
    filter: SqlExpr,
) -> Result<Expr, SqlError> {
    let filter = predicate(engine, session, name, filter)?;
    if field_in(def, &filter).is_some() {
        return Err(SqlError::NotImplemented(
            "Filtering on the field column on the tskv table in delete statement".to_owned(),
        ));
    }
    check_operators(&filter)?;
    Ok(filter)
}

/// Plans a predicate over a table: types coerced, column names unqualified.
pub(super) fn predicate(
    engine: &Engine,
    session: &Session,
    name: &QName,
    filter: SqlExpr,
) -> Result<Expr, SqlError> {
    let plan = engine.plan(session, *select("*", name, Some(filter))?)?;
    let options = ConfigOptions::default();
    let coerced = Comparisons.analyze(plan, &options).and_then(|p| TypeCoercion::new().analyze(p, &options));
    let plan = coerced.map_err(SqlError::Planning)?;
    let predicate = filter_of(&plan).ok_or_else(|| SqlError::parser("Expected: a predicate behind WHERE"))?;
    unqualified(predicate).map_err(SqlError::Planning)
}

/// The predicate of the topmost filter of a plan.
pub(super) fn filter_of(plan: &LogicalPlan) -> Option<Expr> {
    match plan {
        LogicalPlan::Filter(f) => Some(f.predicate.clone()),
        other => other.inputs().into_iter().find_map(filter_of),
    }
}

/// `SELECT exprs FROM name WHERE filter` as a syntax tree.
pub(super) fn select_exprs(
    exprs: Vec<SqlExpr>,
    name: &QName,
    filter: Option<SqlExpr>,
) -> Result<Box<Query>, SqlError> {
    let mut query = select("*", name, filter)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = exprs.into_iter().map(SelectItem::UnnamedExpr).collect();
    }
    Ok(query)
}

/// `SELECT list FROM name WHERE filter` as a syntax tree. `list` is SQL text.
pub(super) fn select(list: &str, name: &QName, filter: Option<SqlExpr>) -> Result<Box<Query>, SqlError> {
    let parts = [name.tenant.as_ref(), name.database.as_ref(), Some(&name.table)];
    let quoted: Vec<String> = parts.into_iter().flatten().map(|part| quote(part)).collect();
    let text = format!("SELECT {list} FROM {}", quoted.join("."));
    let mut query = parse_query(&text)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = filter;
    }
    Ok(query)
}

/// SQL text of our own making as a syntax tree.
pub(super) fn parse_query(text: &str) -> Result<Box<Query>, SqlError> {
    Ok(Parser::new(&GenericDialect {}).try_with_sql(text)?.parse_query()?)
}

/// A name as a quoted identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn unqualified(predicate: Expr) -> Result<Expr, DataFusionError> {
    predicate
        .transform(|e| {
            Ok(match e {
                Expr::Column(c) if c.relation.is_some() => {
                    Transformed::yes(Expr::Column(Column::from_name(c.name)))
                }
                other => Transformed::no(other),
            })
        })
        .data()
}

/// The first field that the predicate reads.
pub(super) fn field_in(def: &TableDef, predicate: &Expr) -> Option<String> {
    let mut fields: Vec<String> = predicate
        .column_refs()
        .into_iter()
        .filter(|c| {
            def.column(&c.name).is_some_and(|d| !matches!(d.kind, ColumnKind::Time | ColumnKind::Tag))
        })
        .map(|c| c.name.clone())
        .collect();
    fields.sort_unstable();
    fields.into_iter().next()
}

/// Only comparisons and their combinations can be turned into tombstones.
fn check_operators(predicate: &Expr) -> Result<(), SqlError> {
    let mut refused = None;
    let walked = predicate.apply(|e| {
        if let Expr::BinaryExpr(b) = e {
            let constant = b.left.column_refs().is_empty() && b.right.column_refs().is_empty();
            let allowed = is_decidable(b.op);
            if !constant && !allowed {
                refused = Some(b.op);
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        if matches!(e, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_)) {
            return Err(DataFusionError::NotImplemented("subquery in delete statement".to_owned()));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|_| SqlError::NotImplemented("subquery in delete statement".to_owned()))?;
    match refused {
        Some(op) => Err(SqlError::NotImplemented(format!("operator {op} in delete statement"))),
        None => Ok(()),
    }
}

/// Logic and comparisons.
fn is_decidable(op: Operator) -> bool {
    compares(op)
        || matches!(op, Operator::And | Operator::Or | Operator::RegexMatch | Operator::RegexNotMatch)
}
