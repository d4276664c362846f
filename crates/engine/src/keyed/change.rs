//! UPDATE, DELETE and TRUNCATE of keyed tables: any predicate, rows by their row ids.

use arrow::array::{Array, ArrayRef, BinaryArray};
use arrow::compute::concat;
use datafusion::logical_expr::{Expr, ident};
use futures::TryStreamExt;
use triglot_model::{ColumnDef, ColumnId, ColumnKind, RowOp};

use super::index::{KeyChange, duplicate, keys_of};
use super::insert::bitmap;
use super::{IdsAndColumns, KeyedRows, LockedTable, column_of, read_rows};
use crate::update::{columns, reference};
use crate::{Engine, EngineError, Query, Session, TableIn, TableName};

impl Engine {
    /// Gives the rows of a keyed table that `filter` lets through new values and says how many they were.
    ///
    /// # Errors
    /// [`EngineError::DuplicateKey`], [`EngineError::NullColumn`]; nothing is written then.
    pub(crate) async fn update_keyed(
        &self,
        session: &Session,
        table: TableIn,
        name: TableName,
        fields: Vec<(String, Expr)>,
        filter: Option<Expr>,
    ) -> Result<u64, EngineError> {
        let (engine, session) = (self.clone(), session.clone());
        self.on_query_runtime(async move {
            let table = engine.lock_keyed(&session, &table).await?;
            let rows = table.changed_rows(&name, fields, filter).await?;
            table.write(rows).await
        })
        .await
    }

    /// Deletes the rows of a keyed table that `filter` lets through and says how many they were.
    pub(crate) async fn delete_keyed(
        &self,
        session: &Session,
        table: TableIn,
        name: TableName,
        filter: Option<Expr>,
    ) -> Result<u64, EngineError> {
        let (engine, session) = (self.clone(), session.clone());
        self.on_query_runtime(async move {
            let table = engine.lock_keyed(&session, &table).await?;
            let (ids, _) = table.read(&name, &[], Vec::new(), filter).await?;
            let change = KeyChange { removed: ids.clone(), added: Vec::new() };
            table.write(KeyedRows { ids, columns: Vec::new(), set: None, op: RowOp::Delete, change }).await
        })
        .await
    }
}

impl LockedTable {
    async fn changed_rows(
        &self,
        name: &TableName,
        fields: Vec<(String, Expr)>,
        filter: Option<Expr>,
    ) -> Result<KeyedRows, EngineError> {
        let def = &self.table.def;
        let targets = columns(def, fields.iter().map(|(name, _)| name), ColumnKind::Field)?;
        let mut values: Vec<Expr> = fields.into_iter().map(|(_, value)| value).collect();
        let kept = self.kept_key_columns(&targets);
        values.extend(kept.iter().map(|c| ident(&c.name)));
        let read: Vec<ColumnDef> = targets.iter().chain(&kept).cloned().collect();
        let (ids, mut columns) = self.read(name, &read, values, filter).await?;
        let keys = keys_of(def, &self.keyed, ids.len(), |id| column_of(&columns, id))?;
        let change = self.key_change(&ids, keys, &targets)?;
        if let Some((row, number)) = self.index()?.conflict(&change)
            && let Some(key) = self.keyed.unique.get(number)
        {
            return Err(duplicate(def, key, row, |id| column_of(&columns, id)));
        }
        columns.truncate(targets.len());
        self.check_columns(&columns)?;
        for (id, values) in &columns {
            if self.keyed.required.contains(id) && values.null_count() > 0 {
                return Err(self.null_column(*id));
            }
        }
        let written = bitmap(columns.iter().map(|(id, _)| *id));
        let set = BinaryArray::from_iter_values(std::iter::repeat_n(written, ids.len()));
        Ok(KeyedRows { ids, columns, set: Some(set), op: RowOp::Merge, change })
    }

    /// Columns that keep their values and belong to a unique key of which another column changes.
    fn kept_key_columns(&self, targets: &[ColumnDef]) -> Vec<ColumnDef> {
        let changes = |id: &ColumnId| targets.iter().any(|c| c.id == *id);
        let touched = self.keyed.unique.iter().filter(|u| u.columns.iter().any(changes));
        let mut kept: Vec<ColumnId> =
            touched.flat_map(|u| u.columns.iter().copied().filter(|id| !changes(id))).collect();
        kept.sort_unstable();
        kept.dedup();
        kept.iter().filter_map(|id| self.table.def.column_by_id(*id).cloned()).collect()
    }

    /// The keys that rows get: those that no target belongs to stay.
    fn key_change(
        &self,
        ids: &[i64],
        keys: Vec<super::index::RowKeys>,
        targets: &[ColumnDef],
    ) -> Result<KeyChange, EngineError> {
        let index = self.index()?;
        let changes = |at: usize| {
            let unique = self.keyed.unique.get(at);
            unique.is_some_and(|u| u.columns.iter().any(|id| targets.iter().any(|c| c.id == *id)))
        };
        let mut change = KeyChange { removed: ids.to_vec(), added: Vec::with_capacity(ids.len()) };
        for (id, mut keys) in ids.iter().zip(keys) {
            let old = index.of_row(*id);
            for (at, slot) in keys.iter_mut().enumerate() {
                if !changes(at) {
                    *slot = old.and_then(|old| old.get(at).copied()).flatten();
                }
            }
            change.added.push((*id, keys));
        }
        Ok(change)
    }

    /// Rows: their ids and the values of `columns`, which `values` compute.
    async fn read(
        &self,
        name: &TableName,
        columns: &[ColumnDef],
        values: Vec<Expr>,
        filter: Option<Expr>,
    ) -> Result<IdsAndColumns, EngineError> {
        let plan = self.plan(reference(name), values, filter)?;
        let query =
            Query { text: format!("change of {}", self.table.def.name), plan, target_partitions: None };
        let mut rows = self.engine.run_query(&self.session, query).await?;
        let (mut ids, mut parts) = (Vec::new(), vec![Vec::<ArrayRef>::new(); columns.len()]);
        while let Some(batch) = rows.try_next().await? {
            let (some, given) = read_rows(&batch, columns)?;
            ids.extend(some);
            parts.iter_mut().zip(given).for_each(|(parts, (_, values))| parts.push(values));
        }
        let mut read = Vec::with_capacity(columns.len());
        for (column, parts) in columns.iter().zip(&parts) {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            let values = match parts.as_slice() {
                [] => arrow::array::new_empty_array(&column.ty.arrow()),
                parts => concat(parts)?,
            };
            read.push((column.id, values));
        }
        Ok((ids, read))
    }
}
