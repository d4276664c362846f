//! Puts the configuration together: defaults < file < environment < flags. Where settings of other
//! products stand beside ours, ours win.

use std::path::Path;

use toml::{Table, Value};

use super::schema::Config;
use super::suggest::nearest;
use super::vendor::{Carried, Vendor};
use super::{ConfigError, check, cnosdb, taosadapter};

/// Products whose settings are understood.
const VENDORS: [&Vendor; 2] = [&cnosdb::VENDOR, &taosadapter::VENDOR];

/// Environment variables with this begin are configuration keys …
const PREFIX: &str = "TRIGLOT_";
/// … in this shape: `TRIGLOT_SECTION__KEY`.
const SEPARATOR: &str = "__";
/// Short names of two keys, as the documentation gives them.
const ALIASES: [(&str, &str, &str); 2] =
    [("TRIGLOT_ROOT_PASSWORD", "auth", "root_password"), ("TRIGLOT_DATA_DIR", "server", "data_dir")];

/// What stands above the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// Environment variables, all of them.
    pub(crate) environment: Vec<(String, String)>,
    /// `section`, `key`, text: what flags say.
    pub(crate) flags: Vec<(String, String, String)>,
    /// Name and text of flags that are taosAdapter's.
    pub(crate) vendor_flags: Vec<(String, String)>,
}

impl Overrides {
    /// The process's environment; variables that are not UTF-8 are nobody's configuration.
    pub(crate) fn from_process() -> Self {
        let text = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
            Some((k.into_string().ok()?, v.into_string().ok()?))
        };
        Self { environment: std::env::vars_os().filter_map(text).collect(), ..Self::default() }
    }

    /// A flag's value for a key.
    pub(crate) fn flag(&mut self, section: &str, key: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.flags.push((section.to_owned(), key.to_owned(), value.into()));
        }
    }

    /// `--set section.key=value`.
    pub(crate) fn assignment(&mut self, text: &str) -> Result<(), ConfigError> {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((section, key), value)) = parts else {
            return Err(ConfigError::Assignment(text.to_owned()));
        };
        self.flags.push((section.trim().to_owned(), key.trim().to_owned(), value.to_owned()));
        Ok(())
    }
}

/// Reads the file (if one is named), puts the overrides above it and checks the whole.
pub(crate) fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
    let known = Table::try_from(Config::default()).map_err(|e| ConfigError::Internal(e.to_string()))?;
    let (mut table, mut ignored) = match file {
        Some(path) => read(path, &known)?,
        None => (Table::new(), Vec::new()),
    };
    let mut carry = |table: &mut Table, carried: Carried, place: &str| {
        ignored.extend(carried.ignored);
        for (section, key, value) in &carried.settings {
            // Variables and flags are text, and what `Carried` makes of them is, too.
            let text = value.as_str().unwrap_or_default();
            set(table, &known, &format!("{place}: {section}.{key}"), section, key, text)?;
        }
        Ok(())
    };
    for vendor in VENDORS {
        let carried = Carried::from_environment(vendor, &overrides.environment);
        carry(&mut table, carried, &format!("variables {}…", vendor.prefix))?;
    }
    for (name, section, key, text) in from_environment(&overrides.environment) {
        set(&mut table, &known, &name, &section, &key, &text)?;
    }
    let carried = Carried::from_flags(&taosadapter::VENDOR, &overrides.vendor_flags);
    carry(&mut table, carried, "flags of taosAdapter")?;
    for (section, key, text) in &overrides.flags {
        set(&mut table, &known, &format!("{section}.{key}"), section, key, text)?;
    }
    let config = Config { ignored, ..Config::deserialize_table(table)? };
    check::check(&config)?;
    Ok(config)
}

impl Config {
    fn deserialize_table(table: Table) -> Result<Self, ConfigError> {
        // Section by section, so that the message says where it happened.
        let mut whole = Table::new();
        for (section, value) in table {
            let one = Table::from_iter([(section.clone(), value.clone())]);
            Config::deserialize(Value::Table(one)).map_err(|e| ConfigError::Value {
                section: section.clone(),
                reason: e.to_string().trim().replace('\n', " "),
            })?;
            whole.insert(section, value);
        }
        Config::deserialize(Value::Table(whole)).map_err(|e| ConfigError::Internal(e.to_string()))
    }
}

use serde::Deserialize;

/// The file's settings in our words, and those of other products that count for nothing.
fn read(path: &Path, known: &Table) -> Result<(Table, Vec<String>), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { file: path.to_owned(), source })?;
    let shown = path.display().to_string();
    let mut table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| ConfigError::Syntax { file: shown.clone(), reason: e.to_string() })?;
    taosadapter::fold_users(&mut table);
    let (mut settings, mut ignored) = (Vec::new(), Vec::new());
    for vendor in VENDORS {
        let carried = Carried::take_from(vendor, &mut table);
        settings.extend(carried.settings);
        ignored.extend(carried.ignored);
    }
    for (section, value) in &table {
        let place = |key: &str| format!("{shown}:{}", line_of(&text, section, key));
        let Some(keys) = known.get(section).and_then(Value::as_table) else {
            let hint = nearest(section, known.keys().map(String::as_str));
            return Err(ConfigError::unknown_section(place(""), section, hint));
        };
        let Some(given) = value.as_table() else {
            return Err(ConfigError::NotASection { place: place(""), section: section.clone() });
        };
        if let Some(key) = given.keys().find(|key| !keys.contains_key(*key)) {
            return Err(unknown_key(known, place(key), section, key));
        }
    }
    for (section, key, value) in settings {
        let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Some(entry) = entry.as_table_mut() {
            entry.entry(key).or_insert(value);
        }
    }
    Ok((table, ignored))
}

/// The line on which a section, or a key in it, stands; 1 if it is written in a way not worth finding.
fn line_of(text: &str, section: &str, key: &str) -> usize {
    let mut inside = false;
    for (n, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split(']').next().is_some_and(|name| name.trim() == section);
            if inside && key.is_empty() {
                return n + 1;
            }
        } else if inside && line.split('=').next().is_some_and(|name| name.trim() == key) {
            return n + 1;
        }
    }
    1
}

fn unknown_key(known: &Table, place: String, section: &str, key: &str) -> ConfigError {
    let keys = known.get(section).and_then(Value::as_table);
    let here = nearest(key, keys.into_iter().flat_map(|t| t.keys()).map(String::as_str));
    let elsewhere = || {
        let holds = |value: &Value| value.as_table().is_some_and(|t| t.contains_key(key));
        known.iter().find(|(_, value)| holds(value)).map(|(name, _)| format!("{name}.{key}"))
    };
    let hint = here.map(|k| format!("{section}.{k}")).or_else(elsewhere);
    ConfigError::unknown_key(place, section, key, hint)
}

/// `(variable, section, key, text)` of each variable that is a configuration key.
fn from_environment(variables: &[(String, String)]) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    for (name, text) in variables {
        if let Some((_, section, key)) = ALIASES.iter().find(|(alias, ..)| alias == name) {
            found.push((name.clone(), (*section).to_owned(), (*key).to_owned(), text.clone()));
        } else if let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|n| n.split_once(SEPARATOR)) {
            found.push((name.clone(), section.to_ascii_lowercase(), key.to_ascii_lowercase(), text.clone()));
        }
    }
    // The long names win over the short ones, whatever order the environment has.
    found.sort_by_key(|(name, ..)| (name.contains(SEPARATOR), name.clone()));
    found
}

/// Sets a key to what `text` means for the type that the key's default has.
fn set(
    table: &mut Table,
    known: &Table,
    place: &str,
    section: &str,
    key: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let Some(keys) = known.get(section).and_then(Value::as_table) else {
        let hint = nearest(section, known.keys().map(String::as_str));
        return Err(ConfigError::unknown_section(place.to_owned(), section, hint));
    };
    let Some(default) = keys.get(key) else {
        return Err(unknown_key(known, place.to_owned(), section, key));
    };
    let wrong = |what| ConfigError::Text { place: place.to_owned(), text: text.to_owned(), what };
    let value = match default {
        Value::Boolean(_) => Value::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?),
        Value::Integer(_) => Value::Integer(text.trim().parse().map_err(|_| wrong("a whole number"))?),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    };
    let entry = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if let Some(entry) = entry.as_table_mut() {
        entry.insert(key.to_owned(), value);
    }
    Ok(())
}
