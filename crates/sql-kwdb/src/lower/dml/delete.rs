//! DELETE from a table of series: by time, by device, or both (sheet section 11.4). Anything else is an error, not a
//! slow way.

use datafusion::logical_expr::{Expr, ident, lit};
use futures::future::BoxFuture;
use sqlparser::ast as sql;
use triglot_engine::{Engine, Statement, TableIn};
use triglot_model::{ColumnDef, ColumnKind, TableDef};

use super::target::target_column;
use super::update::{constant, device_tags, equals};
use super::value::{ValueContext, scalar};
use super::{affected, errors, filter};
use crate::ast::Delete;
use crate::{Answer, Context, KwError};

const OPERATOR: &str = "unsupported binary operator or expressions";
const EXPRESSION: &str = "unsupported filter expression";
const MULTIPLE: &str = "multiple tag filter";

fn refused(what: &str) -> KwError {
    KwError::new("0A000", format!("unsupported conditions found in the deletion operation: {what}"))
}

pub(super) async fn run(
    engine: &Engine,
    context: &Context,
    table: &TableIn,
    delete: Delete,
) -> Result<Answer, KwError> {
    let Delete { table: name, filter: condition } = delete;
    let conditions =
        Conditions { engine, context, def: &table.def, values: ValueContext::new(engine, context) };
    let statement = match &condition {
        None => Statement::DeleteCounted { table: name.clone(), filter: None },
        Some(condition) => {
            let (device, time) = conditions.split(condition).await?;
            match (device, time) {
                (Some(device), None) => Statement::DeleteSeries { table: name.clone(), filter: device },
                (device, time) => {
                    let filter = device.into_iter().chain(time).reduce(Expr::and);
                    Statement::DeleteCounted { table: name.clone(), filter }
                }
            }
        }
    };
    let outcome = engine.execute(&context.session, statement).await;
    outcome.map(affected).map_err(|e| errors::of(e, &name))
}

struct Conditions<'c> {
    engine: &'c Engine,
    context: &'c Context,
    def: &'c TableDef,
    values: ValueContext,
}

impl Conditions<'_> {
    /// The condition on the device and that on time.
    async fn split(&self, condition: &sql::Expr) -> Result<(Option<Expr>, Option<Expr>), KwError> {
        let device = device_tags(self.def);
        let (mut tags, mut times, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for part in filter::conjuncts(condition) {
            match self.device_tag(&device, part)? {
                Some((tag, value)) => {
                    if named.contains(&tag.id) {
                        return Err(refused(MULTIPLE));
                    }
                    named.push(tag.id);
                    let given = constant(value).ok_or_else(|| refused(OPERATOR))?;
                    tags.push(equals(self.engine, self.def, tag, given, &self.values)?);
                }
                None => times.push(self.time(part).await?),
            }
        }
        if !named.is_empty() && named.len() != device.len() {
            return Err(refused(OPERATOR));
        }
        let all = |parts: Vec<Expr>| parts.into_iter().reduce(Expr::and);
        Ok((all(tags), all(times)))
    }

    /// `tag = value` of one of the device's tags.
    fn device_tag<'e, 'd>(
        &self,
        device: &[&'d ColumnDef],
        part: &'e sql::Expr,
    ) -> Result<Option<(&'d ColumnDef, &'e sql::Expr)>, KwError> {
        let sql::Expr::BinaryOp { left, op, right } = part else { return Ok(None) };
        let find = |expr: &sql::Expr| {
            let name = filter::column(expr)?;
            device.iter().copied().find(|tag| tag.name == name)
        };
        match (find(left), find(right), op) {
            (Some(tag), None, sql::BinaryOperator::Eq) => Ok(Some((tag, right))),
            (None, Some(tag), sql::BinaryOperator::Eq) => Ok(Some((tag, left))),
            (None, None, _) => Ok(None),
            _ => Err(refused(OPERATOR)),
        }
    }

    /// A condition on nothing but time.
    fn time<'e>(&'e self, expr: &'e sql::Expr) -> BoxFuture<'e, Result<Expr, KwError>> {
        Box::pin(async move {
            match expr {
                sql::Expr::Nested(inner) => self.time(inner).await,
                sql::Expr::BinaryOp {
                    left,
                    op: op @ (sql::BinaryOperator::And | sql::BinaryOperator::Or),
                    right,
                } => {
                    let (left, right) = (self.time(left).await?, self.time(right).await?);
                    Ok(if *op == sql::BinaryOperator::And { left.and(right) } else { left.or(right) })
                }
                sql::Expr::BinaryOp { left, op, right } => self.comparison(left, op, right).await,
                sql::Expr::InList { expr, list, negated } => {
                    self.time_column(expr, MULTIPLE)?;
                    let mut parts = Vec::with_capacity(list.len());
                    for item in list {
                        let (time, item) = (self.column(), self.instant(item).await?);
                        parts.push(if *negated { time.not_eq(item) } else { time.eq(item) });
                    }
                    let joined = parts.into_iter().reduce(if *negated { Expr::and } else { Expr::or });
                    Ok(joined.unwrap_or_else(|| lit(*negated)))
                }
                sql::Expr::Between { expr, negated: false, low, high } => {
                    self.time_column(expr, EXPRESSION)?;
                    let (low, high) = (self.instant(low).await?, self.instant(high).await?);
                    Ok(self.column().gt_eq(low).and(self.column().lt_eq(high)))
                }
                sql::Expr::Value(value) => match value.value {
                    sql::Value::Boolean(value) => Ok(lit(value)),
                    _ => Err(refused(EXPRESSION)),
                },
                _ => Err(refused(EXPRESSION)),
            }
        })
    }

    async fn comparison(
        &self,
        left: &sql::Expr,
        op: &sql::BinaryOperator,
        right: &sql::Expr,
    ) -> Result<Expr, KwError> {
        let (value, mirrored) = match (filter::column(left), filter::column(right)) {
            (Some(_), _) => {
                self.time_column(left, OPERATOR)?;
                (right, false)
            }
            (None, Some(_)) => {
                self.time_column(right, OPERATOR)?;
                (left, true)
            }
            (None, None) => return Err(refused(OPERATOR)),
        };
        let (time, value) = (self.column(), self.instant(value).await?);
        Ok(match (op, mirrored) {
            (sql::BinaryOperator::Eq, _) => time.eq(value),
            (sql::BinaryOperator::NotEq, _) => time.not_eq(value),
            (sql::BinaryOperator::Lt, false) | (sql::BinaryOperator::Gt, true) => time.lt(value),
            (sql::BinaryOperator::LtEq, false) | (sql::BinaryOperator::GtEq, true) => time.lt_eq(value),
            (sql::BinaryOperator::Gt, false) | (sql::BinaryOperator::Lt, true) => time.gt(value),
            (sql::BinaryOperator::GtEq, false) | (sql::BinaryOperator::LtEq, true) => time.gt_eq(value),
            _ => return Err(refused(OPERATOR)),
        })
    }

    /// Refuses what is not the time column.
    fn time_column(&self, expr: &sql::Expr, otherwise: &str) -> Result<(), KwError> {
        let name = filter::column(expr).ok_or_else(|| refused(EXPRESSION))?;
        match self.def.column(&name).map(|c| c.kind) {
            Some(ColumnKind::Time) => Ok(()),
            Some(_) => Err(refused(otherwise)),
            None => Err(errors::no_column(&name)),
        }
    }

    fn column(&self) -> Expr {
        ident(self.def.time_column().map_or("", |c| c.name.as_str()))
    }

    /// A constant, or what an expression without columns comes to.
    async fn instant(&self, expr: &sql::Expr) -> Result<Expr, KwError> {
        let given = match filter::literal(expr) {
            Some(given) => given,
            None => {
                let evaluated = filter::evaluate(self.engine, self.context, vec![expr.clone()]).await;
                evaluated.map_err(|_| refused(OPERATOR))?.pop().ok_or_else(|| refused(OPERATOR))?
            }
        };
        let Some(time) = self.def.time_column() else { return Err(refused(OPERATOR)) };
        let mut target = target_column(self.def, time, &self.values)?;
        target.not_null = false;
        let value = target.value(self.engine, given, &self.values)?;
        let value = scalar(&value, time.ty).ok_or_else(|| refused(OPERATOR))?;
        Ok(lit(value))
    }
}
