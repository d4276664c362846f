//! Functions of CnosDB that change the plan of a query: windows of time, selections, row functions.
//!
//! The SQL planner sees a [`marker`] for each, with names and types; [`PlanFunctions`] replaces them
//! before anything else looks at the plan.

mod gapfill;
mod marker;
mod rows;
mod selection;
mod window;
mod window_args;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use triglot_engine::query::QueryError;
use triglot_engine::query::functions::FunctionPack;
use triglot_functions::series_repair::SeriesRepair;
use triglot_model::ErrorKind;

use self::marker::{Marker, MarkerFunction, calls_in};
pub(crate) use self::selection::ranked_by;

/// The names of the functions.
pub(crate) fn functions() -> FunctionPack {
    let function = |m: Marker| (m.name().to_owned(), ScalarUDF::from(MarkerFunction::new(m)).into());
    let repair = |r: SeriesRepair| (r.name().to_owned(), r.udaf().into());
    // Every count is exact here. The vendor shows both under one name too.
    let exact_count = ("exact_count".to_owned(), count_udaf());
    FunctionPack {
        scalars: Marker::ALL.into_iter().map(function).collect(),
        aggregates: SeriesRepair::ALL.into_iter().map(repair).chain([exact_count]).collect(),
        ..FunctionPack::default()
    }
}

/// The rule that replaces them.
#[derive(Debug, Default)]
pub(crate) struct PlanFunctions;

impl AnalyzerRule for PlanFunctions {
    fn name(&self) -> &str {
        "cnosdb_plan_functions"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut plan = plan;
        if rows::is_in(&plan)? {
            plan = rows::rewrite(plan)?;
        }
        if find(&plan, &Marker::ALL)?.is_none() {
            return Ok(plan);
        }
        if find(&plan, &[Marker::Gapfill])?.is_some() {
            plan = gapfill::rewrite(plan)?;
        }
        if find(&plan, &[Marker::TimeWindow])?.is_some() {
            plan = window::rewrite(plan)?;
        }
        if find(&plan, &[Marker::TopK, Marker::Bottom])?.is_some() {
            plan = selection::rewrite(plan)?;
        }
        match find(&plan, &Marker::ALL)? {
            Some(left @ (Marker::Locf | Marker::Interpolate)) => Err(refused(format!(
                "{} needs time_window_gapfill in GROUP BY of the same SELECT",
                left.name()
            ))),
            Some(left @ Marker::Gapfill) => {
                Err(refused(format!("{} is allowed in GROUP BY only", left.name())))
            }
            Some(left) => Err(refused(format!("{} cannot stand here", left.name()))),
            None => Ok(plan),
        }
    }
}

/// One of `markers` that `plan` calls.
fn find(plan: &LogicalPlan, markers: &[Marker]) -> Result<Option<Marker>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        found = calls_in(node, markers)?.first().and_then(Marker::of).map(|(marker, _)| marker);
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// 010001, in the planner's way.
fn refused(text: impl std::fmt::Display) -> DataFusionError {
    let message = format!("Error during planning: {text}");
    QueryError::DataFusion { kind: ErrorKind::Plan, message }.into()
}

/// 010005.
fn not_supported(text: impl Into<String>) -> DataFusionError {
    QueryError::Refused { kind: ErrorKind::NotSupported, message: text.into(), source: None }.into()
}

/// The dialect's own code.
fn coded(code: &'static str, message: String) -> DataFusionError {
    QueryError::Dialect { kind: ErrorKind::Plan, code, message }.into()
}
