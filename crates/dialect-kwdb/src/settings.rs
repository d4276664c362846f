//! Cluster settings that the HTTP side reads. They are set by SQL and kept in the catalog as text.

use triglot_engine::Engine;
use triglot_model::RowOp;
use triglot_sql_kwdb::{DEDUP_RULE, KwError, SETTING_PREFIX, TIMEZONE};

const NS_PER_MINUTE: i64 = 60_000_000_000;
/// `server.rest.timeout` where nobody has set it.
const DEFAULT_TIMEOUT_MINUTES: i64 = 60;

/// A setting's text, if it is set.
fn text(engine: &Engine, name: &str) -> Option<String> {
    engine.catalog().setting(&format!("{SETTING_PREFIX}{name}")).map(str::to_owned)
}

/// How long a token lives without use, in nanoseconds.
pub(crate) fn token_life_ns(engine: &Engine) -> i64 {
    let minutes = text(engine, "server.rest.timeout").and_then(|t| t.parse::<i64>().ok());
    let minutes = minutes.filter(|m| *m > 0).unwrap_or(DEFAULT_TIMEOUT_MINUTES);
    minutes.saturating_mul(NS_PER_MINUTE)
}

/// The zone of requests that name none; empty = UTC.
pub(crate) fn default_zone(engine: &Engine) -> String {
    text(engine, TIMEZONE).unwrap_or_default()
}

/// What a written row does to an older one of its device and time: `ts.dedup.rule`.
///
/// # Errors
/// The rule needs a look at the older row, which points do not take.
pub(crate) fn row_op(engine: &Engine) -> Result<RowOp, KwError> {
    match text(engine, DEDUP_RULE).as_deref() {
        None | Some("override") => Ok(RowOp::Replace),
        Some("merge") => Ok(RowOp::Merge),
        Some("discard") => Ok(RowOp::InsertIfAbsent),
        Some(rule) => Err(KwError::unsupported(&format!("ts.dedup.rule '{rule}' on this interface"))),
    }
}
