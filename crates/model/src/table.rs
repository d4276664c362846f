use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{
    ColumnId, ColumnType, DatabaseDef, DatabaseId, ErrorKind, IdentityRule, Precision, RewriteRule, TableId,
};

/// The option by which a table has a retention of its own: nanoseconds as a decimal number, `0` = for ever.
pub const RETENTION_OPTION: &str = "triglot.retention_ns";

/// The part that a column plays in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnKind {
    /// The time column: always the first, never NULL.
    Time,
    /// The second part of the row key (TDengine `PRIMARY KEY` column), never NULL.
    CompositeKey,
    /// A value that changes with time.
    Field,
    /// A property of the series, kept in the series index and not in data files.
    Tag,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDef {
    /// Never reused within the table.
    pub id: ColumnId,
    /// Exact name.
    pub name: String,
    /// What the engine stores.
    pub ty: ColumnType,
    /// Time, composite key, field or tag.
    pub kind: ColumnKind,
    /// The type in the words of the dialect that declared it (for DESCRIBE), if it differs from
    /// what that dialect would derive from `ty`.
    pub declared: Option<String>,
    /// The codec in the words of the dialect that declared it. Echoed; files choose their own encodings.
    pub codec: Option<String>,
}

/// A table as the catalog holds it. Immutable; each change makes a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDef {
    /// Never reused.
    pub id: TableId,
    /// Its database.
    pub database: DatabaseId,
    /// Exact name.
    pub name: String,
    /// Grows by one with each schema change.
    pub version: u32,
    /// What makes a series.
    pub identity: IdentityRule,
    /// The rule for duplicates that writers take unless their dialect says otherwise.
    pub rewrite: RewriteRule,
    /// All columns in the order of `SELECT *`; the time column first.
    pub columns: Vec<ColumnDef>,
    /// The id that the next new column gets.
    pub next_column_id: ColumnId,
    /// The dialect's options as text (comment, TTL …).
    pub options: BTreeMap<String, String>,
}

/// A schema change or definition that the rules forbid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The name is taken by another column.
    #[error("column {column} already exists in table {table}")]
    ColumnExists {
        /// The name.
        column: String,
        /// The table.
        table: String,
    },
    /// No column of this name.
    #[error("column {column} not exists in table {table}")]
    ColumnNotFound {
        /// The name.
        column: String,
        /// The table.
        table: String,
    },
    /// The time column cannot be dropped, renamed or retyped.
    #[error("column {column} is the time column of table {table} and cannot be changed")]
    TimeColumn {
        /// The time column's name.
        column: String,
        /// The table.
        table: String,
    },
    /// A tag cannot be dropped from this table.
    #[error("tag column {column} of table {table} cannot be dropped")]
    TagDrop {
        /// The tag.
        column: String,
        /// The table.
        table: String,
    },
    /// A table keeps at least one field.
    #[error("table {table} must have at least one field column")]
    NoField {
        /// The table.
        table: String,
    },
    /// The type cannot be changed this way without losing values.
    #[error("column {column} of table {table} cannot change from {from:?} to {to:?}")]
    NotWidening {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// The present type.
        from: ColumnType,
        /// The asked type.
        to: ColumnType,
    },
    /// More columns than the limit allows.
    #[error("table {table} would have more than {limit} columns")]
    TooManyColumns {
        /// The table.
        table: String,
        /// The limit.
        limit: usize,
    },
    /// An empty name, a name with control characters, or one that is too long.
    #[error("name {name:?} is empty, too long or holds control characters")]
    BadName {
        /// The name.
        name: String,
    },
}

impl SchemaError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::ColumnExists { .. } => ErrorKind::ColumnExists,
            Self::ColumnNotFound { .. } => ErrorKind::ColumnNotFound,
            Self::TooManyColumns { .. } => ErrorKind::LimitReached,
            Self::TimeColumn { .. }
            | Self::TagDrop { .. }
            | Self::NoField { .. }
            | Self::NotWidening { .. }
            | Self::BadName { .. } => ErrorKind::InvalidSchema,
        }
    }
}

impl TableDef {
    /// The time column.
    pub fn time_column(&self) -> Option<&ColumnDef> {
        self.columns.iter().find(|c| c.kind == ColumnKind::Time)
    }

    /// The unit of the time column.
    pub fn precision(&self) -> Precision {
        match self.time_column().map(|c| c.ty) {
            Some(ColumnType::Ts(p)) => p,
            _ => Precision::Nano,
        }
    }

    /// How long its rows are kept, in nanoseconds before now; none = for ever. The table's own
    /// ([`RETENTION_OPTION`]) comes before its database's.
    pub fn retention_ns(&self, database: &DatabaseDef) -> Option<i64> {
        match self.options.get(RETENTION_OPTION).and_then(|text| text.parse::<u128>().ok()) {
            // More than 64 bits is longer than any instant lies back.
            Some(own) => i64::try_from(own).ok().filter(|ns| *ns > 0),
            None => database.retention_ns,
        }
    }

    /// The composite key column, if the table has one.
    pub fn composite_key(&self) -> Option<&ColumnDef> {
        self.columns.iter().find(|c| c.kind == ColumnKind::CompositeKey)
    }

    /// The column of this exact name.
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column with this id.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&ColumnDef> {
        self.columns.iter().find(|c| c.id == id)
    }

    /// The tags, in column order.
    pub fn tags(&self) -> impl Iterator<Item = &ColumnDef> {
        self.columns.iter().filter(|c| c.kind == ColumnKind::Tag)
    }

    /// The fields (and the composite key, which is stored like one), in column order.
    pub fn stored_columns(&self) -> impl Iterator<Item = &ColumnDef> {
        self.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Field | ColumnKind::CompositeKey))
    }

    /// The Arrow schema of `SELECT *`: all columns in order, the key columns non-null. Text and
    /// binary columns read as views (`Utf8View`), tags always so.
    pub fn read_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|c| {
                let nullable = !matches!(c.kind, ColumnKind::Time | ColumnKind::CompositeKey);
                Field::new(&c.name, c.ty.read_arrow(), nullable)
            })
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// A copy with one more column at the end.
    pub fn with_column(
        &self,
        name: &str,
        ty: ColumnType,
        kind: ColumnKind,
        declared: Option<String>,
        codec: Option<String>,
    ) -> Result<Self, SchemaError> {
        check_name(name)?;
        if self.column(name).is_some() {
            return Err(SchemaError::ColumnExists { column: name.to_owned(), table: self.name.clone() });
        }
        let mut next = self.next_version();
        next.columns.push(ColumnDef {
            id: self.next_column_id,
            name: name.to_owned(),
            ty,
            kind,
            declared,
            codec,
        });
        next.next_column_id = ColumnId(self.next_column_id.0 + 1);
        Ok(next)
    }

    /// A copy without the column. Its data stays in files under the retired id and is never read
    /// again. The time column, the last field and tags that make the identity cannot be dropped.
    pub fn without_column(&self, name: &str) -> Result<Self, SchemaError> {
        let column = self.require(name)?;
        match column.kind {
            ColumnKind::Time | ColumnKind::CompositeKey => {
                return Err(SchemaError::TimeColumn { column: name.to_owned(), table: self.name.clone() });
            }
            ColumnKind::Tag => {
                let in_identity = match &self.identity {
                    IdentityRule::AllTags => true,
                    IdentityRule::PrimaryTags(ids) => ids.contains(&column.id),
                    IdentityRule::ChildName => false,
                };
                if in_identity {
                    return Err(SchemaError::TagDrop { column: name.to_owned(), table: self.name.clone() });
                }
            }
            ColumnKind::Field => {
                if self.columns.iter().filter(|c| c.kind == ColumnKind::Field).count() == 1 {
                    return Err(SchemaError::NoField { table: self.name.clone() });
                }
            }
        }
        let id = column.id;
        let mut next = self.next_version();
        next.columns.retain(|c| c.id != id);
        Ok(next)
    }

    /// A copy in which the column has another name.
    pub fn with_renamed(&self, from: &str, to: &str) -> Result<Self, SchemaError> {
        check_name(to)?;
        let column = self.require(from)?;
        if column.kind == ColumnKind::Time {
            return Err(SchemaError::TimeColumn { column: from.to_owned(), table: self.name.clone() });
        }
        if self.column(to).is_some() {
            return Err(SchemaError::ColumnExists { column: to.to_owned(), table: self.name.clone() });
        }
        let id = column.id;
        let mut next = self.next_version();
        if let Some(c) = next.columns.iter_mut().find(|c| c.id == id) {
            c.name = to.to_owned();
        }
        Ok(next)
    }

    /// A copy in which the column has a wider type.
    pub fn with_type(
        &self,
        name: &str,
        ty: ColumnType,
        declared: Option<String>,
    ) -> Result<Self, SchemaError> {
        let column = self.require(name)?;
        if column.kind == ColumnKind::Time {
            return Err(SchemaError::TimeColumn { column: name.to_owned(), table: self.name.clone() });
        }
        if !column.ty.widens_to(ty) {
            return Err(SchemaError::NotWidening {
                column: name.to_owned(),
                table: self.name.clone(),
                from: column.ty,
                to: ty,
            });
        }
        let id = column.id;
        let mut next = self.next_version();
        if let Some(c) = next.columns.iter_mut().find(|c| c.id == id) {
            c.ty = ty;
            c.declared = declared;
        }
        Ok(next)
    }

    fn require(&self, name: &str) -> Result<&ColumnDef, SchemaError> {
        self.column(name)
            .ok_or_else(|| SchemaError::ColumnNotFound { column: name.to_owned(), table: self.name.clone() })
    }

    fn next_version(&self) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next
    }
}

/// Refuses names that no dialect can mean: empty ones and ones with control characters. Length is
/// checked against [`crate::limits::Limits`] by the catalog.
pub(crate) fn check_name(name: &str) -> Result<(), SchemaError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(SchemaError::BadName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableDef {
        let col = |id, name: &str, ty, kind| ColumnDef {
            id: ColumnId(id),
            name: name.to_owned(),
            ty,
            kind,
            declared: None,
            codec: None,
        };
        TableDef {
            id: TableId(1),
            database: DatabaseId(1),
            name: "t".to_owned(),
            version: 1,
            identity: IdentityRule::AllTags,
            rewrite: RewriteRule::Merge,
            columns: vec![
                col(0, "time", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
                col(1, "host", ColumnType::TEXT, ColumnKind::Tag),
                col(2, "f", ColumnType::F64, ColumnKind::Field),
            ],
            next_column_id: ColumnId(3),
            options: BTreeMap::new(),
        }
    }

    #[test]
    fn a_re_added_column_gets_a_new_id() {
        let t = table().with_column("g", ColumnType::I64, ColumnKind::Field, None, None).unwrap();
        let first = t.column("g").unwrap().id;
        let t = t.without_column("g").unwrap();
        let t = t.with_column("g", ColumnType::I64, ColumnKind::Field, None, None).unwrap();
        assert_ne!(t.column("g").unwrap().id, first);
        assert_eq!(t.version, 4);
    }

    #[test]
    fn identity_tags_time_and_the_last_field_stay() {
        let t = table();
        assert!(matches!(t.without_column("host"), Err(SchemaError::TagDrop { .. })));
        assert!(matches!(t.without_column("time"), Err(SchemaError::TimeColumn { .. })));
        assert!(matches!(t.without_column("f"), Err(SchemaError::NoField { .. })));
        assert!(matches!(t.without_column("x"), Err(SchemaError::ColumnNotFound { .. })));
        let children = TableDef { identity: IdentityRule::ChildName, ..t };
        assert!(children.without_column("host").is_ok());
    }

    #[test]
    fn names_are_unique_and_printable() {
        let t = table();
        assert!(matches!(t.with_renamed("f", "host"), Err(SchemaError::ColumnExists { .. })));
        assert!(matches!(t.with_renamed("f", ""), Err(SchemaError::BadName { .. })));
        assert!(matches!(t.with_renamed("f", "a\nb"), Err(SchemaError::BadName { .. })));
        assert_eq!(t.with_renamed("f", "g").unwrap().column("g").unwrap().id, ColumnId(2));
    }

    #[test]
    fn a_retention_of_its_own_comes_before_the_databases() {
        let database = |retention_ns| DatabaseDef {
            id: DatabaseId(1),
            tenant: crate::TenantId(1),
            name: "d".to_owned(),
            precision: Precision::Nano,
            retention_ns,
            partition_ns: None,
            rewrite: RewriteRule::Merge,
            options: BTreeMap::new(),
            drop_at_ns: None,
        };
        let with = |text: &str| {
            let options = [(RETENTION_OPTION.to_owned(), text.to_owned())].into();
            TableDef { options, ..table() }
        };
        assert_eq!(table().retention_ns(&database(Some(5))), Some(5));
        assert_eq!(table().retention_ns(&database(None)), None);
        assert_eq!(with("7").retention_ns(&database(Some(5))), Some(7));
        assert_eq!(with("0").retention_ns(&database(Some(5))), None);
        // A thousand years: more nanoseconds than 64 bits count.
        assert_eq!(with("31536000000000000000").retention_ns(&database(Some(5))), None);
    }

    #[test]
    fn types_only_widen() {
        let t = table();
        assert!(matches!(t.with_type("f", ColumnType::I64, None), Err(SchemaError::NotWidening { .. })));
    }
}
