//! CnosDB's names for functions that DataFusion does not have (sheet section 14).

use std::sync::Arc;

use triglot_engine::query::functions::{FunctionPack, Functions};
use triglot_functions::candlestick::{candlestick_agg, candlestick_readers};
use triglot_functions::earliest::{first, last};
use triglot_functions::gauge::{gauge_agg, gauge_readers};
use triglot_functions::geometry::{GeometryFunction, from_wkb};
use triglot_functions::increase::increase;
use triglot_functions::mode::mode;
use triglot_functions::quality::{Measure, quality};
use triglot_functions::root::sqrt;
use triglot_functions::sample::sample;
use triglot_functions::states::{compact_state_agg, duration_in, state_agg, state_at};
use triglot_functions::time_parts::{date_part_as_double, to_timestamp_of_nanoseconds};

use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// All of them, by topic. CnosDB's names are the neutral ones.
pub(crate) fn packs() -> Vec<FunctionPack> {
    vec![
        pack(GeometryFunction::COMMON.into_iter().map(GeometryFunction::udf).chain([from_wkb()]), []),
        pack([], [first(), last(), mode(), increase(), sample()]),
        pack([], Measure::ALL.map(quality)),
        pack([duration_in(), state_at()], [state_agg(), compact_state_agg()]),
        pack(gauge_readers(), [gauge_agg()]),
        pack(candlestick_readers(), [candlestick_agg()]),
        crate::plan::functions(),
    ]
}

/// DataFusion's functions that gave other results in the release that CnosDB is built on, made from
/// those of today.
pub(crate) fn replaced(functions: &Functions) -> FunctionPack {
    type Replace = fn(Arc<ScalarUDF>) -> ScalarUDF;
    let makers: [(&str, Replace); 4] = [
        ("sqrt", |_| sqrt()),
        ("to_timestamp", to_timestamp_of_nanoseconds),
        ("date_part", date_part_as_double),
        ("datepart", date_part_as_double),
    ];
    let scalars = makers.into_iter().filter_map(|(name, replace)| {
        let function = functions.udf(name).ok()?;
        Some((name.to_owned(), Arc::new(replace(function))))
    });
    FunctionPack {
        scalars: scalars.collect(),
        replaces: makers.iter().map(|(name, _)| (*name).to_owned()).collect(),
        ..FunctionPack::default()
    }
}

/// Functions under their own names.
fn pack(
    scalars: impl IntoIterator<Item = ScalarUDF>,
    aggregates: impl IntoIterator<Item = AggregateUDF>,
) -> FunctionPack {
    FunctionPack {
        scalars: scalars.into_iter().map(|f| (f.name().to_owned(), Arc::new(f))).collect(),
        aggregates: aggregates.into_iter().map(|f| (f.name().to_owned(), Arc::new(f))).collect(),
        ..FunctionPack::default()
    }
}
