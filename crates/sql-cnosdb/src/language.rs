//! CnosDB's SQL as the engine plans it: functions, rules, system tables.

use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::planner::ExprPlanner;
use triglot_engine::query::SessionOptions;
use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::query::operators::OperatorPlanner;
use triglot_engine::{Engine, LanguageOptions, QueryLanguage};
use triglot_functions::time_parts::ExtractPlanner;

use crate::coerce::Coercions;
use crate::compare::Comparisons;
use crate::functions::{packs, replaced};
use crate::names;
use crate::plan;
use crate::session_values::session_values;
use crate::system::{CnosDbTables, UsageSource};
use crate::type_names;

/// The query language of CnosDB sessions. Made once for each listener, which counts the requests that
/// `usage_schema` tells of.
///
/// # Errors
/// Two functions claim one name: a fault of the program.
pub fn language(
    engine: &Engine,
    usage: Arc<dyn UsageSource>,
) -> Result<Arc<QueryLanguage>, DuplicateFunction> {
    // `now()` prints its zone (sheet section 13).
    let mut functions = SessionOptions::default_functions().with_now_in("+00:00");
    let replaced = replaced(&functions);
    for pack in packs().into_iter().chain([replaced, type_names::pack()]) {
        functions = functions.with(pack)?;
    }
    let extract = functions.udf("date_part").map(ExtractPlanner::new).map(Arc::new);
    let mut expr_planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Comparisons)];
    expr_planners.extend(extract.map(|planner| planner as Arc<dyn ExprPlanner>));
    Ok(engine.language(LanguageOptions {
        functions: Arc::new(functions),
        expr_planners,
        // Functions that change the plan first: the casts look at what is left.
        analyzer_rules: vec![Arc::new(Comparisons), Arc::new(plan::PlanFunctions), Arc::new(Coercions)],
        finish: Some(names::with_names),
        extension_planners: vec![Arc::new(OperatorPlanner)],
        system_tables: Some(Arc::new(CnosDbTables(usage))),
        session_values: Some(session_values),
        ..LanguageOptions::default()
    }))
}
