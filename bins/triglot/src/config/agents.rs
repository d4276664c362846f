//! Sections of taosAdapter's agents: those that listen. Names of sections and keys are the vendor's in our spelling;
//! sockets are given as addresses, as everywhere here.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use triglot_dialect_tdengine::collect::Account;
use triglot_dialect_tdengine::collect::telnet::{self, TelnetOptions};

use super::ConfigError;
use super::check::{Listener, addresses};
use super::schema::Config;
use super::units::Span;

/// The vendor's account for agents.
pub(super) const USER: &str = "root";
pub(super) const PASSWORD: &str = "taosdata";

/// `[opentsdb_telnet]`: OpenTSDB's telnet lines over TCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OpentsdbTelnet {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Addresses and ports …
    pub(crate) listen: Vec<String>,
    /// … and the database of each.
    pub(crate) dbs: Vec<String>,
    /// As whom rows are written; a token of `/rest/login` takes the place of both.
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Time to live of child tables that are made, in days, 0 = none.
    pub(crate) ttl: u32,
    /// Lines of a connection that are waited for, and how long; 0 = none is kept waiting.
    pub(crate) batch_size: usize,
    pub(crate) flush_interval: Span,
    /// Connections at a time on one port; further ones are closed.
    pub(crate) max_tcp_connections: usize,
    /// Whether the system probes connections that are silent for long.
    pub(crate) tcp_keep_alive: bool,
}

impl Default for OpentsdbTelnet {
    fn default() -> Self {
        let texts = |all: [&str; 4]| all.map(str::to_owned).to_vec();
        Self {
            enabled: false,
            listen: texts(["127.0.0.1:6046", "127.0.0.1:6047", "127.0.0.1:6048", "127.0.0.1:6049"]),
            dbs: texts(["opentsdb_telnet", "collectd_tsdb", "icinga2_tsdb", "tcollector_tsdb"]),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token: String::new(),
            ttl: 0,
            batch_size: 1,
            flush_interval: Span::seconds(0),
            max_tcp_connections: 250,
            tcp_keep_alive: false,
        }
    }
}

impl OpentsdbTelnet {
    /// The agent's options.
    pub(crate) fn options(&self) -> TelnetOptions {
        TelnetOptions {
            account: account(&self.user, &self.password, &self.token),
            ttl: days(self.ttl),
            batch_size: self.batch_size,
            flush_interval: self.flush_interval.0,
            max_connections: self.max_tcp_connections,
        }
    }

    /// The addresses of each port with its database.
    pub(crate) fn ports(&self) -> Result<Vec<(Vec<SocketAddr>, String)>, ConfigError> {
        let of = |(listen, db): (&String, &String)| Ok((addresses(telnet::NAME, listen)?, db.clone()));
        self.listen.iter().zip(&self.dbs).map(of).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        let (ports, dbs) = (self.listen.len(), self.dbs.len());
        if ports != dbs {
            let reason = format!("{dbs} databases for {ports} addresses in listen: each needs one");
            return Err(ConfigError::invalid(telnet::NAME, "dbs", reason));
        }
        check_place(telnet::NAME, &self.dbs, &self.user, &self.token)?;
        check_positive(
            telnet::NAME,
            &[("batch_size", self.batch_size), ("max_tcp_connections", self.max_tcp_connections)],
        )
    }
}

impl Config {
    /// The sockets of enabled agents.
    pub(crate) fn agent_listeners(&self) -> Result<Vec<Listener>, ConfigError> {
        let mut listeners = Vec::new();
        if self.opentsdb_telnet.enabled {
            let addresses = self.opentsdb_telnet.ports()?.into_iter().flat_map(|(addresses, _)| addresses);
            listeners.push(Listener { dialect: telnet::NAME, addresses: addresses.collect() });
        }
        Ok(listeners)
    }
}

/// Whether enabled agents can work as configured.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.opentsdb_telnet.enabled {
        config.opentsdb_telnet.check()?;
    }
    config.agent_listeners().map(|_| ())
}

pub(super) fn account(user: &str, password: &str, token: &str) -> Account {
    Account { user: user.to_owned(), password: password.to_owned(), token: token.to_owned() }
}

/// A time to live, none for 0.
pub(super) fn days(ttl: u32) -> Option<u32> {
    (ttl > 0).then_some(ttl)
}

pub(super) fn check_place(
    section: &'static str,
    databases: &[String],
    user: &str,
    token: &str,
) -> Result<(), ConfigError> {
    if databases.iter().any(|name| name.trim().is_empty()) {
        return Err(ConfigError::invalid(section, "db", "a database has no name"));
    }
    if user.is_empty() && token.is_empty() {
        return Err(ConfigError::invalid(section, "user", "must not be empty where there is no token"));
    }
    Ok(())
}

fn check_positive(section: &'static str, keys: &[(&'static str, usize)]) -> Result<(), ConfigError> {
    match keys.iter().find(|(_, value)| *value == 0) {
        Some((key, _)) => Err(ConfigError::invalid(section, key, "must be at least 1")),
        None => Ok(()),
    }
}
