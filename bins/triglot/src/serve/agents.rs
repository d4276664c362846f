//! taosAdapter's agents: their sockets, a runtime of their own, and their end.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use triglot_dialect_tdengine::TdengineApp;
use triglot_dialect_tdengine::collect::scrape::{Scrape, Scraper};
use triglot_dialect_tdengine::collect::telnet::{self, Telnet};
use triglot_dialect_tdengine::collect::{Stop, Stopper, stopper};

use crate::Failure;
use crate::config::Config;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// The sockets of enabled agents, bound before the engine is opened: what is sent during recovery waits.
#[derive(Debug, Default)]
pub(super) struct Bound {
    telnet: Vec<(TcpListener, String)>,
}

/// Binds the sockets. Must run in a runtime.
pub(super) fn bind(config: &Config) -> Result<Bound, Failure> {
    let mut bound = Bound::default();
    let c = &config.opentsdb_telnet;
    if c.enabled {
        for (addresses, database) in c.ports()? {
            for address in addresses {
                bound.telnet.push((bind_tcp(telnet::NAME, address, c.tcp_keep_alive)?, database.clone()));
            }
        }
    }
    Ok(bound)
}

/// Accepted connections have the options of the socket that they came to.
fn bind_tcp(agent: &str, address: SocketAddr, keep_alive: bool) -> Result<TcpListener, Failure> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_keepalive(keep_alive)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    bind().map_err(|e| Failure::doing(format_args!("{agent}.listen: {address}"), e))
}

/// An agent's work until it is stopped.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Bound {
    /// Agent, transport and address of each socket.
    pub(super) fn addresses(&self) -> Result<Vec<(&'static str, &'static str, SocketAddr)>, Failure> {
        let told = |e| Failure::doing("addresses of agents", e);
        let of = |(socket, _): &(TcpListener, String)| {
            Ok((telnet::NAME, "tcp", socket.local_addr().map_err(told)?))
        };
        self.telnet.iter().map(of).collect()
    }

    /// Starts the enabled agents on threads of their own: the listeners' threads each serve their connections only.
    pub(super) fn start(self, config: &Config, app: &TdengineApp) -> Result<Running, Failure> {
        let (stopper, stop) = stopper();
        let agents = self.agents(config, app, &stop)?;
        if agents.is_empty() {
            return Ok(Running { stopper, runtime: None, tasks: Vec::new() });
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.workers())
            .thread_name("agents")
            .enable_all()
            .build()?;
        let tasks = agents.into_iter().map(|agent| runtime.spawn(agent)).collect();
        Ok(Running { stopper, runtime: Some(runtime), tasks })
    }

    fn agents(self, config: &Config, app: &TdengineApp, stop: &Stop) -> Result<Vec<Work>, Failure> {
        let failed = |e| Failure::doing("agents", e);
        let mut agents: Vec<Work> = Vec::new();
        if config.opentsdb_telnet.enabled {
            let agent = Telnet::new(app, config.opentsdb_telnet.options(), self.telnet).map_err(failed)?;
            agents.push(Box::pin(agent.run(stop.clone())));
        }
        for agent in [Scraper::NodeExporter, Scraper::OpenMetrics] {
            let targets = config.targets(agent)?;
            if !targets.is_empty() {
                let agent = Scrape::new(app, agent, targets).map_err(failed)?;
                agents.push(Box::pin(agent.run(stop.clone())));
            }
        }
        Ok(agents)
    }
}

/// Agents at work.
#[derive(Debug)]
pub(super) struct Running {
    stopper: Stopper,
    runtime: Option<Runtime>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Lets the agents write what they have received, for at most `limit`; how many had not finished.
    pub(super) async fn stop(mut self, limit: Duration) -> usize {
        self.stopper.stop();
        let all = join_all(self.tasks.iter_mut());
        // What is left when the time is over is the answer, not an error.
        let _ = tokio::time::timeout(limit, all).await;
        self.tasks.iter().filter(|task| !task.is_finished()).count()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A runtime must not wait for its threads on a thread of another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
