//! New rows of keyed tables, and rows that take the place of others.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, UInt64Array};
use arrow::compute::{nullif, take};
use triglot_model::{ColumnDef, ColumnId, RowOp};
use triglot_storage::merge::put_bit;

use super::index::{KeyChange, RowKeys, duplicate, keys_of};
use super::{KeyedRows, LockedTable, column_of};
use crate::ingest::check_values;
use crate::{Engine, EngineError, Session, TableIn};

/// Rows for a keyed table.
#[derive(Clone, Debug)]
pub struct InsertKeyed {
    /// The table.
    pub table: TableIn,
    /// How many rows.
    pub rows: usize,
    /// Columns of their stored types ([`triglot_model::ColumnType::arrow`]), one value a row; absent ones are NULL.
    pub columns: Vec<(ColumnId, ArrayRef)>,
    /// What is done with a row whose key another row has.
    pub on_duplicate: OnDuplicate,
}

/// What is done with a row that would be a duplicate. Unique keys are named by their places in
/// [`triglot_model::KeyedDef::unique`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The statement fails.
    Refuse,
    /// The row is passed over; with a key only for duplicates of that one.
    Skip {
        /// The unique key, none = any.
        key: Option<usize>,
    },
    /// The row that is there gets these columns of the new one, NULLs too, and keeps the others.
    Update {
        /// The unique key by which the row is found.
        key: usize,
        /// What it gets.
        columns: Vec<ColumnId>,
    },
}

impl Engine {
    /// Writes rows of a keyed table and says how many were inserted or changed.
    ///
    /// # Errors
    /// [`EngineError::DuplicateKey`], [`EngineError::NullColumn`], [`EngineError::RowChangedTwice`]; nothing is
    /// written then.
    pub(crate) async fn insert_keyed(
        &self,
        session: &Session,
        insert: InsertKeyed,
    ) -> Result<u64, EngineError> {
        let (engine, session) = (self.clone(), session.clone());
        self.on_query_runtime(async move {
            let table = engine.lock_keyed(&session, &insert.table).await?;
            let rows = table.new_rows(&insert)?;
            table.write(rows).await
        })
        .await
    }
}

/// Where one of the given rows goes.
struct Placed {
    /// Its place among the given ones.
    at: usize,
    /// The row that it changes; none = a new one.
    existing: Option<i64>,
    keys: RowKeys,
}

impl LockedTable {
    fn new_rows(&self, insert: &InsertKeyed) -> Result<KeyedRows, EngineError> {
        self.check_columns(&insert.columns)?;
        self.check_required(&insert.columns, insert.rows)?;
        self.check_update(&insert.on_duplicate)?;
        let def = &self.table.def;
        let keys = keys_of(def, &self.keyed, insert.rows, |id| column_of(&insert.columns, id))?;
        let mut placed = Vec::with_capacity(insert.rows);
        let mut taken: Vec<HashSet<u128>> = self.keyed.unique.iter().map(|_| HashSet::new()).collect();
        for (at, keys) in keys.into_iter().enumerate() {
            let Some(row) = self.place(at, keys, &taken, insert)? else { continue };
            for (taken, key) in taken.iter_mut().zip(&row.keys) {
                taken.extend(key.iter());
            }
            placed.push(row);
        }
        self.rows_of(insert, placed)
    }

    /// Decides about one row; none = it is passed over. `taken` has the keys of the rows before it.
    fn place(
        &self,
        at: usize,
        keys: RowKeys,
        taken: &[HashSet<u128>],
        insert: &InsertKeyed,
    ) -> Result<Option<Placed>, EngineError> {
        let index = self.index()?;
        let in_statement = |n: usize| {
            let key = keys.get(n).copied().flatten();
            key.is_some_and(|key| taken.get(n).is_some_and(|t| t.contains(&key)))
        };
        let owner = |n: usize| index.owner(n, keys.get(n).copied().flatten());
        let mut hits = (0..self.keyed.unique.len()).filter(|n| in_statement(*n) || owner(*n).is_some());
        match &insert.on_duplicate {
            OnDuplicate::Skip { key: None } if hits.clone().next().is_some() => return Ok(None),
            OnDuplicate::Skip { key: Some(key) } if hits.clone().any(|n| n == *key) => return Ok(None),
            OnDuplicate::Update { key, columns } if hits.clone().any(|n| n == *key) => {
                let Some(row) = owner(*key).filter(|_| !in_statement(*key)) else {
                    return Err(EngineError::RowChangedTwice { table: self.table.def.name.clone() });
                };
                return self.changed(at, row, &keys, taken, columns, insert).map(Some);
            }
            _ => {}
        }
        match hits.next() {
            None => Ok(Some(Placed { at, existing: None, keys })),
            Some(n) => Err(self.duplicate(n, at, insert)),
        }
    }

    /// The given row number `at` as a change of the row that is there.
    fn changed(
        &self,
        at: usize,
        row: i64,
        given: &RowKeys,
        taken: &[HashSet<u128>],
        columns: &[ColumnId],
        insert: &InsertKeyed,
    ) -> Result<Placed, EngineError> {
        let index = self.index()?;
        let mut keys = index.of_row(row).cloned().unwrap_or_else(|| given.clone());
        for (n, unique) in self.keyed.unique.iter().enumerate() {
            if !unique.columns.iter().all(|id| columns.contains(id)) {
                continue;
            }
            let key = given.get(n).copied().flatten();
            let clash = index.owner(n, key).is_some_and(|other| other != row)
                || key.is_some_and(|key| taken.get(n).is_some_and(|t| t.contains(&key)));
            if clash {
                return Err(self.duplicate(n, at, insert));
            }
            if let Some(slot) = keys.get_mut(n) {
                *slot = key;
            }
        }
        Ok(Placed { at, existing: Some(row), keys })
    }

    fn duplicate(&self, number: usize, row: usize, insert: &InsertKeyed) -> EngineError {
        match self.keyed.unique.get(number) {
            Some(key) => duplicate(&self.table.def, key, row, |id| column_of(&insert.columns, id)),
            None => EngineError::Internal("a duplicate of no key".to_owned()),
        }
    }

    fn rows_of(&self, insert: &InsertKeyed, placed: Vec<Placed>) -> Result<KeyedRows, EngineError> {
        let picked: UInt64Array = placed.iter().map(|p| p.at as u64).collect();
        let changes: BooleanArray = placed.iter().map(|p| Some(p.existing.is_some())).collect();
        let some_change = changes.true_count() > 0;
        let updated: &[ColumnId] = match &insert.on_duplicate {
            OnDuplicate::Update { columns, .. } => columns,
            OnDuplicate::Refuse | OnDuplicate::Skip { .. } => &[],
        };
        let mut columns = Vec::with_capacity(insert.columns.len());
        for (id, values) in &insert.columns {
            let mut values = take(values, &picked, None)?;
            if some_change && !updated.contains(id) {
                values = nullif(&values, &changes)?;
            }
            columns.push((*id, values));
        }
        let set = some_change.then(|| {
            let (changed, fresh) =
                (bitmap(updated.iter().copied()), bitmap(columns.iter().map(|(id, _)| *id)));
            let of = |p: &Placed| if p.existing.is_some() { changed.clone() } else { fresh.clone() };
            BinaryArray::from_iter_values(placed.iter().map(of))
        });
        let mut fresh = self.fresh_ids(placed.len())?;
        let mut change = KeyChange::default();
        let mut ids = Vec::with_capacity(placed.len());
        for row in placed {
            let id = match row.existing {
                Some(id) => {
                    change.removed.push(id);
                    id
                }
                None => fresh.next().unwrap_or(i64::MAX),
            };
            ids.push(id);
            change.added.push((id, row.keys));
        }
        Ok(KeyedRows { ids, columns, set, op: RowOp::Merge, change })
    }

    /// Refuses columns that the table has not, or no more in this type.
    pub(super) fn check_columns(&self, columns: &[(ColumnId, ArrayRef)]) -> Result<(), EngineError> {
        let def = &self.table.def;
        for (id, values) in columns {
            let Some(column) = def.column_by_id(*id) else { return Err(EngineError::SchemaRace) };
            if *values.data_type() != column.ty.arrow() {
                return Err(EngineError::SchemaRace);
            }
            check_values(def, column, values, self.engine.limits().max_value_bytes)?;
        }
        Ok(())
    }

    fn check_required(&self, columns: &[(ColumnId, ArrayRef)], rows: usize) -> Result<(), EngineError> {
        for id in &self.keyed.required {
            let missing = match column_of(columns, *id) {
                Some(values) => values.null_count() > 0,
                None => rows > 0,
            };
            if missing {
                return Err(self.null_column(*id));
            }
        }
        Ok(())
    }

    pub(super) fn null_column(&self, id: ColumnId) -> EngineError {
        let column = self.table.def.column_by_id(id);
        EngineError::NullColumn {
            table: self.table.def.name.clone(),
            column: column.map_or_else(String::new, |c: &ColumnDef| c.name.clone()),
        }
    }

    /// A unique key must be changed as a whole or not at all, since the rest of the row is not read.
    fn check_update(&self, on_duplicate: &OnDuplicate) -> Result<(), EngineError> {
        let OnDuplicate::Update { columns, .. } = on_duplicate else { return Ok(()) };
        let partly = self.keyed.unique.iter().any(|unique| {
            let changed = unique.columns.iter().filter(|id| columns.contains(id)).count();
            changed > 0 && changed < unique.columns.len()
        });
        if partly {
            Err(EngineError::NotSupported("changing a part of a unique key on conflict"))
        } else {
            Ok(())
        }
    }
}

/// A bitmap of columns ([`triglot_storage::physical::SET`]).
pub(super) fn bitmap(columns: impl Iterator<Item = ColumnId>) -> Vec<u8> {
    let mut bits = Vec::new();
    columns.for_each(|id| put_bit(&mut bits, id.0 as usize, true));
    bits
}
