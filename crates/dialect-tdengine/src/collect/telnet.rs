//! OpenTSDB's telnet lines over TCP (`opentsdb_telnet`): ports, each with a database of its own.
//!
//! A connection is one task that reads, or writes to the engine, never both: while the engine is busy nothing is read, and the
//! sender waits. A line that cannot be stored is counted and told in the log; the protocol has no answer for it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use triglot_parse_opentsdb::{Dialect, telnet};
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::Body;

use super::batch::{Batch, by_halves};
use super::lines::{LineBuffer, Taken};
use super::sink::{Account, Place, Sink};
use super::stop::Stop;
use super::tcp;
use crate::app::TdengineApp;
use crate::error::SetupError;
use crate::schemaless::influx::invalid;
use crate::schemaless::of_bytes;
use crate::schemaless::opentsdb::{parse_telnet, point};

/// The agent's section of the configuration, and its name in metrics.
pub const NAME: &str = "opentsdb_telnet";

/// Bytes of a line: a row has at most 64 KiB (sheet section 5.4), its text may have two bytes for one.
const LONGEST_LINE: usize = 128 << 10;
/// Lines are written at the latest when there are so many bytes of them.
const BATCH_BYTES: usize = 512 << 10;
/// Bytes that are still read from a connection that is ended: about what the system holds for it.
const LAST_BYTES: usize = 4 << 20;
/// How long a client may take to read an answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// OpenTSDB's commands that bring no point. taosAdapter has no answer to them either.
const COMMANDS: [&[u8]; 5] = [b"stats", b"help", b"exit", b"dropcaches", b"diediedie"];

/// What an operator chooses; names are the vendor's.
#[derive(Clone, Debug)]
pub struct TelnetOptions {
    /// As whom.
    pub account: Account,
    /// Time to live, in days, of child tables that are made.
    pub ttl: Option<u32>,
    /// `batchSize`: lines that are waited for …
    pub batch_size: usize,
    /// … so long, `flushInterval`; zero = what has arrived is written at once, whatever its size.
    pub flush_interval: Duration,
    /// `maxTCPConnections`, of each port.
    pub max_connections: usize,
}

/// The agent, ready to run.
#[derive(Debug)]
pub struct Telnet {
    ports: Vec<(TcpListener, Arc<Sink>)>,
    options: Arc<TelnetOptions>,
}

impl Telnet {
    /// Each socket with its database. Sockets must not block.
    ///
    /// # Errors
    /// [`SetupError::Token`].
    pub fn new(
        app: &TdengineApp,
        options: TelnetOptions,
        sockets: Vec<(TcpListener, String)>,
    ) -> Result<Self, SetupError> {
        let mut ports = Vec::with_capacity(sockets.len());
        for (socket, database) in sockets {
            let place = Place { account: options.account.clone(), database, ttl: options.ttl };
            ports.push((socket, Arc::new(Sink::new(app, NAME, &place)?)));
        }
        Ok(Self { ports, options: Arc::new(options) })
    }

    /// Serves until `stop`; returns when everything received is written.
    pub async fn run(self, stop: Stop) {
        let Self { ports, options } = self;
        let serve_port = |(socket, sink): (TcpListener, Arc<Sink>)| {
            let (options, stop) = (Arc::clone(&options), stop.clone());
            async move {
                sink.check().await;
                let (most, port_stop) = (options.max_connections, stop.clone());
                let of_port = Arc::clone(&sink);
                tcp::accept(socket, sink, most, port_stop, move |stream| {
                    Connection::new(stream, &of_port, &options, &stop).run()
                })
                .await;
            }
        };
        join_all(ports.into_iter().map(serve_port)).await;
    }
}

/// One client.
struct Connection {
    stream: TcpStream,
    sink: Arc<Sink>,
    options: Arc<TelnetOptions>,
    stop: Stop,
    lines: LineBuffer,
    batch: Batch,
    /// When the oldest line of the batch came.
    since: Option<Instant>,
}

impl Connection {
    fn new(stream: TcpStream, sink: &Arc<Sink>, options: &Arc<TelnetOptions>, stop: &Stop) -> Self {
        Self {
            stream,
            sink: Arc::clone(sink),
            options: Arc::clone(options),
            stop: stop.clone(),
            lines: LineBuffer::new(LONGEST_LINE),
            batch: Batch::default(),
            since: None,
        }
    }

    async fn run(mut self) {
        let ended = self.receive().await;
        if let Err(error) = ended {
            tracing::debug!(agent = NAME, %error, "a connection broke off");
        }
        self.store().await;
        // It may lack its last digits: nobody can tell.
        if self.lines.is_inside_line() {
            self.sink.lost("cut off", 1, &"the connection ended within a line");
        }
    }

    /// Reads until the peer, or this server, ends.
    async fn receive(&mut self) -> io::Result<()> {
        loop {
            let due = self.since.map(|since| since + self.options.flush_interval);
            tokio::select! {
                () = self.stop.over() => return self.receive_last().await,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.store().await,
                read = self.lines.fill(&self.stream) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.take_lines().await?;
                }
            }
        }
    }

    /// What the system has received already.
    async fn receive_last(&mut self) -> io::Result<()> {
        let mut bytes = 0;
        while bytes < LAST_BYTES {
            match self.lines.fill_now(&self.stream) {
                Ok(0) => return Ok(()),
                Ok(read) => bytes += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            self.take_lines().await?;
        }
        Ok(())
    }

    async fn take_lines(&mut self) -> io::Result<()> {
        while let Some(taken) = self.lines.next() {
            match taken {
                Taken::Line(line) => self.take(&line).await?,
                Taken::TooLong => {
                    self.sink.lost("line", 1, &format_args!("a line is longer than {LONGEST_LINE} bytes"));
                }
            }
            if self.batch.bytes() >= BATCH_BYTES {
                self.store().await;
            }
        }
        if self.batch.lines() >= self.options.batch_size || self.options.flush_interval.is_zero() {
            self.store().await;
        } else if !self.batch.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    async fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        if line == b"version" {
            let answered = timeout(ANSWER_TIME, self.stream.write_all(b"1\n")).await;
            return answered.unwrap_or_else(|late| Err(late.into()));
        }
        if COMMANDS.contains(&line) {
            tracing::debug!(agent = NAME, command = %String::from_utf8_lossy(line), "ignored");
            return Ok(());
        }
        match check(line) {
            Ok(()) => self.batch.push(line),
            Err(error) => self.sink.lost("line", 1, &error),
        }
        Ok(())
    }

    async fn store(&mut self) {
        self.since = None;
        let lines = self.batch.take();
        let (sink, stop) = (&self.sink, &self.stop);
        let write = |range| {
            let content = lines.text(range);
            let body = Body { bytes: content.len(), content };
            async move { sink.store(stop, body, of_bytes(parse_telnet)).await }
        };
        by_halves(lines.lines(), write, |lines, error| sink.lost("store", lines, error)).await;
    }
}

/// Whether a line says what it should: so that one that does not costs no other.
fn check(line: &[u8]) -> Result<(), TaosError> {
    let mut lines = telnet::Lines::from_bytes(line, Dialect::TdEngine).map_err(invalid)?;
    match lines.next() {
        Some(read) => point(&read.map_err(invalid)?).map(|_| ()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_checked_one_by_one() {
        for good in [
            "put sys.cpu 1346846400 18.5 host=web01",
            "sys.cpu 0 1i8 host=web01  cpu=0",
            "put put 1346846400000 \"text\" a=b",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            &b"put sys.cpu"[..],
            b"put sys.cpu 1346846400 18.5",
            b"put sys.cpu 13468464 18.5 a=b",
            b"put sys.cpu 1346846400 eighteen a=b",
            b"put sys.cpu 1346846400 1 a=\xff",
            b"rollup 1h sum sys.cpu 1346846400 1 a=b",
        ] {
            assert!(check(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
