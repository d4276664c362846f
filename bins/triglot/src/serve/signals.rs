//! SIGTERM and SIGINT end, SIGHUP reloads.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::Failure;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Stop.
    End,
    /// Read certificates again.
    Reload,
}

/// The signals of this process.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Takes the signals over. Needs a running runtime.
    pub(super) fn new() -> Result<Self, Failure> {
        let take = |kind| signal(kind).map_err(|e| Failure::doing("signals", e));
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Waits for one that ends.
    pub(super) async fn end(&mut self) {
        while self.next().await != Signal::End {}
    }
}
