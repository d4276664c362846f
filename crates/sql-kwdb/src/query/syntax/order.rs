//! ORDER BY with NULLs as the smallest values, LIMIT and OFFSET.

use sqlparser::ast as sql;

use crate::KwError;

/// Applies both to a query.
pub(super) fn query(query: &mut sql::Query) -> Result<(), KwError> {
    if let Some(sql::OrderBy { kind: sql::OrderByKind::Expressions(keys), .. }) = &mut query.order_by {
        nulls_smallest(keys);
    }
    let Some(limits) = &query.limit_clause else { return Ok(()) };
    let (limit, offset) = match limits {
        sql::LimitClause::LimitOffset { limit, offset, .. } => {
            (limit.as_ref(), offset.as_ref().map(|o| &o.value))
        }
        sql::LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
    };
    for (value, name) in [(limit, "LIMIT"), (offset, "OFFSET")] {
        if let Some(sql::Expr::UnaryOp { op: sql::UnaryOperator::Minus, .. }) = value {
            return Err(KwError::new("2201W", format!("negative value for {name}")));
        }
        if let Some(sql::Expr::Value(sql::ValueWithSpan { value, .. })) = value
            && let sql::Value::SingleQuotedString(_) | sql::Value::Boolean(_) = value
        {
            let found = if matches!(value, sql::Value::Boolean(_)) { "bool" } else { "string" };
            let message = format!("argument of {name} must be type int, not type {found}");
            return Err(KwError::new("42804", message));
        }
    }
    Ok(())
}

/// Where keys do not say where NULLs go, they are smaller than all values.
pub(super) fn nulls_smallest(keys: &mut [sql::OrderByExpr]) {
    for key in keys {
        let ascending = key.options.asc != Some(false);
        key.options.nulls_first.get_or_insert(ascending);
    }
}
