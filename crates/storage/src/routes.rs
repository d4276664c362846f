//! Which shard a series lives in.
//!
//! A series lives in the shard that its identity hashes to: its *home*. Under
//! [`IdentityRule::AllTags`] a change of tags changes the identity, but the series stays where its rows
//! are. [`Routes`] knows the series that live away from home, and decides who may make a series of
//! an identity while tags are being changed to it.
//!
//! One identity never gets two series, though no lock is held while a change is on its way:
//! 1. a change first *claims* its new identities, then looks for them in the indexes of all shards;
//! 2. a writer makes a series only under its index' write lock, and only if the route of the identity
//!    leads to its shard at that moment; else the batch is stale and its sender asks for the route again.
//!
//! So a writer either made the series before the claim's look, which then sees it, or sees the claim.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use triglot_model::{ColumnId, IdentityRule, ShardId, TableDef, TableId};

use crate::series::{SeriesError, SeriesKey, identity_hash64};

/// The routes of a node. Its maps are empty until tags of an `AllTags` table are changed.
#[derive(Debug)]
pub(crate) struct Routes {
    shards: u16,
    /// Whether there has ever been an entry: until then every series is at home.
    used: AtomicBool,
    away: RwLock<HashMap<TableId, HashMap<Tags, Route>>>,
}

/// The identity under [`IdentityRule::AllTags`]: a key's tags, without what else the key may carry.
type Tags = Vec<(ColumnId, Box<str>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// The series is in this shard, or is to be made there.
    Lives(ShardId),
    /// A change of tags to this identity is on its way in this shard.
    Claimed(ShardId),
}

impl Route {
    fn shard(self) -> ShardId {
        match self {
            Self::Lives(shard) | Self::Claimed(shard) => shard,
        }
    }
}

impl Routes {
    pub(crate) fn new(shards: u16) -> Self {
        Self { shards: shards.max(1), used: AtomicBool::new(false), away: RwLock::default() }
    }

    /// The shard that identities of this hash go to unless their series was moved.
    pub(crate) fn home(&self, identity_hash: u64) -> ShardId {
        // The remainder is below the shard count, which is a u16.
        ShardId(u16::try_from(identity_hash % u64::from(self.shards)).unwrap_or(0))
    }

    /// The shard of a series.
    ///
    /// # Errors
    /// The key lacks a part of the identity.
    pub(crate) fn shard_of(&self, table: &TableDef, key: &SeriesKey) -> Result<ShardId, SeriesError> {
        if table.identity == IdentityRule::AllTags && self.used.load(Ordering::Acquire) {
            let away = self.away.read();
            if let Some(route) = away.get(&table.id).and_then(|t| t.get(&key.tags)) {
                return Ok(route.shard());
            }
        }
        Ok(self.home(identity_hash64(&table.identity, key)?))
    }

    /// Whether a new series of this key, which its sender brought to `shard`, belongs there. Called
    /// under the write lock of the shard's index.
    pub(crate) fn leads_to(
        &self,
        shard: ShardId,
        table: &TableDef,
        key: &SeriesKey,
    ) -> Result<bool, SeriesError> {
        // As long as nothing moved, senders cannot have been wrong: spares new series a hash.
        Ok(!self.used.load(Ordering::Acquire) || self.shard_of(table, key)? == shard)
    }

    /// Takes identities for a change in progress: all, or none and the one that is claimed already.
    pub(crate) fn claim(&self, table: TableId, keys: &[(ShardId, SeriesKey)]) -> Result<(), SeriesKey> {
        self.used.store(true, Ordering::Release);
        let mut away = self.away.write();
        let routes = away.entry(table).or_default();
        let mut before: Vec<(&Tags, Option<Route>)> = Vec::with_capacity(keys.len());
        for (shard, key) in keys {
            if let Some(Route::Claimed(_)) = routes.get(&key.tags) {
                for (tags, old) in before.into_iter().rev() {
                    match old {
                        Some(old) => drop(routes.insert(tags.clone(), old)),
                        None => drop(routes.remove(tags)),
                    }
                }
                return Err(key.clone());
            }
            before.push((&key.tags, routes.insert(key.tags.clone(), Route::Claimed(*shard))));
        }
        Ok(())
    }

    /// Ends a claim or an old identity's route: `key` is, or is not, in `shard` now. The caller holds
    /// a lock on the shard's index, so that no series of the key comes up meanwhile.
    pub(crate) fn settle(&self, table: &TableDef, shard: ShardId, key: &SeriesKey, lives_there: bool) {
        let at_home = identity_hash64(&table.identity, key).is_ok_and(|hash| self.home(hash) == shard);
        let mut away = self.away.write();
        let routes = away.entry(table.id).or_default();
        if lives_there && !at_home {
            routes.insert(key.tags.clone(), Route::Lives(shard));
        } else {
            routes.remove(&key.tags);
        }
    }

    /// Like [`Self::settle`] for an identity that a series has left: the claim of another stays.
    pub(crate) fn settle_left(&self, table: &TableDef, shard: ShardId, key: &SeriesKey, lives_there: bool) {
        let own =
            self.away.read().get(&table.id).and_then(|t| t.get(&key.tags)) == Some(&Route::Lives(shard));
        // Nobody else turns this shard's route into another without a claim, and a claim would be kept.
        if own && !lives_there {
            let mut away = self.away.write();
            if let Some(routes) = away.get_mut(&table.id)
                && routes.get(&key.tags) == Some(&Route::Lives(shard))
            {
                routes.remove(&key.tags);
            }
        }
    }

    /// Notes at start that a series lives away from home.
    pub(crate) fn found(&self, table: TableId, shard: ShardId, key: SeriesKey) {
        self.used.store(true, Ordering::Release);
        self.away.write().entry(table).or_default().insert(key.tags, Route::Lives(shard));
    }

    /// The table is gone.
    pub(crate) fn forget(&self, table: TableId) {
        self.away.write().remove(&table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TABLE, key, table};

    /// A key whose home is `shard` of three.
    fn key_at(routes: &Routes, shard: u16) -> SeriesKey {
        let def = table(TABLE, IdentityRule::AllTags).def;
        (0..)
            .map(|n| key(&format!("k{n}"), None))
            .find(|k| routes.shard_of(&def, k).unwrap() == ShardId(shard))
            .unwrap()
    }

    #[test]
    fn a_claim_excludes_others_and_leads_writers() {
        let routes = Routes::new(3);
        let def = table(TABLE, IdentityRule::AllTags).def;
        let (a, b) = (key_at(&routes, 0), key_at(&routes, 1));
        assert!(routes.leads_to(ShardId(2), &def, &a).unwrap(), "nothing has moved, so nobody is wrong");
        routes.claim(TABLE, &[(ShardId(2), a.clone())]).unwrap();
        assert_eq!(routes.shard_of(&def, &a).unwrap(), ShardId(2));
        assert!(!routes.leads_to(ShardId(0), &def, &a).unwrap());
        // All or none: the first key of a refused claim is free again.
        let both = [(ShardId(2), b.clone()), (ShardId(1), a.clone())];
        assert_eq!(routes.claim(TABLE, &both).unwrap_err(), a);
        assert_eq!(routes.shard_of(&def, &b).unwrap(), ShardId(1));
        routes.settle(&def, ShardId(2), &a, true);
        assert_eq!(routes.shard_of(&def, &a).unwrap(), ShardId(2));
        // It leaves the identity: new series of it are made at home again.
        routes.settle_left(&def, ShardId(2), &a, false);
        assert_eq!(routes.shard_of(&def, &a).unwrap(), ShardId(0));
    }

    #[test]
    fn a_claim_at_home_leaves_nothing_behind() {
        let routes = Routes::new(3);
        let def = table(TABLE, IdentityRule::AllTags).def;
        let a = key_at(&routes, 1);
        routes.claim(TABLE, &[(ShardId(1), a.clone())]).unwrap();
        routes.settle(&def, ShardId(1), &a, true);
        assert!(routes.away.read().get(&TABLE).is_none_or(HashMap::is_empty));
        // Another's claim outlives the news that an older series has left.
        routes.claim(TABLE, &[(ShardId(2), a.clone())]).unwrap();
        routes.settle_left(&def, ShardId(1), &a, false);
        assert_eq!(routes.shard_of(&def, &a).unwrap(), ShardId(2));
    }
}
