//! What a tenant may use at most: objects that it may have, and rates of requests and bytes.
//!
//! A [`Quota`] is kept in the tenant's options as text, so that it survives in the catalog's frozen
//! records; [`Quota::of`] reads it back. Objects are counted by the catalog, rates by [`rates`].

mod rates;
mod spending;
mod traffic;

use std::collections::BTreeMap;
use std::ops::Bound;

use triglot_catalog::{ObjectLimit, OptionChanges, TenantDef};

pub(crate) use rates::Rates;
pub(crate) use traffic::TrafficMeter;
pub use traffic::{Traffic, TrafficKey};

/// Keys of the tenant's options that hold rates.
const RATES: &str = "quota.rates.";

/// What a tenant may use; absent parts are unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Things that the tenant may have.
    pub objects: BTreeMap<ObjectLimit, u64>,
    /// Requests and bytes over time.
    pub rates: BTreeMap<Meter, RateLimit>,
}

/// Where a request is measured. On one node every request passes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// Between the client and the node.
    Api,
    /// Between the node that speaks with the client and the one that stores.
    Store,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// Bytes of requests.
    BytesIn,
    /// Bytes of answers.
    BytesOut,
    /// Statements.
    Queries,
    /// Writes through an ingest API.
    Writes,
}

/// One measured rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meter {
    /// Where.
    pub gate: Gate,
    /// What.
    pub flow: Flow,
}

impl Meter {
    /// All of them: the store's first, each in the order of bytes in, bytes out, queries, writes.
    pub const ALL: [Self; 8] = [
        Self { gate: Gate::Store, flow: Flow::BytesIn },
        Self { gate: Gate::Store, flow: Flow::BytesOut },
        Self { gate: Gate::Store, flow: Flow::Queries },
        Self { gate: Gate::Store, flow: Flow::Writes },
        Self { gate: Gate::Api, flow: Flow::BytesIn },
        Self { gate: Gate::Api, flow: Flow::BytesOut },
        Self { gate: Gate::Api, flow: Flow::Queries },
        Self { gate: Gate::Api, flow: Flow::Writes },
    ];

    fn key(self) -> String {
        let gate = match self.gate {
            Gate::Api => "api",
            Gate::Store => "store",
        };
        let flow = match self.flow {
            Flow::BytesIn => "bytes_in",
            Flow::BytesOut => "bytes_out",
            Flow::Queries => "queries",
            Flow::Writes => "writes",
        };
        format!("{RATES}{gate}.{flow}")
    }
}

/// Two buckets of tokens in a row: the shared one refills with time, the local one takes from it
/// when it runs low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Tokens that the shared bucket holds at most.
    pub max: u64,
    /// Tokens that it begins with.
    pub initial: u64,
    /// Tokens that come in each interval.
    pub refill: u64,
    /// The interval, milliseconds; 0 = nothing comes.
    pub interval_ms: u64,
    /// Tokens that the local bucket holds at most.
    pub local_max: u64,
    /// Tokens that it begins with.
    pub local_initial: u64,
}

impl RateLimit {
    fn to_text(self) -> String {
        let Self { max, initial, refill, interval_ms, local_max, local_initial } = self;
        format!("{max} {initial} {refill} {interval_ms} {local_max} {local_initial}")
    }

    fn from_text(text: &str) -> Option<Self> {
        let numbers: Vec<u64> = text.split(' ').map_while(|n| n.parse().ok()).collect();
        let [max, initial, refill, interval_ms, local_max, local_initial] = numbers.try_into().ok()?;
        Some(Self { max, initial, refill, interval_ms, local_max, local_initial })
    }
}

impl Quota {
    /// The quota of a tenant.
    pub fn of(tenant: &TenantDef) -> Self {
        let text = |key: &str| tenant.options.get(key);
        let object = |limit: ObjectLimit| Some((limit, tenant.object_limit(limit)?));
        let rate = |meter: Meter| Some((meter, RateLimit::from_text(text(&meter.key())?)?));
        Self {
            objects: ObjectLimit::ALL.into_iter().filter_map(object).collect(),
            rates: Meter::ALL.into_iter().filter_map(rate).collect(),
        }
    }

    /// The rates of a tenant alone, without looking further where there are none.
    fn rates_of(tenant: &TenantDef) -> BTreeMap<Meter, RateLimit> {
        let first = tenant.options.range::<str, _>((Bound::Included(RATES), Bound::Unbounded)).next();
        if first.is_some_and(|(key, _)| key.starts_with(RATES)) {
            Self::of(tenant).rates
        } else {
            BTreeMap::new()
        }
    }

    /// Whether nothing is limited.
    pub fn is_unlimited(&self) -> bool {
        self.objects.is_empty() && self.rates.is_empty()
    }

    /// The changes of a tenant's options that put this quota in the place of whatever it has.
    pub fn changes(&self) -> OptionChanges {
        let objects = ObjectLimit::ALL
            .into_iter()
            .map(|limit| (limit.option(), self.objects.get(&limit).map(u64::to_string)));
        let rates = Meter::ALL.into_iter().map(|m| (m.key(), self.rates.get(&m).map(|r| r.to_text())));
        objects.chain(rates).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triglot_model::TenantId;

    #[test]
    fn a_quota_survives_as_options_and_can_be_taken_away() {
        let limit = RateLimit {
            max: 1,
            initial: 2,
            refill: 3,
            interval_ms: 4,
            local_max: u64::MAX,
            local_initial: 6,
        };
        let quota = Quota {
            objects: [(ObjectLimit::Databases, 3), (ObjectLimit::RetentionDays, 30)].into(),
            rates: [(Meter { gate: Gate::Api, flow: Flow::Queries }, limit)].into(),
        };
        let mut tenant = TenantDef {
            id: TenantId(1),
            name: "t".into(),
            options: [("comment".to_owned(), "c".to_owned())].into(),
            drop_at_ns: None,
        };
        assert!(Quota::of(&tenant).is_unlimited());
        let apply = |tenant: &mut TenantDef, quota: &Quota| {
            for (key, value) in quota.changes() {
                match value {
                    Some(value) => tenant.options.insert(key, value),
                    None => tenant.options.remove(&key),
                };
            }
        };
        apply(&mut tenant, &quota);
        assert_eq!(Quota::of(&tenant), quota);
        apply(&mut tenant, &Quota::default());
        assert_eq!(tenant.options.len(), 1, "the comment");
    }
}
