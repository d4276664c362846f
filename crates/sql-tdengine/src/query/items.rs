//! The select list: `*` and calls over several columns become one item for each result column.

use triglot_parse_tdengine::ast::{Arg, Call, Expr, ExprKind, Item};
use triglot_parse_tdengine::limits;

use super::kinds::{self, FunctionKind};
use super::scope::{Role, Scope, Source, SourceKind};
use super::{errors, names};
use crate::TaosError;
use crate::typed::Typed;

/// A result column to be.
#[derive(Clone, Debug)]
pub(super) struct SelectItem<'e> {
    /// Its name.
    pub(super) name: String,
    /// Whether the statement gave the name.
    pub(super) has_alias: bool,
    /// What it is.
    pub(super) value: ItemValue<'e>,
}

/// What a [`SelectItem`] is.
#[derive(Clone, Debug)]
pub(super) enum ItemValue<'e> {
    /// An expression.
    Expr(&'e Expr),
    /// A column that `*` stands for.
    Column(Typed),
    /// One of the columns of `first(*)`, `last(a, b)`: function and column.
    Selection(&'e str, Typed),
    /// One of the columns of `last(a, b)` whose argument is an expression.
    SelectionOf(&'e str, &'e Expr),
    /// `COLS(selection, e)`: what the expression is in the row that the call selects.
    InRowOf(&'e Call, &'e Expr),
}

/// The items of a select list over `scope`.
///
/// # Errors
/// 0x2603 for `t.*` of a table that is not there, 0x2640 for more columns than a result may have.
pub(super) fn expand<'e>(
    text: &str,
    items: &'e [Item],
    scope: &Scope,
) -> Result<Vec<SelectItem<'e>>, TaosError> {
    let mut found = Vec::new();
    for item in items {
        if found.len() > limits::RESULT_COLUMNS {
            break;
        }
        match item {
            Item::Star(_) => scope.sources.iter().for_each(|s| star(s, scope, &mut found)),
            Item::TableStar(name) => star(scope.source(&name.name)?, scope, &mut found),
            Item::Expr { expr: Expr { kind: ExprKind::Call(call), .. }, alias }
                if call.name.name == "cols" =>
            {
                if alias.is_some() {
                    return Err(errors::cols_alias());
                }
                in_row(text, call, &mut found)?;
            }
            Item::Expr { expr, alias } => match over_columns(expr) {
                Some((function, args)) => selections(text, function, args, scope, &mut found)?,
                None => found.push(SelectItem {
                    name: names::of_item(text, expr, alias.as_ref()),
                    has_alias: alias.is_some(),
                    value: ItemValue::Expr(expr),
                }),
            },
        }
    }
    if found.len() > limits::RESULT_COLUMNS { Err(errors::too_many_columns()) } else { Ok(found) }
}

/// All columns of a source; tags only of a super table that stands alone.
fn star(source: &Source, scope: &Scope, found: &mut Vec<SelectItem<'_>>) {
    let with_tags = source.kind == SourceKind::Super && scope.single().is_some();
    for column in source.columns.iter().filter(|c| with_tags || c.role != Role::Tag) {
        let value = ItemValue::Column(column.value.clone());
        found.push(SelectItem { name: column.name.clone(), has_alias: false, value });
    }
}

/// The items of `COLS(selection, e, …)`.
///
/// # Errors
/// 0x268A where the first argument does not select a row, 0x2689 without further ones.
fn in_row<'e>(text: &str, call: &'e Call, found: &mut Vec<SelectItem<'e>>) -> Result<(), TaosError> {
    let [selection, values @ ..] = call.args.as_slice() else { return Err(errors::cols()) };
    let ExprKind::Call(selection) = &selection.expr.kind else { return Err(errors::cols_of_no_row()) };
    if kinds::of(&selection.name.name) != FunctionKind::Selection || selection.args.len() != 1 {
        return Err(errors::cols_of_no_row());
    }
    if values.is_empty() {
        return Err(errors::cols());
    }
    found.extend(values.iter().map(|value| SelectItem {
        name: names::of_item(text, &value.expr, value.alias.as_ref()),
        has_alias: value.alias.is_some(),
        value: ItemValue::InRowOf(selection, &value.expr),
    }));
    Ok(())
}

/// The call, if it is `first`, `last` or `last_row` of all or of several columns.
fn over_columns(expr: &Expr) -> Option<(&str, &[Arg])> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let name = call.name.name.as_str();
    let is_star = |arg: &Arg| matches!(arg.expr.kind, ExprKind::Star { .. });
    let spreads = call.args.len() > 1 || call.args.iter().any(is_star);
    (matches!(name, "first" | "last" | "last_row") && spreads).then_some((name, call.args.as_slice()))
}

fn selections<'e>(
    text: &str,
    function: &'e str,
    args: &'e [Arg],
    scope: &Scope,
    found: &mut Vec<SelectItem<'e>>,
) -> Result<(), TaosError> {
    for arg in args {
        match &arg.expr.kind {
            ExprKind::Star { table } => {
                let sources: Vec<&Source> = match table {
                    Some(table) => vec![scope.source(&table.name)?],
                    None => scope.sources.iter().collect(),
                };
                let columns = sources.into_iter().flat_map(|s| &s.columns).filter(|c| c.role != Role::Tag);
                found.extend(columns.map(|column| SelectItem {
                    name: names::of_call(function, &column.name),
                    has_alias: false,
                    value: ItemValue::Selection(function, column.value.clone()),
                }));
            }
            _ => found.push(SelectItem {
                name: names::of_call(function, &names::of_item(text, &arg.expr, None)),
                has_alias: false,
                value: ItemValue::SelectionOf(function, &arg.expr),
            }),
        }
    }
    Ok(())
}

impl<'e> SelectItem<'e> {
    /// The expression, if the statement holds one.
    pub(super) fn expr(&self) -> Option<&'e Expr> {
        match &self.value {
            ItemValue::Expr(expr) => Some(expr),
            _ => None,
        }
    }

    /// Whether it takes part in choosing rows by `first`, `last` or `last_row` over several columns.
    pub(super) const fn is_selection(&self) -> bool {
        matches!(self.value, ItemValue::Selection(..) | ItemValue::SelectionOf(..) | ItemValue::InRowOf(..))
    }
}
