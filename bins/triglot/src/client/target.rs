//! Where requests go, and with what credentials.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use clap::{Args, ValueEnum};

use super::ClientError;

/// Whose write route is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// `/api/v1/write` of CnosDB and triglot.
    Cnosdb,
    /// `/write` of InfluxDB 1.x.
    Influx1,
    /// `/write` of VictoriaMetrics.
    Victoria,
}

/// Unit of timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Precision {
    /// How many make a second.
    pub(crate) const fn per_second(self) -> i64 {
        match self {
            Self::Ms => 1_000,
            Self::Us => 1_000_000,
            Self::Ns => 1_000_000_000,
        }
    }

    const fn parameter(self, protocol: Protocol) -> &'static str {
        match (self, protocol) {
            (Self::Ms, _) => "ms",
            (Self::Ns, _) => "ns",
            (Self::Us, Protocol::Cnosdb) => "us",
            (Self::Us, Protocol::Influx1 | Protocol::Victoria) => "u",
        }
    }
}

/// Options that all client commands share.
#[derive(Clone, Debug, Args)]
pub(crate) struct TargetArgs {
    /// Server, without a path
    #[arg(long, default_value = "http://127.0.0.1:8902", env = "TRIGLOT_URL", value_name = "URL")]
    pub(crate) url: String,
    /// Database
    #[arg(long, default_value = "public")]
    pub(crate) db: String,
    /// Tenant
    #[arg(long, default_value = "cnosdb")]
    pub(crate) tenant: String,
    /// User
    #[arg(short, long, default_value = "root")]
    pub(crate) user: String,
    /// Password; the environment keeps it out of process lists
    #[arg(long, default_value = "", env = "TRIGLOT_PASSWORD", hide_env_values = true)]
    pub(crate) password: String,
    /// PEM file with the certificate to trust instead of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Do not verify the server's certificate
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Seconds that one request may take
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// A server, ready to be spoken to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) base: String,
    pub(crate) database: String,
    pub(crate) tenant: String,
    pub(crate) protocol: Protocol,
    pub(crate) precision: Precision,
    pub(crate) authorization: Option<String>,
    pub(crate) ca_pem: Option<Vec<u8>>,
    pub(crate) insecure: bool,
    pub(crate) timeout: Duration,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("base", &self.base)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl TargetArgs {
    pub(crate) fn target(&self, protocol: Protocol, precision: Precision) -> Result<Target, ClientError> {
        let base = self.url.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(ClientError::Setup(format!("{base:?}: a URL begins with http:// or https://")));
        }
        let ca_pem = match &self.cacert {
            Some(file) => {
                let bytes = std::fs::read(file)
                    .map_err(|e| ClientError::Setup(format!("{}: {e}", file.display())))?;
                Some(bytes)
            }
            None => None,
        };
        // CnosDB wants the header always; the others only where a user was made.
        let wanted = protocol == Protocol::Cnosdb || !self.password.is_empty();
        let pair = format!("{}:{}", self.user, self.password);
        Ok(Target {
            base,
            database: self.db.clone(),
            tenant: self.tenant.clone(),
            protocol,
            precision,
            authorization: wanted
                .then(|| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))),
            ca_pem,
            insecure: self.insecure,
            timeout: Duration::from_secs(self.timeout.max(1)),
        })
    }
}

impl Target {
    pub(crate) fn write_url(&self) -> String {
        let precision = self.precision.parameter(self.protocol);
        let (base, db, tenant) = (&self.base, percent(&self.database), percent(&self.tenant));
        match self.protocol {
            Protocol::Cnosdb => format!("{base}/api/v1/write?tenant={tenant}&db={db}&precision={precision}"),
            Protocol::Influx1 => format!("{base}/write?db={db}&precision={precision}"),
            // With `db` every series would get a label of that name.
            Protocol::Victoria => format!("{base}/write?precision={precision}"),
        }
    }

    pub(crate) fn ping_url(&self) -> String {
        let path = match self.protocol {
            Protocol::Cnosdb => "/api/v1/ping",
            Protocol::Influx1 => "/ping",
            Protocol::Victoria => "/health",
        };
        format!("{}{path}", self.base)
    }

    pub(crate) fn sql_url(&self) -> String {
        let (base, db, tenant) = (&self.base, percent(&self.database), percent(&self.tenant));
        format!("{base}/api/v1/sql?tenant={tenant}&db={db}")
    }
}

/// Percent-encodes all but unreserved characters.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: &str) -> TargetArgs {
        TargetArgs {
            url: url.to_owned(),
            db: "a b".to_owned(),
            tenant: "cnosdb".to_owned(),
            user: "root".to_owned(),
            password: String::new(),
            cacert: None,
            insecure: false,
            timeout: 1,
        }
    }

    #[test]
    fn each_protocol_has_its_path_and_unit() {
        let url = |p| args("http://h:1/").target(p, Precision::Us).unwrap().write_url();
        assert_eq!(url(Protocol::Cnosdb), "http://h:1/api/v1/write?tenant=cnosdb&db=a%20b&precision=us");
        assert_eq!(url(Protocol::Influx1), "http://h:1/write?db=a%20b&precision=u");
        assert_eq!(url(Protocol::Victoria), "http://h:1/write?precision=u");
        assert!(args("h:1").target(Protocol::Cnosdb, Precision::Ns).is_err());
    }

    #[test]
    fn credentials_are_basic_and_not_shown() {
        let target = args("http://h").target(Protocol::Cnosdb, Precision::Ns).unwrap();
        assert_eq!(target.authorization.as_deref(), Some("Basic cm9vdDo="));
        assert!(!format!("{target:?}").contains("cm9vd"));
        assert_eq!(args("http://h").target(Protocol::Influx1, Precision::Ns).unwrap().authorization, None);
    }
}
