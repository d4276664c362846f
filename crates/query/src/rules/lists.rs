//! Which of DataFusion's rules run for a plan. Each rule costs a walk over the plan, and a small
//! query is dominated by them; so rules that act only on nodes which the plan does not hold are
//! left out. The full lists run for all other plans.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use super::LastRowRule;

type Logical = Arc<dyn OptimizerRule + Send + Sync>;
type Physical = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// Logical rules that act only on joins, sub-queries, unions, lateral or set comparisons.
const LOGICAL_NOT_FOR_ONE_TABLE: &[&str] = &[
    "rewrite_set_comparison",
    "optimize_unions",
    "unions_to_filter",
    "eliminate_join",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "decorrelate_lateral_join",
    "extract_equijoin_predicate",
    "eliminate_cross_join",
    "filter_null_join_keys",
    "eliminate_outer_join",
];

/// Physical rules that act only on joins or windows.
const PHYSICAL_NOT_FOR_ONE_TABLE: &[&str] =
    &["join_selection", "HashJoinBuffering", "WindowTopN", "LimitPushPastWindows"];

/// The rule lists of one session builder.
#[derive(Debug)]
pub(crate) struct RuleLists {
    full: Optimizer,
    one_table: Optimizer,
    full_physical: Vec<Physical>,
    one_table_physical: Vec<Physical>,
}

impl RuleLists {
    /// DataFusion's rules, then [`LastRowRule`], then `extra`.
    pub(crate) fn new(extra: &[Logical]) -> Self {
        let mut rules = Optimizer::new().rules;
        rules.push(Arc::new(LastRowRule));
        rules.extend(extra.iter().cloned());
        let one_table =
            rules.iter().filter(|r| !LOGICAL_NOT_FOR_ONE_TABLE.contains(&r.name())).cloned().collect();
        let physical = PhysicalOptimizer::new().rules;
        let one_table_physical =
            physical.iter().filter(|r| !PHYSICAL_NOT_FOR_ONE_TABLE.contains(&r.name())).cloned().collect();
        Self {
            full: Optimizer::with_rules(rules),
            one_table: Optimizer::with_rules(one_table),
            full_physical: physical,
            one_table_physical,
        }
    }

    /// The logical rules for a plan of this kind.
    pub(crate) fn logical(&self, shape: PlanShape) -> &Optimizer {
        match shape {
            PlanShape::OneTable => &self.one_table,
            PlanShape::Any => &self.full,
            #[cfg(test)]
            PlanShape::None => &self.full,
        }
    }

    /// The physical rules for a plan of this kind.
    pub(crate) fn physical(&self, shape: PlanShape) -> &[Physical] {
        match shape {
            PlanShape::OneTable => &self.one_table_physical,
            PlanShape::Any => &self.full_physical,
            #[cfg(test)]
            PlanShape::None => &[],
        }
    }
}

/// What kind of plan it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlanShape {
    /// Projections, filters, aggregates, sorts and limits over one table: no join, union, window,
    /// sub-query or node that is not listed here.
    OneTable,
    /// Everything else.
    #[default]
    Any,
    /// No physical rule at all, to measure the others.
    #[cfg(test)]
    None,
}

impl PlanShape {
    /// The kind of `plan`.
    pub(crate) fn of(plan: &LogicalPlan) -> Self {
        let mut simple = true;
        let walked = plan.apply(|node| {
            simple = is_one_table_node(node) && !holds_subquery(node)?;
            Ok(if simple { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        if simple && walked.is_ok() { Self::OneTable } else { Self::Any }
    }
}

impl PlanShape {
    /// Whether `plan` is a chain of nodes over one input: those of [`Self::OneTable`], and operators of our own.
    pub(crate) fn is_chain(plan: &LogicalPlan) -> bool {
        let mut simple = true;
        let walked = plan.apply(|node| {
            let is_own = matches!(node, LogicalPlan::Extension(own) if own.node.inputs().len() == 1);
            simple = (is_own || is_one_table_node(node)) && !holds_subquery(node)?;
            Ok(if simple { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        simple && walked.is_ok()
    }
}

fn is_one_table_node(node: &LogicalPlan) -> bool {
    matches!(
        node,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
    )
}

fn holds_subquery(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|e| {
        found |= e.exists(|e| {
            Ok(matches!(
                e,
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)
            ))
        })?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule that DataFusion renames must not silently come back into the short list.
    #[test]
    fn every_rule_left_out_exists() {
        let rules = RuleLists::new(&[]);
        let logical: Vec<&str> = rules.full.rules.iter().map(|r| r.name()).collect();
        for name in LOGICAL_NOT_FOR_ONE_TABLE {
            assert!(logical.contains(name), "{name} is not in {logical:?}");
        }
        let physical: Vec<&str> = rules.full_physical.iter().map(|r| r.name()).collect();
        for name in PHYSICAL_NOT_FOR_ONE_TABLE {
            assert!(physical.contains(name), "{name} is not in {physical:?}");
        }
    }
}
