//! Options of databases (sheet section 4): each one checked, recorded and shown again.

use std::collections::BTreeMap;

use triglot_engine::catalog::OptionChanges;
use triglot_model::{DatabaseDef, Precision};
use triglot_parse_tdengine::ast::{DatabaseOption, OptionValue, Unit};

use crate::TaosError;

/// Recorded options carry this before their name, so that they are no other dialect's.
const PREFIX: &str = "tdengine.";
/// When a database or table was made, milliseconds since the epoch.
pub(crate) const CREATED: &str = "created_ms";

/// What values an option takes.
#[derive(Clone, Copy, Debug)]
enum Domain {
    /// An integer in the range.
    Int(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Minutes in the range, given as days or with a unit.
    Minutes(i64, i64),
    /// Three ages of rows.
    Keep,
    /// Any text, number or duration.
    Any,
}

/// An option: name, domain, what stands without it, and whether ALTER may change it.
struct Known(&'static str, Domain, &'static str, bool);

const MINUTES_OF_DAY: i64 = 1440;

use Domain::{Any, Int, Keep, Minutes, Word};

const KNOWN: &[Known] = &[
    Known("buffer", Int(3, 16384), "256", true),
    Known("cachesize", Int(1, 65536), "1", true),
    Known("cachemodel", Word(&["none", "last_row", "last_value", "both"]), "none", true),
    Known("comp", Int(0, 2), "2", false),
    Known("duration", Minutes(60, 3650 * MINUTES_OF_DAY), "14400m", false),
    Known("wal_fsync_period", Int(0, 180_000), "3000", true),
    Known("maxrows", Int(200, 10_000), "4096", false),
    Known("minrows", Int(10, 1000), "100", true),
    Known("stt_trigger", Int(1, 16), "2", true),
    Known("keep", Keep, "5256000m,5256000m,5256000m", true),
    Known("pages", Int(64, i32::MAX as i64), "256", true),
    Known("pagesize", Int(1, 16384), "4", false),
    Known("precision", Word(&["ms", "us", "ns"]), "ms", false),
    Known("replica", Int(1, 3), "1", true),
    Known("wal_level", Int(0, 2), "1", true),
    Known("vgroups", Int(1, 1024), "2", false),
    Known("single_stable", Int(0, 1), "0", false),
    Known("table_prefix", Int(-191, 191), "0", false),
    Known("table_suffix", Int(-191, 191), "0", false),
    Known("tsdb_pagesize", Int(1, 16384), "4", false),
    Known("wal_retention_period", Int(-1, i32::MAX as i64), "3600", true),
    Known("wal_retention_size", Int(-1, i64::MAX), "0", true),
    Known("wal_roll_period", Int(0, i32::MAX as i64), "0", false),
    Known("wal_segment_size", Int(0, i64::MAX), "0", false),
    Known("keep_time_offset", Int(0, 23), "0", true),
    Known("retentions", Any, "", false),
    Known("schemaless", Int(0, 1), "0", false),
    Known("strict", Any, "off", false),
    Known("encrypt_algorithm", Word(&["none", "sm4"]), "none", false),
    Known("dnodes", Any, "", false),
    Known("s3_chunkpages", Int(131_072, 1_048_576), "131072", true),
    Known("s3_chunksize", Int(131_072, 1_048_576), "131072", true),
    Known("s3_keeplocal", Any, "525600m", true),
    Known("s3_compact", Int(0, 1), "1", true),
    Known("ss_chunkpages", Int(131_072, 1_048_576), "131072", true),
    Known("ss_chunksize", Int(131_072, 1_048_576), "131072", true),
    Known("ss_keeplocal", Any, "525600m", true),
    Known("ss_compact", Int(0, 1), "1", true),
    Known("compact_interval", Any, "0d", true),
    Known("compact_time_range", Any, "0d,0d", true),
    Known("compact_time_offset", Any, "0h", true),
];

/// What options say of a database.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// `PRECISION`
    pub(super) precision: Option<Precision>,
    /// `KEEP`: the longest of its ages, in nanoseconds; the inner None: longer than can be counted.
    pub(super) retention_ns: Option<Option<i64>>,
    /// `DURATION`, in nanoseconds.
    pub(super) partition_ns: Option<i64>,
    /// Everything, as it is recorded.
    pub(super) recorded: OptionChanges,
}

/// Checks options; `altered` is the database that they change.
///
/// # Errors
/// 0x2619: a value out of range, or one that cannot be changed.
pub(super) fn read(options: &[DatabaseOption], altered: Option<&DatabaseDef>) -> Result<Given, TaosError> {
    let mut given = Given::default();
    for option in options {
        let name = option.name.to_ascii_lowercase();
        let Some(Known(_, domain, _, can_change)) = KNOWN.iter().find(|k| k.0 == name) else {
            return Err(invalid(format!("Invalid database option: {name}")));
        };
        if altered.is_some() && !can_change {
            return Err(invalid(format!("Invalid database option: {name} cannot be changed")));
        }
        let text = checked(&name, *domain, &option.values)?;
        match name.as_str() {
            "precision" => given.precision = text.parse().ok(),
            "keep" => given.retention_ns = Some(longest_ns(&text)),
            "duration" => given.partition_ns = minutes_of(&text).and_then(minutes_to_ns),
            _ => {}
        }
        given.recorded.insert(format!("{PREFIX}{name}"), Some(text));
    }
    check_together(&given, altered)?;
    Ok(given)
}

/// Rules between options.
fn check_together(given: &Given, altered: Option<&DatabaseDef>) -> Result<(), TaosError> {
    let value = |name: &str| match given.recorded.get(&format!("{PREFIX}{name}")) {
        Some(Some(text)) => text.clone(),
        _ => altered.map_or_else(|| default(name).to_owned(), |d| OptionsOf(d).get(name)),
    };
    let keep = value("keep");
    let ages: Vec<i64> = keep.split(',').filter_map(minutes_of).collect();
    if !ages.is_sorted() {
        return Err(invalid(format!("Invalid option keep: {keep} must not get shorter")));
    }
    let duration = minutes_of(&value("duration")).unwrap_or(0);
    if ages.first().is_some_and(|shortest| *shortest < duration.saturating_mul(3)) {
        return Err(invalid("Invalid duration value, should be keep2 >= keep1 >= keep0 >= 3 * duration"));
    }
    let number = |name: &str| value(name).parse::<i64>().unwrap_or(0);
    if number("minrows") >= number("maxrows") {
        return Err(invalid("Invalid option minrows: it must be less than maxrows"));
    }
    Ok(())
}

fn checked(name: &str, domain: Domain, values: &[OptionValue]) -> Result<String, TaosError> {
    let refused = || invalid(format!("Invalid option {name}"));
    match (domain, values) {
        (Int(min, max), [OptionValue::Int(value)]) => {
            if (min..=max).contains(value) {
                Ok(value.to_string())
            } else {
                Err(invalid(format!("Invalid option {name}: {value} valid range: [{min}, {max}]")))
            }
        }
        (Word(words), [OptionValue::Text(text)]) => {
            let folded = text.to_ascii_lowercase();
            if words.contains(&folded.as_str()) {
                Ok(folded)
            } else {
                Err(invalid(format!("Invalid option {name}: {text}, only {} allowed", words.join(", "))))
            }
        }
        (Minutes(min, max), [value]) => {
            let minutes = minutes(value).ok_or_else(refused)?;
            if (min..=max).contains(&minutes) {
                Ok(format!("{minutes}m"))
            } else {
                Err(invalid(format!("Invalid option {name}: {minutes}m valid range: [{min}m, {max}m]")))
            }
        }
        (Keep, [_, ..]) if values.len() <= 3 => {
            let mut ages = values.iter().map(minutes).collect::<Option<Vec<i64>>>().ok_or_else(refused)?;
            let allowed = MINUTES_OF_DAY..=365_000 * MINUTES_OF_DAY;
            if let Some(age) = ages.iter().find(|age| !allowed.contains(age)) {
                let (min, max) = (allowed.start(), allowed.end());
                return Err(invalid(format!("Invalid option keep: {age}m valid range: [{min}m, {max}m]")));
            }
            while let (Some(last), true) = (ages.last().copied(), ages.len() < 3) {
                ages.push(last);
            }
            Ok(ages.iter().map(|age| format!("{age}m")).collect::<Vec<_>>().join(","))
        }
        (Any, [_, ..]) => Ok(values.iter().map(shown_value).collect::<Vec<_>>().join(",")),
        _ => Err(refused()),
    }
}

/// An age in minutes: bare numbers are days. Quoted ones are read like written ones.
fn minutes(value: &OptionValue) -> Option<i64> {
    match value {
        OptionValue::Int(days) => days.checked_mul(MINUTES_OF_DAY),
        OptionValue::Duration(duration) => match duration.unit {
            Unit::Minute => Some(duration.count),
            Unit::Hour => duration.count.checked_mul(60),
            Unit::Day => duration.count.checked_mul(MINUTES_OF_DAY),
            _ => None,
        },
        OptionValue::Text(text) => match triglot_parse_tdengine::lex::duration(text) {
            Some(duration) => minutes(&OptionValue::Duration(duration)),
            None => minutes(&OptionValue::Int(text.parse().ok()?)),
        },
        OptionValue::Float(_) => None,
    }
}

fn shown_value(value: &OptionValue) -> String {
    match value {
        OptionValue::Int(value) => value.to_string(),
        OptionValue::Float(value) => value.to_string(),
        OptionValue::Text(text) => text.clone(),
        OptionValue::Duration(duration) => {
            let unit = match duration.unit {
                Unit::Nanosecond => 'b',
                Unit::Microsecond => 'u',
                Unit::Millisecond => 'a',
                Unit::Second => 's',
                Unit::Minute => 'm',
                Unit::Hour => 'h',
                Unit::Day => 'd',
                Unit::Week => 'w',
                Unit::Month => 'n',
                Unit::Quarter => 'q',
                Unit::Year => 'y',
            };
            format!("{}{unit}", duration.count)
        }
    }
}

fn minutes_of(text: &str) -> Option<i64> {
    text.strip_suffix('m')?.parse().ok()
}

fn minutes_to_ns(minutes: i64) -> Option<i64> {
    minutes.checked_mul(60_000_000_000)
}

/// The longest of the ages; none if nanoseconds cannot count it: then nothing is ever too old.
fn longest_ns(keep: &str) -> Option<i64> {
    keep.split(',').filter_map(minutes_of).max().and_then(minutes_to_ns)
}

/// What KEEP is without the option.
pub(super) fn default_retention_ns() -> Option<i64> {
    longest_ns(default("keep"))
}

/// What DURATION is without the option.
pub(super) fn default_partition_ns() -> Option<i64> {
    minutes_of(default("duration")).and_then(minutes_to_ns)
}

fn default(name: &str) -> &'static str {
    KNOWN.iter().find(|k| k.0 == name).map_or("", |k| k.2)
}

fn invalid(text: impl Into<String>) -> TaosError {
    TaosError::new(0x2619, text)
}

/// The options of a database, whatever dialect made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionsOf<'d>(pub(crate) &'d DatabaseDef);

impl OptionsOf<'_> {
    /// The value of an option as SHOW prints it.
    pub(crate) fn get(&self, name: &str) -> String {
        let recorded = self.0.options.get(&format!("{PREFIX}{name}")).cloned();
        let of_engine = || match name {
            "precision" => Some(self.0.precision.to_string()),
            "keep" => {
                let minutes = self.0.retention_ns.map_or(365_000 * MINUTES_OF_DAY, |ns| ns / 60_000_000_000);
                Some(format!("{minutes}m,{minutes}m,{minutes}m"))
            }
            "duration" => self.0.partition_ns.map(|ns| format!("{}m", ns / 60_000_000_000)),
            _ => None,
        };
        recorded.or_else(of_engine).unwrap_or_else(|| default(name).to_owned())
    }

    /// The value of an option that is a number.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// When the database was made.
    pub(crate) fn created_ms(&self) -> Option<i64> {
        created_ms(&self.0.options)
    }

    /// Whether it takes only one super table.
    pub(crate) fn is_single_stable(&self) -> bool {
        self.get("single_stable") == "1"
    }
}

/// When something was made, by its options.
pub(crate) fn created_ms(options: &BTreeMap<String, String>) -> Option<i64> {
    options.get(CREATED).and_then(|ms| ms.parse().ok())
}

/// The options of `SHOW CREATE DATABASE`, in the vendor's order.
pub(crate) fn shown(database: &DatabaseDef) -> String {
    const ORDER: [&str; 23] = [
        "buffer",
        "cachesize",
        "cachemodel",
        "comp",
        "duration",
        "wal_fsync_period",
        "maxrows",
        "minrows",
        "stt_trigger",
        "keep",
        "pages",
        "pagesize",
        "precision",
        "replica",
        "wal_level",
        "vgroups",
        "single_stable",
        "table_prefix",
        "table_suffix",
        "tsdb_pagesize",
        "wal_retention_period",
        "wal_retention_size",
        "keep_time_offset",
    ];
    let options = OptionsOf(database);
    let mut text = String::new();
    for name in ORDER {
        let value = options.get(name);
        let quote = if matches!(name, "cachemodel" | "precision") { "'" } else { "" };
        text.push_str(&format!(" {} {quote}{value}{quote}", name.to_ascii_uppercase()));
    }
    text
}
