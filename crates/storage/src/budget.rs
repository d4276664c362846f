//! The memtable share of the memory budget: one counter, named states, and a place to wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use triglot_model::Pressure;

use crate::error::StorageError;

/// How long a write waits in [`Pressure::Stall`] before it is refused.
pub(crate) const MAX_STALL: Duration = Duration::from_secs(5);

/// Counts the bytes of rows that are queued or in memtables.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicU64,
    share: u64,
    released: Notify,
}

impl Budget {
    pub(crate) fn new(share: u64) -> Self {
        Self { used: AtomicU64::new(0), share, released: Notify::new() }
    }

    /// Bytes taken now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The named state.
    pub(crate) fn pressure(&self) -> Pressure {
        Pressure::of(self.used(), self.share)
    }

    /// Takes `bytes` for a write, waiting up to [`MAX_STALL`] while the state is `Stall`. A write
    /// that is larger than the whole share is let in when nothing else is there, so that it cannot
    /// be refused for ever.
    pub(crate) async fn admit(&self, bytes: u64) -> Result<(), StorageError> {
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
        if tokio::time::timeout(MAX_STALL, wait).await.is_err() {
            let used = self.used();
            if Pressure::of(used + bytes, self.share) == Pressure::Reject {
                return Err(StorageError::Busy { used, share: self.share });
            }
        }
        self.add(bytes);
        Ok(())
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
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_a_release_and_is_refused_after_five_seconds() {
        let budget = Arc::new(Budget::new(1000));
        budget.admit(850).await.unwrap();
        assert_eq!(budget.pressure(), Pressure::Stall);
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.admit(200).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        budget.release(500);
        waiting.await.unwrap().unwrap();
        assert_eq!(budget.used(), 550);

        budget.add(300);
        let refused = budget.admit(200).await;
        assert!(matches!(refused, Err(StorageError::Busy { used: 850, share: 1000 })));
    }

    #[tokio::test]
    async fn a_write_larger_than_the_share_goes_in_alone() {
        let budget = Budget::new(1000);
        budget.admit(5000).await.unwrap();
        assert_eq!(budget.pressure(), Pressure::Reject);
    }
}
