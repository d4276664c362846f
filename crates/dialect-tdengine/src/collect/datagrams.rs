//! Datagrams on their way from a socket to those who read them: a bounded queue, and what exceeds it is lost and
//! counted, because a sender of datagrams cannot be made to wait.

use std::net::UdpSocket as StdSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::sink::Sink;
use super::stop::Stop;

/// No datagram is longer.
const LONGEST: usize = 64 << 10;
/// Bytes that a queue holds at most, however short it is.
const QUEUE_BYTES: usize = 64 << 20;
/// After an error of the socket.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// Datagrams that are still taken when the agent ends: about what the system holds.
const LAST: usize = 10_000;

/// The end of a queue that takes.
#[derive(Debug)]
pub(super) struct Arrivals {
    queue: Sender<Bytes>,
    bytes: Arc<AtomicUsize>,
}

/// The end of a queue that gives.
#[derive(Debug)]
pub(super) struct Datagrams {
    queue: Receiver<Bytes>,
    bytes: Arc<AtomicUsize>,
}

/// A queue of so many datagrams.
pub(super) fn queue(most: usize) -> (Arrivals, Datagrams) {
    let ((sender, receiver), bytes) = (channel(most.max(1)), Arc::default());
    (Arrivals { queue: sender, bytes: Arc::clone(&bytes) }, Datagrams { queue: receiver, bytes })
}

impl Arrivals {
    /// Adds a datagram, unless the queue is full.
    fn push(&self, datagram: &[u8]) -> bool {
        let before = self.bytes.fetch_add(datagram.len(), Ordering::Relaxed);
        let fits = before + datagram.len() <= QUEUE_BYTES
            && self.queue.try_send(Bytes::copy_from_slice(datagram)).is_ok();
        if !fits {
            self.bytes.fetch_sub(datagram.len(), Ordering::Relaxed);
        }
        fits
    }

    /// Takes datagrams until `stop`, and then what has arrived. Must run in a runtime.
    pub(super) async fn receive(self, socket: StdSocket, sink: Arc<Sink>, mut stop: Stop) {
        let socket = match UdpSocket::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!(agent = sink.agent(), %error, "cannot receive datagrams"),
        };
        let mut buffer = vec![0; LONGEST];
        loop {
            let received = tokio::select! {
                () = stop.over() => break,
                received = socket.recv_from(&mut buffer) => received,
            };
            match received {
                Ok((length, _)) => self.take(buffer.get(..length).unwrap_or_default(), &sink),
                Err(error) => {
                    sink.complain("receive", &error);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
        for _ in 0..LAST {
            let Ok((length, _)) = socket.try_recv_from(&mut buffer) else { break };
            self.take(buffer.get(..length).unwrap_or_default(), &sink);
        }
    }

    fn take(&self, datagram: &[u8], sink: &Sink) {
        if !self.push(datagram) {
            sink.lost("queue", 1, &"datagrams come faster than they are stored");
        }
    }
}

impl Datagrams {
    /// The next one; none when no more will come.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let datagram = self.queue.recv().await;
        self.taken(datagram)
    }

    /// One that is there.
    pub(super) fn next_now(&mut self) -> Option<Bytes> {
        let datagram = self.queue.try_recv().ok();
        self.taken(datagram)
    }

    fn taken(&self, datagram: Option<Bytes>) -> Option<Bytes> {
        if let Some(datagram) = &datagram {
            self.bytes.fetch_sub(datagram.len(), Ordering::Relaxed);
        }
        datagram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_is_bounded_by_number_and_by_bytes() {
        let (arrivals, mut datagrams) = queue(3);
        assert_eq!([1, 2, 3, 4].map(|n| arrivals.push(&[n])), [true, true, true, false]);
        assert_eq!(datagrams.next().await.as_deref(), Some(&[1][..]));
        assert!(arrivals.push(&[5]));
        assert_eq!([(); 4].map(|()| datagrams.next_now().map(|d| d[0])), [Some(2), Some(3), Some(5), None]);

        let (arrivals, mut datagrams) = queue(1 << 20);
        let (datagram, most) = (vec![0; 60_000], QUEUE_BYTES / 60_000);
        assert_eq!((0..most + 10).filter(|_| arrivals.push(&datagram)).count(), most);
        while datagrams.next_now().is_some() {}
        assert_eq!(datagrams.bytes.load(Ordering::Relaxed), 0);
        drop(arrivals);
        assert_eq!(datagrams.next().await, None);
    }
}
