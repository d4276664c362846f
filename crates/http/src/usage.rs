//! Who used how much: requests, bytes and times by tenant, user, database and API.
//!
//! A route makes a [`Ticket`] once it knows who asks, and leaves it in the request's extensions; the
//! access log fills it in when the last byte of the answer is sent. How the figures are named and
//! shown is the dialect's matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets of a [`Times`], in milliseconds.
pub const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// More different keys than this are counted as one whose texts are all [`OTHER`].
const MAX_KEYS: usize = 1_000;
/// Stands for every text of the keys that are too many.
pub const OTHER: &str = "other";

/// What figures are kept apart by. Only log-ins that succeeded make keys, so clients cannot invent
/// them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the user.
    pub user: String,
    /// Name of the database; empty if there is none of the name that was given.
    pub database: String,
    /// The API, a constant of the dialect.
    pub api: &'static str,
    /// Whether the API writes.
    pub writes: bool,
}

/// A histogram of times.
#[derive(Debug, Default)]
pub struct Times {
    /// One for each of [`BUCKETS_MS`], and one for all above.
    buckets: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_us: AtomicU64,
}

impl Times {
    /// Adds one.
    pub fn add(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = BUCKETS_MS.iter().position(|ms| us <= ms * 1_000).unwrap_or(BUCKETS_MS.len());
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// How many times were at most as long as each of [`BUCKETS_MS`], and how many there are.
    pub fn cumulative(&self) -> ([u64; BUCKETS_MS.len()], u64) {
        let (mut upto, mut sum) = ([0; BUCKETS_MS.len()], 0);
        let mut places = upto.iter_mut();
        for bucket in &self.buckets {
            sum += bucket.load(Ordering::Relaxed);
            if let Some(place) = places.next() {
                *place = sum;
            }
        }
        (upto, sum)
    }

    /// All times together, in seconds.
    pub fn seconds(&self) -> f64 {
        self.sum_us.load(Ordering::Relaxed) as f64 / 1e6
    }
}

/// The figures of one key.
#[derive(Debug, Default)]
pub struct UsageFigures {
    /// Request bodies as they were sent, bytes.
    pub bytes_in: AtomicU64,
    /// Response bodies as they were sent, bytes.
    pub bytes_out: AtomicU64,
    /// From the head of the request to the end of the answer.
    pub times: Times,
    /// What parsing of a written body took.
    pub parse_times: Times,
}

/// The figures of a listener's dialect since the start.
#[derive(Debug, Default)]
pub struct Usage {
    keys: Mutex<BTreeMap<UsageKey, Arc<UsageFigures>>>,
}

impl Usage {
    /// A ticket for one request.
    pub fn ticket(&self, key: UsageKey, bytes_in: usize) -> Ticket {
        let mut keys = self.lock();
        let key = if keys.len() < MAX_KEYS || keys.contains_key(&key) { key } else { other(&key) };
        let figures = Arc::clone(keys.entry(key).or_default());
        Ticket { figures, bytes_in: bytes_in as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<UsageKey, Arc<UsageFigures>>> {
        // Nothing that holds the lock can leave the map half changed.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All figures, by key.
    pub fn list(&self) -> Vec<(UsageKey, Arc<UsageFigures>)> {
        self.lock().iter().map(|(k, f)| (k.clone(), Arc::clone(f))).collect()
    }
}

fn other(key: &UsageKey) -> UsageKey {
    UsageKey {
        tenant: OTHER.to_owned(),
        user: OTHER.to_owned(),
        database: OTHER.to_owned(),
        api: key.api,
        writes: key.writes,
    }
}

/// The place where one request is counted.
#[derive(Clone, Debug)]
pub struct Ticket {
    figures: Arc<UsageFigures>,
    bytes_in: u64,
}

impl Ticket {
    /// The request is answered.
    pub(crate) fn done(&self, bytes_out: u64, time: Duration) {
        self.figures.bytes_in.fetch_add(self.bytes_in, Ordering::Relaxed);
        self.figures.bytes_out.fetch_add(bytes_out, Ordering::Relaxed);
        self.figures.times.add(time);
    }

    /// The body was parsed.
    pub fn parsed(&self, time: Duration) {
        self.figures.parse_times.add(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: &str) -> UsageKey {
        UsageKey { tenant: "t".into(), user: user.into(), database: "d".into(), api: "sql", writes: false }
    }

    #[test]
    fn requests_of_one_key_add_up() {
        let usage = Usage::default();
        usage.ticket(key("a"), 3).done(10, Duration::from_millis(2));
        usage.ticket(key("a"), 4).done(20, Duration::from_secs(60));
        usage.ticket(key("b"), 5).done(0, Duration::ZERO);
        let list = usage.list();
        assert_eq!(list.len(), 2);
        let (_, a) = &list[0];
        assert_eq!((a.bytes_in.load(Ordering::Relaxed), a.bytes_out.load(Ordering::Relaxed)), (7, 30));
        let (upto, all) = a.times.cumulative();
        assert_eq!((upto[0], upto[1], upto[11], all), (0, 1, 1, 2));
        assert!((a.times.seconds() - 60.002).abs() < 1e-9);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let usage = Usage::default();
        for n in 0..MAX_KEYS + 50 {
            usage.ticket(key(&n.to_string()), 0).done(1, Duration::ZERO);
        }
        let list = usage.list();
        assert_eq!(list.len(), MAX_KEYS + 1);
        let (_, others) = list.iter().find(|(k, _)| k.user == OTHER).unwrap();
        assert_eq!(others.bytes_out.load(Ordering::Relaxed), 50);
    }
}
