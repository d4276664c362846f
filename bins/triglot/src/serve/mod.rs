//! `triglot serve`: opens the engine, serves the enabled dialects, drains and stops.

mod agents;
mod app;
mod drain;
mod engine;
mod log;
mod notify;
mod records;
mod redirect;
mod signals;
mod start;
mod tls;

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use futures::future::join_all;
use triglot_dialect_tdengine::LogLevel;
use triglot_engine::Engine;
use triglot_http::HttpMetrics;
use triglot_http::metrics::BuildInfo;

use crate::Failure;
use crate::config::Config;
use app::Bound;
use drain::Drain;
use signals::{Signal, Signals};
use start::Speaker;
use tls::Tls;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, given by release builds.
const REVISION: &str = match option_env!("TRIGLOT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Runs the server until a signal ends it.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let (json, log_level) = log::init(&config.log)?;
    actix_web::rt::System::new().block_on(serve(config, Speaker { json }, log_level))
}

async fn serve(config: Config, speaker: Speaker, log_level: LogLevel) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    // Before the engine: a port that is taken should be told at once, not after a long recovery.
    let bound = app::bind(&config)?;
    let agents = agents::bind(&config)?;
    let tls = Tls::load(&config, start::year())?;
    let engine = tokio::select! {
        engine = engine::open(&config) => engine?,
        // Recovery may be broken off anywhere.
        () = signals.end() => return Ok(()),
    };
    start::check_exposure(&config, &engine)?;
    let drain = Drain::default();
    let metrics = HttpMetrics::new(BuildInfo { version: VERSION, revision: REVISION })
        .map_err(|e| Failure::doing("metrics", e))?;
    let tdengine = app::tdengine(&config, &engine, &metrics, &log_level)?;
    let context = app::Context {
        config: &config,
        engine: &engine,
        drain: &drain,
        metrics: &metrics,
        tls: &tls,
        tdengine: &tdengine,
    };
    let addresses = bound.iter().map(Bound::addresses).collect::<Result<Vec<_>, _>>()?.concat();
    let agent_addresses = agents.addresses()?;
    let handles = start_servers(&context, bound)?;
    let agents = agents.start(&config, &tdengine)?;
    start::tell(&config, &addresses, &agent_addresses, &engine, speaker)?;
    notify::tell(notify::State::Ready);
    loop {
        match signals.next().await {
            Signal::End => break,
            Signal::Reload => tls.reload(),
        }
    }
    stop(&config, &engine, &drain, Running { servers: handles, agents }, signals).await
}

fn start_servers(context: &app::Context<'_>, bound: Vec<Bound>) -> Result<Vec<ServerHandle>, Failure> {
    let mut handles = Vec::new();
    for one in bound {
        let server = context.server(one)?;
        handles.push(server.handle());
        actix_web::rt::spawn(server);
    }
    Ok(handles)
}

/// What serves.
struct Running {
    servers: Vec<ServerHandle>,
    agents: agents::Running,
}

/// Refuses new requests (with 503: a socket that nobody accepts from would leave clients hanging), lets running requests and
/// agents end, flushes. A second signal ends the process at once:
/// what was acknowledged is in the WAL.
async fn stop(
    config: &Config,
    engine: &Engine,
    drain: &Drain,
    running: Running,
    mut signals: Signals,
) -> Result<(), Failure> {
    notify::tell(notify::State::Stopping);
    tracing::info!("stopping: running requests may end, then memtables are flushed");
    let orderly = async {
        drain.begin();
        let patience = config.server.shutdown_timeout.0;
        let (left, agents) = tokio::join!(drain.wait(patience), running.agents.stop(patience));
        if left + agents > 0 {
            tracing::warn!(requests = left, agents, "cut off: server.shutdown_timeout is over");
        }
        join_all(running.servers.iter().map(|handle| handle.stop(false))).await;
        engine.shutdown().await
    };
    tokio::select! {
        result = orderly => result.map_err(|e| Failure::doing("shutdown", e))?,
        () = signals.end() => {
            tracing::warn!("second signal: stopped without flushing; the next start replays the WAL");
            std::process::exit(1);
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// A shared probe of readiness.
fn probe(drain: &Drain) -> triglot_http::health::ReadyProbe {
    use triglot_http::health::Readiness;
    let drain = drain.clone();
    Arc::new(move || match drain.is_draining() {
        true => Readiness::NotReady("draining".to_owned()),
        false => Readiness::Ready,
    })
}
