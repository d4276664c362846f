//! Syntax trees of TDengine's statements: what was written, with nothing looked up.
//!
//! Names are as the vendor keeps them: lower case unless they stood in back-quotes. Every
//! expression knows its place in the text, because the vendor names result columns by their source
//! text and tells errors by what stands there.

mod admin;
mod ddl;
mod expr;
mod insert;
mod query;

pub use admin::{Grant, Privilege, PrivilegeTarget, Show, TableKind, UserOption};
pub use ddl::{
    AlterDatabase, AlterTable, ColumnSpec, CreateChild, CreateDatabase, CreateTable, DatabaseOption,
    DropTarget, OptionValue, TableChange, TableOption, TypeName,
};
pub use expr::{Arg, BinaryOp, Call, Expr, ExprKind, Literal, UnaryOp};
pub use insert::{Insert, InsertSource, InsertTarget, RawValue, Row, UsingClause};
pub use query::{
    CountWindow, Fill, FillMode, Interval, Item, Join, JoinKind, Limit, OrderItem, Partition, Query, Range,
    Select, SetExpr, Source, StateExtend, Window, WindowJoin,
};

/// Bytes `start..end` of the statement's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A name as kept (folded, or from back-quotes), with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it stood.
    pub span: Span,
}

/// `[db.]table`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The database, if it was written.
    pub database: Option<Ident>,
    /// The table.
    pub table: Ident,
}

/// The unit of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// `b`
    Nanosecond,
    /// `u`
    Microsecond,
    /// `a`
    Millisecond,
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`: 24 hours
    Day,
    /// `w`: 7 days
    Week,
    /// `n`: calendar month
    Month,
    /// `q`: calendar quarter
    Quarter,
    /// `y`: calendar year
    Year,
}

impl Unit {
    /// Its length; `None` for calendar units.
    pub const fn nanoseconds(self) -> Option<i64> {
        Some(match self {
            Self::Nanosecond => 1,
            Self::Microsecond => 1_000,
            Self::Millisecond => 1_000_000,
            Self::Second => 1_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Hour => 3_600_000_000_000,
            Self::Day => 86_400_000_000_000,
            Self::Week => 604_800_000_000_000,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    /// Its length in calendar months; `None` for fixed units.
    pub const fn months(self) -> Option<i64> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            _ => None,
        }
    }
}

/// A duration literal such as `10s` or `1n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Duration {
    /// How many units; a minus before the literal is part of it where the grammar allows one.
    pub count: i64,
    /// The unit.
    pub unit: Unit,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `SELECT …`, with unions.
    Query(Box<Query>),
    /// `EXPLAIN [ANALYZE] [VERBOSE true] query`.
    Explain {
        /// Runs it and shows what it cost.
        analyze: bool,
        /// More detail.
        verbose: bool,
        /// What is explained.
        query: Box<Query>,
    },
    /// `INSERT INTO …` in all its forms.
    Insert(Box<Insert>),
    /// `DELETE FROM t [WHERE e]`.
    Delete {
        /// The table.
        table: TableName,
        /// Which rows.
        filter: Option<Expr>,
    },
    /// `CREATE DATABASE`.
    CreateDatabase(Box<CreateDatabase>),
    /// `ALTER DATABASE`.
    AlterDatabase(Box<AlterDatabase>),
    /// `DROP DATABASE [IF EXISTS] [FORCE]`.
    DropDatabase {
        /// Its name.
        name: Ident,
        /// No error if it is absent.
        if_exists: bool,
    },
    /// `USE d`.
    Use(Ident),
    /// `FLUSH DATABASE d`.
    FlushDatabase(Ident),
    /// `TRIM DATABASE d [BWLIMIT n]`.
    TrimDatabase(Ident),
    /// `COMPACT DATABASE d [START WITH t] [END WITH t]`.
    CompactDatabase {
        /// The database.
        name: Ident,
        /// The bounds that were written, which are times.
        bounds: Vec<Expr>,
    },
    /// `CREATE [S]TABLE t (…) [TAGS (…)]`.
    CreateTable(Box<CreateTable>),
    /// `CREATE TABLE c USING s … TAGS (…)`, one or more.
    CreateChildren(Vec<CreateChild>),
    /// `DROP TABLE a, b …` and `DROP STABLE s`.
    DropTables(Vec<DropTarget>),
    /// `ALTER TABLE` / `ALTER STABLE`.
    AlterTable(Box<AlterTable>),
    /// `CREATE USER`.
    CreateUser {
        /// Its name.
        name: Ident,
        /// The password.
        password: String,
        /// The other options.
        options: Vec<UserOption>,
    },
    /// `ALTER USER`.
    AlterUser {
        /// Its name.
        name: Ident,
        /// What changes.
        option: UserOption,
    },
    /// `DROP USER`.
    DropUser {
        /// Its name.
        name: Ident,
        /// No error if it is absent.
        if_exists: bool,
    },
    /// `GRANT … ON … TO u` and `REVOKE … ON … FROM u`.
    Grant(Box<Grant>),
    /// `SHOW …`.
    Show(Box<Show>),
    /// `DESC t`.
    Describe(TableName),
    /// `CREATE [OR REPLACE] VIEW v AS query`; the query's text is kept for SHOW CREATE VIEW.
    CreateView {
        /// The view.
        name: TableName,
        /// Takes the place of one that exists.
        or_replace: bool,
        /// What it selects.
        query: Box<Query>,
        /// Where the query's text stands.
        text: Span,
    },
    /// `DROP VIEW`.
    DropView {
        /// The view.
        name: TableName,
        /// No error if it is absent.
        if_exists: bool,
    },
    /// `CREATE INDEX [IF NOT EXISTS] [db.]i ON s (tag, …)`.
    CreateIndex {
        /// The index. Its database is that of the table.
        name: TableName,
        /// No error if it exists.
        if_not_exists: bool,
        /// The super table.
        table: TableName,
        /// Its tags.
        columns: Vec<Ident>,
    },
    /// `DROP INDEX [IF EXISTS] [db.]i`.
    DropIndex {
        /// The index.
        name: TableName,
        /// No error if it is absent.
        if_exists: bool,
    },
    /// `KILL QUERY 'id'`.
    KillQuery(String),
    /// `KILL CONNECTION id`.
    KillConnection,
    /// `KILL TRANSACTION n`.
    KillTransaction,
    /// `ALTER DNODE n 'k' ['v']`: a node of the cluster and one of its settings.
    AlterDnode(i64),
    /// `DROP TOPIC t` and the like: objects of which there are none here.
    DropObject {
        /// What sort of object.
        kind: ObjectKind,
        /// Its database, for what belongs to one.
        name: TableName,
        /// No error if it is absent.
        if_exists: bool,
    },
    /// Statements about the cluster that a single node answers with success and no effect, as the
    /// sheet says: `RESET QUERY CACHE`, `ALTER LOCAL …`, `ALTER ALL DNODES …`.
    NoEffect,
    /// 0x2614: a statement of earlier versions, such as `CREATE ACCOUNT`.
    Retired,
    /// A statement that is known and refused: 0x0100 with this name of the feature.
    Unsupported(&'static str),
}

/// Sorts of objects that can be dropped and of which there are none here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `TOPIC`
    Topic,
    /// `STREAM`
    Stream,
    /// `FUNCTION`
    Function,
    /// `TSMA`, which belongs to a database.
    Tsma,
}
