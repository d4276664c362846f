//! Names that are about to be given. The tables of a database and the child tables of all its super
//! tables share one space of names, but lie in two places: the catalog, and series indexes that shards
//! write. No lock is held while a name goes there; it is *claimed* meanwhile.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use tokio::sync::Notify;
use triglot_model::{DatabaseId, TableId};

/// The owner of names of tables that are made by writing rows.
pub(crate) const BY_WRITERS: TableId = TableId(u32::MAX);

type Name = (DatabaseId, Box<str>);

/// Names that are being given.
#[derive(Debug, Default)]
pub(crate) struct NameClaims {
    claims: Mutex<HashMap<Name, Claim>>,
    /// Told when names are free again.
    freed: Notify,
}

#[derive(Debug)]
struct Claim {
    /// The super table that gets a child of this name; none: whoever claims it wants it alone.
    owner: Option<TableId>,
    holders: usize,
}

/// Claimed names; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct ClaimedNames<'c> {
    of: &'c NameClaims,
    names: Vec<Name>,
}

impl NameClaims {
    /// Claims all of `names`, or none and gives one that is taken. Writers that make the same child of
    /// the same `owner` may do so side by side: the series index makes one of it.
    pub(crate) fn claim<'n>(
        &self,
        database: DatabaseId,
        names: impl Iterator<Item = &'n str>,
        owner: Option<TableId>,
    ) -> Result<ClaimedNames<'_>, String> {
        let mut claimed = ClaimedNames { of: self, names: Vec::new() };
        let mut claims = self.claims.lock();
        for name in names {
            match claims.entry((database, name.into())) {
                Entry::Vacant(free) => {
                    free.insert(Claim { owner, holders: 1 });
                }
                Entry::Occupied(mut held) if owner.is_some() && held.get().owner == owner => {
                    held.get_mut().holders += 1;
                }
                Entry::Occupied(_) => {
                    // Its drop takes the lock.
                    drop(claims);
                    return Err(name.to_owned());
                }
            }
            claimed.names.push((database, name.into()));
        }
        drop(claims);
        Ok(claimed)
    }

    /// Claims one name alone; waits while others give it, after which it is there or free. Who waits must hold no
    /// other names.
    pub(crate) async fn claim_alone(&self, database: DatabaseId, name: &str) -> ClaimedNames<'_> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Before the look: what is freed behind it must not be missed.
            freed.as_mut().enable();
            if let Ok(claimed) = self.claim(database, std::iter::once(name), None) {
                return claimed;
            }
            freed.await;
        }
    }
}

impl Drop for ClaimedNames<'_> {
    fn drop(&mut self) {
        if self.names.is_empty() {
            // A refused claim frees nothing, and must not wake who was refused.
            return;
        }
        let mut claims = self.of.claims.lock();
        for name in self.names.drain(..) {
            if let Entry::Occupied(mut held) = claims.entry(name) {
                held.get_mut().holders -= 1;
                if held.get().holders == 0 {
                    held.remove();
                }
            }
        }
        drop(claims);
        self.of.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_may_claim_twice_and_nobody_else() {
        let claims = NameClaims::default();
        let (db, a, b) = (DatabaseId(1), Some(TableId(1)), Some(TableId(2)));
        let first = claims.claim(db, ["x", "y"].into_iter(), a).unwrap();
        let second = claims.claim(db, ["x"].into_iter(), a).unwrap();
        assert_eq!(claims.claim(db, ["z", "x"].into_iter(), b).unwrap_err(), "x");
        assert_eq!(claims.claim(db, ["y"].into_iter(), None).unwrap_err(), "y");
        assert!(claims.claim(DatabaseId(2), ["x"].into_iter(), b).is_ok());
        drop(first);
        assert_eq!(claims.claim(db, ["x"].into_iter(), b).unwrap_err(), "x");
        assert!(claims.claim(db, ["z", "y"].into_iter(), b).is_ok(), "a refused claim leaves nothing");
        drop(second);
        let alone = claims.claim(db, ["x"].into_iter(), None).unwrap();
        assert!(claims.claim(db, ["x"].into_iter(), None).is_err());
        drop(alone);
        assert!(claims.claims.lock().is_empty());
    }

    #[tokio::test]
    async fn who_wants_a_name_alone_waits_until_it_was_given() {
        let claims = NameClaims::default();
        let (db, owner) = (DatabaseId(1), Some(BY_WRITERS));
        let two = [(); 2].map(|()| claims.claim(db, ["x"].into_iter(), owner).unwrap());
        let mut waiting = std::pin::pin!(claims.claim_alone(db, "x"));
        for held in two {
            assert!(futures::poll!(waiting.as_mut()).is_pending());
            drop(held);
        }
        let alone = waiting.await;
        assert!(claims.claim(db, ["x"].into_iter(), owner).is_err());
        drop(alone);
        drop(claims.claim_alone(db, "x").await);
        assert!(claims.claims.lock().is_empty());
    }
}
