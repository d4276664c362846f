//! `[kwdb]` as the dialect and its listener take it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use triglot_dialect_kwdb::{KwdbConfig, Wire};

use super::ConfigError;
use super::schema::{self, Config};

/// Where certificates are below the data directory.
const CERTIFICATES: &str = "certs";

impl Config {
    /// The dialect's options.
    pub(crate) fn kwdb_options(&self) -> KwdbConfig {
        let c = &self.kwdb;
        KwdbConfig {
            wire: match c.wire {
                schema::Wire::Manual => Wire::Manual,
                schema::Wire::Server => Wire::Server,
            },
            body_limit: usize::try_from(c.body_limit.0).unwrap_or(usize::MAX),
            response_limit: (c.response_limit.0 > 0).then_some(c.response_limit.0),
            max_connections: c.max_connections,
            max_sessions: c.max_sessions,
            ..KwdbConfig::default()
        }
    }

    /// The directory of KWDB's certificates.
    pub(crate) fn kwdb_certs_dir(&self) -> PathBuf {
        match self.kwdb.certs_dir.as_str() {
            "" => Path::new(&self.server.data_dir).join(CERTIFICATES),
            dir => PathBuf::from(dir),
        }
    }
}

/// The names in a certificate that is made: this machine's, what is configured, and the address that is listened on.
pub(crate) fn certificate_names(config: &Config, host: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.extend(host.filter(|name| is_name(name)).map(str::to_owned));
    let listen = config.kwdb.listen.rsplit_once(':').map_or("", |(host, _)| host);
    let listen = listen.trim_matches(|c| c == '[' || c == ']');
    let is_any = listen.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    names.extend((is_name(listen) && !is_any).then(|| listen.to_owned()));
    names.extend(config.kwdb.certificate_names.iter().cloned());
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Whether a text can be a host name or an address.
fn is_name(text: &str) -> bool {
    let is_host = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_*".contains(&b));
    is_host || text.parse::<IpAddr>().is_ok()
}

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let invalid = |key, reason: String| Err(ConfigError::invalid("kwdb", key, reason));
    if config.kwdb.body_limit.0 == 0 {
        return invalid("body_limit", "must be above 0".to_owned());
    }
    if let Some(name) = config.kwdb.certificate_names.iter().find(|name| !is_name(name)) {
        return invalid("certificate_names", format!("{name:?} is neither a host name nor an address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_have_the_names_that_clients_use() {
        let mut config = Config::default();
        let local = ["localhost", "127.0.0.1", "::1"];
        assert_eq!(certificate_names(&config, None), local);
        config.kwdb.listen = "0.0.0.0:8080".to_owned();
        config.kwdb.certificate_names = vec!["db.example.com".to_owned(), "localhost".to_owned()];
        let names = certificate_names(&config, Some("node1"));
        assert_eq!(names, [&local[..], &["node1", "db.example.com"]].concat());
        config.kwdb.listen = "[2001:db8::1]:8080".to_owned();
        assert!(certificate_names(&config, Some("bad name")).contains(&"2001:db8::1".to_owned()));
        assert!(!certificate_names(&config, Some("bad name")).contains(&"bad name".to_owned()));
    }
}
