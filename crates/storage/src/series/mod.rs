//! The series index of one (table, shard): identity → sid, and the tags of every series.
//!
//! In memory and columnar. Tags are not stored with rows (S-1), so a tag predicate becomes a set of
//! sids here and a tag column of a result is a gather here; changing a tag changes one code.
//!
//! - [`SeriesKey`] names a series; [`identity_hash64`] is the **frozen** hash that picks its shard.
//! - [`SeriesIndex`] finds, makes, changes and removes series (`index.rs`) and answers readers
//!   (`read.rs`). Per tag there is a column of `u32` codes (`codes.rs`), a dictionary of the distinct
//!   values (`dictionary.rs`, `strings.rs`) and, built on first use, a bitmap per value (`tag.rs`).
//! - `snapshot.rs` holds the **frozen** file format v1: [`SeriesIndex::encode_full`],
//!   [`SeriesIndex::encode_since`], [`SeriesIndex::load`].
//!
//! # Sharing
//! The index has no lock of its own: the shard wraps it in an `RwLock`. Readers take the read lock
//! just long enough to copy codes ([`SeriesIndex::tag_codes`]) and build Arrow arrays after it.
//! Lazy caches behind `&self` have small mutexes and may be filled by many readers at once.
//!
//! # Hostile keys
//! Tables are keyed by xxh3 with a random seed of this process (never stored), so clients cannot
//! prepare keys that collide; and a hit counts only after the key itself has been compared.

mod codes;
mod dictionary;
mod error;
mod index;
mod key;
mod read;
mod snapshot;
mod strings;
mod tag;
#[cfg(test)]
mod tests;

pub use error::SeriesError;
pub use index::{SeriesIndex, TagChanges};
pub use key::{SeriesKey, identity_hash64};
pub use read::TagCodes;
