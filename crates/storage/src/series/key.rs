use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use triglot_model::{ColumnId, IdentityRule};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

use super::SeriesError;

/// What a writer knows of a series. NULL and `''` are different values; a series whose tags are all
/// NULL and a series without tags are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The child table's name. The identity under [`IdentityRule::ChildName`], ignored otherwise.
    pub child: Option<Box<str>>,
    /// Tags in strictly ascending order of column id; an absent tag is NULL.
    pub tags: Vec<(ColumnId, Box<str>)>,
}

impl SeriesKey {
    /// A key of these tags, which may come in any order; of a repeated column the last counts.
    pub fn new<V: Into<Box<str>>>(
        child: Option<&str>,
        tags: impl IntoIterator<Item = (ColumnId, V)>,
    ) -> Self {
        let sorted: BTreeMap<ColumnId, Box<str>> =
            tags.into_iter().map(|(id, value)| (id, value.into())).collect();
        Self { child: child.map(Into::into), tags: sorted.into_iter().collect() }
    }

    /// The value of a tag; none = NULL.
    pub fn tag(&self, column: ColumnId) -> Option<&str> {
        let at = self.tags.binary_search_by_key(&column, |(id, _)| *id).ok()?;
        self.tags.get(at).map(|(_, value)| &**value)
    }
}

/// The hash that decides in which shard a series lives: `shard = hash % shards`.
///
/// **Frozen**: it decides where data lies on disk. It is the unseeded xxh3-64 of the canonical
/// encoding: for [`IdentityRule::ChildName`] the bytes of the child name; otherwise, for each
/// identity tag that is not NULL by ascending column id, `column id: u32 LE, length: u32 LE, bytes`.
///
/// Fails like [`super::SeriesIndex::get_or_create`] if the key lacks a part of the identity.
pub fn identity_hash64(rule: &IdentityRule, key: &SeriesKey) -> Result<u64, SeriesError> {
    Ok(placement_hash(&canonical_identity(rule, key)?))
}

/// [`identity_hash64`] of a canonical encoding. Frozen.
pub(super) fn placement_hash(canonical: &[u8]) -> u64 {
    xxh3_64(canonical)
}

/// The canonical encoding of a key's identity; see [`identity_hash64`]. Frozen.
pub(super) fn canonical_identity(rule: &IdentityRule, key: &SeriesKey) -> Result<Vec<u8>, SeriesError> {
    for pair in key.tags.windows(2) {
        if let [(a, _), (b, _)] = pair
            && a >= b
        {
            return Err(SeriesError::UnsortedTags { column: *b });
        }
    }
    let tags = key.tags.iter().map(|(id, value)| (*id, &**value));
    match rule {
        IdentityRule::ChildName => {
            let child = key.child.as_deref().ok_or(SeriesError::MissingChild)?;
            Ok(child.as_bytes().to_vec())
        }
        IdentityRule::AllTags => Ok(canonical_tags(tags)),
        IdentityRule::PrimaryTags(ids) => {
            if let Some(missing) = ids.iter().find(|id| key.tag(**id).is_none()) {
                return Err(SeriesError::MissingPrimaryTag { column: *missing });
            }
            Ok(canonical_tags(tags.filter(|(id, _)| ids.contains(id))))
        }
    }
}

/// The canonical encoding of tags that come in ascending order.
fn canonical_tags<'a>(tags: impl Iterator<Item = (ColumnId, &'a str)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    for (id, value) in tags {
        push_canonical_tag(&mut out, id, value.as_bytes());
    }
    out
}

/// One tag of the canonical encoding; they follow one another in ascending order of id.
pub(super) fn push_canonical_tag(out: &mut Vec<u8>, id: ColumnId, value: &[u8]) {
    out.extend_from_slice(&id.0.to_le_bytes());
    // A value of 4 GiB would need a body of 4 GiB; `limits.max_tag_bytes` is checked long before.
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(value);
}

/// The seed of this process for all in-memory tables; random, and never stored or shown.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().build_hasher().finish())
}

/// The in-memory hash of an identity: its halves, low first.
pub(super) fn identity_hash(canonical: &[u8]) -> (u64, u64) {
    let hash = xxh3_128_with_seed(canonical, seed());
    (hash as u64, (hash >> 64) as u64)
}

/// The in-memory hash of a tag value.
pub(super) fn value_hash(value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, seed())
}
