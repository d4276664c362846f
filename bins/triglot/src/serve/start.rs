//! The lines at the start: version, data directory, addresses, and what is insecure.

use std::net::SocketAddr;

use triglot_engine::Engine;

use super::VERSION;
use crate::Failure;
use crate::config::{Config, Listener};

/// The user whose password everybody knows at first.
const ROOT: &str = "root";

/// Writes the lines to standard error, as log events where the log is JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) json: bool,
}

impl Speaker {
    fn say(self, line: &str) {
        if self.json {
            tracing::info!(target: "triglot::start", "{line}");
        } else {
            print(format_args!("{line}\n"));
        }
    }

    fn warn(self, line: &str) {
        if self.json {
            tracing::warn!(target: "triglot::start", "{line}");
        } else {
            print(format_args!("warning: {line}\n"));
        }
    }
}

/// Unlike `eprintln!` this does not panic when nobody reads standard error any more.
fn print(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = std::io::stderr().write_fmt(line);
}

/// Whether root still has the vendors' passwords: on each listener that of its vendor.
fn root_is_open(engine: &Engine) -> bool {
    engine.catalog().user(ROOT).is_some_and(|root| root.password.is_none())
}

/// Refuses to serve other machines while everybody knows root's password.
pub(super) fn check_exposure(config: &Config, engine: &Engine) -> Result<(), Failure> {
    if !root_is_open(engine) || config.auth.allow_default_credentials {
        return Ok(());
    }
    match config.listeners()?.iter().find(|listener| listener.is_public()) {
        Some(listener) => Err(Failure::Message(exposure(listener))),
        None => Ok(()),
    }
}

fn exposure(listener: &Listener) -> String {
    let addresses: Vec<String> = listener.addresses.iter().map(ToString::to_string).collect();
    format!(
        "{}.listen = {} is reachable from other machines, but user root has the vendor's default password. \
         Set one (TRIGLOT_ROOT_PASSWORD=… or auth.root_password), listen on 127.0.0.1, or set \
         auth.allow_default_credentials = true",
        listener.dialect,
        addresses.join(", ")
    )
}

/// Tells what runs where; `addresses` are those that the sockets have, with their dialects, `agents` those of agents, with name and transport.
pub(super) fn tell(
    config: &Config,
    addresses: &[(&str, SocketAddr)],
    agents: &[(&str, &str, SocketAddr)],
    engine: &Engine,
    speaker: Speaker,
) -> Result<(), Failure> {
    let data_dir = std::path::absolute(&config.server.data_dir)?;
    speaker.say(&format!("triglot {VERSION}"));
    speaker.say(&format!("data directory {}", data_dir.display()));
    let (records, rows) = engine.recovery().iter().fold((0, 0), |(a, b), r| (a + r.records, b + r.rows));
    if records > 0 {
        speaker.say(&format!("recovered {rows} rows in {records} records from the write-ahead log"));
    }
    for torn in engine.recovery().iter().filter_map(|r| r.torn_tail.as_ref()) {
        let (file, offset, bytes) = (&torn.file, torn.offset, torn.bytes);
        speaker.say(&format!("{file}: {bytes} bytes of unacknowledged writes cut off at byte {offset}"));
    }
    for (dialect, address) in addresses {
        let scheme = if speaks_tls(config, dialect) { "https" } else { "http" };
        speaker.say(&format!("{dialect} on {scheme}://{address}"));
    }
    for (agent, transport, address) in agents {
        speaker.say(&format!("{agent} on {transport}://{address}"));
    }
    for scraped in config.scraped()? {
        let (agent, url, interval) = (scraped.section, scraped.url, scraped.interval);
        speaker.say(&format!("{agent} from {url} every {interval}"));
    }
    if config.kwdb.enabled && !config.kwdb.insecure && config.server.tls_certificate.is_empty() {
        let dir = std::path::absolute(config.kwdb_certs_dir())?;
        speaker.say(&format!("kwdb's certificates are in {}: clients trust ca.crt", dir.display()));
    }
    if !config.ignored.is_empty() {
        speaker.say(&format!("settings that count for nothing here: {}", config.ignored.join(", ")));
    }
    let listeners = [config.listeners()?, config.agent_listeners()?];
    for warning in insecure(config, &listeners, root_is_open(engine)) {
        speaker.warn(&warning);
    }
    Ok(())
}

/// Whether a listener's connections are encrypted.
fn speaks_tls(config: &Config, dialect: &str) -> bool {
    match dialect {
        "kwdb" => !config.kwdb.insecure,
        _ => !config.server.tls_certificate.is_empty(),
    }
}

/// The present year, for certificates.
pub(super) fn year() -> i32 {
    use triglot_model::Clock as _;
    // A year has 31,556,952 seconds on average; a day more or less at its turn does not matter.
    let years = triglot_model::SystemClock.now_ns() / 1_000_000_000 / 31_556_952;
    1970 + i32::try_from(years).unwrap_or(0)
}

/// What an operator should know.
fn insecure(config: &Config, [listeners, agents]: &[Vec<Listener>; 2], root_is_open: bool) -> Vec<String> {
    let public: Vec<&Listener> = listeners.iter().filter(|l| l.is_public()).collect();
    let mut warnings = Vec::new();
    if root_is_open {
        let who = if config.auth.allow_default_credentials {
            "from everywhere (auth.allow_default_credentials = true)"
        } else {
            "from this machine only"
        };
        let mut open = Vec::new();
        if config.cnosdb.enabled {
            open.push("cnosdb: the empty one");
        }
        if config.tdengine.enabled {
            open.push("tdengine: taosdata");
        }
        if config.kwdb.enabled {
            open.push("kwdb: the empty one");
        }
        let open = open.join(", ");
        warnings.push(format!("user root has the vendors' default password ({open}); it is accepted {who}"));
    }
    for listener in &public {
        let tls = if speaks_tls(config, listener.dialect) {
            ""
        } else {
            " without TLS: passwords travel in clear text"
        };
        warnings.push(format!("{} is reachable from other machines{tls}", listener.dialect));
    }
    for agent in agents.iter().filter(|agent| agent.is_public()) {
        let name = agent.dialect;
        warnings.push(format!("{name} is reachable from other machines: it takes rows without a password"));
    }
    for scraped in config.scraped().unwrap_or_default().iter().filter(|s| s.is_unverified) {
        let (agent, url) = (scraped.section, &scraped.url);
        warnings.push(format!("{agent}.insecure_skip_verify = true: {url} may be anybody's answer"));
    }
    if config.cnosdb.enabled && !config.cnosdb.auth_enabled {
        warnings.push(
            "cnosdb.auth_enabled = false: passwords of peers on this machine are not compared".to_owned(),
        );
    }
    if config.kwdb.enabled && config.kwdb.insecure {
        warnings.push("kwdb.insecure = true: passwords and tokens travel in clear text".to_owned());
    }
    if config.wal.mode != crate::config::WalMode::Always {
        warnings.push(
            "wal.mode is not \"always\": acknowledged writes can be lost when the power fails".to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn warnings(set: &[(&str, &str)], root_is_open: bool) -> Vec<String> {
        let environment = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = load(None, &Overrides { environment, ..Overrides::default() }).unwrap();
        let listeners = [config.listeners().unwrap(), config.agent_listeners().unwrap()];
        insecure(&config, &listeners, root_is_open)
    }

    #[test]
    fn every_insecure_setting_is_told() {
        assert!(warnings(&[], false).is_empty());
        assert!(warnings(&[], true)[0].contains("from this machine only"));
        let open = warnings(
            &[
                ("TRIGLOT_CNOSDB__LISTEN", "0.0.0.0:8902"),
                ("TRIGLOT_AUTH__ALLOW_DEFAULT_CREDENTIALS", "true"),
                ("TRIGLOT_CNOSDB__AUTH_ENABLED", "false"),
                ("TRIGLOT_KWDB__INSECURE", "true"),
                ("TRIGLOT_WAL__MODE", "os"),
            ],
            true,
        );
        assert_eq!(open.len(), 5, "{open:?}");
        assert!(open[0].contains("from everywhere"));
        assert!(open[1].contains("without TLS"));
        let agent = [
            ("TRIGLOT_OPENTSDB_TELNET__LISTEN", "0.0.0.0:6046"),
            ("TRIGLOT_OPENTSDB_TELNET__DBS", "d"),
            ("TRIGLOT_OPENTSDB_TELNET__ENABLED", "true"),
        ];
        let told = warnings(&agent, false);
        assert!(told.len() == 1 && told[0].contains("opentsdb_telnet is reachable"), "{told:?}");
        assert!(warnings(&agent[..2], false).is_empty(), "it is not enabled");
        let scraped = [
            ("TRIGLOT_NODE_EXPORTER__URLS", "http://a,https://b"),
            ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
        ];
        let told = warnings(&scraped, false);
        assert!(told.len() == 1 && told[0].contains("https://b/metrics may be anybody's"), "{told:?}");
    }
}
