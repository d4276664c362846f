//! Cluster settings (sheet 14.3): kept in the catalog as text, under `kwdb.cluster.<name>`.

use triglot_engine::{Engine, Session, Statement};
use triglot_model::ErrorKind;

use crate::ast::SettingValue;
use crate::{KwError, Zone};

/// What stands before a setting's name in the catalog.
pub const SETTING_PREFIX: &str = "kwdb.cluster.";

/// The setting that says what a row does to an older one of its key.
pub const DEDUP_RULE: &str = "ts.dedup.rule";
/// The setting with the zone of requests that name none.
pub const TIMEZONE: &str = "cluster.connection.timezone";
/// The name that the manual has for [`TIMEZONE`].
const TIMEZONE_IN_MANUAL: &str = "server.restful_service.default_request_timezone";

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A whole number from … to ….
    Int(i64, i64),
    Text,
    Zone,
    DedupRule,
    /// Kept as it is given, without effect.
    Anything,
}

struct Setting {
    name: &'static str,
    kind: Kind,
    default: &'static str,
    description: &'static str,
}

const SETTINGS: [Setting; 7] = [
    Setting {
        name: "server.rest.timeout",
        kind: Kind::Int(1, i64::MAX),
        default: "60",
        description: "minutes that a token of the RESTful API lives without use",
    },
    Setting {
        name: DEDUP_RULE,
        kind: Kind::DedupRule,
        default: "override",
        description: "what a row does to an older one of the same primary tags and time",
    },
    Setting {
        name: TIMEZONE,
        kind: Kind::Zone,
        default: "",
        description: "the time zone of requests that name none, empty for UTC",
    },
    Setting {
        name: "server.sql_connections.max_limit",
        kind: Kind::Int(4, 50_000),
        default: "200",
        description: "without effect: connections are limited by the server's configuration",
    },
    Setting {
        name: "ts.rows_per_block.min_limit",
        kind: Kind::Int(1, 50_000),
        default: "512",
        description: "without effect",
    },
    Setting {
        name: "ts.rows_per_block.max_limit",
        kind: Kind::Int(1, 50_000),
        default: "4096",
        description: "without effect",
    },
    Setting {
        name: "server.restful_influxdb.batch_params",
        kind: Kind::Text,
        default: "",
        description: "without effect: lines are answered when they are stored",
    },
];

/// Families of settings that are kept and have no effect.
const IGNORED: [&str; 12] = [
    "sql.",
    "kv.",
    "ts.compact.",
    "ts.wal.",
    "ts.mem_segment",
    "ts.partition.",
    "ts.count.",
    "ts.parallel_degree",
    "ts.blocks_per_segment.",
    "ts.cache.",
    "diagnostics.",
    "audit.",
];

fn find(name: &str) -> Result<(String, Kind, &'static str), KwError> {
    let name = if name == TIMEZONE_IN_MANUAL { TIMEZONE } else { name };
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
        return Ok((name.to_owned(), setting.kind, setting.default));
    }
    if IGNORED.iter().any(|family| name.starts_with(family)) {
        return Ok((name.to_owned(), Kind::Anything, ""));
    }
    Err(KwError::new("42704", format!("unknown cluster setting '{name}'")))
}

/// The value of a cluster setting, or its default.
///
/// # Errors
/// 42704: there is none of this name.
pub fn cluster_setting(engine: &Engine, name: &str) -> Result<String, KwError> {
    let (name, _, default) = find(name)?;
    let catalog = engine.catalog();
    Ok(catalog.setting(&format!("{SETTING_PREFIX}{name}")).unwrap_or(default).to_owned())
}

/// A setting as SHOW CLUSTER SETTINGS lists it.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) value: String,
    /// KWDB's letter for its kind: `i`, `s`, `e`.
    pub(crate) kind: &'static str,
    pub(crate) description: &'static str,
}

/// All settings that have a meaning, and others that were set, by name.
pub(crate) fn list(engine: &Engine) -> Vec<Listed> {
    let catalog = engine.catalog();
    let set = |name: &str| catalog.setting(&format!("{SETTING_PREFIX}{name}")).map(str::to_owned);
    let known = SETTINGS.iter().map(|setting| Listed {
        name: setting.name.to_owned(),
        value: set(setting.name).unwrap_or_else(|| setting.default.to_owned()),
        kind: match setting.kind {
            Kind::Int(..) => "i",
            Kind::DedupRule => "e",
            Kind::Text | Kind::Zone | Kind::Anything => "s",
        },
        description: setting.description,
    });
    let others = catalog.settings().filter_map(|(key, value)| {
        let name = key.strip_prefix(SETTING_PREFIX)?;
        let is_known = SETTINGS.iter().any(|setting| setting.name == name);
        (!is_known).then(|| Listed {
            name: name.to_owned(),
            value: value.to_owned(),
            kind: "s",
            description: "without effect",
        })
    });
    let mut all: Vec<Listed> = known.chain(others).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// SET CLUSTER SETTING; none = the default.
pub(crate) async fn set(
    engine: &Engine,
    session: &Session,
    name: &str,
    value: Option<SettingValue>,
) -> Result<(), KwError> {
    let (name, kind, _) = find(name)?;
    let value = match value {
        Some(value) => Some(checked(&name, kind, value)?),
        None => None,
    };
    let statement = Statement::SetSetting { key: format!("{SETTING_PREFIX}{name}"), value };
    match engine.execute(session, statement).await {
        Err(error) if error.kind() == ErrorKind::Denied => {
            let message = "only users with the admin role are allowed to SET CLUSTER SETTING";
            Err(KwError::new("42501", message))
        }
        other => Ok(other.map(|_| ())?),
    }
}

/// The text that is kept of a value.
fn checked(name: &str, kind: Kind, value: SettingValue) -> Result<String, KwError> {
    let given = type_name(&value);
    let wrong_type = |wanted: &str| {
        let message = format!("argument of {name} must be type {wanted}, not type {given}");
        Err(KwError::new("42804", message))
    };
    let text = match value {
        SettingValue::Text(text) | SettingValue::Number(text) | SettingValue::Word(text) => text,
        SettingValue::Bool(value) => value.to_string(),
    };
    match kind {
        Kind::Anything => Ok(text),
        Kind::Text if given == "string" => Ok(text),
        Kind::Int(least, most) if given == "int" => {
            let value = text.parse::<i64>().ok().filter(|n| (least..=most).contains(n));
            value.map(|n| n.to_string()).ok_or_else(|| {
                let message = format!("invalid value, the range of {name} is [{least}, {most}]");
                KwError::new("22023", message)
            })
        }
        Kind::Int(..) => wrong_type("int"),
        Kind::DedupRule if given == "string" => dedup_rule(text),
        Kind::Zone if given == "string" => match Zone::of(&text) {
            Ok(_) => Ok(text),
            Err(_) if text.is_empty() => Ok(text),
            Err(_) => {
                let message = format!("invalid value for parameter \"timezone\": \"{text}\"");
                Err(KwError::new("22023", message))
            }
        },
        Kind::Text | Kind::DedupRule | Kind::Zone => wrong_type("string"),
    }
}

fn dedup_rule(word: String) -> Result<String, KwError> {
    match word.as_str() {
        "override" | "merge" | "discard" | "reject" => Ok(word),
        "keep" | "keep.experimental" => Err(KwError::unsupported(&format!("ts.dedup.rule = '{word}'"))),
        _ => Err(KwError::new("22023", "ts.dedup.rule setting value is not right")),
    }
}

fn type_name(value: &SettingValue) -> &'static str {
    match value {
        SettingValue::Text(_) | SettingValue::Word(_) => "string",
        SettingValue::Number(digits) if digits.contains(['.', 'e', 'E']) => "decimal",
        SettingValue::Number(_) => "int",
        SettingValue::Bool(_) => "bool",
    }
}
