//! DEFAULT of columns: constants and `now()`, kept as SQL.

use sqlparser::ast::{Expr, FunctionArguments, UnaryOperator, Value};

use crate::KwError;
use crate::types::KwType;

/// The SQL of a default; none for NULL, which is no default.
pub(super) fn text(column: &str, ty: KwType, default: &Expr) -> Result<Option<String>, KwError> {
    let Some(constant) = Constant::of(default) else {
        let message = format!("default value of column \"{column}\" must be a constant or now()");
        return Err(KwError::new("42601", message));
    };
    if constant == Constant::Null {
        return Ok(None);
    }
    if constant.suits(ty) {
        return Ok(Some(constant.sql()));
    }
    let message = format!(
        "expected DEFAULT expression to have type {}, but '{}' has type {}",
        ty.name().to_ascii_lowercase(),
        constant.sql(),
        constant.type_name()
    );
    Err(KwError::new("42804", message))
}

#[derive(Clone, Debug, PartialEq)]
enum Constant {
    Null,
    Bool(bool),
    /// Digits with their sign.
    Number(String),
    Text(String),
    /// `b'…'`, `x'…'`, `e'…'` as they are read.
    Bytes(String),
    Now,
}

impl Constant {
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Nested(inner) => Self::of(inner),
            Expr::Value(value) => match &value.value {
                Value::Null => Some(Self::Null),
                Value::Boolean(value) => Some(Self::Bool(*value)),
                Value::Number(digits, _) => Some(Self::Number(digits.clone())),
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                    Some(Self::Text(text.clone()))
                }
                literal @ (Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_)) => {
                    Some(Self::Bytes(literal.to_string()))
                }
                _ => None,
            },
            Expr::UnaryOp { op, expr } => match (op, Self::of(expr)?) {
                (UnaryOperator::Minus, Self::Number(digits)) if !digits.starts_with('-') => {
                    Some(Self::Number(format!("-{digits}")))
                }
                (UnaryOperator::Plus, number @ Self::Number(_)) => Some(number),
                _ => None,
            },
            Expr::Function(call) => {
                let has_arguments = match &call.args {
                    FunctionArguments::None => false,
                    FunctionArguments::List(list) => !list.args.is_empty(),
                    FunctionArguments::Subquery(_) => true,
                };
                let is_now = ["now", "current_timestamp"]
                    .iter()
                    .any(|name| call.name.to_string().eq_ignore_ascii_case(name));
                (is_now && !has_arguments).then_some(Self::Now)
            }
            _ => None,
        }
    }

    fn suits(&self, ty: KwType) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) => ty == KwType::Bool,
            Self::Number(digits) => match ty {
                KwType::Int2 | KwType::Int4 | KwType::Int8 => integer_fits(digits, ty),
                KwType::Float4 | KwType::Float8 | KwType::Decimal => true,
                // An instant in the column's unit.
                KwType::Timestamp | KwType::TimestampTz => digits.parse::<i64>().is_ok(),
                _ => false,
            },
            Self::Text(_) => {
                !matches!(ty, KwType::Int2 | KwType::Int4 | KwType::Int8 | KwType::Float4 | KwType::Float8)
            }
            Self::Bytes(_) => matches!(ty, KwType::Bytes | KwType::Varbytes),
            Self::Now => ty.is_timestamp() || matches!(ty, KwType::Date),
        }
    }

    fn sql(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(digits) | Self::Bytes(digits) => digits.clone(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Now => "now()".to_owned(),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "unknown",
            Self::Bool(_) => "bool",
            Self::Number(digits) if digits.contains(['.', 'e', 'E']) => "decimal",
            Self::Number(_) => "int",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Now => "timestamptz",
        }
    }
}

fn integer_fits(digits: &str, ty: KwType) -> bool {
    let Ok(value) = digits.parse::<i64>() else { return false };
    match ty {
        KwType::Int2 => i16::try_from(value).is_ok(),
        KwType::Int4 => i32::try_from(value).is_ok(),
        _ => true,
    }
}
