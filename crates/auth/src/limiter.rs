//! A limit on wrong passwords per user and peer.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

/// Pairs of user and peer that are watched at the same time. Each failure costs an Argon2
/// verification, so an attacker cannot fill this within the time in which entries expire.
const MAX_ENTRIES: usize = 16_384;
const MINUTE_NS: i64 = 60_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// User name and remote address (none = loopback).
type Source = (String, Option<IpAddr>);

/// A token bucket of `per_minute` failures that refills evenly within a minute. It is kept as the
/// time at which the bucket will be full again (GCRA): absent or past = full.
#[derive(Debug)]
pub(crate) struct FailureLimiter {
    /// Time that one failure costs; 0 = no limit.
    cost_ns: i64,
    full_at: Mutex<HashMap<Source, i64>>,
}

impl FailureLimiter {
    pub(crate) fn new(per_minute: u32) -> Self {
        let cost_ns = if per_minute == 0 { 0 } else { MINUTE_NS / i64::from(per_minute) };
        Self { cost_ns, full_at: Mutex::default() }
    }

    /// `Err(seconds to wait)` if the bucket is empty.
    pub(crate) fn check(&self, user: &str, peer: Option<IpAddr>, now_ns: i64) -> Result<(), u64> {
        if self.cost_ns == 0 {
            return Ok(());
        }
        let full_at = self.full_at.lock().get(&(user.to_owned(), peer)).copied().unwrap_or(now_ns);
        // One more failure must fit into the minute.
        let excess = full_at.saturating_add(self.cost_ns) - now_ns - MINUTE_NS;
        if excess <= 0 {
            return Ok(());
        }
        Err(excess.saturating_add(SECOND_NS - 1).unsigned_abs() / SECOND_NS.unsigned_abs())
    }

    /// Counts one failure.
    pub(crate) fn failed(&self, user: &str, peer: Option<IpAddr>, now_ns: i64) {
        let mut entries = self.full_at.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, full_at| *full_at > now_ns);
        }
        if entries.len() < MAX_ENTRIES {
            let full_at = entries.entry((user.to_owned(), peer)).or_insert(now_ns);
            *full_at = (*full_at).max(now_ns).saturating_add(self.cost_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_empties_refills_and_is_per_user_and_peer() {
        let limiter = FailureLimiter::new(3);
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        for _ in 0..3 {
            assert_eq!(limiter.check("u", peer, 0), Ok(()));
            limiter.failed("u", peer, 0);
        }
        assert_eq!(limiter.check("u", peer, 0), Err(20), "a third of a minute");
        assert_eq!(limiter.check("u", peer, 19_500_000_000), Err(1));
        assert_eq!(limiter.check("u", peer, 20_000_000_000), Ok(()));
        assert_eq!(limiter.check("u", None, 0), Ok(()));
        assert_eq!(limiter.check("v", peer, 0), Ok(()));
    }

    #[test]
    fn zero_means_no_limit() {
        let limiter = FailureLimiter::new(0);
        (0..100).for_each(|_| limiter.failed("u", None, 0));
        assert_eq!(limiter.check("u", None, 0), Ok(()));
    }
}
