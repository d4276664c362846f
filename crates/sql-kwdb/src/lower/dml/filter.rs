//! Constants and columns of conditions, and what an expression comes to.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use sqlparser::ast as sql;
use triglot_engine::Engine;
use triglot_engine::query::QueryError;
use triglot_parse_sql::fold;

use crate::parse::values::Given;
use crate::{Answer, Context, KwError, query};

/// The conditions that AND joins.
pub(super) fn conjuncts(expr: &sql::Expr) -> Vec<&sql::Expr> {
    match expr {
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right } => {
            [conjuncts(left), conjuncts(right)].concat()
        }
        sql::Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// The column that an expression is.
pub(super) fn column(expr: &sql::Expr) -> Option<String> {
    match expr {
        sql::Expr::Identifier(ident) => Some(fold(ident.clone())),
        sql::Expr::CompoundIdentifier(parts) => parts.last().cloned().map(fold),
        sql::Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

/// The literal that an expression is; a bare word is one that no column takes.
pub(super) fn literal(expr: &sql::Expr) -> Option<Given<'static>> {
    match expr {
        sql::Expr::Value(value) => of_value(&value.value),
        sql::Expr::Nested(inner) => literal(inner),
        sql::Expr::UnaryOp { op: sql::UnaryOperator::Minus, expr } => match literal(expr)? {
            Given::Number(number) => {
                let negated = number.strip_prefix('-').map(str::to_owned);
                Some(Given::Number(negated.unwrap_or_else(|| format!("-{number}")).into()))
            }
            _ => None,
        },
        sql::Expr::UnaryOp { op: sql::UnaryOperator::Plus, expr } => {
            literal(expr).filter(|given| matches!(given, Given::Number(_)))
        }
        sql::Expr::Identifier(ident) if ident.quote_style.is_none() => {
            let is = |word: &str| ident.value.eq_ignore_ascii_case(word);
            if is("default") { Some(Given::Default) } else { is("current_timestamp").then_some(Given::Now) }
        }
        sql::Expr::Function(call) => {
            let name = call.name.to_string().to_ascii_lowercase();
            let has_arguments = match &call.args {
                sql::FunctionArguments::None => false,
                sql::FunctionArguments::List(list) => !list.args.is_empty(),
                sql::FunctionArguments::Subquery(_) => true,
            };
            let is_now = matches!(name.as_str(), "now" | "current_timestamp" | "localtimestamp");
            (is_now && !has_arguments).then_some(Given::Now)
        }
        _ => None,
    }
}

fn of_value(value: &sql::Value) -> Option<Given<'static>> {
    Some(match value {
        sql::Value::Null => Given::Null,
        sql::Value::Boolean(value) => Given::Bool(*value),
        sql::Value::Number(number, _) => Given::Number(Cow::Owned(number.clone())),
        sql::Value::SingleQuotedString(text) | sql::Value::EscapedStringLiteral(text) => {
            Given::Text(Cow::Owned(text.clone()))
        }
        _ => return None,
    })
}

/// What expressions without columns come to.
///
/// # Errors
/// The planner's and those of running it.
pub(super) async fn evaluate(
    engine: &Engine,
    context: &Context,
    exprs: Vec<sql::Expr>,
) -> Result<Vec<Given<'static>>, KwError> {
    if exprs.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = template("SELECT 1")?;
    let count = exprs.len();
    if let sql::SetExpr::Select(select) = select.body.as_mut() {
        let item =
            |(at, expr)| sql::SelectItem::ExprWithAlias { expr, alias: sql::Ident::new(format!("c{at}")) };
        select.projection = exprs.into_iter().enumerate().map(item).collect();
    }
    let text = select.to_string();
    let mut rows = Vec::new();
    run(engine, context, *select, &text, |row| {
        rows.push(row);
        Ok(())
    })
    .await?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) if row.len() == count => Ok(row),
        _ => Err(KwError::new("42601", "an expression of VALUES gives more than one row")),
    }
}

/// Runs a query and gives each of its rows to `take`. Returns how many columns it has.
pub(super) async fn run(
    engine: &Engine,
    context: &Context,
    select: sql::Query,
    text: &str,
    mut take: impl FnMut(Vec<Given<'static>>) -> Result<(), KwError>,
) -> Result<usize, KwError> {
    let Answer::Rows(rows) = query::run(engine, context, select, text).await? else { return Ok(0) };
    let columns = rows.columns.len();
    let mut stream = rows.stream;
    let failed = |e: QueryError| KwError::from(triglot_engine::EngineError::from(e));
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        for row in 0..batch.num_rows() {
            take(batch.columns().iter().map(|values| given_at(values, row)).collect::<Result<_, _>>()?)?;
        }
    }
    Ok(columns)
}

/// A value of a result.
fn given_at(values: &ArrayRef, row: usize) -> Result<Given<'static>, KwError> {
    let fault = |e: arrow::error::ArrowError| KwError::new("XX000", e.to_string());
    if values.data_type().is_null() || values.is_null(row) {
        return Ok(Given::Null);
    }
    let shown = || {
        let formatter = ArrayFormatter::try_new(values, &FormatOptions::default()).map_err(fault)?;
        formatter.value(row).try_to_string().map(Cow::Owned).map_err(fault)
    };
    Ok(match values.data_type() {
        DataType::Boolean => Given::Bool(values.as_boolean().value(row)),
        ty if ty.is_numeric() => Given::Number(shown()?),
        DataType::Timestamp(..) => {
            let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
            let one = cast(&cast(&values.slice(row, 1), &nanos).map_err(fault)?, &DataType::Int64)
                .map_err(fault)?;
            Given::Instant(one.as_primitive::<Int64Type>().value(0))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let one = cast(&values.slice(row, 1), &DataType::Binary).map_err(fault)?;
            Given::Octets(one.as_binary::<i32>().value(0).to_vec())
        }
        _ => Given::Text(shown()?),
    })
}

/// SQL text of our own making as a tree.
pub(super) fn template(text: &str) -> Result<Box<sql::Query>, KwError> {
    let parser = sqlparser::parser::Parser::new(&sqlparser::dialect::PostgreSqlDialect {}).try_with_sql(text);
    parser.and_then(|mut p| p.parse_query()).map_err(|e| KwError::new("XX000", e.to_string()))
}
