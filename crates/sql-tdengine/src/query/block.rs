//! A lowered query: a plan and what its columns are.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use triglot_model::Precision;
use triglot_parse_tdengine::ast::Query;

use super::names::UniqueNames;
use super::order::{self, OutputOrder};
use super::{Planned, Planner, errors};
use crate::typed::Typed;
use crate::{ColumnMeta, TaosError, TaosType};

/// A column of a [`Block`].
#[derive(Clone, Debug)]
pub(super) struct BlockColumn {
    /// The name that the client sees; several columns may have it.
    pub(super) name: String,
    /// The column's name in the plan.
    pub(super) plan_name: String,
    /// The type.
    pub(super) ty: TaosType,
    /// The printed length.
    pub(super) length: u32,
}

impl BlockColumn {
    /// The column over the block's plan.
    pub(super) fn value(&self) -> Typed {
        Typed::new(Expr::Column(Column::new_unqualified(&self.plan_name)), self.ty, self.length)
    }
}

/// A lowered query.
#[derive(Debug)]
pub(super) struct Block {
    /// The plan, whose columns are `columns`.
    pub(super) plan: LogicalPlan,
    /// The columns.
    pub(super) columns: Vec<BlockColumn>,
    /// The unit of its timestamps.
    pub(super) precision: Precision,
}

impl Block {
    /// Projects `plan` to `items`: names for the client and values.
    pub(super) fn project(
        plan: LogicalPlan,
        items: &[(String, Typed)],
        precision: Precision,
    ) -> Result<Self, TaosError> {
        let mut names = UniqueNames::default();
        let columns: Vec<BlockColumn> = items
            .iter()
            .map(|(name, value)| BlockColumn {
                name: name.clone(),
                plan_name: names.take(name),
                ty: value.ty,
                length: value.length,
            })
            .collect();
        let exprs = items.iter().zip(&columns).map(|((_, value), c)| value.expr.clone().alias(&c.plan_name));
        let exprs: Vec<Expr> = exprs.collect();
        let plan = LogicalPlanBuilder::from(plan).project(exprs);
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
        Ok(Self { plan, columns, precision })
    }

    /// ORDER BY and LIMIT of a query over the rows of this one, whose columns are all that they know.
    pub(super) fn with_tail(self, query: &Query, planner: &Planner<'_>) -> Result<Self, TaosError> {
        if query.slimit.is_some() {
            return Err(errors::slimit_without_slices());
        }
        let env = planner.env(self.precision);
        let order = OutputOrder::new(&self.columns).resolve(&query.order_by, &env)?;
        let plan = order::sort(self.plan, order)?;
        let plan = order::limit(plan, query.limit)?;
        Ok(Self { plan, ..self })
    }

    /// What runs it.
    pub(super) fn into_planned(self) -> Planned {
        let columns = self.columns.into_iter();
        let columns = columns.map(|c| ColumnMeta { name: c.name, ty: c.ty, length: c.length }).collect();
        Planned { plan: self.plan, columns, precision: self.precision }
    }
}
