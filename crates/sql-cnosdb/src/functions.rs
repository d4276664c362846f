//! CnosDB's names for functions that DataFusion does not have (sheet section 14).

use std::sync::Arc;

use triglot_engine::query::functions::FunctionPack;
use triglot_functions::geometry::{GeometryFunction, from_wkb};

/// All of them, by topic.
pub(crate) fn packs() -> Vec<FunctionPack> {
    vec![geometry(), crate::plan::functions()]
}

fn geometry() -> FunctionPack {
    let scalars = GeometryFunction::ALL.into_iter().map(GeometryFunction::udf).chain([from_wkb()]);
    FunctionPack {
        scalars: scalars.map(|f| (f.name().to_owned(), Arc::new(f))).collect(),
        ..FunctionPack::default()
    }
}
