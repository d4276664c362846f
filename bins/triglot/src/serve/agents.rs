//! taosAdapter's agents: their sockets, a runtime of their own, and their end.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use triglot_dialect_tdengine::TdengineApp;
use triglot_dialect_tdengine::collect::collectd::{self, Collectd};
use triglot_dialect_tdengine::collect::scrape::{Scrape, Scraper};
use triglot_dialect_tdengine::collect::statsd::{self, Statsd, StatsdSockets};
use triglot_dialect_tdengine::collect::telnet::{self, Telnet};
use triglot_dialect_tdengine::collect::{Stop, Stopper, stopper};

use crate::Failure;
use crate::config::{Config, Protocol};

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// The sockets of enabled agents, bound before the engine is opened: what is sent during recovery waits.
#[derive(Debug)]
pub(super) struct Bound {
    telnet: Vec<(TcpListener, String)>,
    collectd: Vec<UdpSocket>,
    statsd: StatsdSockets,
}

/// Binds the sockets. Must run in a runtime.
pub(super) fn bind(config: &Config) -> Result<Bound, Failure> {
    Ok(Bound { telnet: bind_telnet(config)?, collectd: bind_collectd(config)?, statsd: bind_statsd(config)? })
}

fn bind_telnet(config: &Config) -> Result<Vec<(TcpListener, String)>, Failure> {
    let c = &config.opentsdb_telnet;
    let mut bound = Vec::new();
    let ports = if c.enabled { c.ports()? } else { Vec::new() };
    for (addresses, database) in ports {
        for address in addresses {
            bound.push((bind_tcp(telnet::NAME, address, c.tcp_keep_alive)?, database.clone()));
        }
    }
    Ok(bound)
}

fn bind_collectd(config: &Config) -> Result<Vec<UdpSocket>, Failure> {
    let addresses = if config.collectd.enabled { config.collectd.addresses()? } else { Vec::new() };
    addresses.into_iter().map(|address| bind_udp(collectd::NAME, address)).collect()
}

fn bind_statsd(config: &Config) -> Result<StatsdSockets, Failure> {
    let c = &config.statsd;
    let addresses = if c.enabled { c.addresses()? } else { Vec::new() };
    let addresses = addresses.into_iter();
    Ok(match c.protocol {
        Protocol::Tcp => {
            let bind = |address| bind_tcp(statsd::NAME, address, c.tcp_keep_alive);
            StatsdSockets::Tcp(addresses.map(bind).collect::<Result<_, _>>()?)
        }
        Protocol::Udp | Protocol::Udp4 | Protocol::Udp6 => {
            let bind = |address| bind_udp(statsd::NAME, address);
            StatsdSockets::Udp(addresses.map(bind).collect::<Result<_, _>>()?)
        }
    })
}

fn bind_udp(agent: &str, address: SocketAddr) -> Result<UdpSocket, Failure> {
    let bind = || {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    bind().map_err(|e: std::io::Error| Failure::doing(format_args!("{agent}.listen: {address}"), e))
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
        let tcp = |name, socket: &TcpListener| Ok((name, "tcp", socket.local_addr().map_err(told)?));
        let udp = |name, socket: &UdpSocket| Ok((name, "udp", socket.local_addr().map_err(told)?));
        let telnet = self.telnet.iter().map(|(socket, _)| tcp(telnet::NAME, socket));
        let collectd = self.collectd.iter().map(|socket| udp(collectd::NAME, socket));
        let statsd: Vec<_> = match &self.statsd {
            StatsdSockets::Udp(sockets) => sockets.iter().map(|s| udp(statsd::NAME, s)).collect(),
            StatsdSockets::Tcp(sockets) => sockets.iter().map(|s| tcp(statsd::NAME, s)).collect(),
        };
        telnet.chain(collectd).chain(statsd).collect()
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
        if config.collectd.enabled {
            let agent = Collectd::new(app, &config.collectd.options(), self.collectd).map_err(failed)?;
            agents.push(Box::pin(agent.run(stop.clone())));
        }
        if config.statsd.enabled {
            let agent = Statsd::new(app, config.statsd.options(), self.statsd).map_err(failed)?;
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
