//! The memtable share of the memory budget: one counter, named states, and a place to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use triglot_model::Pressure;

use crate::error::StorageError;

/// Counts the bytes of rows that are queued or in memtables.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicU64,
    share: u64,
    /// How long a write waits in [`Pressure::Stall`] before it is refused.
    max_stall: Duration,
    released: Notify,
}

/// Bytes taken for a write on its way to a memtable. They are given back when this is dropped,
/// wherever that is: a request may be given up at any await.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Reservation {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

impl Budget {
    pub(crate) fn new(share: u64, max_stall: Duration) -> Self {
        Self { used: AtomicU64::new(0), share, max_stall, released: Notify::new() }
    }

    /// Bytes taken now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The named state.
    pub(crate) fn pressure(&self) -> Pressure {
        Pressure::of(self.used(), self.share)
    }

    /// Takes `bytes` for a write, waiting up to `max_stall` while the state is `Stall`. A write
    /// that is larger than the whole share is let in when nothing else is there, so that it cannot
    /// be refused for ever.
    pub(crate) async fn admit(self: &Arc<Self>, bytes: u64) -> Result<Reservation, StorageError> {
        let wait = async {
            loop {
                // Registered before the check, so a release in between is not missed.
                let released = self.released.notified();
                let used = self.used();
                let fits = Pressure::of(used + bytes, self.share) < Pressure::Reject || used == 0;
                if fits && Pressure::of(used, self.share) < Pressure::Stall {
                    return;
                }
                released.await;
            }
        };
        if tokio::time::timeout(self.max_stall, wait).await.is_err() {
            let used = self.used();
            if Pressure::of(used + bytes, self.share) == Pressure::Reject {
                return Err(StorageError::Busy { used, share: self.share });
            }
        }
        self.add(bytes);
        Ok(Reservation { budget: Arc::clone(self), bytes })
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_waits_for_a_release() {
        let budget = Arc::new(Budget::new(1000, Duration::from_secs(60)));
        let first = budget.admit(850).await.unwrap();
        assert_eq!(budget.pressure(), Pressure::Stall);
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.admit(200).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        let second = waiting.await.unwrap().unwrap();
        assert_eq!(budget.used(), 200);
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_write_is_refused_after_a_wait_in_vain() {
        let budget = Arc::new(Budget::new(1000, Duration::from_millis(1)));
        budget.add(850);
        let refused = budget.admit(200).await;
        assert!(matches!(refused, Err(StorageError::Busy { used: 850, share: 1000 })));
        // One that still fits is late, but let in.
        budget.admit(100).await.unwrap();
    }

    #[tokio::test]
    async fn a_write_larger_than_the_share_goes_in_alone() {
        let budget = Arc::new(Budget::new(1000, Duration::from_secs(60)));
        let _all = budget.admit(5000).await.unwrap();
        assert_eq!(budget.pressure(), Pressure::Reject);
    }
}
