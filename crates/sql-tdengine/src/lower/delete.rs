//! DELETE: predicates over time, tags and child names (sheet section 6).

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr as Plan, ident, lit};
use triglot_engine::auth::Action;
use triglot_engine::query::CHILD_NAME;
use triglot_engine::{Engine, EngineError, Outcome, Relation, Statement};
use triglot_model::{ColumnDef, ColumnKind, ColumnType, Precision, TableDef};
use triglot_parse_tdengine::ast::{BinaryOp, Expr, ExprKind, Literal, TableName, UnaryOp};

use super::errors;
use super::names::{database_of, engine_name};
use crate::insert::value::{Value, convert, of_expr};
use crate::time::TimeContext;
use crate::{Answer, Context, TaosError};

pub(super) async fn run(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    filter: Option<&Expr>,
    sql: &str,
) -> Result<Answer, TaosError> {
    let database = database_of(context, name)?;
    let table = name.table.name.as_str();
    let relation =
        engine.relation_for(&context.session, database, table, Action::Delete).map_err(errors::lookup)?;
    let def = &relation.table().def;
    let time =
        TimeContext { precision: def.precision(), zone: context.zone, now_ns: engine.clock().now_ns() };
    let of_super = matches!(relation, Relation::Super(_));
    let lowering = Predicate { def, time: &time, of_super, sql };
    let filter = filter.map(|f| lowering.lower(f)).transpose()?;
    let statement = Statement::DeleteCounted { table: engine_name(database, table), filter };
    match engine.execute(&context.session, statement).await {
        Ok(Outcome::Affected(rows)) => Ok(Answer::Affected(rows)),
        Ok(Outcome::Done | Outcome::Rows(_)) => Ok(Answer::Affected(0)),
        Err(EngineError::DeleteByField { .. } | EngineError::DeletePredicate { .. }) => Err(no_range()),
        Err(error) => Err(errors::lookup(error)),
    }
}

/// 0x2655
fn no_range() -> TaosError {
    TaosError::new(0x2655, "The DELETE statement must have a definite time window range")
}

struct Predicate<'p> {
    def: &'p TableDef,
    time: &'p TimeContext,
    sql: &'p str,
    /// Tags and child names may be asked for.
    of_super: bool,
}

/// What a predicate may name.
enum Operand<'p> {
    Time(&'p ColumnDef),
    Tag(&'p ColumnDef),
    ChildName,
}

impl Predicate<'_> {
    fn lower(&self, expr: &Expr) -> Result<Plan, TaosError> {
        if let (Some(times), Some(time)) = (self.times(expr)?, self.def.time_column()) {
            let at = |time: i64| lit(instant(self.time.precision, Some(time)));
            return match times.0.as_slice() {
                [] => Ok(lit(false)),
                [(first, last)] => Ok(ident(&time.name).between(at(*first), at(*last))),
                _ => Err(no_range()),
            };
        }
        match &expr.kind {
            ExprKind::Literal(Literal::Bool(value)) => Ok(lit(*value)),
            ExprKind::Binary { op: BinaryOp::And, left, right } => {
                Ok(self.lower(left)?.and(self.lower(right)?))
            }
            ExprKind::Binary { op: BinaryOp::Or, left, right } => {
                if self.mentions_time(left) || self.mentions_time(right) {
                    return Err(no_range());
                }
                Ok(self.lower(left)?.or(self.lower(right)?))
            }
            ExprKind::Unary { op: UnaryOp::Not, expr } if !self.mentions_time(expr) => {
                Ok(Plan::Not(Box::new(self.lower(expr)?)))
            }
            ExprKind::Binary { op, left, right } => self.comparison(*op, left, right),
            ExprKind::Between { expr, negated: false, low, high } => {
                let column = self.operand(expr)?;
                let (low, high) = (self.value(&column, low)?, self.value(&column, high)?);
                Ok(self.column(&column).between(low, high))
            }
            ExprKind::InList { expr, negated, list } => {
                let column = self.operand(expr)?;
                if matches!(column, Operand::Time(_)) {
                    return Err(no_range());
                }
                let list = list.iter().map(|item| self.value(&column, item)).collect::<Result<_, _>>()?;
                Ok(self.column(&column).in_list(list, *negated))
            }
            ExprKind::IsNull { expr, negated } => match self.operand(expr)? {
                Operand::Time(_) => Err(no_range()),
                column if *negated => Ok(self.column(&column).is_not_null()),
                column => Ok(self.column(&column).is_null()),
            },
            _ => Err(no_range()),
        }
    }

    /// The times that a condition lets in; `None` if it is about something else, too.
    fn times(&self, expr: &Expr) -> Result<Option<Times>, TaosError> {
        match &expr.kind {
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let (Some(left), Some(right)) = (self.times(left)?, self.times(right)?) else {
                    return Ok(None);
                };
                Ok(Some(if *op == BinaryOp::And { left.and(&right) } else { left.or(right) }))
            }
            ExprKind::Binary { op, left, right } => {
                let (op, column, value) = sides(*op, left, right)?;
                if !matches!(self.operand(column)?, Operand::Time(_)) {
                    return Ok(None);
                }
                let at = self.instant(value)?;
                let (first, last) = match op {
                    BinaryOp::Eq => (Some(at), Some(at)),
                    BinaryOp::Lt => (Some(i64::MIN), at.checked_sub(1)),
                    BinaryOp::LtEq => (Some(i64::MIN), Some(at)),
                    BinaryOp::Gt => (at.checked_add(1), Some(i64::MAX)),
                    BinaryOp::GtEq => (Some(at), Some(i64::MAX)),
                    _ => return Err(no_range()),
                };
                Ok(Some(Times(first.zip(last).into_iter().collect())))
            }
            ExprKind::Between { expr, negated: false, low, high } => {
                if !matches!(self.operand(expr)?, Operand::Time(_)) {
                    return Ok(None);
                }
                let (low, high) = (self.instant(low)?, self.instant(high)?);
                Ok(Some(Times((low <= high).then_some((low, high)).into_iter().collect())))
            }
            _ => Ok(None),
        }
    }

    fn comparison(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Plan, TaosError> {
        let (op, column, value) = sides(op, left, right)?;
        let column = self.operand(column)?;
        let value = self.value(&column, value)?;
        let left = self.column(&column);
        let is_time = matches!(column, Operand::Time(_));
        Ok(match op {
            BinaryOp::Eq => left.eq(value),
            BinaryOp::Lt => left.lt(value),
            BinaryOp::LtEq => left.lt_eq(value),
            BinaryOp::Gt => left.gt(value),
            BinaryOp::GtEq => left.gt_eq(value),
            BinaryOp::NotEq if !is_time => left.not_eq(value),
            BinaryOp::Like if !is_time => left.like(value),
            BinaryOp::NotLike if !is_time => left.not_like(value),
            _ => return Err(no_range()),
        })
    }

    fn operand(&self, expr: &Expr) -> Result<Operand<'_>, TaosError> {
        let ExprKind::Column { name, .. } = &expr.kind else { return Err(no_range()) };
        match (name.name.as_str(), self.def.column(&name.name)) {
            (_, Some(column)) => match column.kind {
                ColumnKind::Time => Ok(Operand::Time(column)),
                ColumnKind::Tag if self.of_super => Ok(Operand::Tag(column)),
                ColumnKind::Tag | ColumnKind::Field | ColumnKind::CompositeKey => Err(no_range()),
            },
            ("_c0" | "_rowts", None) => match self.def.time_column() {
                Some(column) => Ok(Operand::Time(column)),
                None => Err(no_range()),
            },
            ("tbname", None) if self.of_super => Ok(Operand::ChildName),
            ("tbname", None) => Err(no_range()),
            (name, None) => Err(errors::no_column(name)),
        }
    }

    fn mentions_time(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Column { .. } => matches!(self.operand(expr), Ok(Operand::Time(_))),
            ExprKind::Binary { left, right, .. } => self.mentions_time(left) || self.mentions_time(right),
            ExprKind::Unary { expr, .. }
            | ExprKind::IsNull { expr, .. }
            | ExprKind::Between { expr, .. }
            | ExprKind::InList { expr, .. } => self.mentions_time(expr),
            _ => false,
        }
    }

    fn column(&self, operand: &Operand<'_>) -> Plan {
        match operand {
            Operand::Time(column) | Operand::Tag(column) => ident(&column.name),
            Operand::ChildName => ident(CHILD_NAME),
        }
    }

    /// A constant time.
    fn instant(&self, expr: &Expr) -> Result<i64, TaosError> {
        self.time.evaluate(expr).ok_or_else(|| {
            let source = || self.sql.get(expr.span.start as usize..expr.span.end as usize);
            let written = match &expr.kind {
                ExprKind::Literal(Literal::Text(text)) => text,
                _ => source().unwrap_or_default(),
            };
            TaosError::new(0x2635, format!("Incorrect TIMESTAMP value: {written}"))
        })
    }

    /// A constant of the operand's type.
    fn value(&self, operand: &Operand<'_>, expr: &Expr) -> Result<Plan, TaosError> {
        match operand {
            Operand::Time(_) => Ok(lit(instant(self.time.precision, Some(self.instant(expr)?)))),
            Operand::ChildName => match &expr.kind {
                ExprKind::Literal(Literal::Text(text)) => Ok(lit(text.as_str())),
                _ => Err(no_range()),
            },
            Operand::Tag(tag) => {
                let is_time = matches!(tag.ty, ColumnType::Ts(_));
                // Patterns and longer texts than the tag can hold are compared, too.
                let ty = match tag.ty {
                    ColumnType::Str { unit, .. } => ColumnType::Str { max: None, unit },
                    ty => ty,
                };
                let value =
                    of_expr(expr, self.sql, is_time, self.time).and_then(|g| convert(g, ty, self.time));
                let value = value.map_err(|_| TaosError::new(0x2605, "Invalid value type"))?;
                scalar(value, tag.ty).map(lit).ok_or_else(no_range)
            }
        }
    }
}

/// A column and what it is compared with.
fn sides<'e>(
    op: BinaryOp,
    left: &'e Expr,
    right: &'e Expr,
) -> Result<(BinaryOp, &'e Expr, &'e Expr), TaosError> {
    match (&left.kind, &right.kind) {
        (ExprKind::Column { .. }, _) => Ok((op, left, right)),
        (_, ExprKind::Column { .. }) => Ok((mirrored(op), right, left)),
        _ => Err(no_range()),
    }
}

/// Ranges of times, ends included, in order, with gaps between them.
struct Times(Vec<(i64, i64)>);

impl Times {
    fn and(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
        Self(pairs.filter(|(first, last)| first <= last).collect())
    }

    fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self.0.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (first, last) in self.0 {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

const fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Lt => BinaryOp::Gt,
        BinaryOp::LtEq => BinaryOp::GtEq,
        BinaryOp::Gt => BinaryOp::Lt,
        BinaryOp::GtEq => BinaryOp::LtEq,
        other => other,
    }
}

fn instant(precision: Precision, time: Option<i64>) -> ScalarValue {
    match precision {
        Precision::Milli => ScalarValue::TimestampMillisecond(time, None),
        Precision::Micro => ScalarValue::TimestampMicrosecond(time, None),
        Precision::Nano => ScalarValue::TimestampNanosecond(time, None),
    }
}

fn scalar(value: Value<'_>, ty: ColumnType) -> Option<ScalarValue> {
    Some(match (value, ty) {
        (Value::Null, _) => ScalarValue::Null,
        (Value::Bool(value), _) => value.into(),
        (Value::Int(value), ColumnType::Ts(precision)) => instant(precision, Some(value)),
        (Value::Int(value), _) => value.into(),
        (Value::UInt(value), _) => value.into(),
        (Value::Float(value), ColumnType::F32) => (value as f32).into(),
        (Value::Float(value), _) => value.into(),
        (Value::Text(text), _) => text.as_ref().into(),
        (Value::Bytes(bytes), _) => ScalarValue::Binary(Some(bytes.into_owned())),
        (Value::Decimal(_), _) => return None,
    })
}
