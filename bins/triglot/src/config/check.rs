//! What types alone cannot say about values.

use std::net::{SocketAddr, ToSocketAddrs};

use super::schema::{Config, WalMode};
use super::{ConfigError, agents, kwdb, scrape, tdengine};

/// The listener of a dialect or an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its section.
    pub(crate) dialect: &'static str,
    /// Every address that the configured name stands for.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Listener {
    /// Whether other machines can reach it.
    pub(crate) fn is_public(&self) -> bool {
        !self.addresses.iter().all(|a| triglot_http::peer::ip_is_loopback(a.ip()))
    }
}

impl Config {
    /// The listeners of enabled dialects.
    pub(crate) fn listeners(&self) -> Result<Vec<Listener>, ConfigError> {
        let all = [
            ("cnosdb", self.cnosdb.enabled, &self.cnosdb.listen),
            ("tdengine", self.tdengine.enabled, &self.tdengine.listen),
            ("kwdb", self.kwdb.enabled, &self.kwdb.listen),
        ];
        let mut listeners = Vec::new();
        for (dialect, enabled, listen) in all {
            if enabled {
                listeners.push(Listener { dialect, addresses: addresses(dialect, listen)? });
            }
        }
        Ok(listeners)
    }
}

pub(super) fn addresses(dialect: &'static str, listen: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    // `:8902` is how many write "every address".
    let full = if listen.starts_with(':') { format!("0.0.0.0{listen}") } else { listen.to_owned() };
    let found: Vec<SocketAddr> = full.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    if found.is_empty() {
        return Err(ConfigError::invalid(
            dialect,
            "listen",
            format!("{listen:?} is not an address like \"127.0.0.1:8902\""),
        ));
    }
    Ok(found)
}

pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.listeners()?.is_empty() {
        return Err(ConfigError::NoListener);
    }
    server(config)?;
    storage(config)?;
    let status = config.cnosdb.auth_error_status;
    if !matches!(status, 401 | 422) {
        return Err(ConfigError::invalid(
            "cnosdb",
            "auth_error_status",
            format!("{status} is neither 401 nor 422"),
        ));
    }
    tdengine::check(config)?;
    kwdb::check(config)?;
    agents::check(config)?;
    scrape::check(config)?;
    if config.query.max_concurrent == 0 {
        return Err(ConfigError::invalid("query", "max_concurrent", "must be at least 1"));
    }
    tracing_subscriber::EnvFilter::try_new(&config.log.level)
        .map_err(|e| ConfigError::invalid("log", "level", e.to_string()))?;
    Ok(())
}

fn server(config: &Config) -> Result<(), ConfigError> {
    let server = &config.server;
    if server.data_dir.trim().is_empty() {
        return Err(ConfigError::invalid("server", "data_dir", "must not be empty"));
    }
    if server.max_connections == 0 {
        return Err(ConfigError::invalid("server", "max_connections", "must be at least 1"));
    }
    match (server.tls_certificate.is_empty(), server.tls_key.is_empty()) {
        (true, false) => Err(ConfigError::invalid("server", "tls_certificate", "is missing next to tls_key")),
        (false, true) => Err(ConfigError::invalid("server", "tls_key", "is missing next to tls_certificate")),
        _ => Ok(()),
    }
}

/// The smallest WAL segment that `triglot_storage` takes.
const MIN_SEGMENT: u64 = 16 << 10;

fn storage(config: &Config) -> Result<(), ConfigError> {
    let storage = &config.storage;
    let positive = [
        ("flush_bytes", storage.flush_bytes.0),
        ("flush_interval", storage.flush_interval.0.as_millis() as u64),
        ("background_interval", storage.background_interval.0.as_millis() as u64),
        ("compaction_max_bytes", storage.compaction_max_bytes.0),
        ("max_columns", storage.max_columns as u64),
        ("max_name_bytes", storage.max_name_bytes.0),
        ("max_tag_bytes", storage.max_tag_bytes.0),
        ("max_value_bytes", storage.max_value_bytes.0),
        ("max_series", storage.max_series as u64),
        ("max_tables", storage.max_tables as u64),
        ("max_buckets_per_request", storage.max_buckets_per_request as u64),
    ];
    if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
        return Err(ConfigError::invalid("storage", key, "must be above 0"));
    }
    if storage.compaction_trigger_files < 2 || storage.compaction_max_inputs < 2 {
        let key = if storage.compaction_trigger_files < 2 {
            "compaction_trigger_files"
        } else {
            "compaction_max_inputs"
        };
        return Err(ConfigError::invalid("storage", key, "must be at least 2"));
    }
    if let Some(dir) = storage.external_dirs.iter().find(|dir| !dir.starts_with('/')) {
        return Err(ConfigError::invalid(
            "storage",
            "external_dirs",
            format!("{dir:?} is not an absolute path"),
        ));
    }
    if config.wal.segment_bytes.0 < MIN_SEGMENT {
        return Err(ConfigError::invalid("wal", "segment_bytes", "must be at least 16KiB"));
    }
    if config.wal.mode == WalMode::Interval && config.wal.interval.0.is_zero() {
        return Err(ConfigError::invalid("wal", "interval", "must be above 0 in mode \"interval\""));
    }
    Ok(())
}
