//! CnosDB's SQL as the engine plans it: functions, rules, system tables.

use std::sync::Arc;

use triglot_engine::query::SessionOptions;
use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::query::operators::GapFillPlanner;
use triglot_engine::{Engine, LanguageOptions, QueryLanguage};

use crate::functions::packs;
use crate::plan;
use crate::system::CnosDbTables;

/// The query language of CnosDB sessions. Made once for each listener.
///
/// # Errors
/// Two functions claim one name: a fault of the program.
pub fn language(engine: &Engine) -> Result<Arc<QueryLanguage>, DuplicateFunction> {
    let mut functions = SessionOptions::default_functions();
    for pack in packs() {
        functions = functions.with(pack)?;
    }
    Ok(engine.language(LanguageOptions {
        functions: Arc::new(functions),
        analyzer_rules: vec![Arc::new(plan::PlanFunctions)],
        extension_planners: vec![Arc::new(GapFillPlanner)],
        system_tables: Some(Arc::new(CnosDbTables)),
        ..LanguageOptions::default()
    }))
}
