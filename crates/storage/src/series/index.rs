use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, IdentityRule, Sid};

use super::codes::Codes;
use super::key::{canonical_identity, identity_hash, placement_hash, push_canonical_tag};
use super::strings::Strings;
use super::tag::TagColumn;
use super::{SeriesError, SeriesKey};
use crate::series_budget::Counted;

/// New values of some tags of a series; none = NULL. Of a repeated column the last counts.
pub type TagChanges = [(ColumnId, Option<Box<str>>)];

/// The series of one (table, shard). See the [module](super) for sharing and hashing.
///
/// Sids are dense from 0 and never reused; a sid below [`Self::next_sid`] that is not listed was
/// removed. Limits (number of series, bytes of values) are the caller's: [`Self::len`],
/// [`Self::memory_bytes`], and [`Self::lookup`] to ask before creating.
#[derive(Debug)]
pub struct SeriesIndex {
    rule: IdentityRule,
    identities: HashTable<Identity>,
    pub(super) tags: BTreeMap<ColumnId, TagColumn>,
    pub(super) children: Children,
    pub(super) live: RoaringBitmap,
    pub(super) next: u32,
    epoch: u64,
    /// What the budget has counted of this index.
    pub(crate) counted: Counted,
}

/// Child names by sid; empty unless they are the identity.
#[derive(Debug, Default)]
pub(super) struct Children {
    pub(super) numbers: Codes,
    pub(super) names: Strings,
}

/// An entry of the identity table: 20 bytes, because it exists for every series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    hash: [u32; 4],
    sid: u32,
}

impl Identity {
    fn new((low, high): (u64, u64), sid: u32) -> Self {
        Self { hash: [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32], sid }
    }

    fn low(&self) -> u64 {
        let [a, b, ..] = self.hash;
        u64::from(b) << 32 | u64::from(a)
    }
}

impl SeriesIndex {
    /// An empty index for a table of this identity rule.
    pub fn new(rule: IdentityRule) -> Self {
        Self {
            rule,
            identities: HashTable::new(),
            tags: BTreeMap::new(),
            children: Children::default(),
            live: RoaringBitmap::new(),
            next: 0,
            epoch: 0,
            counted: Counted::default(),
        }
    }

    /// What makes a series here.
    pub fn rule(&self) -> &IdentityRule {
        &self.rule
    }

    /// How many series are listed.
    pub fn len(&self) -> usize {
        self.live.len() as usize
    }

    /// Whether no series is listed.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The sid that the next new series gets: all sids below it are or were in use.
    pub fn next_sid(&self) -> u32 {
        self.next
    }

    /// Grows with each [`Self::set_tags`] that changed something and each [`Self::remove`] that
    /// removed something: a sid looked up in an older epoch may mean another series. In memory
    /// only; a loaded index starts at 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The series of this key. None too if the key lacks a part of the identity.
    pub fn lookup(&self, key: &SeriesKey) -> Option<Sid> {
        let canonical = canonical_identity(&self.rule, key).ok()?;
        self.find(identity_hash(&canonical), key)
    }

    /// The series of this key, and whether it is new. Tags of the key that are not part of the
    /// identity are taken when the series is new and have no effect later.
    ///
    /// Fails if the key lacks a part of the identity or sids are used up.
    pub fn get_or_create(&mut self, key: &SeriesKey) -> Result<(Sid, bool), SeriesError> {
        let hash = identity_hash(&canonical_identity(&self.rule, key)?);
        if let Some(sid) = self.find(hash, key) {
            return Ok((sid, false));
        }
        let sid = self.next;
        self.insert_new(sid, hash, key)?;
        Ok((Sid(sid), true))
    }

    /// Replays the creation of a series from the WAL, in the order of sids. True if it is new.
    ///
    /// Replaying again does nothing, and neither does the creation of a series that was removed
    /// since. Fails with [`SeriesError::SidTaken`] or [`SeriesError::SeriesExists`] if the sid or the
    /// identity belongs to another series.
    pub fn insert_with_sid(&mut self, sid: Sid, key: &SeriesKey) -> Result<bool, SeriesError> {
        let hash = identity_hash(&canonical_identity(&self.rule, key)?);
        if self.live.contains(sid.0) {
            return if self.has_identity(sid.0, key) {
                Ok(false)
            } else {
                Err(SeriesError::SidTaken { sid })
            };
        }
        if sid.0 < self.next {
            return Ok(false);
        }
        if let Some(other) = self.find(hash, key) {
            return Err(SeriesError::SeriesExists { sid: other });
        }
        self.insert_new(sid.0, hash, key)?;
        Ok(true)
    }

    /// Changes tags of a series. Under [`IdentityRule::AllTags`] this moves its identity. All or
    /// nothing; a change to what is there already is none and keeps the epoch.
    ///
    /// Fails with [`SeriesError::SeriesExists`] if another series has the new identity, with
    /// [`SeriesError::PrimaryTagChange`] for a primary tag, or with [`SeriesError::NoSuchSeries`].
    pub fn set_tags(&mut self, sid: Sid, changes: &TagChanges) -> Result<(), SeriesError> {
        let before = self.key_of(sid).ok_or(SeriesError::NoSuchSeries { sid })?;
        let after = self.changed_key(&before, changes)?;
        if after == before {
            return Ok(());
        }
        let moved = match self.rule {
            IdentityRule::AllTags => {
                let old = identity_hash(&canonical_identity(&self.rule, &before)?);
                let new = identity_hash(&canonical_identity(&self.rule, &after)?);
                if let Some(other) = self.find(new, &after) {
                    return Err(SeriesError::SeriesExists { sid: other });
                }
                Some((old, new))
            }
            IdentityRule::ChildName | IdentityRule::PrimaryTags(_) => None,
        };
        let mut codes = Vec::with_capacity(changes.len());
        for (column, _) in changes {
            codes.push((*column, self.intern(*column, after.tag(*column))?));
        }
        for (column, code) in codes {
            if let Some(tag) = self.tags.get_mut(&column) {
                tag.set(sid.0, code);
            }
        }
        if let Some((old, new)) = moved {
            self.forget_identity(Identity::new(old, sid.0));
            let entry = Identity::new(new, sid.0);
            self.identities.insert_unique(entry.low(), entry, Identity::low);
        }
        self.epoch += 1;
        Ok(())
    }

    /// Whether [`Self::set_tags`] would accept all of these changes, made one after the other.
    pub fn check_tags<'a>(
        &self,
        changes: impl IntoIterator<Item = (Sid, &'a TagChanges)>,
    ) -> Result<(), SeriesError> {
        let mut keys: BTreeMap<Sid, SeriesKey> = BTreeMap::new();
        let mut taken: BTreeMap<SeriesKey, Sid> = BTreeMap::new();
        let mut freed: BTreeSet<SeriesKey> = BTreeSet::new();
        for (sid, changes) in changes {
            let before = match keys.remove(&sid) {
                Some(key) => key,
                None => self.key_of(sid).ok_or(SeriesError::NoSuchSeries { sid })?,
            };
            let after = self.changed_key(&before, changes)?;
            if after != before && self.rule == IdentityRule::AllTags {
                let stored = self.lookup(&after).filter(|_| !freed.contains(&after));
                if let Some(other) = taken.get(&after).copied().or(stored) {
                    return Err(SeriesError::SeriesExists { sid: other });
                }
                taken.remove(&before);
                freed.insert(before);
                taken.insert(after.clone(), sid);
            }
            keys.insert(sid, after);
        }
        Ok(())
    }

    /// The keys of listed series whose [`super::identity_hash64`] `wanted` says yes to. Only under
    /// [`IdentityRule::AllTags`] it looks at them all; elsewhere identities never change.
    pub(crate) fn keys_with_hash(&self, wanted: impl Fn(u64) -> bool) -> Vec<SeriesKey> {
        let mut found = Vec::new();
        if self.rule != IdentityRule::AllTags {
            return found;
        }
        let mut canonical = Vec::new();
        for sid in &self.live {
            canonical.clear();
            for (id, tag) in &self.tags {
                if let Some(value) = tag.value(sid) {
                    push_canonical_tag(&mut canonical, *id, value);
                }
            }
            if wanted(placement_hash(&canonical)) {
                found.extend(self.key_of(Sid(sid)));
            }
        }
        found
    }

    /// Removes series: they are no longer listed and their identities are free. Unknown ones are
    /// passed over. Returns how many there were.
    pub fn remove(&mut self, sids: &[Sid]) -> usize {
        let mut removed = 0;
        for sid in sids {
            let Some(key) = self.key_of(*sid) else { continue };
            if let Ok(canonical) = canonical_identity(&self.rule, &key) {
                self.forget_identity(Identity::new(identity_hash(&canonical), sid.0));
            }
            self.live.remove(sid.0);
            removed += 1;
        }
        self.epoch += u64::from(removed > 0);
        removed
    }

    /// About how many bytes of memory the index takes, caches included.
    pub fn memory_bytes(&self) -> usize {
        let tags: usize = self.tags.values().map(|t| t.memory_bytes() + size_of::<TagColumn>()).sum();
        let children = self.children.numbers.memory_bytes() + self.children.names.memory_bytes();
        size_of::<Self>() + self.identities.allocation_size() + tags + children + self.live.serialized_size()
    }

    /// Lists all sids below `next` as used, whether or not they are live.
    pub(super) fn reserve_sids(&mut self, next: u32) {
        self.next = self.next.max(next);
    }

    /// `key` with `changes`; refuses changes of primary tags.
    pub(crate) fn changed_key(
        &self,
        key: &SeriesKey,
        changes: &TagChanges,
    ) -> Result<SeriesKey, SeriesError> {
        let mut tags: BTreeMap<ColumnId, Box<str>> = key.tags.iter().cloned().collect();
        for (column, value) in changes {
            match value {
                Some(value) => tags.insert(*column, value.clone()),
                None => tags.remove(column),
            };
        }
        if let IdentityRule::PrimaryTags(ids) = &self.rule
            && let Some(column) = ids.iter().find(|id| tags.get(*id).map(|v| &**v) != key.tag(**id))
        {
            return Err(SeriesError::PrimaryTagChange { column: *column });
        }
        Ok(SeriesKey { child: key.child.clone(), tags: tags.into_iter().collect() })
    }

    fn insert_new(&mut self, sid: u32, hash: (u64, u64), key: &SeriesKey) -> Result<(), SeriesError> {
        let next = sid.checked_add(1).ok_or(SeriesError::SidsUsedUp)?;
        let mut codes = Vec::with_capacity(key.tags.len());
        for (column, value) in &key.tags {
            codes.push((*column, self.intern(*column, Some(value))?));
        }
        if let (IdentityRule::ChildName, Some(child)) = (&self.rule, &key.child) {
            let number = u32::try_from(self.children.names.len()).map_err(|_| SeriesError::SidsUsedUp)?;
            self.children.names.push(child)?;
            self.children.numbers.set(sid, number);
        }
        // Nothing can fail from here on.
        for (column, code) in codes {
            if let Some(tag) = self.tags.get_mut(&column) {
                tag.set(sid, code);
            }
        }
        let entry = Identity::new(hash, sid);
        self.identities.insert_unique(entry.low(), entry, Identity::low);
        self.live.insert(sid);
        self.next = next;
        Ok(())
    }

    fn intern(&mut self, column: ColumnId, value: Option<&str>) -> Result<u32, SeriesError> {
        value.map_or(Ok(0), |value| self.tags.entry(column).or_default().intern(value))
    }

    fn forget_identity(&mut self, entry: Identity) {
        if let Ok(found) = self.identities.find_entry(entry.low(), |e| *e == entry) {
            found.remove();
        }
    }

    fn find(&self, hash: (u64, u64), key: &SeriesKey) -> Option<Sid> {
        let Identity { hash: wanted, .. } = Identity::new(hash, 0);
        let same = |e: &Identity| e.hash == wanted && self.has_identity(e.sid, key);
        self.identities.find(hash.0, same).map(|e| Sid(e.sid))
    }

    /// Compares the identity itself, value by value: the hash is fast, this is certain.
    fn has_identity(&self, sid: u32, key: &SeriesKey) -> bool {
        match &self.rule {
            IdentityRule::ChildName => {
                let name = self.children.names.get(self.children.numbers.get(sid));
                name == key.child.as_deref().map(str::as_bytes)
            }
            IdentityRule::PrimaryTags(ids) => ids.iter().all(|id| {
                let value = self.tags.get(id).and_then(|t| t.value(sid));
                value == key.tag(*id).map(str::as_bytes)
            }),
            IdentityRule::AllTags => {
                let mut wanted = key.tags.iter().peekable();
                for (column, tag) in &self.tags {
                    let want = wanted.next_if(|(id, _)| id == column).map(|(_, value)| value.as_bytes());
                    if tag.value(sid) != want {
                        return false;
                    }
                }
                wanted.next().is_none()
            }
        }
    }
}
