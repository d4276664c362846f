//! Listeners and what they serve.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use triglot_dialect_cnosdb::{CnosDbApp, CnosDbConfig};
use triglot_engine::Engine;
use triglot_http::access_log::{AccessLog, observe};
use triglot_http::tls::CertificateStore;
use triglot_http::{HttpMetrics, health};

use super::drain::Drain;
use crate::Failure;
use crate::config::Config;

/// A dialect's sockets.
#[derive(Debug)]
pub(super) struct Bound {
    dialect: &'static str,
    sockets: Vec<TcpListener>,
}

/// Binds the address of every enabled dialect.
pub(super) fn bind(config: &Config) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    for listener in config.listeners()? {
        let sockets = listener.addresses.iter().map(|address| bind_one(listener.dialect, *address));
        bound.push(Bound { dialect: listener.dialect, sockets: sockets.collect::<Result<_, _>>()? });
    }
    Ok(bound)
}

fn bind_one(dialect: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let failed = |e: std::io::Error| Failure::doing(format_args!("{dialect}.listen: {address}"), e);
    // The standard library sets SO_REUSEADDR: a restart need not wait for old connections.
    TcpListener::bind(address).map_err(failed)
}

/// What all listeners share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) engine: &'a Engine,
    pub(super) drain: &'a Drain,
    pub(super) metrics: &'a HttpMetrics,
    pub(super) certificate: Option<&'a Arc<CertificateStore>>,
}

impl Context<'_> {
    /// The server of one dialect. `config::check` lets no other through than those built here.
    pub(super) fn server(&self, bound: Bound) -> Result<Server, Failure> {
        match bound.dialect {
            "cnosdb" => self.cnosdb(bound.sockets),
            other => Err(Failure::Message(format!("the {other} dialect is not built yet"))),
        }
    }

    fn cnosdb(&self, sockets: Vec<TcpListener>) -> Result<Server, Failure> {
        let c = &self.config.cnosdb;
        let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let config = CnosDbConfig {
            enabled: c.enabled,
            listen: c.listen.clone(),
            auth_enabled: c.auth_enabled,
            auth_error_status: c.auth_error_status,
            node_id: c.node_id,
            query_sql_limit: bytes(c.query_sql_limit.0),
            write_sql_limit: bytes(c.write_sql_limit.0),
        };
        let app =
            CnosDbApp::new(self.engine.clone(), config, self.metrics.clone(), super::REVISION, "unknown")
                .map_err(|e| Failure::doing("CnosDB's functions", e))?;
        let log = AccessLog { dialect: triglot_dialect_cnosdb::DIALECT, metrics: self.metrics.clone() };
        let (drain, probe) = (self.drain.clone(), super::probe(self.drain));
        let server = HttpServer::new(move || {
            let (log, drain, probe, app) = (log.clone(), drain.clone(), probe.clone(), app.clone());
            App::new()
                .configure(|c| triglot_dialect_cnosdb::configure(c, app))
                .configure(|c| health::configure(c, probe))
                .wrap(from_fn(move |request, next| drain.clone().guard(request, next)))
                .wrap(from_fn(move |request, next| observe(log.clone(), request, next)))
        });
        let s = &self.config.server;
        let workers = self.config.workers();
        let mut server = server
            .workers(workers)
            .max_connections(s.max_connections.div_ceil(workers))
            .keep_alive(s.keep_alive.0)
            .disable_signals();
        for socket in sockets {
            server = match self.certificate {
                Some(store) => {
                    let tls = store.server_config().map_err(|e| Failure::doing("TLS", e))?;
                    server.listen_rustls_0_23(socket, tls)?
                }
                None => server.listen(socket)?,
            };
        }
        Ok(server.run())
    }
}
