//! UPDATE of a table of series: tags of the one device that the condition names (sheet section 11.3).

use datafusion::logical_expr::{Expr, ident, lit};
use sqlparser::ast as sql;
use triglot_engine::{Engine, Statement, TableIn, UpdateChanges};
use triglot_model::{ColumnDef, ColumnKind, IdentityRule, TableDef};

use super::target::target_column;
use super::value::{ValueContext, scalar};
use super::{affected, errors, filter};
use crate::ast::Update;
use crate::{Answer, Context, KwError};

const MISMATCH: &str = "unsupported binary operator or mismatching tag filter";

fn refused(what: &str) -> KwError {
    KwError::new("0A000", format!("unsupported conditions in update: {what}"))
}

/// The tags that name a device: the primary ones, or all where all make the identity. A table of child tables has none.
pub(super) fn device_tags(def: &TableDef) -> Vec<&ColumnDef> {
    match &def.identity {
        IdentityRule::PrimaryTags(ids) => ids.iter().filter_map(|id| def.column_by_id(*id)).collect(),
        IdentityRule::AllTags => def.tags().collect(),
        IdentityRule::ChildName => Vec::new(),
    }
}

pub(super) async fn tags(
    engine: &Engine,
    context: &Context,
    table: &TableIn,
    update: Update,
) -> Result<Answer, KwError> {
    let def = &table.def;
    let values = ValueContext::new(engine, context);
    let device = device_tags(def);
    let mut changes: Vec<(String, Option<String>)> = Vec::with_capacity(update.assignments.len());
    for (name, expr) in &update.assignments {
        let column = def.column(name).ok_or_else(|| errors::no_column(name))?;
        if column.kind != ColumnKind::Tag || device.iter().any(|tag| tag.id == column.id) {
            return Err(refused("primary tags and columns cannot be set"));
        }
        if changes.iter().any(|(other, _)| other == name) {
            let message = format!("multiple assignments to the same column \"{name}\"");
            return Err(KwError::new("42601", message));
        }
        let target = target_column(def, column, &values)?;
        let given = constant(expr).ok_or_else(|| target.target.unsupported(&expr.to_string()))?;
        changes.push((name.clone(), target.value(engine, given, &values)?.tag_text(column.ty)));
    }
    let condition = update.filter.as_ref().ok_or_else(|| refused(MISMATCH))?;
    let filter = device_of(engine, def, &device, condition, &values)?;
    let table = update.table.clone();
    let statement = triglot_engine::Update {
        table: update.table,
        changes: UpdateChanges::Tags(changes),
        filter: Some(filter),
    };
    let outcome = engine.execute(&context.session, Statement::Update(statement)).await;
    outcome.map(affected).map_err(|e| errors::of(e, &table))
}

/// A constant; the manual's samples have texts between double quotes, too.
pub(super) fn constant(expr: &sql::Expr) -> Option<crate::parse::values::Given<'static>> {
    match expr {
        sql::Expr::Identifier(ident) if ident.quote_style == Some('"') => {
            Some(crate::parse::values::Given::Text(ident.value.clone().into()))
        }
        other => filter::literal(other),
    }
}

/// Equality on each of the device's tags, once.
fn device_of(
    engine: &Engine,
    def: &TableDef,
    device: &[&ColumnDef],
    condition: &sql::Expr,
    values: &ValueContext,
) -> Result<Expr, KwError> {
    let mut wanted: Vec<Expr> = Vec::new();
    let mut named = Vec::new();
    for part in filter::conjuncts(condition) {
        let sql::Expr::BinaryOp { left, op, right } = part else {
            return Err(refused("unsupported filter expression"));
        };
        let (name, value) = match (filter::column(left), filter::column(right)) {
            (Some(name), _) if def.column(&name).is_some() => (name, right),
            (_, Some(name)) if def.column(&name).is_some() => (name, left),
            (Some(name), _) | (_, Some(name)) => return Err(errors::no_column(&name)),
            (None, None) => return Err(refused(MISMATCH)),
        };
        let tag = device.iter().find(|tag| tag.name == name).filter(|tag| !named.contains(&tag.id));
        let (Some(tag), sql::BinaryOperator::Eq) = (tag, op) else { return Err(refused(MISMATCH)) };
        named.push(tag.id);
        let given = constant(value).ok_or_else(|| refused(MISMATCH))?;
        wanted.push(equals(engine, def, tag, given, values)?);
    }
    if device.is_empty() || named.len() != device.len() {
        return Err(refused(MISMATCH));
    }
    Ok(wanted.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(false)))
}

/// `tag = value`
pub(super) fn equals(
    engine: &Engine,
    def: &TableDef,
    tag: &ColumnDef,
    given: crate::parse::values::Given<'_>,
    values: &ValueContext,
) -> Result<Expr, KwError> {
    let mut target = target_column(def, tag, values)?;
    target.not_null = false;
    // Longer texts than the tag can hold are compared, too.
    if let triglot_model::ColumnType::Str { unit, .. } = target.target.ty {
        target.target.ty = triglot_model::ColumnType::Str { max: None, unit };
    }
    let value = target.value(engine, given, values)?;
    let value = scalar(&value, tag.ty).ok_or_else(|| KwError::new("XX000", "a tag without constants"))?;
    Ok(ident(&tag.name).eq(lit(value)))
}
