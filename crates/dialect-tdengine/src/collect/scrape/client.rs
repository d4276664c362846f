//! The HTTP client: a page, within a time and a size.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use thiserror::Error;
use triglot_parse_prom::text::Format;
use ureq::Agent;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::target::Target;

/// Redirections that are followed where no credentials are sent; where they are, none is.
const MAX_REDIRECTS: u32 = 5;
/// Tells the exporter how long the answer is waited for, as Prometheus does.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Texts of PEM files.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    /// Certificates that servers' certificates must go back to; none = those that Mozilla trusts.
    pub roots: Option<Vec<u8>>,
    /// A chain of certificates, leaf first, with its key, for servers that ask for one.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether servers' certificates are not looked at.
    pub skips_verification: bool,
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsMaterial")
            .field("skips_verification", &self.skips_verification)
            .finish_non_exhaustive()
    }
}

/// Options that no client can be made of.
#[derive(Debug, Error)]
pub enum ClientError {
    /// A file without what it should hold.
    #[error("no {what} in PEM form")]
    Pem {
        /// What is missing.
        what: &'static str,
    },
    /// A token or password that no header can hold.
    #[error("credentials have characters that HTTP cannot transport")]
    Credentials,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    /// No connection, no answer in time, TLS, protocol.
    #[error("{0}")]
    Transport(#[from] ureq::Error),
    /// The answer breaks off, or its time is over.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// Another status than 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// A redirection that is not followed because credentials would go with it.
    #[error("HTTP status {status}: redirected to {location:?}, which is not followed with credentials")]
    Redirected { status: u16, location: String },
    /// More bytes than are read.
    #[error("more than {0} bytes")]
    TooLong(usize),
}

/// A page as it came.
pub(super) struct Fetched {
    pub(super) format: Format,
    pub(super) body: Bytes,
}

/// Connections to one target, kept between fetches.
pub(super) struct Client {
    agent: Agent,
    url: String,
    accept: &'static str,
    timeout: Duration,
    authorization: Option<String>,
    body_limit: usize,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(target: &Target, accept: &'static str) -> Result<Self, ClientError> {
        let authorization = authorization(target)?;
        let has_credentials = authorization.is_some() || target.tls.identity.is_some();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(target.timeout))
            .max_redirects(if has_credentials { 0 } else { MAX_REDIRECTS })
            .max_redirects_will_error(!has_credentials)
            // Targets are near: a proxy that the environment names is for other things.
            .proxy(None)
            .user_agent(concat!("triglot/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(&target.tls)?)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: target.url.to_string(),
            accept,
            timeout: target.timeout,
            authorization,
            body_limit: target.body_limit,
        })
    }

    /// Fetches the page; blocks.
    pub(super) fn fetch(&self) -> Result<Fetched, FetchError> {
        let mut request = self.agent.get(&self.url).header(ACCEPT, self.accept);
        request = request.header(TIMEOUT_HEADER, self.timeout.as_secs_f64().to_string());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut response = request.call()?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if status.is_redirection() {
            let location = header(LOCATION).unwrap_or_default().to_owned();
            return Err(FetchError::Redirected { status: status.as_u16(), location });
        }
        if status.as_u16() != 200 {
            return Err(FetchError::Status(status.as_u16()));
        }
        let format = Format::of_content_type(header(CONTENT_TYPE).unwrap_or_default());
        let mut body = Vec::new();
        let most = self.body_limit as u64 + 1;
        response.body_mut().as_reader().take(most).read_to_end(&mut body)?;
        if body.len() > self.body_limit {
            return Err(FetchError::TooLong(self.body_limit));
        }
        Ok(Fetched { format, body: Bytes::from(body) })
    }
}

/// The header of a token, or of user and password.
fn authorization(target: &Target) -> Result<Option<String>, ClientError> {
    let text = if target.bearer_token.is_empty() {
        let encoded = |(user, password): (&str, &str)| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        };
        target.basic().map(encoded)
    } else {
        Some(format!("Bearer {}", target.bearer_token.trim()))
    };
    match text {
        Some(text) if ureq::http::HeaderValue::from_str(&text).is_err() => Err(ClientError::Credentials),
        other => Ok(other),
    }
}

fn tls(material: &TlsMaterial) -> Result<TlsConfig, ClientError> {
    let mut config = TlsConfig::builder().disable_verification(material.skips_verification);
    if let Some(pem) = &material.roots {
        config = config.root_certs(RootCerts::from(certificates(pem)?));
    }
    if let Some((chain, key)) = &material.identity {
        let key = PrivateKey::from_pem(key).map_err(|_| ClientError::Pem { what: "private key" })?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&certificates(chain)?, key)));
    }
    Ok(config.build())
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ClientError> {
    let missing = || ClientError::Pem { what: "certificate" };
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| missing())? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(missing()) } else { Ok(found) }
}
