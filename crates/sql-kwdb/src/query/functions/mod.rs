//! KWDB's functions (sheet sections 12.2 and 12.5): those that DataFusion has under other names, and those that it has
//! not.

pub(super) mod arithmetic;
mod casts;
mod clock;
mod hashes;
pub(super) mod markers;
mod render;
pub(super) mod spans;
pub(super) mod zoned;

pub use arithmetic::COMPUTED_SCALE;

use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use triglot_engine::query::functions::{FunctionPack, Functions};

use self::hashes::{Hash, HashFunction};
use self::markers::{Agg, AggMarker, Diff, Marker, MarkerFunction};
use self::zoned::Zoned;

/// KWDB's names for scalar functions of DataFusion's.
const SCALARS: [(&str, &str); 9] = [
    ("ceiling", "ceil"),
    ("sign", "signum"),
    ("statement_timestamp", "now"),
    ("transaction_timestamp", "now"),
    ("clock_timestamp", "now"),
    ("localtimestamp", "now"),
    ("gen_random_uuid", "uuid"),
    ("uuid_v4", "uuid"),
    ("rand", "random"),
];

/// KWDB's names for aggregates of DataFusion's.
const AGGREGATES: [(&str, &str); 3] =
    [("variance", "var_samp"), ("every", "bool_and"), ("concat_agg", "string_agg")];

/// Everything that KWDB's queries may call beside what DataFusion has under the same name.
pub(super) fn pack(functions: &Functions) -> FunctionPack {
    let renamed =
        SCALARS.into_iter().filter_map(|(name, of)| Some((name.to_owned(), functions.udf(of).ok()?)));
    let own = Marker::ALL.map(|m| ScalarUDF::from(MarkerFunction::new(m)));
    let hashes = Hash::ALL.map(|h| ScalarUDF::from(HashFunction::new(h)));
    let zoned = Zoned::CALLED.map(|z| z.udf(None));
    let own = own.into_iter().chain(hashes).chain(zoned).map(|f| (f.name().to_owned(), Arc::new(f)));
    let aggregates = Agg::ALL.map(|a| AggregateUDF::from(AggMarker::new(a)));
    let aggregates = aggregates.into_iter().map(|f| (f.name().to_owned(), Arc::new(f)));
    let other_names = AGGREGATES.into_iter();
    let other_names = other_names.filter_map(|(name, of)| Some((name.to_owned(), functions.udaf(of).ok()?)));
    let diff = WindowUDF::from(Diff::new());
    let scalars: Vec<_> = renamed.chain(own).collect();
    let aggregates: Vec<_> = aggregates.chain(other_names).collect();
    FunctionPack {
        replaces: scalars.iter().map(|(n, _)| n).chain(aggregates.iter().map(|(n, _)| n)).cloned().collect(),
        scalars,
        aggregates,
        windows: vec![("diff".to_owned(), Arc::new(diff))],
    }
}
