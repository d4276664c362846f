//! Sections of taosAdapter's agents: those that listen. Names of sections and keys are the vendor's in our spelling;
//! sockets are given as addresses, as everywhere here.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use triglot_dialect_tdengine::collect::collectd::{self, CollectdOptions};
use triglot_dialect_tdengine::collect::statsd::{self, Deletes, StatsdOptions};
use triglot_dialect_tdengine::collect::telnet::{self, TelnetOptions};
use triglot_dialect_tdengine::collect::{Account, Place};

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

/// `[collectd]`: collectd's binary packets over UDP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Collectd {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Address and port.
    pub(crate) listen: String,
    /// The database.
    pub(crate) db: String,
    /// As whom rows are written; a token of `/rest/login` takes the place of both.
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Time to live of child tables that are made, in days, 0 = none.
    pub(crate) ttl: u32,
    /// Writes at a time.
    pub(crate) worker: usize,
}

impl Default for Collectd {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: "127.0.0.1:6045".to_owned(),
            db: "collectd".to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token: String::new(),
            ttl: 0,
            worker: 10,
        }
    }
}

impl Collectd {
    /// The agent's options.
    pub(crate) fn options(&self) -> CollectdOptions {
        let account = account(&self.user, &self.password, &self.token);
        let place = Place { account, database: self.db.clone(), ttl: days(self.ttl) };
        CollectdOptions { place, workers: self.worker }
    }

    /// Its addresses.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        addresses(collectd::NAME, &self.listen)
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_place(collectd::NAME, std::slice::from_ref(&self.db), &self.user, &self.token)?;
        check_positive(collectd::NAME, &[("worker", self.worker)])
    }
}

/// How StatsD's lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// Datagrams of either family.
    Udp,
    /// Datagrams of IPv4.
    Udp4,
    /// Datagrams of IPv6.
    Udp6,
    /// Connections.
    Tcp,
}

/// `[statsd]`: StatsD's lines, gathered between two writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Statsd {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// How lines come.
    pub(crate) protocol: Protocol,
    /// Address and port.
    pub(crate) listen: String,
    /// The database.
    pub(crate) db: String,
    /// As whom rows are written; a token of `/rest/login` takes the place of both.
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Time to live of child tables that are made, in days, 0 = none.
    pub(crate) ttl: u32,
    /// Writes at a time.
    pub(crate) worker: usize,
    /// Time between two writes.
    pub(crate) gather_interval: Span,
    /// Connections at a time; further ones are closed.
    pub(crate) max_tcp_connections: usize,
    /// Whether the system probes connections that are silent for long.
    pub(crate) tcp_keep_alive: bool,
    /// Datagrams that wait to be gathered; further ones are lost and counted.
    pub(crate) allow_pending_messages: usize,
    /// Whether names are forgotten when they are written. What is not is written again, and counters and sets go on.
    pub(crate) delete_counters: bool,
    pub(crate) delete_gauges: bool,
    pub(crate) delete_sets: bool,
    pub(crate) delete_timings: bool,
}

impl Default for Statsd {
    fn default() -> Self {
        Self {
            enabled: false,
            protocol: Protocol::Udp4,
            listen: "127.0.0.1:6044".to_owned(),
            db: "statsd".to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token: String::new(),
            ttl: 0,
            worker: 10,
            gather_interval: Span::seconds(5),
            max_tcp_connections: 250,
            tcp_keep_alive: false,
            allow_pending_messages: 50_000,
            delete_counters: true,
            delete_gauges: true,
            delete_sets: true,
            delete_timings: true,
        }
    }
}

impl Statsd {
    /// The agent's options.
    pub(crate) fn options(&self) -> StatsdOptions {
        let account = account(&self.user, &self.password, &self.token);
        StatsdOptions {
            place: Place { account, database: self.db.clone(), ttl: days(self.ttl) },
            gather_interval: self.gather_interval.0,
            workers: self.worker,
            most_pending: self.allow_pending_messages,
            max_connections: self.max_tcp_connections,
            deletes: Deletes {
                counters: self.delete_counters,
                gauges: self.delete_gauges,
                sets: self.delete_sets,
                timings: self.delete_timings,
            },
        }
    }

    /// Its addresses, of the protocol's family.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        // `:6044` stands for every address, of the family that is wanted.
        let listen = match (self.protocol, self.listen.strip_prefix(':')) {
            (Protocol::Udp6, Some(port)) if !port.contains(':') => format!("[::]:{port}"),
            _ => self.listen.clone(),
        };
        let mut found = addresses(statsd::NAME, &listen)?;
        match self.protocol {
            Protocol::Udp | Protocol::Tcp => {}
            Protocol::Udp4 => found.retain(SocketAddr::is_ipv4),
            Protocol::Udp6 => found.retain(SocketAddr::is_ipv6),
        }
        if found.is_empty() {
            let reason = format!("{listen:?} is no address of the protocol's family");
            return Err(ConfigError::invalid(statsd::NAME, "listen", reason));
        }
        Ok(found)
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_place(statsd::NAME, std::slice::from_ref(&self.db), &self.user, &self.token)?;
        if self.gather_interval.0.is_zero() {
            return Err(ConfigError::invalid(statsd::NAME, "gather_interval", "must be above 0"));
        }
        let counts = [
            ("worker", self.worker),
            ("max_tcp_connections", self.max_tcp_connections),
            ("allow_pending_messages", self.allow_pending_messages),
        ];
        check_positive(statsd::NAME, &counts)
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
        if self.collectd.enabled {
            listeners.push(Listener { dialect: collectd::NAME, addresses: self.collectd.addresses()? });
        }
        if self.statsd.enabled {
            listeners.push(Listener { dialect: statsd::NAME, addresses: self.statsd.addresses()? });
        }
        Ok(listeners)
    }
}

/// Whether enabled agents can work as configured.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.opentsdb_telnet.enabled {
        config.opentsdb_telnet.check()?;
    }
    if config.collectd.enabled {
        config.collectd.check()?;
    }
    if config.statsd.enabled {
        config.statsd.check()?;
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
