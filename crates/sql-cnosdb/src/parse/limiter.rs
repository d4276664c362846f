//! `_limiter object_config … http_queries …`: what a tenant may use.

use datafusion::sql::sqlparser::tokenizer::Token;
use triglot_engine::catalog::OptionChanges;
use triglot_engine::{Flow, Gate, Meter, ObjectLimit, Quota, RateLimit};

use super::input::Input;
use crate::error::SqlError;

/// The vendor's name of a limit on objects.
pub(crate) const fn object_name(limit: ObjectLimit) -> &'static str {
    match limit {
        ObjectLimit::Users => "max_users_number",
        ObjectLimit::Databases => "max_databases",
        ObjectLimit::Shards => "max_shard_number",
        ObjectLimit::Replicas => "max_replicate_number",
        ObjectLimit::RetentionDays => "max_retention_time",
    }
}

/// The vendor's name of a rate.
pub(crate) const fn meter_name(meter: Meter) -> &'static str {
    match (meter.gate, meter.flow) {
        (Gate::Store, Flow::BytesIn) => "coord_data_in",
        (Gate::Store, Flow::BytesOut) => "coord_data_out",
        (Gate::Store, Flow::Queries) => "coord_queries",
        (Gate::Store, Flow::Writes) => "coord_writes",
        (Gate::Api, Flow::BytesIn) => "http_data_in",
        (Gate::Api, Flow::BytesOut) => "http_data_out",
        (Gate::Api, Flow::Queries) => "http_queries",
        (Gate::Api, Flow::Writes) => "http_writes",
    }
}

/// Whether changes of a tenant's options limit anything.
pub(crate) fn limits_something(changes: &OptionChanges) -> bool {
    let quota = Quota::default().changes();
    changes.iter().any(|(key, value)| value.is_some() && quota.contains_key(key))
}

/// The vendor's names of the parts of a rate.
const RATE_NAMES: [&str; 6] =
    ["remote_max", "remote_initial", "remote_refill", "remote_interval", "local_max", "local_initial"];

/// A quota as it is written behind `_limiter`.
pub(crate) fn written(quota: &Quota) -> String {
    let mut parts = Vec::new();
    if !quota.objects.is_empty() {
        parts.push("object_config".to_owned());
        parts.extend(quota.objects.iter().map(|(limit, n)| format!("{}={n}", object_name(*limit))));
    }
    for (meter, rate) in &quota.rates {
        let RateLimit { max, initial, refill, interval_ms, local_max, local_initial } = rate;
        parts.push(meter_name(*meter).to_owned());
        let values = [max, initial, refill, interval_ms, local_max, local_initial];
        parts.extend(RATE_NAMES.iter().zip(values).map(|(name, n)| format!("{name}={n}")));
    }
    parts.join(" ")
}

/// What follows `_limiter`; at least one part.
pub(super) fn limiter(p: &mut Input<'_>) -> Result<Quota, SqlError> {
    let mut quota = Quota::default();
    loop {
        if p.word("OBJECT_CONFIG") {
            while let Some(limit) = ObjectLimit::ALL.into_iter().find(|l| p.word(object_name(*l))) {
                quota.objects.insert(limit, number(p)?);
            }
        } else if let Some(meter) = Meter::ALL.into_iter().find(|m| p.word(meter_name(*m))) {
            quota.rates.insert(meter, rate(p, meter)?);
        } else if quota.is_unlimited() {
            return p.expected("object_config, coord_* or http_* of a limiter");
        } else {
            return Ok(quota);
        }
    }
}

fn rate(p: &mut Input<'_>, meter: Meter) -> Result<RateLimit, SqlError> {
    let mut found = [None; 6];
    while let Some(at) = RATE_NAMES.iter().position(|name| p.word(name)) {
        let value = number(p)?;
        if let Some(place) = found.get_mut(at) {
            *place = Some(value);
        }
    }
    let [Some(max), initial, Some(refill), Some(interval_ms), Some(local_max), local_initial] = found else {
        let missing =
            RATE_NAMES.iter().zip(found).find(|(name, v)| v.is_none() && !name.ends_with("initial"));
        let name = missing.map_or("", |(name, _)| name);
        return Err(SqlError::parser(format!("Expected {name} of {}", meter_name(meter))));
    };
    let (initial, local_initial) = (initial.unwrap_or(0), local_initial.unwrap_or(0));
    Ok(RateLimit { max, initial, refill, interval_ms, local_max, local_initial })
}

/// `[=] n`
fn number(p: &mut Input<'_>) -> Result<u64, SqlError> {
    p.token(&Token::Eq);
    Ok(p.number()?)
}
