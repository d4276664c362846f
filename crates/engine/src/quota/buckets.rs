//! The token buckets behind [`RateLimit`]s.

use std::collections::HashMap;

use parking_lot::Mutex;
use triglot_model::TenantId;

use super::{Meter, RateLimit};

const NS_PER_MS: i64 = 1_000_000;

/// The buckets of all tenants that have limits. They begin anew with the process and when a limit is
/// changed.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<(TenantId, Meter), Pair>>);

/// What is in the two buckets of a limit.
#[derive(Debug)]
struct Pair {
    limit: RateLimit,
    shared: u64,
    /// Below 0: more was used than there was, see [`Buckets::charge`].
    local: i128,
    /// When the shared bucket was last refilled.
    refilled_ns: i64,
}

impl Pair {
    fn new(limit: RateLimit, now_ns: i64) -> Self {
        let shared = limit.initial.min(limit.max);
        let local = i128::from(limit.local_initial.min(limit.local_max));
        Self { limit, shared, local, refilled_ns: now_ns }
    }

    /// Whole intervals' tokens come into the shared bucket, and as many as the local one lacks for
    /// `amount` (or to be full) go on to it.
    fn flow(&mut self, amount: u64, now_ns: i64) {
        let interval_ns = i64::try_from(self.limit.interval_ms).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS);
        if interval_ns > 0 {
            let intervals = now_ns.saturating_sub(self.refilled_ns).max(0) / interval_ns;
            let tokens = self.limit.refill.saturating_mul(intervals.unsigned_abs());
            self.shared = self.shared.saturating_add(tokens).min(self.limit.max);
            self.refilled_ns = self.refilled_ns.saturating_add(intervals.saturating_mul(interval_ns));
        }
        if self.local < i128::from(amount) {
            let wanted = i128::from(amount.max(self.limit.local_max)) - self.local;
            let moved = u64::try_from(wanted).unwrap_or(u64::MAX).min(self.shared);
            self.shared -= moved;
            self.local += i128::from(moved);
        }
    }
}

impl Buckets {
    /// Takes `amount` tokens from each meter, or none at all.
    ///
    /// # Errors
    /// The first meter that has not as many.
    pub(crate) fn take(
        &self,
        tenant: TenantId,
        limits: &[(Meter, RateLimit)],
        amount: u64,
        now_ns: i64,
    ) -> Result<(), Meter> {
        let mut pairs = self.0.lock();
        for (meter, limit) in limits {
            let pair = pairs.entry((tenant, *meter)).or_insert_with(|| Pair::new(*limit, now_ns));
            if pair.limit != *limit {
                *pair = Pair::new(*limit, now_ns);
            }
            // Even what takes nothing needs that there is something.
            pair.flow(amount.max(1), now_ns);
            if pair.local < i128::from(amount.max(1)) {
                return Err(*meter);
            }
        }
        for (meter, _) in limits {
            if let Some(pair) = pairs.get_mut(&(tenant, *meter)) {
                pair.local -= i128::from(amount);
            }
        }
        Ok(())
    }

    /// Takes `amount` tokens although they may not be there: what was used already. Later requests
    /// wait until the debt is refilled.
    pub(crate) fn charge(&self, tenant: TenantId, meters: &[(Meter, RateLimit)], amount: u64) {
        let mut pairs = self.0.lock();
        for (meter, _) in meters {
            if let Some(pair) = pairs.get_mut(&(tenant, *meter)) {
                pair.local -= i128::from(amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flow, Gate};
    use super::*;

    const METER: Meter = Meter { gate: Gate::Api, flow: Flow::Queries };
    const TENANT: TenantId = TenantId(1);
    const MS: i64 = NS_PER_MS;

    fn limit() -> RateLimit {
        RateLimit { max: 4, initial: 2, refill: 3, interval_ms: 100, local_max: 2, local_initial: 1 }
    }

    #[test]
    fn tokens_are_used_up_and_come_back_by_intervals() {
        let buckets = Buckets::default();
        let take = |amount, ms: i64| buckets.take(TENANT, &[(METER, limit())], amount, ms * MS).is_ok();
        // One local and two shared ones.
        assert!([take(1, 0), take(1, 0), take(1, 0)].iter().all(|ok| *ok));
        assert!(!take(1, 99));
        // Three come at 100 ms, not more than four in all that time.
        assert!(take(3, 100) && !take(1, 199));
        assert!(take(4, 10_000) && !take(1, 10_050));
        // Another tenant has its own.
        assert_eq!(buckets.take(TenantId(2), &[(METER, limit())], 3, 10_050 * MS), Ok(()));
    }

    #[test]
    fn all_or_nothing_over_several_meters() {
        let buckets = Buckets::default();
        let store = Meter { gate: Gate::Store, flow: Flow::Queries };
        let small = RateLimit { initial: 0, local_initial: 1, ..limit() };
        let both = [(METER, limit()), (store, small)];
        assert_eq!(buckets.take(TENANT, &both, 2, 0), Err(store));
        assert_eq!(buckets.take(TENANT, &[(METER, limit())], 3, 0), Ok(()), "nothing was taken");
    }

    #[test]
    fn a_debt_has_to_be_refilled_first() {
        let buckets = Buckets::default();
        let limits = [(METER, limit())];
        assert_eq!(buckets.take(TENANT, &limits, 0, 0), Ok(()));
        buckets.charge(TENANT, &limits, 7);
        // Three tokens were there, so four are owed; two come in the first 100 ms, since the shared bucket
        // holds no more than four, and three in the next.
        assert_eq!(buckets.take(TENANT, &limits, 0, 100 * MS), Err(METER));
        assert_eq!(buckets.take(TENANT, &limits, 0, 200 * MS), Ok(()));
    }

    #[test]
    fn a_changed_limit_begins_anew() {
        let buckets = Buckets::default();
        assert_eq!(buckets.take(TENANT, &[(METER, limit())], 3, 0), Ok(()));
        let wider = RateLimit { initial: 4, ..limit() };
        assert_eq!(buckets.take(TENANT, &[(METER, wider)], 5, 0), Ok(()));
    }
}
