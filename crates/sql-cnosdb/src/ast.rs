//! The statements of CnosDB SQL. What sqlparser has (queries, expressions) is its; the rest is ours.

use datafusion::sql::sqlparser::ast::{ColumnDef, Expr, Query, Statement as SqlStatement};
use triglot_engine::{RoleStatement, TenantStatement, UserStatement};
use triglot_model::{FileOptions, Precision};

use crate::codec::{Codec, FieldType};
use crate::duration::CnosDuration;

/// A table by name, folded: absent parts come from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QName {
    /// Tenant, when three parts were written.
    pub tenant: Option<String>,
    /// Database, when two parts were written.
    pub database: Option<String>,
    /// The table.
    pub table: String,
}

impl std::fmt::Display for QName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in [&self.tenant, &self.database].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        f.write_str(&self.table)
    }
}

/// One statement.
#[derive(Clone, Debug)]
pub enum Stmt {
    /// `SELECT`, `WITH`, `VALUES`.
    Query(Box<Query>),
    /// `EXPLAIN [ANALYZE] [VERBOSE] query`, as sqlparser reads it.
    Explain(Box<SqlStatement>),
    /// `EXPLAIN [VERBOSE]` of `INSERT`, `UPDATE` or `DELETE`.
    ExplainWrite {
        /// The statement.
        statement: Box<Stmt>,
        /// With the steps of the optimizer.
        verbose: bool,
    },
    /// `CREATE DATABASE`.
    CreateDatabase {
        /// Its name.
        name: String,
        /// No error if it exists.
        if_not_exists: bool,
        /// Behind `WITH`.
        options: DatabaseOptions,
    },
    /// `ALTER DATABASE d SET …`.
    AlterDatabase {
        /// Its name.
        name: String,
        /// The one option that is set.
        options: DatabaseOptions,
    },
    /// `DROP DATABASE`.
    DropDatabase {
        /// Its name.
        name: String,
        /// No error if it does not exist.
        if_exists: bool,
        /// `AFTER '…'`.
        after: Option<CnosDuration>,
    },
    /// `RECOVER DATABASE`.
    RecoverDatabase {
        /// Its name.
        name: String,
        /// No error if there is nothing to recover.
        if_exists: bool,
    },
    /// `COMPACT DATABASE`.
    CompactDatabase(String),
    /// `DESCRIBE DATABASE`.
    DescribeDatabase(String),
    /// `CREATE TABLE`.
    CreateTable {
        /// The table.
        table: QName,
        /// No error if it exists.
        if_not_exists: bool,
        /// The fields.
        fields: Vec<FieldDef>,
        /// `TAGS (…)`.
        tags: Vec<String>,
    },
    /// `CREATE EXTERNAL TABLE`.
    CreateExternalTable(Box<ExternalTable>),
    /// `COPY INTO table FROM 'files'`.
    CopyIn {
        /// The table.
        table: QName,
        /// The column list, if one was written.
        columns: Option<Vec<String>>,
        /// Where the files are.
        location: String,
        /// How they are read.
        options: CopyOptions,
    },
    /// `COPY INTO 'file' FROM …`.
    CopyOut {
        /// The file or directory.
        location: String,
        /// The rows.
        source: CopySource,
        /// How they are written.
        options: CopyOptions,
    },
    /// `ALTER TABLE`.
    AlterTable {
        /// The table.
        table: QName,
        /// What changes.
        change: TableAlteration,
    },
    /// `DROP TABLE`.
    DropTable {
        /// The table.
        table: QName,
        /// No error if it does not exist.
        if_exists: bool,
    },
    /// `DESCRIBE TABLE`.
    DescribeTable(QName),
    /// `SHOW DATABASES`.
    ShowDatabases,
    /// `SHOW TABLES [ON d]`.
    ShowTables(Option<String>),
    /// `SHOW QUERIES`.
    ShowQueries,
    /// `SHOW REPLICAS`.
    ShowReplicas,
    /// `SHOW SERIES`.
    ShowSeries {
        /// The table.
        table: QName,
        /// `WHERE`, `ORDER BY`, `LIMIT`.
        tail: Tail,
    },
    /// `SHOW TAG VALUES`.
    ShowTagValues {
        /// The table.
        table: QName,
        /// `WITH KEY …`.
        keys: KeySelection,
        /// `WHERE`, `ORDER BY`, `LIMIT`.
        tail: Tail,
    },
    /// `INSERT`.
    Insert {
        /// The table.
        table: QName,
        /// The column list, if one was written.
        columns: Option<Vec<String>>,
        /// `VALUES` with expressions, or a query.
        source: Box<Query>,
    },
    /// `UPDATE`.
    Update {
        /// The table.
        table: QName,
        /// `SET`: columns and their new values.
        assignments: Vec<(String, Box<Expr>)>,
        /// `WHERE`.
        filter: Option<Box<Expr>>,
    },
    /// `DELETE FROM`.
    Delete {
        /// The table.
        table: QName,
        /// `WHERE`.
        filter: Option<Box<Expr>>,
    },
    /// `KILL [QUERY] n`.
    Kill(u64),
    /// `CREATE`, `ALTER`, `DROP`, `RECOVER TENANT`.
    Tenant(TenantStatement),
    /// `CREATE`, `DROP ROLE`, `GRANT`, `REVOKE`.
    Role(RoleStatement),
    /// `CREATE`, `ALTER`, `DROP USER`.
    User(UserStatement),
}

/// Options of a database; absent ones were not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// `TTL`
    pub ttl: Option<CnosDuration>,
    /// `VNODE_DURATION`
    pub vnode_duration: Option<CnosDuration>,
    /// `PRECISION`
    pub precision: Option<Precision>,
    /// `SHARD`
    pub shard: Option<u64>,
    /// `REPLICA`
    pub replica: Option<u64>,
    /// `MAX_MEMCACHE_SIZE`, bytes
    pub max_memcache_size: Option<u64>,
    /// `MEMCACHE_PARTITIONS`
    pub memcache_partitions: Option<u64>,
    /// `WAL_MAX_FILE_SIZE`, bytes
    pub wal_max_file_size: Option<u64>,
    /// `WAL_SYNC`
    pub wal_sync: Option<bool>,
    /// `STRICT_WRITE`
    pub strict_write: Option<bool>,
    /// `MAX_CACHE_READERS`
    pub max_cache_readers: Option<u64>,
}

/// A declared field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDef {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: FieldType,
    /// `CODEC (…)`, if it was written.
    pub codec: Option<Codec>,
}

/// The parts of `CREATE EXTERNAL TABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalTable {
    /// The table.
    pub table: QName,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// The column definitions; empty = found in the files.
    pub columns: Vec<ColumnDef>,
    /// `PARTITIONED BY (…)`
    pub partitions: Vec<String>,
    /// `STORED AS`, `WITH HEADER ROW`, `DELIMITER`, `COMPRESSION TYPE`
    pub options: FileOptions,
    /// `LOCATION`
    pub location: String,
}

/// What stands behind `COPY INTO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOptions {
    /// `FILE_FORMAT`
    pub files: FileOptions,
    /// `COPY_OPTIONS = (auto_infer_schema = …)`
    pub infer_types: bool,
}

/// Rows to copy out.
#[derive(Clone, Debug, PartialEq)]
pub enum CopySource {
    /// All of a table.
    Table(QName),
    /// A query's.
    Query(Box<Query>),
}

/// What `ALTER TABLE` changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableAlteration {
    /// `ADD FIELD`
    AddField(FieldDef),
    /// `ADD TAG`
    AddTag(String),
    /// `DROP c`
    Drop(String),
    /// `ALTER c SET CODEC (…)`
    SetCodec(String, Codec),
    /// `RENAME COLUMN a TO b`
    Rename(String, String),
}

/// Which tags `SHOW TAG VALUES` lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySelection {
    /// `= k`, `IN (…)`
    In(Vec<String>),
    /// `!= k`, `NOT IN (…)`
    NotIn(Vec<String>),
}

/// What may follow `SHOW SERIES` and `SHOW TAG VALUES`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tail {
    /// `WHERE`
    pub filter: Option<Box<Expr>>,
    /// `ORDER BY`: output column and whether it descends.
    pub order: Vec<(String, bool)>,
    /// `LIMIT`
    pub limit: Option<u64>,
    /// `OFFSET`
    pub offset: u64,
}
