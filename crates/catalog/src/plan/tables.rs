//! Rules for tables and columns. What a change means for one table is `TableDef`'s; here are the
//! rules that need the rest of the catalog, the limits, or several columns at once.

use std::collections::HashSet;
use std::sync::Arc;

use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, IdentityRule, SchemaError, TableDef, TableId,
};

use super::{Draft, Result, take_id};
use crate::error::{CatalogError, ColumnShape};
use crate::event::Event;
use crate::op::{NewColumn, NewIdentity, NewTable, OpResult, TableChange};

impl Draft<'_> {
    pub(super) fn create_table(&mut self, new: &NewTable) -> Result<OpResult> {
        let database = self.database(new.database)?;
        self.check_table_name_is_free(new.database, &new.name)?;
        self.check_name(&new.name)?;
        self.check_table_count()?;
        self.check_columns(new)?;
        let columns: Vec<ColumnDef> =
            (0..).zip(&new.columns).map(|(id, c)| column_def(ColumnId(id), c)).collect();
        let id = TableId(take_id(self.state.next.table, "table")?);
        self.emit(Event::TablePut(TableDef {
            id,
            database: new.database,
            name: new.name.clone(),
            version: 1,
            identity: identity_rule(new, &columns)?,
            rewrite: new.rewrite.unwrap_or(database.rewrite),
            next_column_id: next_column_id(&columns)?,
            columns,
            options: new.options.clone(),
        }))?;
        self.copy_rights(new.database, id)?;
        self.table(id).map(OpResult::Table)
    }

    pub(super) fn ensure_table(&mut self, new: &NewTable) -> Result<OpResult> {
        match self.state.table(new.database, &new.name) {
            None => self.create_table(new),
            Some(table) => {
                let id = table.id;
                let adds: Vec<_> =
                    new.columns.iter().filter(|c| c.kind != ColumnKind::Time).cloned().collect();
                self.ensure_columns(id, &adds)
            }
        }
    }

    pub(super) fn ensure_columns(&mut self, id: TableId, adds: &[NewColumn]) -> Result<OpResult> {
        let table = self.table(id)?;
        let mut missing: Vec<NewColumn> = Vec::new();
        for add in adds {
            let expected = ColumnShape { kind: add.kind, ty: add.ty };
            let known =
                table.column(&add.name).map(|c| ColumnShape { kind: c.kind, ty: c.ty }).or_else(|| {
                    let earlier = missing.iter().find(|m| m.name == add.name);
                    earlier.map(|c| ColumnShape { kind: c.kind, ty: c.ty })
                });
            match known {
                None => missing.push(add.clone()),
                Some(found) if found == expected => {}
                Some(found) => {
                    let (table, column) = (table.name.clone(), add.name.clone());
                    return Err(CatalogError::ColumnConflict { table, column, found, expected });
                }
            }
        }
        self.add_columns(&table, &missing)
    }

    pub(super) fn alter_table(&mut self, id: TableId, change: &TableChange) -> Result<OpResult> {
        let old = self.table(id)?;
        let new = match change {
            TableChange::AddColumn(column) => return self.add_columns(&old, std::slice::from_ref(column)),
            TableChange::DropColumn(column) => old.without_column(column)?,
            TableChange::RenameColumn { from, to } => {
                self.check_name(to)?;
                old.with_renamed(from, to)?
            }
            TableChange::WidenColumn { column, ty, declared } => {
                check_type(&old.name, column, *ty)?;
                old.with_type(column, *ty, declared.clone())?
            }
            TableChange::SetCodec { column, codec } => with_codec(&old, column, codec.as_deref())?,
            TableChange::SetOption { key, value } => {
                let mut new = next_version(&old);
                match value {
                    Some(value) => new.options.insert(key.clone(), value.clone()),
                    None => new.options.remove(key),
                };
                new
            }
            TableChange::SetRewrite(rule) => TableDef { rewrite: *rule, ..next_version(&old) },
            TableChange::Rename(name) => {
                self.check_name(name)?;
                self.check_table_name_is_free(old.database, name)?;
                TableDef { name: name.clone(), ..next_version(&old) }
            }
        };
        self.emit(Event::TablePut(new))?;
        self.table(id).map(OpResult::Table)
    }

    pub(super) fn drop_table(&mut self, id: TableId) -> Result<OpResult> {
        self.table(id)?;
        self.emit(Event::TableRemoved(id))?;
        Ok(OpResult::Dropped(vec![id]))
    }

    /// Adds columns at the end as one new version.
    fn add_columns(&mut self, table: &TableDef, adds: &[NewColumn]) -> Result<OpResult> {
        let mut names: HashSet<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let mut columns = Vec::with_capacity(adds.len());
        let mut next = table.next_column_id;
        for add in adds {
            self.check_name(&add.name)?;
            if !names.insert(&add.name) {
                let (column, table) = (add.name.clone(), table.name.clone());
                return Err(SchemaError::ColumnExists { column, table }.into());
            }
            check_type(&table.name, &add.name, add.ty)?;
            if !matches!(add.kind, ColumnKind::Field | ColumnKind::Tag) {
                return Err(invalid(
                    &table.name,
                    format!("column {} can only be added as field or tag", add.name),
                ));
            }
            columns.push(column_def(next, add));
            next = ColumnId(take_id(next.0 + 1, "column")?);
        }
        self.check_column_count(&table.name, names.len())?;
        if !columns.is_empty() {
            self.emit(Event::ColumnsAdded {
                table: table.id,
                version: table.version.saturating_add(1),
                columns,
            })?;
        }
        self.table(table.id).map(OpResult::Table)
    }

    /// A table whose database and tenant are not dropped.
    pub(super) fn table(&self, id: TableId) -> Result<Arc<TableDef>> {
        let table = self.state.table_by_id(id).filter(|t| self.database(t.database).is_ok());
        table.cloned().ok_or_else(|| CatalogError::TableNotFound { table: format!("#{id}") })
    }

    pub(super) fn check_table_count(&self) -> Result<()> {
        let limit = self.limits.max_tables;
        if self.state.table_count() + self.state.external_tables.len() >= limit {
            Err(CatalogError::TooManyTables { limit })
        } else {
            Ok(())
        }
    }

    pub(super) fn check_column_count(&self, table: &str, count: usize) -> Result<()> {
        let limit = self.limits.max_columns;
        if count > limit {
            return Err(SchemaError::TooManyColumns { table: table.to_owned(), limit }.into());
        }
        Ok(())
    }

    fn check_columns(&self, new: &NewTable) -> Result<()> {
        self.check_column_count(&new.name, new.columns.len())?;
        let mut names = HashSet::new();
        for column in &new.columns {
            self.check_name(&column.name)?;
            if !names.insert(column.name.as_str()) {
                let (column, table) = (column.name.clone(), new.name.clone());
                return Err(SchemaError::ColumnExists { column, table }.into());
            }
            check_type(&new.name, &column.name, column.ty)?;
        }
        let first = new.columns.first().map(|c| (c.kind, c.ty));
        if !matches!(first, Some((ColumnKind::Time, ColumnType::Ts(_)))) {
            return Err(invalid(&new.name, "its first column must be the time column, a timestamp"));
        }
        let count = |kind| new.columns.iter().filter(|c| c.kind == kind).count();
        if count(ColumnKind::Time) > 1 {
            return Err(invalid(&new.name, "it has several time columns"));
        }
        if count(ColumnKind::CompositeKey) > 1 {
            return Err(invalid(&new.name, "it has several composite key columns"));
        }
        if count(ColumnKind::Field) + count(ColumnKind::CompositeKey) == 0 {
            return Err(SchemaError::NoField { table: new.name.clone() }.into());
        }
        Ok(())
    }
}

fn invalid(table: &str, reason: impl Into<String>) -> CatalogError {
    CatalogError::InvalidTable { table: table.to_owned(), reason: reason.into() }
}

/// Refuses types that no value fits, or that files cannot hold: a decimal has 1 to 38 digits, none to
/// all of them behind the point. (Arrow knows negative scales; no dialect does, and Parquet does not.)
fn check_type(table: &str, column: &str, ty: ColumnType) -> Result<()> {
    let valid = match ty {
        ColumnType::Decimal { precision, scale } => {
            (1..=38).contains(&precision) && u8::try_from(scale).is_ok_and(|scale| scale <= precision)
        }
        _ => true,
    };
    if valid { Ok(()) } else { Err(invalid(table, format!("column {column} cannot have the type {ty:?}"))) }
}

fn column_def(id: ColumnId, new: &NewColumn) -> ColumnDef {
    ColumnDef {
        id,
        name: new.name.clone(),
        ty: new.ty,
        kind: new.kind,
        declared: new.declared.clone(),
        codec: new.codec.clone(),
    }
}

fn next_column_id(columns: &[ColumnDef]) -> Result<ColumnId> {
    let next = columns.last().map_or(0, |c| c.id.0.saturating_add(1));
    take_id(next, "column").map(ColumnId)
}

fn next_version(table: &TableDef) -> TableDef {
    TableDef { version: table.version.saturating_add(1), ..table.clone() }
}

fn identity_rule(new: &NewTable, columns: &[ColumnDef]) -> Result<IdentityRule> {
    let names = match &new.identity {
        NewIdentity::AllTags => return Ok(IdentityRule::AllTags),
        NewIdentity::ChildName => return Ok(IdentityRule::ChildName),
        NewIdentity::PrimaryTags(names) if names.is_empty() => {
            return Err(invalid(&new.name, "it needs at least one primary tag"));
        }
        NewIdentity::PrimaryTags(names) => names,
    };
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        match columns.iter().find(|c| c.name == *name && c.kind == ColumnKind::Tag) {
            None => return Err(invalid(&new.name, format!("primary tag {name} is not a tag"))),
            Some(tag) if ids.contains(&tag.id) => {
                return Err(invalid(&new.name, format!("primary tag {name} is named twice")));
            }
            Some(tag) => ids.push(tag.id),
        }
    }
    Ok(IdentityRule::PrimaryTags(ids))
}

fn with_codec(table: &TableDef, column: &str, codec: Option<&str>) -> Result<TableDef> {
    let mut new = next_version(table);
    let Some(found) = new.columns.iter_mut().find(|c| c.name == column) else {
        let (column, table) = (column.to_owned(), table.name.clone());
        return Err(SchemaError::ColumnNotFound { column, table }.into());
    };
    found.codec = codec.map(ToOwned::to_owned);
    Ok(new)
}
