//! UPDATE and DELETE of relational tables: any expression, any condition (sheet section 14.1).

use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use sqlparser::ast as sql;
use triglot_engine::{Engine, Statement, TableIn, TableName, UpdateChanges};
use triglot_model::ColumnKind;

use super::target::target_column;
use super::update::constant;
use super::value::{ValueContext, scalar};
use super::{affected, errors, filter};
use crate::ast::{Delete, Update};
use crate::{Answer, Context, KwError};

pub(super) async fn update(
    engine: &Engine,
    context: &Context,
    table: &TableIn,
    update: Update,
) -> Result<Answer, KwError> {
    let def = &table.def;
    let values = ValueContext::new(engine, context);
    let mut fields: Vec<(String, Option<Expr>)> = Vec::with_capacity(update.assignments.len());
    let mut exprs = Vec::new();
    for (name, expr) in update.assignments {
        let column = def.column(&name).filter(|c| c.kind != ColumnKind::Time);
        let column = column.ok_or_else(|| errors::no_column(&name))?;
        if fields.iter().any(|(other, _)| *other == name) {
            let message = format!("multiple assignments to the same column \"{name}\"");
            return Err(KwError::new("42601", message));
        }
        // Between double quotes stands a column here.
        let given = if filter::column(&expr).is_some_and(|c| def.column(&c).is_some()) {
            None
        } else {
            constant(&expr)
        };
        let value = match given {
            Some(given) => {
                let target = target_column(def, column, &values)?;
                let value = target.value(engine, given, &values)?;
                let value = scalar(&value, column.ty);
                Some(lit(value.ok_or_else(|| KwError::new("XX000", "a column without constants"))?))
            }
            None => {
                exprs.push(expr);
                None
            }
        };
        fields.push((name, value));
    }
    let (planned, filter) = plan(engine, context, &update.table, exprs, update.filter)?;
    let mut planned = planned.into_iter();
    let fields =
        fields.into_iter().filter_map(|(name, value)| Some((name, value.or_else(|| planned.next())?)));
    let statement = triglot_engine::Update {
        table: update.table.clone(),
        changes: UpdateChanges::Fields(fields.collect()),
        filter,
    };
    let outcome = engine.execute(&context.session, Statement::Update(statement)).await;
    outcome.map(affected).map_err(|e| errors::of(e, &update.table))
}

pub(super) async fn delete(engine: &Engine, context: &Context, delete: Delete) -> Result<Answer, KwError> {
    let (_, filter) = plan(engine, context, &delete.table, Vec::new(), delete.filter)?;
    let statement = Statement::Delete { table: delete.table.clone(), filter };
    let outcome = engine.execute(&context.session, statement).await;
    outcome.map(affected).map_err(|e| errors::of(e, &delete.table))
}

/// Expressions over a row of the table, and the condition, as the planner understands them.
fn plan(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    exprs: Vec<sql::Expr>,
    condition: Option<sql::Expr>,
) -> Result<(Vec<Expr>, Option<Expr>), KwError> {
    if exprs.is_empty() && condition.is_none() {
        return Ok((Vec::new(), None));
    }
    let parts = [name.database.as_ref(), Some(&name.table)];
    let quoted: Vec<String> =
        parts.into_iter().flatten().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    let mut select = filter::template(&format!("SELECT 1 FROM {}", quoted.join(".")))?;
    let count = exprs.len();
    if let sql::SetExpr::Select(select) = select.body.as_mut() {
        if count > 0 {
            let item = |(at, expr)| sql::SelectItem::ExprWithAlias {
                expr,
                alias: sql::Ident::new(format!("c{at}")),
            };
            select.projection = exprs.into_iter().enumerate().map(item).collect();
        }
        select.selection = condition;
    }
    let plan = crate::query::plan_of(engine, context, *select)?.plan;
    let unsupported = || KwError::unsupported("an expression of this kind in UPDATE or DELETE");
    let LogicalPlan::Projection(projection) = plan else { return Err(unsupported()) };
    let filter = match projection.input.as_ref() {
        LogicalPlan::Filter(filter) if matches!(filter.input.as_ref(), LogicalPlan::TableScan(_)) => {
            Some(filter.predicate.clone())
        }
        LogicalPlan::TableScan(_) => None,
        _ => return Err(unsupported()),
    };
    let values = projection.expr.iter().take(count).map(|e| e.clone().unalias()).collect();
    Ok((values, filter))
}
