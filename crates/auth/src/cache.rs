//! Log-ins that were verified a short while ago.

use std::collections::HashMap;

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{KeyInit, Mac};
use parking_lot::Mutex;
use triglot_catalog::UserDef;

/// Entries at most; beyond it, all are forgotten and verified again.
const MAX_ENTRIES: usize = 10_000;

/// What a verified log-in is remembered by.
pub(crate) type Token = [u8; 32];

/// Remembers successes by a keyed hash of (user, user version, stored hash, password): no password
/// is kept, and every change of the user makes old entries unreachable at once.
pub(crate) struct SuccessCache {
    key: [u8; 64],
    ttl_ns: i64,
    /// Token to the time when it ends.
    entries: Mutex<HashMap<Token, i64>>,
}

impl std::fmt::Debug for SuccessCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuccessCache").field("entries", &self.entries.lock().len()).finish_non_exhaustive()
    }
}

impl SuccessCache {
    pub(crate) fn new(ttl_ns: i64) -> Self {
        Self { key: rand::random(), ttl_ns, entries: Mutex::default() }
    }

    /// The token of this password for this state of the user.
    pub(crate) fn token(&self, user: &UserDef, password: &str) -> Token {
        let mut mac = <Blake2bMac<U32> as KeyInit>::new(&self.key.into());
        mac.update(&user.id.0.to_le_bytes());
        mac.update(&user.version.to_le_bytes());
        // Lengths, so that parts cannot be shifted into each other.
        let stored = user.password.as_ref().map_or("", |p| p.expose());
        mac.update(&(stored.len() as u64).to_le_bytes());
        mac.update(stored.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn contains(&self, token: &Token, now_ns: i64) -> bool {
        self.entries.lock().get(token).is_some_and(|end| now_ns < *end)
    }

    pub(crate) fn insert(&self, token: Token, now_ns: i64) {
        if self.ttl_ns <= 0 {
            return;
        }
        let mut entries = self.entries.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, end| now_ns < *end);
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        entries.insert(token, now_ns.saturating_add(self.ttl_ns));
    }
}
