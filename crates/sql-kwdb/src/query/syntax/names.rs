//! Names of result columns (sheet section 7.1), as aliases: also a query around this one finds the columns by them.

use std::collections::HashSet;

use sqlparser::ast as sql;

use super::folded;

/// What precedes the part of a name that is not shown. It tells columns of one name apart, of which DataFusion
/// allows only one.
pub(crate) const HIDDEN: char = '\u{1}';

const NAMELESS: &str = "?column?";

/// A column's name as it is shown.
pub(crate) fn shown(name: &str) -> &str {
    name.split(HIDDEN).next().unwrap_or(name)
}

/// Gives every expression of a SELECT list its name.
pub(super) fn name(select: &mut sql::Select) {
    let stars: Vec<Option<String>> = select.projection.iter().filter_map(star).collect();
    let mut taken: HashSet<String> = HashSet::new();
    for item in &mut select.projection {
        let (expr, name, is_alias) = match item {
            sql::SelectItem::UnnamedExpr(expr) => (expr.clone(), of(expr), false),
            sql::SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), folded(alias), true),
            _ => continue,
        };
        let is_taken = !taken.insert(name.clone());
        let plain = !is_alias && is_column(&expr);
        if plain && !is_taken && !repeated(&expr, &stars) {
            continue;
        }
        let hidden = is_taken || plain;
        let name = if hidden { format!("{name}{HIDDEN}{}", taken.len()) } else { name };
        taken.insert(name.clone());
        *item = sql::SelectItem::ExprWithAlias { expr, alias: super::quoted(name) };
    }
}

/// The table that a wildcard is of: `Some(None)` for a bare star.
fn star(item: &sql::SelectItem) -> Option<Option<String>> {
    match item {
        sql::SelectItem::Wildcard(_) => Some(None),
        sql::SelectItem::QualifiedWildcard(sql::SelectItemQualifiedWildcardKind::ObjectName(table), _) => {
            Some(table.0.last().and_then(|part| part.as_ident()).map(folded))
        }
        _ => None,
    }
}

/// Whether one of `stars` gives this column too.
fn repeated(column: &sql::Expr, stars: &[Option<String>]) -> bool {
    let table = match column {
        sql::Expr::CompoundIdentifier(parts) => parts.iter().rev().nth(1).map(folded),
        _ => None,
    };
    stars.iter().any(|star| star.is_none() || table.is_none() || *star == table)
}

fn is_column(expr: &sql::Expr) -> bool {
    matches!(expr, sql::Expr::Identifier(_) | sql::Expr::CompoundIdentifier(_))
}

/// The name of an expression without an alias.
pub(super) fn of(expr: &sql::Expr) -> String {
    known(expr).unwrap_or_else(|| match expr {
        // A cast of what has no name is named after the type.
        sql::Expr::Cast { data_type, .. } => type_name(data_type),
        sql::Expr::Case { .. } => "case".to_owned(),
        _ => NAMELESS.to_owned(),
    })
}

fn known(expr: &sql::Expr) -> Option<String> {
    Some(match expr {
        sql::Expr::Identifier(name) => folded(name),
        sql::Expr::CompoundIdentifier(parts) => folded(parts.last()?),
        sql::Expr::Nested(inner) | sql::Expr::Cast { expr: inner, .. } => return known(inner),
        sql::Expr::Function(function) => {
            function.name.0.last().and_then(|part| part.as_ident())?.value.to_lowercase()
        }
        sql::Expr::Extract { .. } => "extract".to_owned(),
        sql::Expr::Ceil { .. } => "ceil".to_owned(),
        sql::Expr::Floor { .. } => "floor".to_owned(),
        sql::Expr::Position { .. } => "strpos".to_owned(),
        sql::Expr::Substring { shorthand, .. } => if *shorthand { "substr" } else { "substring" }.to_owned(),
        sql::Expr::Overlay { .. } => "overlay".to_owned(),
        sql::Expr::Trim { trim_where, .. } => match trim_where {
            Some(sql::TrimWhereField::Leading) => "ltrim".to_owned(),
            Some(sql::TrimWhereField::Trailing) => "rtrim".to_owned(),
            _ => "btrim".to_owned(),
        },
        sql::Expr::AtTimeZone { .. } => "timezone".to_owned(),
        sql::Expr::Exists { .. } => "exists".to_owned(),
        sql::Expr::Array(_) => "array".to_owned(),
        sql::Expr::Subquery(query) => return of_query(query),
        _ => return None,
    })
}

fn of_query(query: &sql::Query) -> Option<String> {
    let sql::SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.projection.first()? {
        sql::SelectItem::UnnamedExpr(expr) => Some(of(expr)),
        sql::SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    }
}

/// A type's name without its width.
fn type_name(ty: &sql::DataType) -> String {
    let text = ty.to_string().to_lowercase();
    text.split('(').next().unwrap_or_default().trim().to_owned()
}
