//! So many requests of one user at a time; further ones wait in line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateOptions {
    /// Requests of one user at a time, 0 = no limit.
    pub limit: usize,
    /// How long one waits for its turn.
    pub wait_timeout: Duration,
    /// Requests of one user that may wait, 0 = no limit.
    pub max_waiting: usize,
}

/// Why a request did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Too many are waiting.
    Full,
    /// The turn did not come in time.
    TimedOut,
}

/// Gates by user. Only users that have logged in get one, so that clients cannot make many.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<HashMap<String, Arc<Gate>>>);

#[derive(Debug)]
struct Gate {
    options: GateOptions,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Gates {
    /// Waits until the user may pass; none if there is no limit. The options of a user's first request
    /// hold.
    pub(crate) async fn enter(
        &self,
        user: &str,
        options: GateOptions,
    ) -> Result<Option<OwnedSemaphorePermit>, Closed> {
        if options.limit == 0 {
            return Ok(None);
        }
        self.of(user, options).enter().await.map(Some)
    }

    fn of(&self, user: &str, options: GateOptions) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(user) {
            return Arc::clone(gate);
        }
        let places = Arc::new(Semaphore::new(options.limit.min(Semaphore::MAX_PERMITS)));
        let gate = Arc::new(Gate { options, places, waiting: AtomicUsize::new(0) });
        gates.insert(user.to_owned(), Arc::clone(&gate));
        gate
    }
}

impl Gate {
    async fn enter(&self) -> Result<OwnedSemaphorePermit, Closed> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let most = if self.options.max_waiting == 0 { usize::MAX } else { self.options.max_waiting };
        let _place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(Closed::Full);
        }
        let turn = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(self.options.wait_timeout, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Closed::TimedOut),
        }
    }
}

/// One that waits.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(limit: usize, max_waiting: usize, wait_ms: u64) -> GateOptions {
        GateOptions { limit, max_waiting, wait_timeout: Duration::from_millis(wait_ms) }
    }

    #[actix_web::test]
    async fn users_wait_for_themselves_only() {
        let gates = Gates::default();
        let two = options(1, 0, 5);
        let held = gates.enter("a", two).await.unwrap();
        assert_eq!(gates.enter("a", two).await.unwrap_err(), Closed::TimedOut);
        assert!(gates.enter("b", two).await.unwrap().is_some());
        drop(held);
        assert!(gates.enter("a", two).await.unwrap().is_some());
        assert!(gates.enter("a", options(0, 0, 0)).await.unwrap().is_none(), "no limit");
    }

    #[actix_web::test]
    async fn only_so_many_wait() {
        let gates = Gates::default();
        let one = options(1, 1, 60_000);
        let held = gates.enter("a", one).await.unwrap();
        // Polled first, so it is the one that waits.
        let (waited, refused, ()) = tokio::join!(biased; gates.enter("a", one), gates.enter("a", one), async {
            drop(held);
        });
        assert!(waited.is_ok());
        assert_eq!(refused.unwrap_err(), Closed::Full);
    }
}
