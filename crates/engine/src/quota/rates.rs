//! The buckets of tenants whose rates are limited.
//!
//! A request passes as long as anything is left in its bucket, and may take more than there is: what it
//! owes is paid back before the next one passes. Else a request larger than the bucket would never pass,
//! and the size of an answer is known only when it is written.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use triglot_catalog::TenantDef;
use triglot_model::TenantId;

use super::{Meter, Quota, RateLimit};

/// The state of all buckets. Unlimited tenants have none.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<TenantId, BTreeMap<Meter, Bucket>>>);

impl Rates {
    /// Takes `amount` if there is anything left. `false`: there is not, and nothing was taken.
    pub(crate) fn take(&self, tenant: &TenantDef, meter: Meter, amount: u64, now_ns: i64) -> bool {
        self.with_bucket(tenant, meter, now_ns, |bucket| bucket.take(amount)).unwrap_or(true)
    }

    /// Takes `amount` for something that was done already.
    pub(crate) fn charge(&self, tenant: &TenantDef, meter: Meter, amount: u64, now_ns: i64) {
        let _ = self.with_bucket(tenant, meter, now_ns, |bucket| bucket.owe(amount));
    }

    /// Works with the bucket, filled up to now; None: the tenant has no such limit.
    fn with_bucket<T>(
        &self,
        tenant: &TenantDef,
        meter: Meter,
        now_ns: i64,
        work: impl FnOnce(&mut Bucket) -> T,
    ) -> Option<T> {
        let limit = Quota::rates_of(tenant).remove(&meter)?;
        let mut tenants = self.0.lock();
        let bucket =
            tenants.entry(tenant.id).or_default().entry(meter).or_insert_with(|| Bucket::new(limit, now_ns));
        if bucket.limit != limit {
            *bucket = Bucket::new(limit, now_ns);
        }
        bucket.fill(now_ns);
        Some(work(bucket))
    }
}

/// Two buckets in a row, see [`RateLimit`].
#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    shared: i64,
    /// Below 0: owed.
    local: i64,
    /// Until when the shared one was refilled.
    filled_ns: i64,
}

impl Bucket {
    fn new(limit: RateLimit, now_ns: i64) -> Self {
        let initial = |initial, max| tokens(std::cmp::min(initial, max));
        Self {
            shared: initial(limit.initial, limit.max),
            local: initial(limit.local_initial, limit.local_max),
            limit,
            filled_ns: now_ns,
        }
    }

    /// Adds what came with time, first to what is owed, then to the shared bucket, and tops the local one up from it.
    fn fill(&mut self, now_ns: i64) {
        let interval_ns = tokens(self.limit.interval_ms).saturating_mul(1_000_000);
        if interval_ns > 0 {
            let intervals = now_ns.saturating_sub(self.filled_ns).max(0) / interval_ns;
            self.filled_ns = self.filled_ns.saturating_add(intervals.saturating_mul(interval_ns));
            let came = intervals.saturating_mul(tokens(self.limit.refill));
            // Debts first, so that a long pause pays them however little the shared bucket holds.
            let paid = came.min(self.local.min(0).saturating_neg());
            self.local += paid;
            self.shared = self.shared.saturating_add(came - paid).min(tokens(self.limit.max));
        }
        if self.local <= 0 {
            let wanted = tokens(self.limit.local_max).saturating_sub(self.local);
            let moved = wanted.min(self.shared.max(0));
            self.shared -= moved;
            self.local += moved;
        }
    }

    fn take(&mut self, amount: u64) -> bool {
        let passes = self.local > 0;
        if passes {
            self.owe(amount);
        }
        passes
    }

    fn owe(&mut self, amount: u64) {
        self.local = self.local.saturating_sub(tokens(amount));
    }
}

fn tokens(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{Flow, Gate};
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const QUERIES: Meter = Meter { gate: Gate::Api, flow: Flow::Queries };

    fn limit() -> RateLimit {
        RateLimit { max: 4, initial: 2, refill: 3, interval_ms: 1_000, local_max: 2, local_initial: 1 }
    }

    fn tenant(limit: Option<RateLimit>) -> TenantDef {
        let quota = Quota { rates: limit.map(|l| (QUERIES, l)).into_iter().collect(), ..Quota::default() };
        TenantDef {
            id: TenantId(7),
            name: "t".into(),
            options: quota.changes().into_iter().filter_map(|(k, v)| Some((k, v?))).collect(),
            drop_at_ns: None,
        }
    }

    /// How many single requests pass in a row.
    fn passing(rates: &Rates, tenant: &TenantDef, now_ns: i64) -> usize {
        (0..100).take_while(|_| rates.take(tenant, QUERIES, 1, now_ns)).count()
    }

    #[test]
    fn requests_pass_until_both_buckets_are_empty_and_again_after_the_interval() {
        let (rates, tenant) = (Rates::default(), tenant(Some(limit())));
        // One at hand and two shared ones.
        assert_eq!(passing(&rates, &tenant, 0), 3);
        assert_eq!(passing(&rates, &tenant, SECOND - 1), 0);
        assert_eq!(passing(&rates, &tenant, SECOND), 3);
        // Three an interval, but the shared bucket holds four.
        assert_eq!(passing(&rates, &tenant, 100 * SECOND), 4);
    }

    #[test]
    fn a_large_request_passes_once_and_is_paid_back() {
        let (rates, tenant) = (Rates::default(), tenant(Some(limit())));
        assert!(rates.take(&tenant, QUERIES, 9, 0));
        // 1 - 9 = -8; three come each second, and two were shared.
        assert_eq!(passing(&rates, &tenant, 2 * SECOND), 0);
        assert_eq!(passing(&rates, &tenant, 3 * SECOND), 3);
        // A pause pays a debt that is larger than both buckets.
        assert!(rates.take(&tenant, QUERIES, 1, 4 * SECOND) && rates.take(&tenant, QUERIES, 99, 4 * SECOND));
        assert_eq!(passing(&rates, &tenant, 60 * SECOND), 4);
    }

    #[test]
    fn without_an_interval_nothing_comes_back() {
        let once = RateLimit { interval_ms: 0, ..limit() };
        let (rates, tenant) = (Rates::default(), tenant(Some(once)));
        assert_eq!(passing(&rates, &tenant, 0), 3);
        assert_eq!(passing(&rates, &tenant, i64::MAX), 0);
    }

    #[test]
    fn another_limit_begins_anew_and_none_lets_everything_pass() {
        let rates = Rates::default();
        assert_eq!(passing(&rates, &tenant(Some(limit())), 0), 3);
        let larger = RateLimit { local_max: 9, local_initial: 9, ..limit() };
        assert_eq!(passing(&rates, &tenant(Some(larger)), 0), 11);
        assert_eq!(passing(&rates, &tenant(None), 0), 100);
        rates.charge(&tenant(Some(larger)), QUERIES, u64::MAX, 0);
        assert_eq!(passing(&rates, &tenant(Some(larger)), i64::MAX), 0);
    }
}
