//! Which key values a keyed table has, in memory. It is derived from the rows, so nothing of it is stored.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use arrow::array::{Array, ArrayRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use triglot_model::{ColumnId, KeyedDef, TableDef, UniqueKey};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::EngineError;

/// The values of one unique key in one row; none if one of them is NULL.
///
/// A hash of 128 bits with a seed per process: two of a billion different keys agree with a probability of
/// 10^-21, and nobody can search for some that do.
pub(super) type Key = Option<u128>;

/// One entry for each unique key of the table.
pub(super) type RowKeys = Box<[Key]>;

/// All keys of one table.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    /// The version of the table that the values were encoded for.
    pub(super) version: u32,
    /// The largest row id that was ever given, deleted ones included as far as storage still has them.
    pub(super) last: i64,
    /// By unique key: who has it.
    owners: Vec<HashMap<u128, i64>>,
    /// The keys of each row; empty where the table has no unique key.
    rows: HashMap<i64, RowKeys>,
}

/// What a statement does to the keys.
#[derive(Debug, Default)]
pub(super) struct KeyChange {
    /// Rows whose keys go.
    pub(super) removed: Vec<i64>,
    /// Rows and the keys that they get.
    pub(super) added: Vec<(i64, RowKeys)>,
}

impl KeyIndex {
    pub(super) fn new(version: u32, last: i64, keys: usize) -> Self {
        Self { version, last, owners: (0..keys).map(|_| HashMap::new()).collect(), rows: HashMap::new() }
    }

    /// The row that has `key` as its unique key number `at`.
    pub(super) fn owner(&self, at: usize, key: Key) -> Option<i64> {
        self.owners.get(at)?.get(&key?).copied()
    }

    /// The keys of a row.
    pub(super) fn of_row(&self, row: i64) -> Option<&RowKeys> {
        self.rows.get(&row)
    }

    /// The first of the added rows, by position, and the unique key of which it would be a duplicate, once all
    /// removed ones are gone.
    pub(super) fn conflict(&self, change: &KeyChange) -> Option<(usize, usize)> {
        let removed: HashSet<i64> = change.removed.iter().copied().collect();
        let mut fresh: Vec<HashSet<u128>> = self.owners.iter().map(|_| HashSet::new()).collect();
        for (at, (_, keys)) in change.added.iter().enumerate() {
            for (number, (key, fresh)) in keys.iter().zip(&mut fresh).enumerate() {
                let Some(hash) = key else { continue };
                let taken = self.owner(number, *key).is_some_and(|row| !removed.contains(&row));
                if taken || !fresh.insert(*hash) {
                    return Some((at, number));
                }
            }
        }
        None
    }

    /// Takes a change over, which must have been written.
    pub(super) fn apply(&mut self, change: KeyChange) {
        for row in change.removed {
            let Some(keys) = self.rows.remove(&row) else { continue };
            for (owners, key) in self.owners.iter_mut().zip(&keys) {
                if let Some(hash) = key
                    && owners.get(hash) == Some(&row)
                {
                    owners.remove(hash);
                }
            }
        }
        for (row, keys) in change.added {
            self.last = self.last.max(row);
            if self.owners.is_empty() {
                continue;
            }
            for (owners, key) in self.owners.iter_mut().zip(&keys) {
                if let Some(hash) = key {
                    owners.insert(*hash, row);
                }
            }
            self.rows.insert(row, keys);
        }
    }
}

/// The keys of rows: for each row one entry for each unique key. `column` gives a column of the rows in its
/// stored type; a column that they lack is NULL.
pub(super) fn keys_of(
    def: &TableDef,
    keyed: &KeyedDef,
    rows: usize,
    column: impl Fn(ColumnId) -> Option<ArrayRef>,
) -> Result<Vec<RowKeys>, ArrowError> {
    let mut keys: Vec<RowKeys> = (0..rows).map(|_| vec![None; keyed.unique.len()].into()).collect();
    for (number, unique) in keyed.unique.iter().enumerate() {
        let columns: Option<Vec<ArrayRef>> = unique.columns.iter().map(|id| column(*id)).collect();
        let Some(columns) = columns else { continue };
        let fields = unique.columns.iter().filter_map(|id| def.column_by_id(*id));
        let fields = fields.map(|c| SortField::new(c.ty.arrow())).collect();
        let encoded = RowConverter::new(fields)?.convert_columns(&columns)?;
        for (row, slot) in keys.iter_mut().enumerate() {
            if let Some(slot) = slot.get_mut(number)
                && columns.iter().all(|c| c.is_valid(row))
            {
                *slot = Some(xxh3_128_with_seed(encoded.row(row).as_ref(), seed()));
            }
        }
    }
    Ok(keys)
}

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0u8))
}

/// What is said of a duplicate.
pub(super) fn duplicate(
    def: &TableDef,
    key: &UniqueKey,
    row: usize,
    column: impl Fn(ColumnId) -> Option<ArrayRef>,
) -> EngineError {
    let name = |id: &ColumnId| def.column_by_id(*id).map_or_else(String::new, |c| c.name.clone());
    let value = |id: &ColumnId| column(*id).map_or_else(String::new, |values| shown(&values, row));
    EngineError::DuplicateKey {
        table: def.name.clone(),
        constraint: key.name.clone(),
        columns: key.columns.iter().map(name).collect(),
        values: key.columns.iter().map(value).collect(),
    }
}

/// A value as messages show it; text between quotes.
fn shown(values: &ArrayRef, row: usize) -> String {
    let text = ArrayFormatter::try_new(values, &FormatOptions::default());
    let text = text.and_then(|f| f.value(row).try_to_string()).unwrap_or_default();
    if values.data_type().is_string() { format!("'{text}'") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: &[Option<u128>]) -> RowKeys {
        of.into()
    }

    #[test]
    fn a_statement_may_pass_keys_from_row_to_row() {
        let mut index = KeyIndex::new(1, 0, 1);
        index.apply(KeyChange {
            removed: Vec::new(),
            added: vec![(1, keys(&[Some(10)])), (2, keys(&[Some(11)]))],
        });
        // Both rows move up by one: 11 is free because its owner leaves it.
        let mut change =
            KeyChange { removed: vec![1, 2], added: vec![(1, keys(&[Some(11)])), (2, keys(&[Some(12)]))] };
        assert_eq!(index.conflict(&change), None);
        change.removed.pop();
        assert_eq!(index.conflict(&change), Some((0, 0)));
        change.removed.push(2);
        index.apply(change);
        assert_eq!(index.owner(0, Some(11)), Some(1));
        assert_eq!(index.owner(0, Some(12)), Some(2));
        assert_eq!(index.owner(0, Some(10)), None);
        assert_eq!(index.owner(0, None), None);
    }

    #[test]
    fn rows_of_one_statement_are_compared_and_nulls_are_not() {
        let index = KeyIndex::new(1, 0, 2);
        let added = vec![(1, keys(&[Some(1), None])), (2, keys(&[Some(2), None]))];
        assert_eq!(index.conflict(&KeyChange { removed: Vec::new(), added }), None);
        let added = vec![(1, keys(&[Some(1), Some(7)])), (2, keys(&[Some(2), Some(7)]))];
        assert_eq!(index.conflict(&KeyChange { removed: Vec::new(), added }), Some((1, 1)));
    }
}
