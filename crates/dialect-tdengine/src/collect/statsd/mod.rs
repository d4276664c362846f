//! StatsD over UDP or TCP (`statsd`): values are gathered in memory and written at the end of each interval.
//!
//! Datagrams wait in a queue for the one task that gathers, which is never kept waiting by the engine: writes run beside it, one at a
//! time, and while one runs the next interval goes on.

mod aggregate;
#[cfg(test)]
mod tests;

use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use triglot_parse_collectors::statsd::Metrics;

use self::aggregate::Aggregator;
pub use self::aggregate::Deletes;
use super::datagrams::{Datagrams, queue};
use super::lines::{LineBuffer, Taken};
use super::rows::store_rows;
use super::sink::{Place, Sink};
use super::stop::{Stop, stopper};
use super::tcp;
use crate::app::TdengineApp;
use crate::error::SetupError;

/// The agent's section of the configuration, and its name in metrics.
pub const NAME: &str = "statsd";

/// Memory of what is gathered between two writes.
const GATHERED_BYTES: usize = 128 << 20;
/// Bytes of a line over TCP: those of a datagram.
const LONGEST_LINE: usize = 64 << 10;
/// Bytes that are still read from a connection that is ended.
const LAST_BYTES: usize = 4 << 20;

/// What an operator chooses; names are the vendor's.
#[derive(Clone, Debug)]
pub struct StatsdOptions {
    /// Into which database, as whom.
    pub place: Place,
    /// `gatherInterval`: time between two writes.
    pub gather_interval: Duration,
    /// `worker`: writes at a time, where many names are gathered.
    pub workers: usize,
    /// `allowPendingMessages`: datagrams that wait to be gathered.
    pub most_pending: usize,
    /// `maxTCPConnections`
    pub max_connections: usize,
    /// `deleteCounters` and so on.
    pub deletes: Deletes,
}

/// What the agent listens on: `protocol`.
#[derive(Debug)]
pub enum StatsdSockets {
    /// `udp`, `udp4`, `udp6`
    Udp(Vec<UdpSocket>),
    /// `tcp`
    Tcp(Vec<TcpListener>),
}

/// The agent, ready to run.
#[derive(Debug)]
pub struct Statsd {
    sockets: StatsdSockets,
    shared: Arc<Shared>,
    options: StatsdOptions,
}

/// What all sockets gather into.
#[derive(Debug)]
struct Shared {
    sink: Arc<Sink>,
    aggregator: Mutex<Aggregator>,
}

impl Statsd {
    /// Sockets must not block.
    ///
    /// # Errors
    /// [`SetupError::Token`].
    pub fn new(
        app: &TdengineApp,
        options: StatsdOptions,
        sockets: StatsdSockets,
    ) -> Result<Self, SetupError> {
        let sink = Arc::new(Sink::new(app, NAME, &options.place)?);
        let aggregator = Mutex::new(Aggregator::new(options.deletes, GATHERED_BYTES));
        Ok(Self { sockets, shared: Arc::new(Shared { sink, aggregator }), options })
    }

    /// Serves until `stop`; returns when everything received is written.
    pub async fn run(self, stop: Stop) {
        let Self { sockets, shared, options } = self;
        shared.sink.check().await;
        // Writing ends behind receiving: what came last is written, too.
        let (received, all_received) = stopper();
        let mut receiving = match sockets {
            StatsdSockets::Udp(sockets) => receive_datagrams(sockets, &shared, &options, &stop),
            StatsdSockets::Tcp(sockets) => receive_streams(sockets, &shared, &options, &stop),
        };
        let writing = tokio::spawn(shared.write_regularly(options, stop, all_received));
        while receiving.join_next().await.is_some() {}
        received.stop();
        // An error is a panic, which was told where it happened.
        let _ = writing.await;
    }
}

fn receive_datagrams(
    sockets: Vec<UdpSocket>,
    shared: &Arc<Shared>,
    options: &StatsdOptions,
    stop: &Stop,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for socket in sockets {
        let (arrivals, datagrams) = queue(options.most_pending);
        tasks.spawn(arrivals.receive(socket, Arc::clone(&shared.sink), stop.clone()));
        tasks.spawn(Arc::clone(shared).gather(datagrams));
    }
    tasks
}

fn receive_streams(
    sockets: Vec<TcpListener>,
    shared: &Arc<Shared>,
    options: &StatsdOptions,
    stop: &Stop,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for socket in sockets {
        let (sink, most) = (Arc::clone(&shared.sink), options.max_connections);
        let (shared, of_connection) = (Arc::clone(shared), stop.clone());
        let serve = move |stream| gather_stream(stream, Arc::clone(&shared), of_connection.clone());
        tasks.spawn(tcp::accept(socket, sink, most, stop.clone(), serve));
    }
    tasks
}

/// Gathers the lines of a connection.
async fn gather_stream(stream: TcpStream, shared: Arc<Shared>, mut stop: Stop) {
    let mut lines = LineBuffer::new(LONGEST_LINE);
    loop {
        let read = tokio::select! {
            () = stop.over() => break,
            read = lines.fill(&stream) => read,
        };
        shared.add_lines(&mut lines);
        if !matches!(read, Ok(1..)) {
            break;
        }
    }
    let mut bytes = 0;
    while bytes < LAST_BYTES {
        let Ok(read @ 1..) = lines.fill_now(&stream) else { break };
        bytes += read;
        shared.add_lines(&mut lines);
    }
    if lines.is_inside_line() {
        shared.sink.lost("cut off", 1, &"the connection ended within a line");
    }
}

impl Shared {
    async fn gather(self: Arc<Self>, mut datagrams: Datagrams) {
        while let Some(datagram) = datagrams.next().await {
            self.add(&datagram);
        }
    }

    fn add_lines(&self, lines: &mut LineBuffer) {
        while let Some(taken) = lines.next() {
            match taken {
                Taken::Line(line) => self.add(&line),
                Taken::TooLong => {
                    self.sink.lost("line", 1, &format_args!("a line is longer than {LONGEST_LINE} bytes"));
                }
            }
        }
    }

    /// Gathers the lines of a datagram; one that is no line costs no other.
    fn add(&self, text: &[u8]) {
        for line in text.split(|b| *b == b'\n') {
            match std::str::from_utf8(line) {
                Ok(line) => self.add_line(line),
                Err(error) => self.sink.lost("line", 1, &error),
            }
        }
    }

    fn add_line(&self, line: &str) {
        for metric in Metrics::new(line) {
            match metric {
                Ok(metric) => {
                    let added = self.aggregator.lock().unwrap_or_else(PoisonError::into_inner).add(&metric);
                    if let Err(error) = added {
                        self.sink.lost("value", 1, &error);
                    }
                }
                Err(error) => self.sink.lost("line", 1, &error.kind),
            }
        }
    }

    /// Writes at the end of each interval, and once more when all is received. An interval that ends during a write goes
    /// on.
    async fn write_regularly(self: Arc<Self>, options: StatsdOptions, stop: Stop, mut received: Stop) {
        let first = Instant::now() + options.gather_interval;
        let mut ticks = interval_at(first, options.gather_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let is_over = tokio::select! {
                () = received.over() => true,
                _ = ticks.tick() => false,
            };
            let rows =
                self.aggregator.lock().unwrap_or_else(PoisonError::into_inner).rows(self.sink.now_ns());
            store_rows(&self.sink, &stop, rows, options.workers).await;
            if is_over {
                return;
            }
        }
    }
}
