use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, Sort};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, TableScan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use triglot_model::{ColumnKind, TableDef};

use crate::table::{Pushdown, SeriesTable, classify, series_value};

/// Reads only the newest row of each series where an aggregate looks at nothing else.
///
/// It fires on an aggregate over one table whose group keys mention only tags, whose only filters
/// are over tags, and whose functions are all `last_value(x ORDER BY time)`, `first_value(x ORDER BY
/// time DESC)` (what `DISTINCT ON` becomes) or `max(time)`. The aggregate itself stays, so the result
/// is the same: the newest row of a group is the newest row of one of its series. `last_value` keeps
/// a NULL of that row; with `IGNORE NULLS` it may need an older row, so the rule does not fire.
#[derive(Debug, Default)]
pub struct LastRowRule;

impl OptimizerRule for LastRowRule {
    fn name(&self) -> &str {
        "last_row"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let Some(input) = last_only_input(aggregate) else { return Ok(Transformed::no(plan)) };
        let expressions = plan.expressions();
        Ok(Transformed::yes(plan.with_new_exprs(expressions, vec![input])?))
    }
}

/// The aggregate's input, reading last rows only, if that changes nothing.
fn last_only_input(aggregate: &Aggregate) -> Option<LogicalPlan> {
    let (scan, names) = table_below(&aggregate.input)?;
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<SeriesTable>().filter(|t| !t.is_last_only())?;
    let def = table.source().table();
    let only_tags = scan.fetch.is_none() && scan.filters.iter().all(|f| classify(f, def) == Pushdown::Tags);
    let of_series = |column: &Column| names.get(column).is_some_and(|n| series_value(def, n).is_some());
    let groups_by_tags = aggregate.group_expr.iter().all(|g| {
        !matches!(g, Expr::GroupingSet(_)) && !g.is_volatile() && g.column_refs().into_iter().all(of_series)
    });
    let asks_last = |e: &Expr| asks_for_last(e, &aggregate.group_expr, &names, def);
    if !only_tags
        || !groups_by_tags
        || aggregate.aggr_expr.is_empty()
        || !aggregate.aggr_expr.iter().all(asks_last)
    {
        return None;
    }
    let mut last = scan.clone();
    last.source = provider_as_source(Arc::new(table.with_last_only()));
    Some(replace_scan(&aggregate.input, last))
}

/// The scan below `plan` through renamings, and for each column of `plan` the table column behind it.
fn table_below(plan: &LogicalPlan) -> Option<(&TableScan, HashMap<Column, String>)> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let names = scan.projected_schema.columns().into_iter().map(|c| (c.clone(), c.name)).collect();
            Some((scan, names))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let (scan, below) = table_below(&alias.input)?;
            let inner = alias.input.schema().columns();
            let names = alias.schema.columns().into_iter().zip(inner);
            Some((
                scan,
                names.filter_map(|(outer, inner)| Some((outer, below.get(&inner)?.clone()))).collect(),
            ))
        }
        LogicalPlan::Projection(projection) => {
            let (scan, below) = table_below(&projection.input)?;
            let names = projection.schema.columns().into_iter().zip(&projection.expr).map(|(outer, expr)| {
                let Expr::Column(inner) = expr.clone().unalias() else { return None };
                Some((outer, below.get(&inner)?.clone()))
            });
            Some((scan, names.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// `plan` with its scan replaced. The schemas stay the same, so nothing else has to change.
fn replace_scan(plan: &LogicalPlan, scan: TableScan) -> LogicalPlan {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let mut alias = alias.clone();
            alias.input = Arc::new(replace_scan(&alias.input, scan));
            LogicalPlan::SubqueryAlias(alias)
        }
        LogicalPlan::Projection(projection) => {
            let mut projection = projection.clone();
            projection.input = Arc::new(replace_scan(&projection.input, scan));
            LogicalPlan::Projection(projection)
        }
        _ => LogicalPlan::TableScan(scan),
    }
}

/// Whether the aggregate function looks only at the newest row of its group.
fn asks_for_last(expr: &Expr, groups: &[Expr], names: &HashMap<Column, String>, table: &TableDef) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = unalias(expr) else { return false };
    if params.distinct || params.filter.is_some() || params.null_treatment == Some(NullTreatment::IgnoreNulls)
    {
        return false;
    }
    let is_time = |e: &Expr| {
        matches!(e, Expr::Column(c)
        if names.get(c).and_then(|n| table.column(n)).is_some_and(|c| c.kind == ColumnKind::Time))
    };
    // Keys that are the same for the whole group order nothing.
    let order: Vec<&Sort> = params.order_by.iter().filter(|s| !groups.contains(&s.expr)).collect();
    let by_time = |ascending: bool| matches!(order.as_slice(), [s] if s.asc == ascending && is_time(&s.expr));
    match func.name() {
        "last_value" => by_time(true) && params.args.iter().all(|a| !a.is_volatile()),
        "first_value" => by_time(false) && params.args.iter().all(|a| !a.is_volatile()),
        "max" => matches!(params.args.as_slice(), [arg] if is_time(arg)),
        _ => false,
    }
}

fn unalias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unalias(&alias.expr),
        other => other,
    }
}
