use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{Expr, LogicalPlan};
use triglot_catalog::{NewColumn, NewIdentity, TableChange};
use triglot_model::{Precision, RewriteRule, RowOp};
use triglot_query::{PlannedQuery, QueryStream};

/// A table by name; the parts that are absent come from the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// Tenant, when written out.
    pub tenant: Option<String>,
    /// Database, when written out.
    pub database: Option<String>,
    /// The table.
    pub table: String,
}

/// What the engine is asked to do, in no dialect's words. Dialect crates lower their statements to
/// these; privileges are checked in one place, [`crate::Engine::execute`].
#[derive(Clone, Debug)]
pub enum Statement {
    /// Makes a database in the session's tenant.
    CreateDatabase(CreateDatabase),
    /// Changes a database.
    AlterDatabase {
        /// Its name.
        name: String,
        /// What changes.
        changes: DatabaseChanges,
    },
    /// Drops a database, now or later.
    DropDatabase {
        /// Its name.
        name: String,
        /// No error if it does not exist.
        if_exists: bool,
        /// Hide it now and remove it after this many nanoseconds.
        after_ns: Option<i64>,
    },
    /// Takes back a deferred drop.
    RecoverDatabase {
        /// Its name.
        name: String,
        /// No error if there is nothing to recover.
        if_exists: bool,
    },
    /// Makes a table.
    CreateTable(CreateTable),
    /// Changes a table's columns.
    AlterTable {
        /// The table.
        table: TableName,
        /// What changes.
        change: TableChange,
    },
    /// Drops a table and its rows.
    DropTable {
        /// The table.
        table: TableName,
        /// No error if it does not exist.
        if_exists: bool,
    },
    /// Writes rows given as columns.
    Insert(Insert),
    /// Deletes rows by time and tags.
    Delete {
        /// The table.
        table: TableName,
        /// A predicate over time and tags (unqualified column names); none = all rows.
        filter: Option<Expr>,
    },
    /// Runs a query; `EXPLAIN` is a query too.
    Query(Query),
    /// Runs a query whose plan may be a kept one.
    Select(Select),
    /// Ends a running query.
    KillQuery(u64),
    /// Makes a user of the node.
    CreateUser {
        /// Login name.
        name: String,
        /// No error if it exists.
        if_not_exists: bool,
        /// Its properties.
        changes: UserChanges,
    },
    /// Changes a user.
    AlterUser {
        /// Login name.
        name: String,
        /// What changes.
        changes: UserChanges,
    },
    /// Removes a user.
    DropUser {
        /// Login name.
        name: String,
        /// No error if it does not exist.
        if_exists: bool,
    },
}

/// Properties of a user; absent ones stay as they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// New password in clear text; hashed at once, never stored or logged.
    pub password: Option<String>,
    /// Whether the user may do everything.
    pub admin: Option<bool>,
    /// The dialect's other options.
    pub options: BTreeMap<String, String>,
}

impl std::fmt::Debug for UserChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserChanges")
            .field("password", &self.password.as_ref().map(|_| "*****"))
            .field("admin", &self.admin)
            .field("options", &self.options)
            .finish()
    }
}

/// `CREATE DATABASE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateDatabase {
    /// Exact name.
    pub name: String,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// Unit of its time columns.
    pub precision: Precision,
    /// How long rows are kept (ns), none = for ever.
    pub retention_ns: Option<i64>,
    /// The dialect's partition length (ns), none = unbounded.
    pub partition_ns: Option<i64>,
    /// The rule for duplicates that new tables take over.
    pub rewrite: RewriteRule,
    /// The dialect's options as text, echoed by DESCRIBE.
    pub options: BTreeMap<String, String>,
}

/// `ALTER DATABASE`: absent parts stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseChanges {
    /// `Some(None)` = keep rows for ever.
    pub retention_ns: Option<Option<i64>>,
    /// The dialect's partition length.
    pub partition_ns: Option<Option<i64>>,
    /// Options to set.
    pub options: BTreeMap<String, String>,
}

/// `CREATE TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTable {
    /// The table.
    pub table: TableName,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// What makes a series.
    pub identity: NewIdentity,
    /// All columns in the order of `SELECT *`; the time column first.
    pub columns: Vec<NewColumn>,
    /// The dialect's options as text.
    pub options: BTreeMap<String, String>,
}

/// Rows to write.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table.
    pub table: TableName,
    /// Target columns by exact name, one for each column of the source, time included.
    pub columns: Vec<String>,
    /// Where the rows come from. Values are cast to the column's type; what cannot be cast is an
    /// error ([`triglot_model::ErrorKind::TypeMismatch`]) and nothing is written.
    pub source: InsertSource,
    /// How each row acts on an older one of its key; none = the table's rule.
    pub op: Option<RowOp>,
}

/// Where inserted rows come from.
#[derive(Clone, Debug)]
pub enum InsertSource {
    /// Rows in memory.
    Batches(Vec<RecordBatch>),
    /// The result of a query.
    Plan(Box<LogicalPlan>),
}

/// A query to run.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its text, for the query list and the slow-query log.
    pub text: String,
    /// Its plan, from [`crate::Engine::plan`].
    pub plan: LogicalPlan,
    /// Partitions to run on, none = the server's choice.
    pub target_partitions: Option<usize>,
}

/// A query to run whose plan may be a kept one.
#[derive(Clone, Debug)]
pub struct Select {
    /// Its text, for the query list and the slow-query log.
    pub text: String,
    /// From [`crate::Engine::plan_select`].
    pub planned: PlannedQuery,
}

/// What a statement gives back.
#[derive(Debug)]
pub enum Outcome {
    /// It is done; there is nothing to tell.
    Done,
    /// So many rows were written.
    Affected(u64),
    /// Rows to stream.
    Rows(QueryStream),
}
