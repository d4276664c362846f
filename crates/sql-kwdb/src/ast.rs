//! Statements, as KWDB's grammar has them (sheet sections 9 to 14).

use sqlparser::ast as sql;
use triglot_engine::TableName;
use triglot_engine::catalog::Rights;

use crate::types::TypeSpec;

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stmt {
    /// SELECT, WITH, VALUES, TABLE.
    Query(Box<sql::Query>),
    /// `EXPLAIN query`.
    Explain(Box<sql::Statement>),
    /// `USE db`.
    Use(String),
    /// CREATE, ALTER, DROP of databases.
    Database(DatabaseStmt),
    /// CREATE TABLE.
    CreateTable(Box<CreateTable>),
    /// ALTER TABLE.
    AlterTable(AlterTable),
    /// `DROP TABLE [IF EXISTS] t, …`
    DropTable { tables: Vec<TableName>, if_exists: bool },
    /// `TRUNCATE [TABLE] t, …`
    Truncate(Vec<TableName>),
    /// `COMMENT ON … IS …`
    Comment { on: CommentOn, text: Option<String> },
    /// `CREATE INDEX [name] ON t (…)`
    CreateIndex { table: TableName, columns: Vec<String>, unique: bool },
    /// `DROP INDEX …`: there is none.
    DropIndex { if_exists: bool, name: String },
    /// INSERT and UPSERT that are not read from the text ([`crate::parse::values`]).
    Insert(Box<Insert>),
    /// UPDATE.
    Update(Box<Update>),
    /// DELETE.
    Delete(Box<Delete>),
    /// SHOW.
    Show(Show),
    /// Users, roles and rights.
    User(UserStmt),
    /// `SET CLUSTER SETTING name = value`; none = DEFAULT.
    SetClusterSetting { name: String, value: Option<SettingValue> },
    /// `SET name = value` of the session: nothing outlives the request.
    SetSession { name: String, value: String },
}

/// A length of time as it is written: `10d`, `2 hours`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration {
    /// How many.
    pub(crate) count: u64,
    /// Of what.
    pub(crate) unit: DurationUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DatabaseStmt {
    /// `CREATE [TS] DATABASE`.
    Create {
        name: String,
        if_not_exists: bool,
        /// Time-series, else relational.
        is_ts: bool,
        retentions: Option<Duration>,
        partition: Option<Duration>,
        comment: Option<String>,
    },
    /// `… SET RETENTIONS = dur`
    SetRetentions { name: String, to: Duration },
    /// `… SET PARTITION INTERVAL = dur`
    SetPartition { name: String, to: Duration },
    /// `… RENAME TO`
    Rename { name: String, to: String },
    /// `DROP DATABASE`; without CASCADE and RESTRICT it cascades.
    Drop { name: String, if_exists: bool, restrict: bool },
}

/// CREATE TABLE of either engine: time-series if there are tags.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) table: TableName,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnSpec>,
    /// PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY of the table.
    pub(crate) constraints: Vec<Constraint>,
    /// None: no TAGS clause.
    pub(crate) tags: Option<Vec<TagSpec>>,
    /// Empty: no PRIMARY TAGS clause.
    pub(crate) primary_tags: Vec<String>,
    pub(crate) retentions: Option<Duration>,
    pub(crate) comment: Option<String>,
    /// What is recorded and has no effect, as written.
    pub(crate) no_ops: Vec<String>,
    /// CREATE TEMPORARY TABLE.
    pub(crate) is_temporary: bool,
}

/// A column of CREATE TABLE or ADD COLUMN.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnSpec {
    pub(crate) name: String,
    pub(crate) ty: TypeSpec,
    /// SERIAL types: the column's default numbers the rows.
    pub(crate) is_serial: bool,
    /// `NOT NULL`, `NULL`, or neither.
    pub(crate) nullable: Option<bool>,
    pub(crate) default: Option<sql::Expr>,
    pub(crate) comment: Option<String>,
    /// PRIMARY KEY and the like, behind the type.
    pub(crate) constraints: Vec<Constraint>,
}

/// What only relational tables have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constraint {
    /// The key; no names if it stands behind a column.
    PrimaryKey(Vec<String>),
    /// No names if it stands behind a column.
    Unique(Vec<String>),
    Check(Box<sql::Expr>),
    References,
    /// `AS (expr) STORED`
    Computed,
}

/// A tag of CREATE TABLE or ADD TAG.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TagSpec {
    pub(crate) name: String,
    pub(crate) ty: TypeSpec,
    pub(crate) nullable: Option<bool>,
    pub(crate) comment: Option<String>,
}

/// ALTER TABLE; several actions are refused later, for time-series tables only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AlterTable {
    pub(crate) table: TableName,
    pub(crate) if_exists: bool,
    pub(crate) actions: Vec<AlterAction>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AlterAction {
    AddColumn {
        column: Box<ColumnSpec>,
        if_not_exists: bool,
    },
    AddTag {
        tag: TagSpec,
        if_not_exists: bool,
    },
    DropColumn {
        name: String,
        if_exists: bool,
    },
    DropTag {
        name: String,
        if_exists: bool,
    },
    SetColumnType {
        name: String,
        ty: TypeSpec,
    },
    SetTagType {
        name: String,
        ty: TypeSpec,
    },
    /// None: DROP DEFAULT.
    SetDefault {
        name: String,
        default: Option<Box<sql::Expr>>,
    },
    SetNotNull {
        name: String,
        not_null: bool,
    },
    Rename {
        to: TableName,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTag {
        from: String,
        to: String,
    },
    SetRetentions(Duration),
    /// SET PARTITION INTERVAL, SET ACTIVETIME: recorded by nobody, as written.
    NoOp(String),
    /// ADD CONSTRAINT and the like.
    Constraint(Constraint),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommentOn {
    Database(String),
    Table(TableName),
    Column(TableName, String),
}

/// Users, roles and rights (sheet section 14.2). Names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserStmt {
    /// `CREATE {USER | ROLE}`
    Create { name: String, is_role: bool, if_not_exists: bool, options: UserOptions },
    /// `ALTER {USER | ROLE}`
    Alter { name: String, if_exists: bool, options: UserOptions },
    /// `DROP {USER | ROLE} a, b`
    Drop { names: Vec<String>, if_exists: bool },
    /// `GRANT rights ON … TO …`
    Grant { rights: Rights, on: GrantTarget, to: Vec<String> },
    /// `REVOKE rights ON … FROM …`
    Revoke { rights: Rights, on: GrantTarget, from: Vec<String> },
    /// `GRANT roles TO … [WITH ADMIN OPTION]`
    GrantRoles { roles: Vec<String>, members: Vec<String>, may_grant: bool },
    /// `REVOKE [ADMIN OPTION FOR] roles FROM …`
    RevokeRoles { roles: Vec<String>, members: Vec<String>, option_only: bool },
}

/// Options of a user; absent ones stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserOptions {
    /// `PASSWORD 'text'`; none inside = NULL.
    pub(crate) password: Option<Option<String>>,
    /// LOGIN, NOLOGIN.
    pub(crate) login: Option<bool>,
    /// CREATEROLE, NOCREATEROLE.
    pub(crate) create_role: Option<bool>,
    /// `VALID UNTIL 'time'`; none inside = NULL.
    pub(crate) valid_until: Option<Option<String>>,
}

/// What rights are given on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantTarget {
    Databases(Vec<String>),
    Tables(Vec<TableName>),
}

/// SHOW (sheet section 13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Databases {
        with_comment: bool,
    },
    Tables {
        database: Option<String>,
        with_comment: bool,
    },
    Columns {
        table: TableName,
        with_comment: bool,
    },
    Tags(TableName),
    TagValues(TableName),
    /// With the name as it is written.
    Create {
        table: TableName,
        written: String,
    },
    CreateDatabase(String),
    Retentions(TableName),
    Indexes(TableName),
    Constraints(TableName),
    Schemas(Option<String>),
    Sessions,
    Queries,
    Jobs,
    Users,
    Roles,
    Grants(GrantsOn),
    ClusterSetting(String),
    ClusterSettings,
    /// `SHOW timezone` and other values of the session.
    Session(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantsOn {
    Everything,
    Tables(Vec<TableName>),
    Databases(Vec<String>),
    Roles(Vec<String>),
}

/// The right side of SET CLUSTER SETTING.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingValue {
    Text(String),
    Number(String),
    Bool(bool),
    /// `on`, `off` and other bare words.
    Word(String),
}

/// INSERT and UPSERT.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Insert {
    pub(crate) is_upsert: bool,
    pub(crate) table: TableName,
    /// The column list, if one was written.
    pub(crate) columns: Option<Vec<String>>,
    /// VALUES are a query, too.
    pub(crate) source: Box<sql::Query>,
    pub(crate) conflict: Option<OnConflict>,
}

/// `ON CONFLICT [(key)] …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnConflict {
    /// Empty: any key.
    pub(crate) key: Vec<String>,
    pub(crate) action: ConflictAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConflictAction {
    /// DO NOTHING
    Nothing,
    /// `DO UPDATE SET column = EXCLUDED.column, …`
    Update(Vec<(String, String)>),
}

/// `UPDATE t SET … [WHERE …]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Update {
    pub(crate) table: TableName,
    pub(crate) assignments: Vec<(String, sql::Expr)>,
    pub(crate) filter: Option<sql::Expr>,
}

/// `DELETE FROM t [WHERE …]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delete {
    pub(crate) table: TableName,
    pub(crate) filter: Option<sql::Expr>,
}
