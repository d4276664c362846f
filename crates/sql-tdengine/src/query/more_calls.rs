//! Aggregates that need more than one argument, or the time of rows.

use triglot_model::Precision;

use super::calls::Collect;
use super::errors;
use super::window::WindowKey;
use crate::TaosError;
use crate::typed::Typed;

/// The rows that an aggregate is over.
pub(super) struct Over {
    /// Their time.
    pub(super) time: Option<Typed>,
    /// Whether they are those of several child tables.
    pub(super) is_super: bool,
    /// The unit of times.
    pub(super) precision: Precision,
    /// The window that they lie in.
    pub(super) window: Option<WindowKey>,
}

/// The aggregate `name` of `arguments`.
///
/// # Errors
/// 0x2801, 0x2802, 0x2803 for wrong arguments, 0x265F for what needs a single table.
pub(super) fn of_many(
    name: &str,
    arguments: &[Typed],
    over: &Over,
    into: &mut dyn Collect,
) -> Result<Typed, TaosError> {
    let _ = (arguments, over, into);
    match name {
        "count" | "sum" | "avg" | "stddev" | "stddev_pop" | "var_pop" | "variance" | "stddev_samp"
        | "var_samp" | "spread" => Err(errors::arity(name)),
        _ => Err(TaosError::unsupported(name)),
    }
}
