//! The names of CnosDB's objects, read from the cursor that all dialects on sqlparser share.

use datafusion::sql::sqlparser::ast::{ColumnDef, ObjectName};
pub(super) use triglot_parse_sql::Input;
use triglot_parse_sql::fold;

use crate::ast::QName;
use crate::error::SqlError;

/// What CnosDB reads beside what every dialect does.
pub(super) trait Names {
    /// The name of a database or user: not blank, no slash.
    fn object_name(&mut self) -> Result<String, SqlError>;

    /// `[[tenant.]database.]table`
    fn table_name(&mut self) -> Result<QName, SqlError>;

    /// `(name type …, …)`
    fn column_definitions(&mut self) -> Result<Vec<ColumnDef>, SqlError>;
}

impl Names for Input<'_> {
    fn object_name(&mut self) -> Result<String, SqlError> {
        let name = self.name()?;
        check_object_name(&name)?;
        Ok(name)
    }

    fn table_name(&mut self) -> Result<QName, SqlError> {
        let name = self.qualified_name()?;
        let table = qname(&name)?;
        check_object_name(&table.table)?;
        Ok(table)
    }

    fn column_definitions(&mut self) -> Result<Vec<ColumnDef>, SqlError> {
        let (columns, constraints) = self.parser().parse_columns()?;
        match constraints.first() {
            None => Ok(columns),
            Some(constraint) => Err(SqlError::NotImplemented(format!("{constraint}"))),
        }
    }
}

fn qname(name: &ObjectName) -> Result<QName, SqlError> {
    let mut parts = Vec::new();
    for part in &name.0 {
        match part.as_ident() {
            Some(ident) => parts.push(fold(ident.clone())),
            None => return Err(SqlError::parser(format!("Expected: table name, found: {name}"))),
        }
    }
    let too_long =
        || SqlError::parser(format!("Expected: at most three parts in a table name, found: {name}"));
    let table = parts.pop().ok_or_else(too_long)?;
    let database = parts.pop();
    let tenant = parts.pop();
    if parts.is_empty() { Ok(QName { tenant, database, table }) } else { Err(too_long()) }
}

/// Names of databases, tables and users (columns are free).
fn check_object_name(name: &str) -> Result<(), SqlError> {
    if name.trim().is_empty() {
        return Err(SqlError::parser("Name cannot be empty or contain only spaces"));
    }
    if name.contains('/') {
        return Err(SqlError::parser(format!("not supported keyword contains '/': {name}")));
    }
    Ok(())
}
