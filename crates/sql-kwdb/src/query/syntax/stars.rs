//! `SELECT *` in KWDB's order of columns, and `last(*)`: one item for each column.

use sqlparser::ast as sql;

use super::{Scope, args_of, folded, name_of, quoted};
use crate::KwError;

/// The functions that take a star.
const FUNCTIONS: [&str; 4] = ["first", "last", "first_row", "last_row"];

/// Replaces the stars of a SELECT list that stand for something else than DataFusion would make of them.
///
/// # Errors
/// Those of planning what they stand over.
pub(super) fn expand(select: &mut sql::Select, scope: &Scope<'_>) -> Result<(), KwError> {
    let mut items = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match &item {
            sql::SelectItem::UnnamedExpr(sql::Expr::Function(function)) => match starred(function) {
                Some(table) => items.extend(each(function, table.as_deref(), &select.from, scope)?),
                None => items.push(item),
            },
            sql::SelectItem::Wildcard(_) => match ordered(&select.from, None, scope) {
                Some(columns) => items.extend(columns),
                None => items.push(item),
            },
            sql::SelectItem::QualifiedWildcard(
                sql::SelectItemQualifiedWildcardKind::ObjectName(table),
                _,
            ) => {
                let table = table.0.last().and_then(|part| part.as_ident()).map(folded);
                match ordered(&select.from, table.as_deref(), scope) {
                    Some(columns) => items.extend(columns),
                    None => items.push(item),
                }
            }
            _ => items.push(item),
        }
    }
    select.projection = items;
    Ok(())
}

/// The table whose star is the first argument, `Some(None)` for a bare one; `None`: there is no star.
fn starred(function: &sql::Function) -> Option<Option<String>> {
    let name = name_of(function)?;
    if !FUNCTIONS.contains(&name.as_str()) {
        return None;
    }
    match args_of(function).first()? {
        sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Wildcard) => Some(None),
        sql::FunctionArg::Unnamed(sql::FunctionArgExpr::QualifiedWildcard(table)) => {
            Some(table.0.last().and_then(|part| part.as_ident()).map(folded))
        }
        _ => None,
    }
}

fn each(
    function: &sql::Function,
    table: Option<&str>,
    from: &[sql::TableWithJoins],
    scope: &Scope<'_>,
) -> Result<Vec<sql::SelectItem>, KwError> {
    let name = name_of(function).unwrap_or_default();
    let columns = scope.columns(from)?.into_iter();
    let of_table = columns.filter(|(of, _)| table.is_none() || of.as_ref().map(|t| t.table()) == table);
    let items = of_table.map(|(of, column)| {
        let mut parts: Vec<sql::Ident> = of.iter().map(|t| quoted(t.table())).collect();
        parts.push(quoted(&column));
        let mut function = function.clone();
        if let sql::FunctionArguments::List(list) = &mut function.args
            && let Some(first) = list.args.first_mut()
        {
            let column = sql::Expr::CompoundIdentifier(parts);
            *first = sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(column));
        }
        let alias = quoted(format!("{name}({column})"));
        sql::SelectItem::ExprWithAlias { expr: sql::Expr::Function(function), alias }
    });
    Ok(items.collect())
}

/// The star over tables of which one has its tags before other columns; that of one of them, if `only` names it.
fn ordered(
    from: &[sql::TableWithJoins],
    only: Option<&str>,
    scope: &Scope<'_>,
) -> Option<Vec<sql::SelectItem>> {
    let mut items = Vec::new();
    let mut is_changed = false;
    for joined in from {
        // Joins with USING show a column once: those keep the planner's star.
        let factors = std::iter::once(Some(&joined.relation)).chain(joined.joins.iter().map(on_condition));
        for factor in factors {
            let (table, alias) = match factor? {
                sql::TableFactor::Table { name, alias, .. } => (Some(name), alias),
                sql::TableFactor::Derived { alias, .. } => (None, alias),
                _ => return None,
            };
            let written = match alias {
                Some(alias) => vec![alias.name.clone()],
                None => table?.0.iter().filter_map(|p| p.as_ident().cloned()).collect(),
            };
            if only.is_some() && written.last().map(folded).as_deref() != only {
                continue;
            }
            let has_new_names = alias.as_ref().is_some_and(|a| !a.columns.is_empty());
            match table.filter(|_| !has_new_names).and_then(|t| scope.reordered(t)) {
                Some(columns) => {
                    is_changed = true;
                    items.extend(columns.into_iter().map(|column| {
                        let parts = written.iter().cloned().chain([quoted(column)]);
                        sql::SelectItem::UnnamedExpr(sql::Expr::CompoundIdentifier(parts.collect()))
                    }));
                }
                None => items.push(sql::SelectItem::QualifiedWildcard(
                    sql::SelectItemQualifiedWildcardKind::ObjectName(sql::ObjectName::from(written)),
                    sql::WildcardAdditionalOptions::default(),
                )),
            }
        }
    }
    is_changed.then_some(items)
}

fn on_condition(join: &sql::Join) -> Option<&sql::TableFactor> {
    use sql::JoinOperator as J;
    match &join.join_operator {
        J::Join(c)
        | J::Inner(c)
        | J::Left(c)
        | J::LeftOuter(c)
        | J::Right(c)
        | J::RightOuter(c)
        | J::FullOuter(c)
        | J::CrossJoin(c)
            if !matches!(c, sql::JoinConstraint::Using(_) | sql::JoinConstraint::Natural) =>
        {
            Some(&join.relation)
        }
        _ => None,
    }
}
