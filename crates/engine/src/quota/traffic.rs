//! What passed between queries and the store since the start, by tenant and database.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::Flow;

/// More tenants and databases than this are counted together, under names that are empty.
const MAX_KEYS: usize = 1_000;

/// Where something passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficKey {
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the database.
    pub database: String,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of rows that were written.
    pub bytes_in: u64,
    /// Bytes of rows that queries gave.
    pub bytes_out: u64,
    /// Queries.
    pub queries: u64,
    /// Requests that wrote rows.
    pub writes: u64,
}

impl Traffic {
    /// One of the counts.
    pub fn of(&self, flow: Flow) -> u64 {
        match flow {
            Flow::BytesIn => self.bytes_in,
            Flow::BytesOut => self.bytes_out,
            Flow::Queries => self.queries,
            Flow::Writes => self.writes,
        }
    }
}

/// The counts of all tenants.
#[derive(Debug, Default)]
pub(crate) struct TrafficMeter(Mutex<BTreeMap<TrafficKey, Traffic>>);

impl TrafficMeter {
    pub(crate) fn add(&self, tenant: &str, database: &str, flow: Flow, amount: u64) {
        let mut keys = self.0.lock();
        let key = TrafficKey { tenant: tenant.to_owned(), database: database.to_owned() };
        let key = if keys.len() < MAX_KEYS || keys.contains_key(&key) { key } else { TrafficKey::default() };
        let traffic = keys.entry(key).or_default();
        let count = match flow {
            Flow::BytesIn => &mut traffic.bytes_in,
            Flow::BytesOut => &mut traffic.bytes_out,
            Flow::Queries => &mut traffic.queries,
            Flow::Writes => &mut traffic.writes,
        };
        *count = count.saturating_add(amount);
    }

    pub(crate) fn list(&self) -> Vec<(TrafficKey, Traffic)> {
        self.0.lock().iter().map(|(key, traffic)| (key.clone(), *traffic)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_add_up_by_database_and_the_number_of_keys_is_bounded() {
        let meter = TrafficMeter::default();
        meter.add("t", "d", Flow::Queries, 1);
        meter.add("t", "d", Flow::BytesIn, 5);
        meter.add("t", "e", Flow::Queries, 2);
        let key = |d: &str| TrafficKey { tenant: "t".into(), database: d.into() };
        let d = Traffic { queries: 1, bytes_in: 5, ..Traffic::default() };
        assert_eq!(meter.list(), [(key("d"), d), (key("e"), Traffic { queries: 2, ..Traffic::default() })]);
        for n in 0..2 * MAX_KEYS {
            meter.add("t", &n.to_string(), Flow::Writes, 1);
        }
        assert_eq!(meter.list().len(), MAX_KEYS + 1);
        assert_eq!(meter.list().iter().map(|(_, t)| t.writes).sum::<u64>(), 2 * MAX_KEYS as u64);
    }
}
