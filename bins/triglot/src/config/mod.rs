//! Configuration: one TOML file, `TRIGLOT_SECTION__KEY` variables, flags. Settings of CnosDB and
//! taosAdapter are understood beside ours.

mod agents;
mod check;
mod cnosdb;
mod kwdb;
mod load;
pub(crate) mod machine;
mod options;
mod schema;
mod scrape;
mod suggest;
pub(crate) mod taosadapter;
mod tdengine;
#[cfg(test)]
mod tests;
pub(crate) mod units;
mod vendor;

use std::path::PathBuf;

pub(crate) use agents::Protocol;
pub(crate) use check::Listener;
pub(crate) use kwdb::certificate_names;
pub(crate) use load::{Overrides, load};
use schema::SECRETS;
pub(crate) use schema::{Config, Log, LogFormat, Server, WalMode};

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    /// The file is not TOML.
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    /// No such section.
    #[error("{place}: there is no section [{section}]{hint}")]
    UnknownSection { place: String, section: String, hint: String },
    /// No such key.
    #[error("{place}: there is no key {section}.{key}{hint}")]
    UnknownKey { place: String, section: String, key: String, hint: String },
    /// A key where a section belongs.
    #[error("{place}: {section:?} is a section; write [{section}] and its keys below")]
    NotASection { place: String, section: String },
    /// A value of the wrong type or form in the file.
    #[error("[{section}]: {reason}")]
    Value { section: String, reason: String },
    /// A variable or flag whose text does not fit the key's type.
    #[error("{place}: {text:?} is not {what}")]
    Text { place: String, text: String, what: &'static str },
    /// `--set` without `section.key=value`.
    #[error("--set {0}: write it like --set cnosdb.listen=127.0.0.1:8902")]
    Assignment(String),
    /// A value that cannot be.
    #[error("{section}.{key}: {reason}")]
    Invalid { section: &'static str, key: &'static str, reason: String },
    /// Nothing to serve.
    #[error("no dialect is enabled: set cnosdb.enabled = true")]
    NoListener,
    /// A fault of triglot.
    #[error("configuration: {0}")]
    Internal(String),
}

impl ConfigError {
    fn unknown_section(place: String, section: &str, hint: Option<String>) -> Self {
        let hint = hint.map(|h| format!("; did you mean [{h}]?")).unwrap_or_default();
        Self::UnknownSection { place, section: section.to_owned(), hint }
    }

    fn unknown_key(place: String, section: &str, key: &str, hint: Option<String>) -> Self {
        let hint = hint.map(|h| format!("; did you mean {h}?")).unwrap_or_default();
        Self::UnknownKey { place, section: section.to_owned(), key: key.to_owned(), hint }
    }

    fn invalid(section: &'static str, key: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { section, key, reason: reason.into() }
    }
}

impl Config {
    /// The configuration as TOML with secrets masked.
    pub(crate) fn shown(&self) -> Result<String, ConfigError> {
        let internal = |e: toml::ser::Error| ConfigError::Internal(e.to_string());
        let mut table = toml::Table::try_from(self).map_err(internal)?;
        // What everybody can read in the documentation is no secret.
        let defaults = toml::Table::try_from(Config::default()).map_err(internal)?;
        for (section, key) in SECRETS {
            let known = defaults.get(section).and_then(|s| s.get(key)).and_then(toml::Value::as_str);
            let value = table.get_mut(section).and_then(|s| s.get_mut(key));
            if let Some(toml::Value::String(text)) = value
                && known != Some(text)
            {
                mask(text);
            } else if let Some(toml::Value::Array(list)) = value {
                list.iter_mut().filter_map(text_of).for_each(mask);
            }
        }
        for section in ["node_exporter", "open_metrics"] {
            let urls = table.get_mut(section).and_then(|s| s.get_mut("urls"));
            let urls = urls.and_then(toml::Value::as_array_mut).into_iter().flatten();
            urls.filter_map(text_of).for_each(|url| *url = scrape::masked(url));
        }
        toml::to_string(&table).map_err(internal)
    }
}

fn text_of(value: &mut toml::Value) -> Option<&mut String> {
    match value {
        toml::Value::String(text) => Some(text),
        _ => None,
    }
}

fn mask(text: &mut String) {
    if !text.is_empty() {
        "*****".clone_into(text);
    }
}
