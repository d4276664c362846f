//! Operators as KWDB types them (sheet section 12): integers as INT8 with errors on overflow, `int / int` as DECIMAL,
//! `//`, `^`, times with texts, integers and intervals.
//!
//! It is asked while SQL is planned, because the type of an expression must be known at once. What BETWEEN and IN
//! compare is found later, by [`super::rewrite`].

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast, lit};
use sqlparser::ast::BinaryOperator as Sql;

use super::errors::{coded, type_word};
use super::functions::arithmetic::{Arithmetic, Op};
use super::functions::spans::time_between;
use super::interval;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        let planned = match arithmetic(&raw.op) {
            Some(op) => arithmetic_of(op, &raw, &left, &right)?,
            None if matches!(raw.op, Sql::StringConcat) => concatenation(&raw, &left, &right)?,
            None => comparison(&raw, &left, &right)?,
        };
        Ok(match planned {
            Some(expr) => PlannerResult::Planned(expr),
            None => PlannerResult::Original(raw),
        })
    }
}

fn arithmetic(op: &Sql) -> Option<Op> {
    Some(match op {
        Sql::Plus => Op::Add,
        Sql::Minus => Op::Subtract,
        Sql::Multiply => Op::Multiply,
        Sql::Divide => Op::Divide,
        Sql::DuckIntegerDivide | Sql::MyIntegerDivide => Op::FloorDivide,
        Sql::Modulo => Op::Modulo,
        Sql::PGExp => Op::Power,
        _ => return None,
    })
}

/// What a type is among operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Int,
    Decimal,
    Float,
    Time,
    Interval,
    Text,
    Null,
    Other,
}

fn class(ty: &DataType) -> Class {
    match ty {
        ty if ty.is_integer() => Class::Int,
        DataType::Decimal128(..) => Class::Decimal,
        DataType::Float32 | DataType::Float64 => Class::Float,
        DataType::Timestamp(..) | DataType::Date32 => Class::Time,
        DataType::Interval(_) | DataType::Duration(_) => Class::Interval,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        DataType::Null => Class::Null,
        _ => Class::Other,
    }
}

fn arithmetic_of(op: Op, raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    let (a, b) = (raw.left.clone(), raw.right.clone());
    let number = |class: Class| matches!(class, Class::Int | Class::Decimal | Class::Float | Class::Null);
    match (class(left), class(right)) {
        (Class::Null, Class::Null) => Ok(Some(lit(ScalarValue::Null))),
        (l, r) if number(l) && number(r) => Ok(Some(Arithmetic::call(op, a, b, left, right))),
        (Class::Time, Class::Interval) if matches!(op, Op::Add | Op::Subtract) => Ok(None),
        (Class::Interval, Class::Time | Class::Interval) if op == Op::Add => Ok(None),
        (Class::Interval, Class::Interval) if op == Op::Subtract => Ok(None),
        (Class::Interval, Class::Int | Class::Float | Class::Decimal) if op == Op::Multiply => Ok(None),
        (Class::Time, Class::Time) if op == Op::Subtract => Ok(Some(time_between().call(vec![a, b]))),
        (Class::Time, Class::Text) if op == Op::Add => match constant_text(&b) {
            Some(text) => Ok(Some(binary(a, Operator::Plus, interval_of(&text)?))),
            None => unsupported(raw, left, right),
        },
        (Class::Text, Class::Time) if op == Op::Add => match constant_text(&a) {
            Some(text) => Ok(Some(binary(b, Operator::Plus, interval_of(&text)?))),
            None => unsupported(raw, left, right),
        },
        // A text beside a time is a time; which one is decided where the zone is known.
        (Class::Time, Class::Text) if op == Op::Subtract && constant_text(&b).is_some() => {
            let time = super::functions::zoned::instant_call(b, left.clone());
            Ok(Some(time_between().call(vec![a, time])))
        }
        (Class::Time, Class::Null) | (Class::Null, Class::Time) => Ok(None),
        _ => unsupported(raw, left, right),
    }
}

fn interval_of(text: &str) -> Result<Expr> {
    match interval::parse(text, interval::Unit::of("s")) {
        Some(value) => Ok(lit(ScalarValue::IntervalMonthDayNano(Some(value)))),
        None => Err(coded("22007", format!("could not parse \"{text}\" as type interval"))),
    }
}

fn concatenation(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    let joins = |ty: &DataType| {
        matches!(class(ty), Class::Text | Class::Null)
            || matches!(ty, DataType::List(_) | DataType::Binary | DataType::BinaryView)
    };
    if joins(left) || joins(right) { Ok(None) } else { unsupported(raw, left, right) }
}

fn comparison(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    let op = match raw.op {
        Sql::Eq => Operator::Eq,
        Sql::NotEq => Operator::NotEq,
        Sql::Lt => Operator::Lt,
        Sql::LtEq => Operator::LtEq,
        Sql::Gt => Operator::Gt,
        Sql::GtEq => Operator::GtEq,
        _ => return Ok(None),
    };
    let (a, b) = (raw.left.clone(), raw.right.clone());
    match (class(left), class(right)) {
        (Class::Time, Class::Int) => match instant(&b, left) {
            Some(time) => Ok(Some(binary(a, op, time))),
            None => unsupported_comparison(raw, left, right),
        },
        (Class::Int, Class::Time) => match instant(&a, right) {
            Some(time) => Ok(Some(binary(time, op, b))),
            None => unsupported_comparison(raw, left, right),
        },
        (Class::Decimal, Class::Float) => Ok(Some(binary(as_double(a), op, b))),
        (Class::Float, Class::Decimal) => Ok(Some(binary(a, op, as_double(b)))),
        (Class::Interval, Class::Text) if constant_text(&b).is_some() => {
            let interval = interval_of(&constant_text(&b).unwrap_or_default())?;
            Ok(Some(binary(a, op, interval)))
        }
        (Class::Int | Class::Float | Class::Decimal, Class::Text) => match number_in(&b) {
            Some(number) => Ok(Some(binary(a, op, number))),
            None => unsupported_comparison(raw, left, right),
        },
        (Class::Text, Class::Int | Class::Float | Class::Decimal) => match number_in(&a) {
            Some(number) => Ok(Some(binary(number, op, b))),
            None => unsupported_comparison(raw, left, right),
        },
        (l, r) if is_boolean_among_others(left, right) && l != Class::Null && r != Class::Null => {
            unsupported_comparison(raw, left, right)
        }
        _ => Ok(None),
    }
}

fn is_boolean_among_others(left: &DataType, right: &DataType) -> bool {
    (*left == DataType::Boolean) != (*right == DataType::Boolean)
        && class(left) != Class::Text
        && class(right) != Class::Text
}

/// A literal text that is a number.
fn number_in(expr: &Expr) -> Option<Expr> {
    let text = constant_text(expr)?;
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(lit(number));
    }
    text.parse::<f64>().ok().map(lit)
}

pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// A number with a point beside a float is a float.
fn as_double(expr: Expr) -> Expr {
    match &expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Float64) {
            Ok(value) => lit(value),
            Err(_) => cast(expr, DataType::Float64),
        },
        _ => cast(expr, DataType::Float64),
    }
}

/// The text of a literal.
pub(super) fn constant_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        Expr::Alias(alias) => constant_text(&alias.expr),
        _ => None,
    }
}

/// The instant that an integer literal counts up to in the unit of a time.
pub(super) fn instant(number: &Expr, time: &DataType) -> Option<Expr> {
    let (Expr::Literal(value, _), DataType::Timestamp(unit, zone)) = (number, time) else { return None };
    if !value.data_type().is_integer() || value.is_null() {
        return None;
    }
    let ScalarValue::Int64(count) = value.cast_to(&DataType::Int64).ok()? else { return None };
    let zone = zone.clone();
    Some(lit(match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(count, zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(count, zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(count, zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(count, zone),
    }))
}

fn unsupported(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    Err(refused("binary", raw, left, right))
}

fn unsupported_comparison(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    Err(refused("comparison", raw, left, right))
}

fn refused(kind: &str, raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> DataFusionError {
    let op = match raw.op {
        Sql::DuckIntegerDivide | Sql::MyIntegerDivide => "//".to_owned(),
        Sql::NotEq => "!=".to_owned(),
        ref op => op.to_string(),
    };
    let (left, right) = (type_word(left), type_word(right));
    coded("22023", format!("unsupported {kind} operator: <{left}> {op} <{right}>"))
}

/// The type of intervals.
pub(super) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
