//! The HTTP client of `bench`, `import` and `export`.

mod error;
#[cfg(test)]
pub(crate) mod fake;
mod target;

use std::io::Read;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub(crate) use error::ClientError;
pub(crate) use target::{Precision, Protocol, Target, TargetArgs};

/// More of an error's body than this is not shown.
const ERROR_BODY: u64 = 4096;
/// How often a request that may succeed later is sent again.
const ATTEMPTS: u32 = 8;

/// Keep-alive connections to one server; one for each thread.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    target: Target,
}

impl Client {
    pub(crate) fn new(target: &Target) -> Result<Self, ClientError> {
        let mut tls = TlsConfig::builder().disable_verification(target.insecure);
        if let Some(pem) = &target.ca_pem {
            let certificate = Certificate::from_pem(pem).map_err(|e| ClientError::Setup(e.to_string()))?;
            tls = tls.root_certs(RootCerts::from(vec![certificate]));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(target.timeout))
            .max_redirects(0)
            .user_agent(concat!("triglot/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self { agent, target: target.clone() })
    }

    /// Whether anybody answers: sending is patient, and a wrong address should be told at once.
    pub(crate) fn reach(&self) -> Result<(), ClientError> {
        self.agent.get(self.target.ping_url()).call().map(drop).map_err(ClientError::transport)
    }

    /// Sends line protocol once. Success means what the server says it means.
    pub(crate) fn write(&self, body: &[u8]) -> Result<(), ClientError> {
        self.post(&self.target.write_url(), None, body).map(drop)
    }

    /// Sends line protocol, again after pauses if the server is busy or cannot be reached. Writing the
    /// same rows twice does no harm.
    pub(crate) fn write_with_patience(&self, body: &[u8]) -> Result<(), ClientError> {
        let mut pause = Duration::from_millis(100);
        for _ in 1..ATTEMPTS {
            match self.write(body) {
                Err(error) if error.may_succeed_later() => {
                    std::thread::sleep(error.retry_after().unwrap_or(pause));
                    pause = (pause * 2).min(Duration::from_secs(10));
                }
                other => return other,
            }
        }
        self.write(body)
    }

    /// Runs a statement on `/api/v1/sql`; the answer is streamed.
    pub(crate) fn sql(&self, statement: &str, accept: &str) -> Result<impl Read + use<>, ClientError> {
        let response = self.post(&self.target.sql_url(), Some(accept), statement.as_bytes())?;
        Ok(response.into_body().into_reader())
    }

    /// Makes the database if it is absent, in the server's own way.
    pub(crate) fn create_database(&self) -> Result<(), ClientError> {
        let quoted = self.target.database.replace('"', "\"\"");
        match self.target.protocol {
            Protocol::Cnosdb if self.target.database == "public" => Ok(()),
            Protocol::Cnosdb => {
                self.sql(&format!("CREATE DATABASE IF NOT EXISTS \"{quoted}\""), "text/csv").map(drop)
            }
            Protocol::Influx1 => {
                let statement = format!("CREATE DATABASE \"{quoted}\"");
                let url = format!("{}/query?q={}", self.target.base, target::percent(&statement));
                self.post(&url, None, b"").map(drop)
            }
            Protocol::Victoria => Ok(()),
        }
    }

    fn post(
        &self,
        url: &str,
        accept: Option<&str>,
        body: &[u8],
    ) -> Result<ureq::http::Response<ureq::Body>, ClientError> {
        let mut request = self.agent.post(url).content_type("text/plain; charset=utf-8");
        if let Some(authorization) = &self.target.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let mut response = request.send(body).map_err(ClientError::transport)?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let retry_after = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let mut text = String::new();
        // The status is what counts; a body that cannot be read adds nothing.
        let _ = response.body_mut().as_reader().take(ERROR_BODY).read_to_string(&mut text);
        Err(ClientError::status(status, retry_after, &text))
    }
}
