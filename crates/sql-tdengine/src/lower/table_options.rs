//! Options of tables, recorded and shown.

use std::collections::BTreeMap;

use triglot_model::TableDef;
use triglot_parse_tdengine::ast::{Duration, Ident, OptionValue, TableOption, Unit};

use crate::TaosError;

/// Keys of a catalog table's options.
pub(crate) const COMMENT: &str = "tdengine.comment";
pub(crate) const TTL: &str = "tdengine.ttl";
pub(crate) const SMA: &str = "tdengine.sma";
pub(crate) const KEEP: &str = "tdengine.keep";
pub(crate) const ROLLUP: &str = "tdengine.rollup";
pub(crate) const MAX_DELAY: &str = "tdengine.max_delay";
pub(crate) const WATERMARK: &str = "tdengine.watermark";

/// The longest comment in bytes.
const MAX_COMMENT: usize = 1024;

/// What is recorded of options.
///
/// # Errors
/// 0x264E: a comment that is too long; 0x261A: a number out of range.
pub(super) fn recorded(options: &[TableOption]) -> Result<BTreeMap<String, String>, TaosError> {
    let mut recorded = BTreeMap::new();
    for option in options {
        let (key, value) = match option {
            TableOption::Comment(text) => (COMMENT, comment(text)?.to_owned()),
            TableOption::Ttl(days) => (TTL, ttl(*days)?.to_string()),
            TableOption::Sma(columns) => (SMA, names(columns)),
            TableOption::Keep(value) => (KEEP, keep(value)?),
            TableOption::Rollup(functions) => (ROLLUP, names(functions)),
            TableOption::MaxDelay(durations) => (MAX_DELAY, millis(durations)?),
            TableOption::Watermark(durations) => (WATERMARK, millis(durations)?),
        };
        recorded.insert(key.to_owned(), value);
    }
    Ok(recorded)
}

/// What options say of a child table.
pub(super) fn of_child(options: &[TableOption]) -> Result<(Option<u32>, Option<String>), TaosError> {
    let (mut days, mut text) = (None, None);
    for option in options {
        match option {
            TableOption::Ttl(given) => days = Some(ttl(*given)?),
            TableOption::Comment(given) => text = Some(comment(given)?.to_owned()),
            _ => return Err(invalid("only COMMENT and TTL")),
        }
    }
    Ok((days, text))
}

/// A comment that is not too long.
pub(crate) fn comment(text: &str) -> Result<&str, TaosError> {
    if text.len() > MAX_COMMENT {
        return Err(TaosError::new(0x264E, "Comment too long"));
    }
    Ok(text)
}

/// Days to live.
pub(crate) fn ttl(days: i64) -> Result<u32, TaosError> {
    let days = u32::try_from(days).ok().filter(|days| i32::try_from(*days).is_ok());
    days.ok_or_else(|| invalid("ttl"))
}

fn keep(value: &OptionValue) -> Result<String, TaosError> {
    let minutes = match value {
        OptionValue::Int(days) => days.checked_mul(1440),
        OptionValue::Duration(Duration { count, unit: Unit::Day }) => count.checked_mul(1440),
        OptionValue::Duration(Duration { count, unit: Unit::Hour }) => count.checked_mul(60),
        OptionValue::Duration(Duration { count, unit: Unit::Minute }) => Some(*count),
        _ => None,
    };
    let minutes = minutes.filter(|m| (1440..=365_000 * 1440).contains(m));
    minutes.map(|m| format!("{m}m")).ok_or_else(|| invalid("keep"))
}

fn names(names: &[Ident]) -> String {
    names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(",")
}

fn millis(durations: &[Duration]) -> Result<String, TaosError> {
    let one = |d: &Duration| {
        let ns = d.unit.nanoseconds().and_then(|ns| ns.checked_mul(d.count));
        ns.filter(|ns| *ns >= 0).map(|ns| format!("{}a", ns / 1_000_000))
    };
    let texts: Option<Vec<String>> = durations.iter().map(one).collect();
    texts.map(|t| t.join(",")).ok_or_else(|| invalid("duration"))
}

fn invalid(what: &str) -> TaosError {
    TaosError::new(0x261A, format!("Invalid table option: {what}"))
}

/// The days that a catalog table lives.
pub(crate) fn ttl_of(def: &TableDef) -> i32 {
    def.options.get(TTL).and_then(|days| days.parse().ok()).unwrap_or(0)
}
