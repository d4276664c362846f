//! LIMIT and OFFSET: numbers that are not negative (010037 to 010040).

use datafusion::sql::sqlparser::ast::{Expr, LimitClause, Query, UnaryOperator, Value};

use crate::error::SqlError;

/// A query whose outermost LIMIT and OFFSET are not negative and name no columns. Constant
/// expressions are left to the planner.
pub(super) fn checked(query: Box<Query>) -> Result<Box<Query>, SqlError> {
    let (limited, skipped) = match &query.limit_clause {
        None => (None, None),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            (limit.as_ref(), offset.as_ref().map(|o| &o.value))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
    };
    if let Some(count) = limited {
        refuse_negative(count, &LIMIT)?;
    }
    if let Some(count) = skipped {
        refuse_negative(count, &OFFSET)?;
    }
    Ok(query)
}

/// The number of a LIMIT.
pub(super) fn limit(count: &Expr) -> Result<u64, SqlError> {
    number(count, &LIMIT)
}

/// The number of an OFFSET.
pub(super) fn offset(count: &Expr) -> Result<u64, SqlError> {
    number(count, &OFFSET)
}

/// A clause and its codes.
struct Clause {
    name: &'static str,
    negative: &'static str,
    not_constant: &'static str,
}

const OFFSET: Clause = Clause { name: "OFFSET", negative: "010037", not_constant: "010039" };
const LIMIT: Clause = Clause { name: "LIMIT", negative: "010038", not_constant: "010040" };

fn refuse_negative(count: &Expr, clause: &Clause) -> Result<(), SqlError> {
    match count {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } if literal(expr).is_some() => {
            Err(SqlError::semantic(
                clause.negative,
                format_args!("{} must be >= 0, '{count}' was provided", clause.name),
            ))
        }
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Err(not_constant(clause)),
        _ => Ok(()),
    }
}

fn number(count: &Expr, clause: &Clause) -> Result<u64, SqlError> {
    refuse_negative(count, clause)?;
    literal(count).and_then(|n| n.parse().ok()).ok_or_else(|| not_constant(clause))
}

fn not_constant(clause: &Clause) -> SqlError {
    SqlError::semantic(
        clause.not_constant,
        format_args!("The {} clause must be a constant of BIGINT type", clause.name),
    )
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}
