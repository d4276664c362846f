//! The FILL clause (sheet section 12.4): what devices have at an instant, also where they have no row.
//!
//! `SELECT ts, v, dev FROM t WHERE ts = T AND dev = 1 FILL(PREVIOUS)` becomes a query by device, in which `v` is the value
//! at `T` if there is a row, else the one that the mode picks from the device's other rows.

use chrono::DateTime;
use sqlparser::ast as sql;
use sqlparser::parser::Parser;
use triglot_model::{ColumnDef, ColumnKind, IdentityRule, TableDef};

use super::{Scope, arg, args_of, folded, name_of, quoted};
use crate::parse::{DIALECT, FILL};
use crate::types::{KwType, TypeSpec};
use crate::{KwError, is_primary_tag};

const CONDITIONS: &str = "the conditions of FILL clause must only be ts col and pTag";
const ONE_TABLE: &str = "FILL is only supported for use in single time series table query.";

/// What stands where a device has no row.
enum Mode {
    Exact,
    Previous(Option<u64>),
    Next(Option<u64>),
    Closer(Option<u64>),
    Linear(Option<u64>, Option<u64>),
    Constant(String),
}

/// Whether a query has the clause in its WHERE.
pub(super) fn is_in(query: &sql::Query) -> bool {
    match query.body.as_ref() {
        sql::SetExpr::Select(select) => select.selection.as_ref().is_some_and(|s| split(s).1.is_some()),
        _ => false,
    }
}

/// The refusal of the clause in WITH.
pub(super) fn in_with() -> KwError {
    KwError::new("0A000", "FILL clause is not supported in WITH...AS...")
}

/// Rewrites a SELECT with the clause.
///
/// # Errors
/// Conditions on anything but the time and primary tags; more than one table; expressions.
pub(super) fn rewrite(select: &mut sql::Select, scope: &Scope<'_>) -> Result<(), KwError> {
    let Some(selection) = &select.selection else { return Ok(()) };
    let (conditions, Some(clause)) = split(selection) else { return check_nowhere(selection) };
    let one_table = || KwError::new("42601", ONE_TABLE);
    let [sql::TableWithJoins { relation: sql::TableFactor::Table { name, .. }, joins }] =
        select.from.as_slice()
    else {
        return Err(one_table());
    };
    if !joins.is_empty() {
        return Err(one_table());
    }
    let table = scope.table(name).ok_or_else(one_table)?;
    if !is_plain(select) {
        return Err(KwError::new("42601", "FILL clause does not support GROUP BY, HAVING and DISTINCT"));
    }
    let time = table.time_column().ok_or_else(one_table)?;
    let (instant, devices) = point(&conditions, time, &table)?;
    let filler = Filler { mode: mode(&clause)?, time: ident(&time.name), at: instant };
    let columns = selected(select, &table)?;
    let mut items = Vec::with_capacity(columns.len());
    for (column, alias) in columns {
        let expr = match column.kind {
            ColumnKind::Tag => sql::Expr::Identifier(quoted(&column.name)),
            ColumnKind::Time => parsed(&format!("CAST({} AS {})", filler.at, type_of(column)))?,
            _ => parsed(&filler.value(column))?,
        };
        items.push(sql::SelectItem::ExprWithAlias { expr, alias });
    }
    select.projection = items;
    select.selection = devices.into_iter().reduce(|a, b| sql::Expr::BinaryOp {
        left: Box::new(a),
        op: sql::BinaryOperator::And,
        right: Box::new(b),
    });
    let tags = table.tags().map(|tag| sql::Expr::Identifier(quoted(&tag.name)));
    select.group_by = sql::GroupByExpr::Expressions(tags.collect(), Vec::new());
    Ok(())
}

/// The conditions of a conjunction, and the clause if it is one of them.
fn split(expr: &sql::Expr) -> (Vec<sql::Expr>, Option<sql::Function>) {
    match expr {
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right } => {
            let (mut all, clause) = split(left);
            let (more, other) = split(right);
            all.extend(more);
            (all, clause.or(other))
        }
        sql::Expr::Function(function) if name_of(function).as_deref() == Some(FILL) => {
            (Vec::new(), Some(function.clone()))
        }
        sql::Expr::Nested(inner) if split(inner).1.is_none() => split(inner),
        other => (vec![other.clone()], None),
    }
}

/// A clause behind OR is none that a conjunction has.
fn check_nowhere(selection: &sql::Expr) -> Result<(), KwError> {
    match selection {
        sql::Expr::BinaryOp { op: sql::BinaryOperator::Or, right, .. } if split(right).1.is_some() => {
            Err(KwError::new("42601", CONDITIONS))
        }
        _ => Ok(()),
    }
}

fn is_plain(select: &sql::Select) -> bool {
    let ungrouped = matches!(&select.group_by, sql::GroupByExpr::Expressions(keys, _) if keys.is_empty());
    ungrouped && select.having.is_none() && select.distinct.is_none()
}

/// The instant as SQL, and the conditions on devices.
fn point(
    conditions: &[sql::Expr],
    time: &ColumnDef,
    table: &TableDef,
) -> Result<(String, Vec<sql::Expr>), KwError> {
    let wrong = || KwError::new("42601", CONDITIONS);
    let (mut instant, mut devices) = (None, Vec::new());
    for condition in conditions {
        match condition {
            sql::Expr::BinaryOp { left, op: sql::BinaryOperator::Eq, right } => {
                let (name, value) = match (column(left), column(right)) {
                    (Some(name), None) => (name, right),
                    (None, Some(name)) => (name, left),
                    _ => return Err(wrong()),
                };
                if name == time.name {
                    if instant.is_some() {
                        return Err(wrong());
                    }
                    instant = Some(instant_text(value, table).ok_or_else(wrong)?);
                } else if is_device(&name, table) {
                    devices.push(condition.clone());
                } else {
                    return Err(wrong());
                }
            }
            sql::Expr::InList { expr, negated: false, .. }
                if column(expr).is_some_and(|name| is_device(&name, table)) =>
            {
                devices.push(condition.clone());
            }
            _ => return Err(wrong()),
        }
    }
    if devices.is_empty() {
        return Err(wrong());
    }
    Ok((instant.ok_or_else(wrong)?, devices))
}

fn is_device(name: &str, table: &TableDef) -> bool {
    let Some(column) = table.column(name) else { return false };
    match &table.identity {
        IdentityRule::PrimaryTags(_) => is_primary_tag(table, column),
        IdentityRule::AllTags | IdentityRule::ChildName => column.kind == ColumnKind::Tag,
    }
}

/// A constant instant as a literal: integers count in the column's unit.
fn instant_text(value: &sql::Expr, table: &TableDef) -> Option<String> {
    match value {
        sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Number(digits, _), .. }) => {
            let ns = i128::from(digits.parse::<i64>().ok()?) * i128::from(table.precision().ns());
            let seconds = i64::try_from(ns.div_euclid(1_000_000_000)).ok()?;
            let nanos = u32::try_from(ns.rem_euclid(1_000_000_000)).ok()?;
            let time = DateTime::from_timestamp(seconds, nanos)?;
            Some(format!("'{}'", time.format("%Y-%m-%d %H:%M:%S%.fZ")))
        }
        sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::SingleQuotedString(_), .. }) => {
            Some(value.to_string())
        }
        _ => None,
    }
}

/// A bare column's name.
fn column(expr: &sql::Expr) -> Option<String> {
    match expr {
        sql::Expr::Identifier(name) => Some(folded(name)),
        sql::Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        _ => None,
    }
}

/// The columns of the select list with the names of the result.
fn selected<'t>(
    select: &sql::Select,
    table: &'t TableDef,
) -> Result<Vec<(&'t ColumnDef, sql::Ident)>, KwError> {
    let mut found = Vec::new();
    for item in &select.projection {
        let (expr, alias) = match item {
            sql::SelectItem::Wildcard(_) | sql::SelectItem::QualifiedWildcard(..) => {
                let (tags, others): (Vec<_>, Vec<_>) =
                    table.columns.iter().partition(|c| c.kind == ColumnKind::Tag);
                found.extend(others.into_iter().chain(tags).map(|c| (c, quoted(&c.name))));
                continue;
            }
            sql::SelectItem::UnnamedExpr(expr) => (expr, None),
            sql::SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.clone())),
            sql::SelectItem::ExprWithAliases { .. } => return Err(KwError::syntax("(")),
        };
        let Some(name) = column(expr) else {
            return Err(KwError::new("42601", "FILL clause only supports plain columns in the select list"));
        };
        let missing = || KwError::new("42703", format!("column \"{name}\" does not exist"));
        let column = table.column(&name).ok_or_else(missing)?;
        found.push((column, alias.unwrap_or_else(|| quoted(&name))));
    }
    Ok(found)
}

fn mode(clause: &sql::Function) -> Result<Mode, KwError> {
    let invalid = || KwError::new("42601", "invalid parameters of FILL clause");
    let word = match arg(clause, 0) {
        Some(sql::Expr::Identifier(word)) => folded(word),
        _ => return Err(invalid()),
    };
    let limit = |at: usize| -> Result<Option<u64>, KwError> {
        match arg(clause, at) {
            None => Ok(None),
            Some(sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Number(digits, _), .. })) => {
                let ms = digits.parse::<u64>().map_err(|_| invalid())?;
                Ok((ms > 0).then_some(ms))
            }
            Some(_) => Err(invalid()),
        }
    };
    let (found, most) = match word.as_str() {
        "exact" => (Mode::Exact, 1),
        "previous" => (Mode::Previous(limit(1)?), 2),
        "next" => (Mode::Next(limit(1)?), 2),
        "closer" => (Mode::Closer(limit(1)?), 2),
        "linear" => (Mode::Linear(limit(1)?, limit(2)?), 3),
        "constant" => (Mode::Constant(arg(clause, 1).ok_or_else(invalid)?.to_string()), 2),
        _ => return Err(invalid()),
    };
    if args_of(clause).len() > most { Err(invalid()) } else { Ok(found) }
}

/// What a column's value is made of.
struct Filler {
    mode: Mode,
    /// The time column, quoted.
    time: String,
    /// The instant, as SQL.
    at: String,
}

impl Filler {
    /// The rows before the instant, or behind it, that are near enough.
    fn before(&self, limit: Option<u64>) -> String {
        let (time, at) = (&self.time, &self.at);
        let near = limit.map(|ms| format!(" AND {time} >= CAST({at} AS TIMESTAMPTZ) - INTERVAL '{ms} ms'"));
        format!("{time} < {at}{}", near.unwrap_or_default())
    }

    fn behind(&self, limit: Option<u64>) -> String {
        let (time, at) = (&self.time, &self.at);
        let near = limit.map(|ms| format!(" AND {time} <= CAST({at} AS TIMESTAMPTZ) + INTERVAL '{ms} ms'"));
        format!("{time} > {at}{}", near.unwrap_or_default())
    }

    /// The column's value as SQL over the rows of a device.
    fn value(&self, column: &ColumnDef) -> String {
        let (name, ty) = (ident(&column.name), type_of(column));
        let there = format!("{} = {}", self.time, self.at);
        let last = |rows: &str| format!("last({name}) FILTER (WHERE {rows})");
        let first = |rows: &str| format!("first({name}) FILTER (WHERE {rows})");
        let at = format!("CAST({} AS TIMESTAMPTZ)", self.at);
        // Seconds from the known value before the instant to it, and from it to the one behind.
        let since = |rows: &str| format!("extract('epoch', {at} - lastts({name}) FILTER (WHERE {rows}))");
        let until = |rows: &str| format!("extract('epoch', firstts({name}) FILTER (WHERE {rows}) - {at})");
        let otherwise = match &self.mode {
            Mode::Exact => "NULL".to_owned(),
            Mode::Previous(limit) => last(&self.before(*limit)),
            Mode::Next(limit) => first(&self.behind(*limit)),
            Mode::Closer(limit) => {
                let (before, behind) = (self.before(*limit), self.behind(*limit));
                let (since, until) = (since(&before), until(&behind));
                let (v0, v1) = (last(&before), first(&behind));
                format!(
                    "CASE WHEN {since} IS NULL THEN {v1} WHEN {until} IS NULL THEN {v0} \
                     WHEN {since} <= {until} THEN {v0} ELSE {v1} END"
                )
            }
            Mode::Linear(..) if !is_number(column) => "NULL".to_owned(),
            Mode::Linear(ms_before, ms_behind) => {
                let (before, behind) = (self.before(*ms_before), self.behind(*ms_behind));
                let (since, until) = (since(&before), until(&behind));
                let (v0, v1) = (last(&before), first(&behind));
                format!(
                    "CAST({v0} AS FLOAT8) + (CAST({v1} AS FLOAT8) - CAST({v0} AS FLOAT8)) * {since} / \
                     ({since} + {until})"
                )
            }
            Mode::Constant(value) => value.clone(),
        };
        format!(
            "CASE WHEN count(*) FILTER (WHERE {there}) > 0 \
             THEN first_row({name}) FILTER (WHERE {there}) ELSE CAST({otherwise} AS {ty}) END"
        )
    }
}

fn is_number(column: &ColumnDef) -> bool {
    let ty = TypeSpec::of_column(column).ty;
    ty.is_integer() || matches!(ty, KwType::Float4 | KwType::Float8 | KwType::Decimal)
}

fn type_of(column: &ColumnDef) -> String {
    TypeSpec::of_column(column).to_string()
}

fn ident(name: &str) -> String {
    quoted(name).to_string()
}

fn parsed(text: &str) -> Result<sql::Expr, KwError> {
    let parsed = Parser::new(&DIALECT).try_with_sql(text).and_then(|mut p| p.parse_expr());
    parsed.map_err(|_| KwError::syntax("FILL"))
}
