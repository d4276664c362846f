//! CnosDB's SQL as the engine plans it: functions, rules, system tables.

use std::sync::Arc;

use triglot_engine::query::SessionOptions;
use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::query::operators::GapFillPlanner;
use triglot_engine::{Engine, LanguageOptions, QueryLanguage};

use crate::coerce::Coercions;
use crate::functions::packs;
use crate::plan;
use crate::type_names;

/// The query language of CnosDB sessions. Made once for each listener.
///
/// # Errors
/// Two functions claim one name: a fault of the program.
pub fn language(engine: &Engine) -> Result<Arc<QueryLanguage>, DuplicateFunction> {
    // `now()` prints its zone (sheet section 13).
    let mut functions = SessionOptions::default_functions().with_now_in("+00:00");
    for pack in packs().into_iter().chain([type_names::pack()]) {
        functions = functions.with(pack)?;
    }
    Ok(engine.language(LanguageOptions {
        functions: Arc::new(functions),
        // Functions that change the plan first: the casts look at what is left.
        analyzer_rules: vec![Arc::new(plan::PlanFunctions), Arc::new(Coercions)],
        extension_planners: vec![Arc::new(GapFillPlanner)],
        ..LanguageOptions::default()
    }))
}
