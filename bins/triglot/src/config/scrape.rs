//! Sections of taosAdapter's agents that fetch pages of metrics. Names of sections and keys are the vendor's in our
//! spelling.

use std::path::Path;

use serde::{Deserialize, Serialize};
use triglot_dialect_tdengine::collect::scrape::{Scraper, Target, TargetUrl, TlsMaterial};
use triglot_dialect_tdengine::collect::{Account, Place};

use super::ConfigError;
use super::agents::{PASSWORD, USER, account, check_place, days};
use super::schema::Config;
use super::units::{ByteSize, Span};

const NODE_EXPORTER: &str = Scraper::NodeExporter.name();
const OPEN_METRICS: &str = Scraper::OpenMetrics.name();

/// The vendor's address of a node exporter.
const URL: &str = "http://localhost:9100";
/// Its times.
const FIVE_SECONDS: Span = Span::seconds(5);
/// A page of a node exporter has about 100 KiB, one of a large Kubernetes node's some MiB.
const BODY_LIMIT: ByteSize = ByteSize(16 << 20);

/// `[node_exporter]`: pages of metrics that are fetched, all into one database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NodeExporter {
    /// Whether they are fetched.
    pub(crate) enabled: bool,
    /// Where the pages are; without a path it is `/metrics`.
    pub(crate) urls: Vec<String>,
    /// The database.
    pub(crate) db: String,
    /// As whom rows are written; a token of `/rest/login` takes the place of both.
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Time to live of child tables that are made, in days, 0 = none.
    pub(crate) ttl: u32,
    /// Time between two fetches of a page, and how long one may take.
    pub(crate) gather_duration: Span,
    pub(crate) response_timeout: Span,
    /// What is sent to the exporters: user and password, or a token; empty = nothing.
    pub(crate) http_username: String,
    pub(crate) http_password: String,
    pub(crate) http_bearer_token_string: String,
    /// PEM files: whom to trust, and what to show of ourselves.
    pub(crate) ca_cert_file: String,
    pub(crate) cert_file: String,
    pub(crate) key_file: String,
    /// Whether certificates of exporters are not looked at.
    pub(crate) insecure_skip_verify: bool,
    /// Most bytes of a page, after decompression.
    pub(crate) body_limit: ByteSize,
}

impl Default for NodeExporter {
    fn default() -> Self {
        Self {
            enabled: false,
            urls: vec![URL.to_owned()],
            db: NODE_EXPORTER.to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token: String::new(),
            ttl: 0,
            gather_duration: FIVE_SECONDS,
            response_timeout: FIVE_SECONDS,
            http_username: String::new(),
            http_password: String::new(),
            http_bearer_token_string: String::new(),
            ca_cert_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
            insecure_skip_verify: true,
            body_limit: BODY_LIMIT,
        }
    }
}

/// `[open_metrics]`: pages of metrics that are fetched, each with a database and options of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OpenMetrics {
    /// Whether they are fetched.
    pub(crate) enabled: bool,
    /// Where the pages are; without a path it is `/metrics`.
    pub(crate) urls: Vec<String>,
    /// The database of each page.
    pub(crate) dbs: Vec<String>,
    /// As whom rows are written; a token of `/rest/login` takes the place of both.
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Time to live of child tables that are made, in days, 0 = none.
    pub(crate) ttl: u32,
    /// For each page: time between two fetches, and how long one may take.
    pub(crate) gather_durations: Vec<Span>,
    pub(crate) response_timeouts: Vec<Span>,
    /// What is sent to each exporter: user and password, or a token; an empty list = nothing to any.
    pub(crate) http_usernames: Vec<String>,
    pub(crate) http_passwords: Vec<String>,
    pub(crate) http_bearer_token_strings: Vec<String>,
    /// PEM files for each page: whom to trust, and what to show of ourselves.
    pub(crate) ca_cert_files: Vec<String>,
    pub(crate) cert_files: Vec<String>,
    pub(crate) key_files: Vec<String>,
    /// Whether certificates of exporters are not looked at.
    pub(crate) insecure_skip_verify: bool,
    /// Whether rows get the time of the fetch whatever time the page says.
    pub(crate) ignore_timestamp: bool,
    /// Most bytes of a page, after decompression.
    pub(crate) body_limit: ByteSize,
}

impl Default for OpenMetrics {
    fn default() -> Self {
        Self {
            enabled: false,
            urls: vec![URL.to_owned()],
            dbs: vec![OPEN_METRICS.to_owned()],
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token: String::new(),
            ttl: 0,
            gather_durations: vec![FIVE_SECONDS],
            response_timeouts: vec![FIVE_SECONDS],
            http_usernames: Vec::new(),
            http_passwords: Vec::new(),
            http_bearer_token_strings: Vec::new(),
            ca_cert_files: Vec::new(),
            cert_files: Vec::new(),
            key_files: Vec::new(),
            insecure_skip_verify: true,
            ignore_timestamp: false,
            body_limit: BODY_LIMIT,
        }
    }
}

/// One page of either section, as it is configured.
#[derive(Clone, Debug)]
struct Page<'c> {
    section: &'static str,
    url: &'c str,
    database: &'c str,
    account: Account,
    ttl: u32,
    interval: Span,
    timeout: Span,
    user: &'c str,
    password: &'c str,
    bearer_token: &'c str,
    roots: &'c str,
    certificate: &'c str,
    key: &'c str,
    skips_verification: bool,
    ignores_timestamps: bool,
    body_limit: ByteSize,
}

/// A page that is fetched, for the lines at the start.
#[derive(Clone, Debug)]
pub(crate) struct Scraped {
    /// The agent's section.
    pub(crate) section: &'static str,
    /// The page.
    pub(crate) url: TargetUrl,
    /// Time between two fetches.
    pub(crate) interval: Span,
    /// Whether the certificate of its server is not looked at, though it has one.
    pub(crate) is_unverified: bool,
}

impl NodeExporter {
    fn pages(&self) -> impl Iterator<Item = Page<'_>> {
        self.urls.iter().map(|url| Page {
            section: NODE_EXPORTER,
            url,
            database: &self.db,
            account: account(&self.user, &self.password, &self.token),
            ttl: self.ttl,
            interval: self.gather_duration,
            timeout: self.response_timeout,
            user: &self.http_username,
            password: &self.http_password,
            bearer_token: &self.http_bearer_token_string,
            roots: &self.ca_cert_file,
            certificate: &self.cert_file,
            key: &self.key_file,
            skips_verification: self.insecure_skip_verify,
            ignores_timestamps: false,
            body_limit: self.body_limit,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_place(NODE_EXPORTER, std::slice::from_ref(&self.db), &self.user, &self.token)
    }
}

impl OpenMetrics {
    fn pages(&self) -> impl Iterator<Item = Page<'_>> {
        self.urls.iter().enumerate().map(|(at, url)| Page {
            section: OPEN_METRICS,
            url,
            database: nth(&self.dbs, at),
            account: account(&self.user, &self.password, &self.token),
            ttl: self.ttl,
            interval: self.gather_durations.get(at).copied().unwrap_or(FIVE_SECONDS),
            timeout: self.response_timeouts.get(at).copied().unwrap_or(FIVE_SECONDS),
            user: nth(&self.http_usernames, at),
            password: nth(&self.http_passwords, at),
            bearer_token: nth(&self.http_bearer_token_strings, at),
            roots: nth(&self.ca_cert_files, at),
            certificate: nth(&self.cert_files, at),
            key: nth(&self.key_files, at),
            skips_verification: self.insecure_skip_verify,
            ignores_timestamps: self.ignore_timestamp,
            body_limit: self.body_limit,
        })
    }

    /// Every list has an entry for each URL; those of what is sent may be empty instead.
    fn check(&self) -> Result<(), ConfigError> {
        let urls = self.urls.len();
        let needed = [
            ("dbs", self.dbs.len()),
            ("gather_durations", self.gather_durations.len()),
            ("response_timeouts", self.response_timeouts.len()),
        ];
        let optional = [
            ("http_usernames", self.http_usernames.len()),
            ("http_passwords", self.http_passwords.len()),
            ("http_bearer_token_strings", self.http_bearer_token_strings.len()),
            ("ca_cert_files", self.ca_cert_files.len()),
            ("cert_files", self.cert_files.len()),
            ("key_files", self.key_files.len()),
        ];
        let given = optional.into_iter().filter(|(_, entries)| *entries > 0);
        if let Some((key, entries)) = needed.into_iter().chain(given).find(|(_, entries)| *entries != urls) {
            let reason = format!("has {entries} entries for {urls} urls: each url needs one");
            return Err(ConfigError::invalid(OPEN_METRICS, key, reason));
        }
        check_place(OPEN_METRICS, &self.dbs, &self.user, &self.token)
    }
}

fn nth(list: &[String], at: usize) -> &str {
    list.get(at).map_or("", |text| text)
}

impl Page<'_> {
    fn check(&self) -> Result<TargetUrl, ConfigError> {
        let invalid = |key, reason: &str| Err(ConfigError::invalid(self.section, key, reason));
        let url = TargetUrl::parse(self.url);
        // The text may hold a password.
        let shown = || self.url.rsplit_once('@').map_or(self.url, |(_, host)| host);
        let url =
            url.map_err(|e| ConfigError::invalid(self.section, "urls", format!("{:?} {e}", shown())))?;
        if self.interval.0.is_zero() || self.timeout.0.is_zero() {
            return invalid("urls", "times between fetches and for answers must be above 0");
        }
        if self.body_limit.0 == 0 {
            return invalid("body_limit", "must be above 0");
        }
        if self.certificate.is_empty() != self.key.is_empty() {
            return invalid("urls", "a certificate needs its key, and a key its certificate");
        }
        Ok(url)
    }

    /// Reads its files.
    fn target(&self) -> Result<Target, ConfigError> {
        let place =
            Place { account: self.account.clone(), database: self.database.to_owned(), ttl: days(self.ttl) };
        Ok(Target {
            url: self.check()?,
            place,
            interval: self.interval.0,
            timeout: self.timeout.0,
            body_limit: usize::try_from(self.body_limit.0).unwrap_or(usize::MAX),
            user: self.user.to_owned(),
            password: self.password.to_owned(),
            bearer_token: self.bearer_token.to_owned(),
            tls: TlsMaterial {
                roots: pem(self.roots)?,
                identity: pem(self.certificate)?.zip(pem(self.key)?),
                skips_verification: self.skips_verification,
            },
            ignores_timestamps: self.ignores_timestamps,
        })
    }
}

/// A file's bytes; none without a name.
fn pem(file: &str) -> Result<Option<Vec<u8>>, ConfigError> {
    if file.is_empty() {
        return Ok(None);
    }
    let file = Path::new(file);
    let bytes = std::fs::read(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    Ok(Some(bytes))
}

impl Config {
    fn pages(&self, agent: Scraper) -> Vec<Page<'_>> {
        match agent {
            Scraper::NodeExporter if self.node_exporter.enabled => self.node_exporter.pages().collect(),
            Scraper::OpenMetrics if self.open_metrics.enabled => self.open_metrics.pages().collect(),
            _ => Vec::new(),
        }
    }

    /// What an enabled agent fetches, with the contents of the files that are named.
    pub(crate) fn targets(&self, agent: Scraper) -> Result<Vec<Target>, ConfigError> {
        self.pages(agent).iter().map(Page::target).collect()
    }

    /// What enabled agents fetch.
    pub(crate) fn scraped(&self) -> Result<Vec<Scraped>, ConfigError> {
        let both = [Scraper::NodeExporter, Scraper::OpenMetrics];
        let of = |page: Page<'_>| {
            let url = page.check()?;
            let is_unverified = url.is_tls() && page.skips_verification;
            Ok(Scraped { section: page.section, url, interval: page.interval, is_unverified })
        };
        both.into_iter().flat_map(|agent| self.pages(agent)).map(of).collect()
    }
}

/// Whether enabled agents can work as configured, as far as that can be seen without their files.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.node_exporter.enabled {
        config.node_exporter.check()?;
    }
    if config.open_metrics.enabled {
        config.open_metrics.check()?;
    }
    config.scraped().map(|_| ())
}

/// A URL with the user and password in it masked.
pub(super) fn masked(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://*****@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn loaded(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("triglot.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &Overrides::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn lists_of_open_metrics_belong_together() {
        let config = loaded(
            r#"[open_metrics]
            enabled = true
            urls = ["http://a:1", "https://u:p@b/m"]
            dbs = ["x", "y"]
            gather_durations = ["1s", "2m"]
            response_timeouts = ["5s", "6s"]
            http_usernames = ["", "scraper"]
            http_passwords = ["", "geheim"]
            "#,
        )
        .unwrap();
        let targets = config.targets(Scraper::OpenMetrics).unwrap();
        let shown: Vec<_> = targets
            .iter()
            .map(|t| (t.url.to_string(), &*t.place.database, t.interval.as_secs(), t.timeout.as_secs()))
            .collect();
        assert_eq!(
            shown,
            [("http://a:1/metrics".to_owned(), "x", 1, 5), ("https://b/m".to_owned(), "y", 120, 6)]
        );
        assert_eq!((&*targets[1].user, &*targets[1].password), ("scraper", "geheim"));
        assert!(config.targets(Scraper::NodeExporter).unwrap().is_empty(), "it is not enabled");
        assert_eq!(config.scraped().unwrap().iter().filter(|s| s.is_unverified).count(), 1);
        let printed = config.shown().unwrap();
        assert!(!printed.contains("geheim") && !printed.contains("u:p"), "{printed}");
        assert!(printed.contains("https://*****@b/m"), "{printed}");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let of = |section: &str, keys: &str| loaded(&format!("[{section}]\nenabled = true\n{keys}\n"));
        for (section, keys, wanted) in [
            (
                "open_metrics",
                "urls = [\"http://a\", \"http://b\"]",
                "open_metrics.dbs: has 1 entries for 2 urls",
            ),
            ("open_metrics", "gather_durations = [\"1s\", \"1s\"]", "open_metrics.gather_durations: has 2"),
            ("open_metrics", "http_usernames = [\"a\", \"b\"]", "open_metrics.http_usernames: has 2"),
            ("open_metrics", "cert_files = [\"a\"]", "a certificate needs its key"),
            ("open_metrics", "gather_durations = [\"0s\"]", "above 0"),
            ("open_metrics", "dbs = [\" \"]", "a database has no name"),
            (
                "node_exporter",
                "urls = [\"localhost:9100\"]",
                "\"localhost:9100\" does not begin with http://",
            ),
            ("node_exporter", "urls = [\"http://u:p@\"]", "node_exporter.urls: \"\" names no host"),
            ("node_exporter", "response_timeout = \"0s\"", "above 0"),
            ("node_exporter", "body_limit = 0", "node_exporter.body_limit: must be above 0"),
            ("node_exporter", "key_file = \"k.pem\"", "a certificate needs its key"),
            ("node_exporter", "user = \"\"", "node_exporter.user: must not be empty"),
        ] {
            let found = of(section, keys).map(|_| ()).unwrap_err();
            assert!(found.contains(wanted), "{keys}: {found}");
        }
        assert!(loaded("[open_metrics]\nurls = []\ndbs = [\"x\", \"y\"]\n").is_ok(), "it is not enabled");
        let config = of("node_exporter", "ca_cert_file = \"/nonexistent/ca.pem\"").unwrap();
        let error = config.targets(Scraper::NodeExporter).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/ca.pem"), "{error}");
    }
}
