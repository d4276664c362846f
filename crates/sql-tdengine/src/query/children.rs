//! What is answered by the list of child tables: tags without rows, and groups of children that have none.

use datafusion::common::{Column, JoinType, NullEquality, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use triglot_parse_tdengine::ast;

use super::scope::{Role, Scope};
use super::{Planner, errors};
use crate::TaosError;

/// Conditions of WHERE over children alone, and whether these are all of them.
pub(super) struct OfChildren {
    conditions: Vec<Expr>,
    /// Whether WHERE says nothing about rows.
    pub(super) is_all: bool,
}

impl OfChildren {
    /// The parts of `filter` that each child decides.
    pub(super) fn of(filter: Option<&Expr>, scope: &Scope) -> Self {
        let parts: Vec<Expr> =
            filter.map(|f| split_conjunction(f).into_iter().cloned().collect()).unwrap_or_default();
        let count = parts.len();
        let conditions: Vec<Expr> = parts.into_iter().filter(|p| is_of_child(p, scope)).collect();
        let is_all = conditions.len() == count;
        Self { conditions, is_all }
    }
}

/// Whether `expr` mentions tags and the child's name, and nothing else.
pub(super) fn is_of_child(expr: &Expr, scope: &Scope) -> bool {
    let Some(source) = scope.single() else { return false };
    let tags = source.columns.iter().filter(|c| c.role == Role::Tag).map(|c| &c.value);
    let known: Vec<&Expr> = tags.chain(&source.child).map(|t| &t.expr).collect();
    expr.column_refs().into_iter().all(|c| known.iter().any(|k| matches!(k, Expr::Column(k) if k == c)))
        && !expr.is_volatile()
}

impl Planner<'_> {
    /// The children that `conditions` let through, one row each: the tags and names of the source under the
    /// same columns. `None`: what stands in FROM is no super table and no child.
    pub(super) fn children(
        &self,
        from: Option<&ast::Source>,
        of_children: &OfChildren,
    ) -> Result<Option<LogicalPlan>, TaosError> {
        let Some(ast::Source::Table { name, alias }) = from else { return Ok(None) };
        let Some(children) = self.children_of(name)? else { return Ok(None) };
        let known_as = alias.as_ref().map_or(name.table.name.as_str(), |a| a.name.as_str());
        let scan =
            LogicalPlanBuilder::scan(TableReference::bare(known_as), provider_as_source(children), None);
        let plan = match conjunction(of_children.conditions.iter().cloned()) {
            Some(condition) => scan.and_then(|s| s.filter(condition)),
            None => scan,
        };
        plan.and_then(LogicalPlanBuilder::build).map(Some).map_err(errors::planner)
    }
}

/// `groups`, an aggregate whose keys are `keys`, with the groups of `children` that it lacks: what counts is 0 in
/// them, all else NULL. `outputs` are the columns of the keys, `values` those of the aggregates and whether each
/// counts.
pub(super) fn with_empty_groups(
    groups: LogicalPlan,
    children: LogicalPlan,
    keys: &[Expr],
    outputs: &[Expr],
    values: &[(Expr, bool)],
) -> Result<LogicalPlan, TaosError> {
    let plan = || {
        let named = |at: usize| format!("__child_key{at}");
        let listed = keys.iter().enumerate().map(|(at, key)| key.clone().alias(named(at)));
        let listed = LogicalPlanBuilder::from(children).project(listed)?.distinct()?.build()?;
        let on = outputs.iter().enumerate().map(|(at, output)| {
            let Expr::Column(output) = output else {
                return (Column::new_unqualified(named(at)), Column::new_unqualified(""));
            };
            (Column::new_unqualified(named(at)), output.clone())
        });
        let (left, right): (Vec<Column>, Vec<Column>) = on.unzip();
        let joined = LogicalPlanBuilder::from(listed).join_detailed(
            groups,
            JoinType::Left,
            (left.clone(), right.clone()),
            None,
            NullEquality::NullEqualsNull,
        )?;
        let keys = left
            .into_iter()
            .zip(right)
            .map(|(listed, output)| Expr::Column(listed).alias_qualified(output.relation, output.name));
        let values = values.iter().map(|(value, counts)| match value {
            Expr::Column(column) if *counts => coalesce(vec![value.clone(), lit(0_i64)])
                .alias_qualified(column.relation.clone(), &column.name),
            other => other.clone(),
        });
        joined.project(keys.chain(values).collect::<Vec<_>>())?.build()
    };
    plan().map_err(errors::planner)
}
