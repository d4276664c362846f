//! CnosDB's names for functions that DataFusion does not have (sheet section 14).

use triglot_engine::query::functions::FunctionPack;

/// All of them, by topic.
pub(crate) fn packs() -> Vec<FunctionPack> {
    Vec::new()
}
