//! Rows of `VALUES` with expressions in them: like literals, those of one column must agree in type
//! (sheet section 13). DataFusion 55 would cast them to a common one.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use datafusion::common::plan_datafusion_err;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, Query, SelectItem, SetExpr, UnaryOperator, Value,
};
use triglot_engine::{Engine, Session};

use super::delete::parse_query;
use crate::error::SqlError;

/// Refuses rows that differ in the type of a column. What does not plan passes: the planner says why.
pub(super) fn check(engine: &Engine, session: &Session, query: &Query) -> Result<(), SqlError> {
    let SetExpr::Values(values) = query.body.as_ref() else { return Ok(()) };
    let rows: Vec<&[SqlExpr]> = values.rows.iter().map(|row| row.as_slice()).collect();
    let calls: Vec<&SqlExpr> =
        rows.iter().flat_map(|row| row.iter()).filter(|e| literal_type(e).is_none()).collect();
    let Some(planned) = planned_types(engine, session, &calls)? else { return Ok(()) };
    let mut planned = planned.into_iter();
    let mut columns: Vec<DataType> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for (column, expr) in row.iter().enumerate() {
            let Some(found) = literal_type(expr).or_else(|| planned.next()) else { return Ok(()) };
            match columns.get_mut(column) {
                None => columns.push(found),
                Some(known) if known.is_null() => *known = found,
                Some(known) if found.is_null() || *known == found => {}
                Some(_) => {
                    return Err(SqlError::Planning(plan_datafusion_err!(
                        "Inconsistent data type across values list at row {at} column {column}"
                    )));
                }
            }
        }
    }
    Ok(())
}

/// The type of a literal; none for everything else.
fn literal_type(expr: &SqlExpr) -> Option<DataType> {
    let (value, negated) = match expr {
        SqlExpr::Value(value) => (&value.value, false),
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            SqlExpr::Value(value) => (&value.value, true),
            _ => return None,
        },
        _ => return None,
    };
    Some(match value {
        Value::Number(number, _) => {
            let signed =
                if negated { Cow::Owned(format!("-{number}")) } else { Cow::Borrowed(number.as_str()) };
            if signed.parse::<i64>().is_ok() {
                DataType::Int64
            } else if signed.parse::<u64>().is_ok() {
                DataType::UInt64
            } else {
                DataType::Float64
            }
        }
        Value::SingleQuotedString(_) if !negated => DataType::Utf8,
        Value::Boolean(_) if !negated => DataType::Boolean,
        Value::Null => DataType::Null,
        _ => return None,
    })
}

/// The types of expressions, all planned at once; none if they do not plan.
fn planned_types(
    engine: &Engine,
    session: &Session,
    exprs: &[&SqlExpr],
) -> Result<Option<Vec<DataType>>, SqlError> {
    if exprs.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut query = parse_query("SELECT 1")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        let item = |(at, expr): (usize, &&SqlExpr)| SelectItem::ExprWithAlias {
            expr: (*expr).clone(),
            alias: Ident::new(format!("c{at}")),
        };
        select.projection = exprs.iter().enumerate().map(item).collect();
    }
    let Ok(plan) = engine.plan(session, *query) else { return Ok(None) };
    let plain = |ty: &DataType| match ty {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        other => other.clone(),
    };
    Ok(Some(plan.schema().fields().iter().map(|f| plain(f.data_type())).collect()))
}
