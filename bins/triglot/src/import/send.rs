//! Points to the server: batches on several connections. CnosDB refuses a request as a whole, so a
//! refused batch is halved until the bad points stand alone.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::bad::BadLines;
use crate::Failure;
use crate::client::{Client, ClientError, Target};
use crate::progress::Progress;

/// A batch is sent at the latest when it has this many bytes.
const MAX_BYTES: usize = 8 << 20;

/// Points in line protocol, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    body: Vec<u8>,
    /// End of each point in `body`, and the line that it came from.
    points: Vec<(usize, u64)>,
    /// Bytes of input that are done when this is sent.
    input_bytes: u64,
}

impl Batch {
    fn part(&self, points: &Range<usize>) -> &[u8] {
        let begin = points.start.checked_sub(1).and_then(|n| self.points.get(n)).map_or(0, |p| p.0);
        let end = points.end.checked_sub(1).and_then(|n| self.points.get(n)).map_or(0, |p| p.0);
        self.body.get(begin..end).unwrap_or_default()
    }
}

/// Where readers put their points.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    queue: SyncSender<Batch>,
    batch: Batch,
    rows: usize,
    pub(crate) bad: &'a BadLines,
}

/// The other end has gone: an import that is over, whose reason the senders know.
#[derive(Debug)]
pub(crate) struct Closed;

impl Sink<'_> {
    /// One point, a newline is added where it has none.
    pub(crate) fn point(&mut self, text: &[u8], line: u64) -> Result<(), Closed> {
        self.batch.body.extend_from_slice(text);
        if !text.ends_with(b"\n") {
            self.batch.body.push(b'\n');
        }
        self.batch.points.push((self.batch.body.len(), line));
        if self.batch.points.len() >= self.rows || self.batch.body.len() >= MAX_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// So many bytes of the input are read.
    pub(crate) fn consumed(&mut self, bytes: u64) {
        self.batch.input_bytes += bytes;
    }

    fn flush(&mut self) -> Result<(), Closed> {
        let batch = std::mem::take(&mut self.batch);
        if batch.points.is_empty() && batch.input_bytes == 0 {
            return Ok(());
        }
        if self.bad.too_many() {
            return Err(Closed);
        }
        self.queue.send(batch).map_err(|_| Closed)
    }
}

/// How an import is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendOptions<'a> {
    pub(crate) target: &'a Target,
    pub(crate) connections: u16,
    pub(crate) batch_rows: usize,
    pub(crate) bad: &'a BadLines,
    pub(crate) progress: &'a Progress,
}

/// Runs `read` and sends what it gives; how many rows the server took.
pub(crate) fn send(
    options: SendOptions<'_>,
    read: impl FnOnce(&mut Sink<'_>) -> Result<Result<(), Closed>, Failure>,
) -> Result<u64, Failure> {
    let (queue, batches) = sync_channel(usize::from(options.connections) * 2);
    let batches = Mutex::new(batches);
    let mut sink = Sink { queue, batch: Batch::default(), rows: options.batch_rows.max(1), bad: options.bad };
    let (read, sent) = thread::scope(|scope| {
        let work = || scope.spawn(|| work(&options, &batches));
        let workers: Vec<_> = (0..options.connections).map(|_| work()).collect();
        let read = read(&mut sink).map(|end| end.and_then(|()| sink.flush()));
        drop(sink); // ends the workers
        let sent: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        (read, sent)
    });
    let mut rows = 0;
    for part in sent {
        rows += part.map_err(|_| Failure::Message("a sender failed".to_owned()))??;
    }
    // `Closed` without an error of a sender: too many bad lines, which the caller tells.
    read.map(|_| rows)
}

fn work(options: &SendOptions<'_>, batches: &Mutex<Receiver<Batch>>) -> Result<u64, ClientError> {
    let take = || batches.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
    let mut rows = 0;
    let result = Client::new(options.target).and_then(|client| {
        while let Some(batch) = take() {
            let taken = deliver(options, &client, &batch, 0..batch.points.len())?;
            rows += taken;
            options.progress.add(batch.input_bytes, taken);
        }
        Ok(())
    });
    if result.is_err() {
        // The reader must not wait for a place in the queue; the bad-line limit makes it stop soon.
        while take().is_some() {}
    }
    result.map(|()| rows)
}

/// Sends some points of a batch; how many were taken.
fn deliver(
    options: &SendOptions<'_>,
    client: &Client,
    batch: &Batch,
    points: Range<usize>,
) -> Result<u64, ClientError> {
    if points.is_empty() || options.bad.too_many() {
        return Ok(0);
    }
    match client.write_with_patience(batch.part(&points)) {
        Ok(()) => Ok(points.len() as u64),
        Err(error) if !error.blames_rows() => Err(error),
        Err(error) if points.len() == 1 => {
            let line = batch.points.get(points.start).map_or(0, |p| p.1);
            options.bad.add(line, error);
            Ok(0)
        }
        Err(_) => {
            let middle = points.start + points.len() / 2;
            let first = deliver(options, client, batch, points.start..middle)?;
            Ok(first + deliver(options, client, batch, middle..points.end)?)
        }
    }
}
