//! Cluster settings that the HTTP side reads (sheet section 14.3); SQL sets them.

use triglot_engine::Engine;
use triglot_model::RowOp;
use triglot_sql_kwdb::{DEDUP_RULE, KwError, TIMEZONE, cluster_setting};

const NS_PER_MINUTE: i64 = 60_000_000_000;
/// `server.rest.timeout`, should what was set not be a number.
const DEFAULT_TIMEOUT_MINUTES: i64 = 60;

/// How long a token lives without use, in nanoseconds.
pub(crate) fn token_life_ns(engine: &Engine) -> i64 {
    let minutes = cluster_setting(engine, "server.rest.timeout").ok().and_then(|t| t.parse::<i64>().ok());
    let minutes = minutes.filter(|m| *m > 0).unwrap_or(DEFAULT_TIMEOUT_MINUTES);
    minutes.saturating_mul(NS_PER_MINUTE)
}

/// The zone of requests that name none; empty = UTC.
pub(crate) fn default_zone(engine: &Engine) -> String {
    cluster_setting(engine, TIMEZONE).unwrap_or_default()
}

/// What a written row does to an older one of its device and time: `ts.dedup.rule`.
///
/// # Errors
/// The rule needs a look at the older row, which points do not take.
pub(crate) fn row_op(engine: &Engine) -> Result<RowOp, KwError> {
    match cluster_setting(engine, DEDUP_RULE)?.as_str() {
        "override" => Ok(RowOp::Replace),
        "merge" => Ok(RowOp::Merge),
        "discard" => Ok(RowOp::InsertIfAbsent),
        rule => Err(KwError::unsupported(&format!("ts.dedup.rule '{rule}' on this interface"))),
    }
}
