//! Listeners and what they serve.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpServer, web};
use triglot_dialect_cnosdb::{CnosDbApp, CnosDbConfig};
use triglot_dialect_kwdb::KwdbApp;
use triglot_dialect_tdengine::{LogLevel, Surroundings, TdengineApp};
use triglot_engine::Engine;
use triglot_http::access_log::{AccessLog, observe};
use triglot_http::{HttpMetrics, health};

use super::drain::Drain;
use super::redirect;
use super::tls::Tls;
use crate::Failure;
use crate::config::Config;

/// A dialect's sockets.
#[derive(Debug)]
pub(super) struct Bound {
    dialect: &'static str,
    sockets: Vec<TcpListener>,
}

impl Bound {
    /// The dialect and the addresses that its sockets have, which are not those of the configuration where port 0
    /// asks for any free one.
    pub(super) fn addresses(&self) -> Result<Vec<(&'static str, SocketAddr)>, Failure> {
        let told = |e| Failure::doing(format_args!("{}.listen", self.dialect), e);
        let of = |socket: &TcpListener| Ok((self.dialect, socket.local_addr().map_err(told)?));
        self.sockets.iter().map(of).collect()
    }
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
    pub(super) tls: &'a Tls,
    pub(super) tdengine: &'a TdengineApp,
}

/// What a listener serves.
#[derive(Clone, Debug)]
enum Dialect {
    CnosDb(CnosDbApp),
    Tdengine(TdengineApp),
    Kwdb(KwdbApp),
}

impl Dialect {
    /// The name in metrics and logs.
    fn name(&self) -> &'static str {
        match self {
            Self::CnosDb(_) => triglot_dialect_cnosdb::DIALECT,
            Self::Tdengine(_) => triglot_dialect_tdengine::DIALECT,
            Self::Kwdb(_) => triglot_dialect_kwdb::DIALECT,
        }
    }

    fn configure(self, routes: &mut web::ServiceConfig) {
        match self {
            Self::CnosDb(app) => triglot_dialect_cnosdb::configure(routes, app),
            Self::Tdengine(app) => triglot_dialect_tdengine::configure(routes, app),
            Self::Kwdb(app) => triglot_dialect_kwdb::configure(routes, app),
        }
    }

    /// The dialect's own middleware.
    async fn edge(
        self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        match self {
            Self::CnosDb(_) => next.call(request).await,
            Self::Tdengine(app) => triglot_dialect_tdengine::edge(app, request, next).await,
            Self::Kwdb(app) => triglot_dialect_kwdb::edge(app, request, next).await,
        }
    }
}

impl Context<'_> {
    /// The server of one dialect.
    pub(super) fn server(&self, bound: Bound) -> Result<Server, Failure> {
        let dialect = match bound.dialect {
            "cnosdb" => Dialect::CnosDb(self.cnosdb()?),
            "tdengine" => Dialect::Tdengine(self.tdengine.clone()),
            "kwdb" => Dialect::Kwdb(self.kwdb()?),
            other => return Err(Failure::Message(format!("there is no dialect {other}"))),
        };
        self.listen(dialect, bound.sockets)
    }

    fn cnosdb(&self) -> Result<CnosDbApp, Failure> {
        let c = &self.config.cnosdb;
        let config = CnosDbConfig {
            enabled: c.enabled,
            listen: c.listen.clone(),
            auth_enabled: c.auth_enabled,
            auth_error_status: c.auth_error_status,
            bulk_items: c.bulk_items,
            node_id: c.node_id,
            query_sql_limit: bytes(c.query_sql_limit.0),
            write_sql_limit: bytes(c.write_sql_limit.0),
        };
        CnosDbApp::new(self.engine.clone(), config, self.metrics.clone(), super::REVISION, "unknown")
            .map_err(|e| Failure::doing("CnosDB's functions", e))
    }

    fn kwdb(&self) -> Result<KwdbApp, Failure> {
        KwdbApp::new(self.engine.clone(), self.config.kwdb_options(), self.metrics.clone())
            .map_err(|e| Failure::doing("KWDB's functions", e))
    }

    fn listen(&self, dialect: Dialect, sockets: Vec<TcpListener>) -> Result<Server, Failure> {
        let log = AccessLog { dialect: dialect.name(), metrics: self.metrics.clone() };
        let (drain, probe) = (self.drain.clone(), super::probe(self.drain));
        let (served, ready) = (dialect.clone(), Arc::clone(&probe));
        let application = move || {
            let (log, drain, probe) = (log.clone(), drain.clone(), Arc::clone(&ready));
            let (routes, edge) = (served.clone(), served.clone());
            App::new()
                .configure(|c| health::configure(c, probe))
                .configure(|c| routes.configure(c))
                .wrap(from_fn(move |request, next| edge.clone().edge(request, next)))
                .wrap(from_fn(move |request, next| drain.clone().guard(request, next)))
                .wrap(from_fn(move |request, next| observe(log.clone(), request, next)))
        };
        let (certificate, connections) = match &dialect {
            Dialect::Kwdb(app) => (self.tls.kwdb(self.config), Some(app.connections().clone())),
            Dialect::CnosDb(_) | Dialect::Tdengine(_) => (self.tls.common(), None),
        };
        if let (Some(certificate), Some(connections)) = (certificate, &connections) {
            return redirect::server(self.config, sockets, certificate, connections, &probe, application);
        }
        let s = &self.config.server;
        let workers = self.config.workers();
        let mut server = HttpServer::new(application)
            .on_connect(move |_, data| {
                if let Some(connections) = &connections {
                    data.insert(connections.enter());
                }
            })
            .workers(workers)
            .max_connections(s.max_connections.div_ceil(workers))
            .keep_alive(s.keep_alive.0)
            // Answers leave in pieces: the last one must not wait for the client's delayed ACK (40 ms).
            .tcp_nodelay(true)
            .disable_signals();
        for socket in sockets {
            server = match certificate {
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

/// TDengine's dialect: of its listener and of the agents, which are there without it, too.
pub(super) fn tdengine(
    config: &Config,
    engine: &Engine,
    metrics: &HttpMetrics,
    log_level: &LogLevel,
) -> Result<TdengineApp, Failure> {
    let surroundings = Surroundings {
        metrics: metrics.clone(),
        log_level: log_level.clone(),
        records: Some(Arc::new(super::records::Directory(config.record_dir()))),
    };
    TdengineApp::new(engine.clone(), config.tdengine_options()?, surroundings)
        .map_err(|e| Failure::doing("tdengine", e))
}

fn bytes(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_the_sockets_have() {
        let socket = bind_one("tdengine", "127.0.0.1:0".parse().unwrap()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let bound = Bound { dialect: "tdengine", sockets: vec![socket] };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(bound.addresses().unwrap(), [("tdengine", address)]);
        assert_ne!(port, 0);
    }
}
