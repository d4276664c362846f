use super::{Duration, Expr, Ident, TableName};

/// `CREATE DATABASE [IF NOT EXISTS] d {option}`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDatabase {
    /// Its name.
    pub name: Ident,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// Options in order; a repeated one is refused by the parser.
    pub options: Vec<DatabaseOption>,
}

/// `ALTER DATABASE d {option}`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterDatabase {
    /// Its name.
    pub name: Ident,
    /// What changes.
    pub options: Vec<DatabaseOption>,
}

/// An option such as `KEEP 365d,3650d`.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseOption {
    /// Its word, lower case; one of the sheet's section 4.
    pub name: String,
    /// Its values.
    pub values: Vec<OptionValue>,
}

/// A value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// A number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `10d`
    Duration(Duration),
    /// Quoted text.
    Text(String),
}

/// A type as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeName {
    /// `TIMESTAMP`
    Timestamp,
    /// `BOOL`
    Bool,
    /// `TINYINT [UNSIGNED]`
    TinyInt {
        /// `UNSIGNED`
        unsigned: bool,
    },
    /// `SMALLINT [UNSIGNED]`
    SmallInt {
        /// `UNSIGNED`
        unsigned: bool,
    },
    /// `INT [UNSIGNED]`, `INTEGER`
    Int {
        /// `UNSIGNED`
        unsigned: bool,
    },
    /// `BIGINT [UNSIGNED]`
    BigInt {
        /// `UNSIGNED`
        unsigned: bool,
    },
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `DECIMAL(p, s)`, `NUMERIC`
    Decimal {
        /// Digits in all.
        precision: i64,
        /// Digits after the point.
        scale: i64,
    },
    /// `VARCHAR(n)`, `BINARY(n)`; no length is allowed only in casts.
    Varchar(Option<i64>),
    /// `NCHAR(n)`
    Nchar(Option<i64>),
    /// `VARBINARY(n)`
    Varbinary(Option<i64>),
    /// `GEOMETRY(n)`
    Geometry(Option<i64>),
    /// `JSON`
    Json,
    /// `BLOB`
    Blob,
}

/// A column or tag of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSpec {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: TypeName,
    /// `PRIMARY KEY` or `COMPOSITE KEY`.
    pub key: bool,
    /// `ENCODE 'e'`
    pub encode: Option<String>,
    /// `COMPRESS 'c'`
    pub compress: Option<String>,
    /// `LEVEL 'l'`
    pub level: Option<String>,
    /// `COMMENT 's'`
    pub comment: Option<String>,
}

/// `CREATE [S]TABLE [IF NOT EXISTS] t (…) [TAGS (…)] {option}`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// The table.
    pub name: TableName,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// `CREATE STABLE` was written; what makes a super table is `TAGS`.
    pub stable: bool,
    /// Columns.
    pub columns: Vec<ColumnSpec>,
    /// Tags; none makes a normal table.
    pub tags: Vec<ColumnSpec>,
    /// Options.
    pub options: Vec<TableOption>,
}

/// `[IF NOT EXISTS] c USING s [(t …)] TAGS (v …) {option}`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateChild {
    /// The child table.
    pub name: TableName,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// Its super table.
    pub using: TableName,
    /// Names of the tags that values are given for; absent, all.
    pub tag_names: Option<Vec<Ident>>,
    /// Their values: literals, perhaps signed or with `now ± duration`.
    pub tags: Vec<Expr>,
    /// Options.
    pub options: Vec<TableOption>,
}

/// An option of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum TableOption {
    /// `COMMENT 's'`
    Comment(String),
    /// `TTL n`, in days; 0 = for ever.
    Ttl(i64),
    /// `SMA(c …)`
    Sma(Vec<Ident>),
    /// `KEEP d`
    Keep(OptionValue),
    /// `ROLLUP(f …)`
    Rollup(Vec<Ident>),
    /// `MAX_DELAY d …`
    MaxDelay(Vec<Duration>),
    /// `WATERMARK d …`
    Watermark(Vec<Duration>),
}

/// A table of `DROP [S]TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropTarget {
    /// The table.
    pub name: TableName,
    /// No error if it is absent.
    pub if_exists: bool,
    /// `DROP STABLE`: it must be a super table.
    pub stable: bool,
}

/// `ALTER [S]TABLE t change`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// The table.
    pub name: TableName,
    /// `ALTER STABLE`
    pub stable: bool,
    /// What changes.
    pub change: TableChange,
}

/// What `ALTER TABLE` does.
#[derive(Clone, Debug, PartialEq)]
pub enum TableChange {
    /// `ADD COLUMN c type`
    AddColumn(ColumnSpec),
    /// `DROP COLUMN c`
    DropColumn(Ident),
    /// `MODIFY COLUMN c type`
    ModifyColumn(ColumnSpec),
    /// `RENAME COLUMN a b`
    RenameColumn(Ident, Ident),
    /// `ADD TAG t type`
    AddTag(ColumnSpec),
    /// `DROP TAG t`
    DropTag(Ident),
    /// `MODIFY TAG t type`
    ModifyTag(ColumnSpec),
    /// `RENAME TAG a b`
    RenameTag(Ident, Ident),
    /// `SET TAG t = v, …`
    SetTags(Vec<(Ident, Expr)>),
    /// `COMMENT 's'`, `TTL n`, `KEEP d`
    Options(Vec<TableOption>),
}
