//! INSERT of a query's rows, and of VALUES with expressions in them.

use sqlparser::ast as sql;
use triglot_engine::Engine;

use super::filter;
use super::insert::{Rows, write};
use super::value::ValueContext;
use crate::ast::Insert;
use crate::parse::values::Given;
use crate::{Answer, Context, KwError};

/// Runs it: all rows are there before the first is written.
pub(super) async fn run(
    engine: &Engine,
    context: &Context,
    insert: Insert,
    sql: &str,
) -> Result<Answer, KwError> {
    let Insert { is_upsert, table, columns, source, conflict } = insert;
    let values = ValueContext::new(engine, context);
    let mut rows = Rows::new(engine, context, &table, columns.as_deref(), values)?;
    match source.body.as_ref() {
        sql::SetExpr::Values(list) if source.with.is_none() && source.order_by.is_none() => {
            for row in &list.rows {
                rows.check_width(row.len())?;
                let mut given = row_of(engine, context, &rows, row).await?;
                rows.push(&mut given)?;
            }
        }
        _ => {
            let mut row: Vec<Given<'_>> = Vec::new();
            let into = &mut rows;
            let width = filter::run(engine, context, *source, sql, |given| {
                row.extend(given);
                into.push(&mut row)
            })
            .await?;
            rows.check_columns(width)?;
        }
    }
    write(engine, context, &table, rows.finish(is_upsert, conflict.as_ref())?).await
}

/// The values of one row. Tables of series take constants only.
async fn row_of(
    engine: &Engine,
    context: &Context,
    rows: &Rows<'_>,
    row: &[sql::Expr],
) -> Result<Vec<Given<'static>>, KwError> {
    let mut given: Vec<Option<Given<'static>>> = Vec::with_capacity(row.len());
    let mut exprs = Vec::new();
    for (at, expr) in row.iter().enumerate() {
        let found = match expr {
            // The manual's samples have texts between double quotes.
            sql::Expr::Identifier(ident) if ident.quote_style == Some('"') => {
                Some(Given::Text(ident.value.clone().into()))
            }
            other => filter::literal(other),
        };
        if found.is_none() {
            if let Some(error) = rows.refuses_expression(at, expr) {
                return Err(error);
            }
            exprs.push(expr.clone());
        }
        given.push(found);
    }
    let mut evaluated = filter::evaluate(engine, context, exprs).await?.into_iter();
    Ok(given.into_iter().map(|g| g.or_else(|| evaluated.next()).unwrap_or(Given::Null)).collect())
}
