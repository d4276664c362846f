//! What is changed in a plan before it runs: functions that stand for operators ([`super::functions::markers`]), and what
//! depends on the session's zone.

mod aggregates;
mod buckets;
mod gapfill;
mod group_windows;
mod row_windows;
mod scalars;

use chrono_tz::Tz;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::functions::markers::Marker;

/// The plan that runs, of one that the planner made.
///
/// # Errors
/// Rules of section 12 that need types; see [`super::errors`].
pub(super) fn rewrite(plan: LogicalPlan, zone: Tz) -> Result<LogicalPlan> {
    let shaped = plan.transform_down_with_subqueries(|node| shape(node, zone))?.data;
    // Times have the units of their tables now, and counts of added buckets may be NULL.
    let shaped = shaped.transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes))?;
    scalars::rewrite(shaped.data, zone)
}

fn shape(node: LogicalPlan, zone: Tz) -> Result<Transformed<LogicalPlan>> {
    Ok(match node {
        LogicalPlan::Projection(projection) if gapfill::is_over(&projection.input) => {
            Transformed::yes(gapfill::filled(projection, zone)?)
        }
        LogicalPlan::Aggregate(aggregate) if aggregates::needs_rewriting(&aggregate) => {
            Transformed::yes(aggregates::rewritten(&aggregate, zone)?)
        }
        LogicalPlan::Window(window) if row_windows::needs_rewriting(&window) => {
            Transformed::yes(row_windows::rewritten(&window)?)
        }
        other => Transformed::no(other),
    })
}

/// `exprs` under the names that `columns` had.
fn renamed(exprs: Vec<Expr>, columns: Vec<Column>) -> Vec<Expr> {
    let pairs = exprs.into_iter().zip(columns);
    pairs
        .map(|(expr, name)| match &expr {
            Expr::Column(column) if *column == name => expr,
            _ => expr.alias_qualified(name.relation, name.name),
        })
        .collect()
}

/// The time column of the rows that a column is of: the first of the same table.
fn time_beside(schema: &DFSchema, column: &Column) -> Option<Column> {
    let place = schema.maybe_index_of_column(column)?;
    let (table, _) = schema.qualified_field(place);
    let time = |(relation, field): (Option<&_>, &std::sync::Arc<arrow::datatypes::Field>)| {
        relation == table && matches!(field.data_type(), arrow::datatypes::DataType::Timestamp(..))
    };
    schema.iter().find(|(relation, field)| time((*relation, field))).map(Column::from)
}

/// The first time column of some rows.
fn first_time(schema: &DFSchema) -> Option<Column> {
    let mut times = schema
        .iter()
        .filter(|(_, field)| matches!(field.data_type(), arrow::datatypes::DataType::Timestamp(..)));
    times.next().map(Column::from)
}

/// Whether an expression is a call of `marker`.
fn is_call(expr: &Expr, marker: Marker) -> bool {
    Marker::of(expr).is_some_and(|(found, _)| found == marker)
}
