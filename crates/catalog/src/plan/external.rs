//! Rules for tables over files.

use std::collections::HashSet;

use triglot_model::{DatabaseId, ExternalTableDef, SchemaError};

use super::{Draft, Result};
use crate::error::CatalogError;
use crate::event::Event;
use crate::op::OpResult;

impl Draft<'_> {
    pub(super) fn create_external_table(&mut self, def: &ExternalTableDef) -> Result<OpResult> {
        self.database(def.database)?;
        self.check_table_name_is_free(def.database, &def.name)?;
        self.check_name(&def.name)?;
        self.check_table_count()?;
        let mut names = HashSet::new();
        for column in def.all_columns() {
            self.check_name(&column.name)?;
            if !names.insert(column.name.as_str()) {
                let (column, table) = (column.name.clone(), def.name.clone());
                return Err(SchemaError::ColumnExists { column, table }.into());
            }
        }
        self.check_column_count(&def.name, names.len())?;
        if names.is_empty() {
            let (table, reason) = (def.name.clone(), "it has no columns".to_owned());
            return Err(CatalogError::InvalidTable { table, reason });
        }
        self.emit(Event::ExternalTablePut(def.clone()))?;
        Ok(OpResult::Done)
    }

    pub(super) fn drop_external_table(&mut self, database: DatabaseId, name: &str) -> Result<OpResult> {
        self.database(database)?;
        if self.state.external_table(database, name).is_none() {
            return Err(CatalogError::TableNotFound { table: name.to_owned() });
        }
        self.emit(Event::ExternalTableRemoved { database, name: name.to_owned() })?;
        Ok(OpResult::Done)
    }

    /// Tables of all kinds share the names of a database.
    pub(super) fn check_table_name_is_free(&self, database: DatabaseId, name: &str) -> Result<()> {
        let taken =
            self.state.table(database, name).is_some() || self.state.external_table(database, name).is_some();
        if taken { Err(CatalogError::TableExists { table: name.to_owned() }) } else { Ok(()) }
    }
}
