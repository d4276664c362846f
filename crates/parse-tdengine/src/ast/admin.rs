use super::{Ident, TableName};

/// An option of `CREATE USER` or the change of `ALTER USER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserOption {
    /// `PASS 'p'`
    Password(String),
    /// `ENABLE 0|1`
    Enable(bool),
    /// `SYSINFO 0|1`
    SysInfo(bool),
    /// `CREATEDB 0|1`
    CreateDb(bool),
    /// `HOST 'ip', …` and `ADD HOST 'ip', …`
    AddHosts(Vec<String>),
    /// `DROP HOST 'ip', …`
    DropHosts(Vec<String>),
    /// `IS_IMPORT 1`: the password is a hash.
    IsImport(bool),
}

/// `GRANT … ON … TO u` or `REVOKE … ON … FROM u`.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// `REVOKE`
    pub revoke: bool,
    /// What may be done.
    pub privileges: Vec<Privilege>,
    /// On what.
    pub target: PrivilegeTarget,
    /// By whom.
    pub user: Ident,
}

/// A privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// `ALL`
    All,
    /// `READ`
    Read,
    /// `WRITE`
    Write,
    /// `ALTER`
    Alter,
    /// `SUBSCRIBE`
    Subscribe,
}

/// What a privilege is about.
#[derive(Clone, Debug, PartialEq)]
pub enum PrivilegeTarget {
    /// `*.*`
    Everything,
    /// `db.*`, or `db` / a topic.
    Database(Ident),
    /// `db.tb [WITH e]`
    Table {
        /// The table.
        table: TableName,
        /// Only rows whose tags satisfy it.
        filter: Option<super::Expr>,
    },
}

/// Which tables `SHOW TABLES` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// All.
    All,
    /// `NORMAL`
    Normal,
    /// `CHILD`
    Child,
}

/// `SHOW …`.
#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    /// `SHOW [USER|SYSTEM] DATABASES`
    Databases {
        /// `Some(true)`: system ones only; `Some(false)`: users' only.
        system: Option<bool>,
    },
    /// `SHOW [NORMAL|CHILD] [d.]TABLES [LIKE 'p']`
    Tables {
        /// Which.
        kind: TableKind,
        /// The database.
        database: Option<Ident>,
        /// The pattern.
        like: Option<String>,
    },
    /// `SHOW [d.]STABLES [LIKE 'p']`
    Stables {
        /// The database.
        database: Option<Ident>,
        /// The pattern.
        like: Option<String>,
    },
    /// `SHOW CREATE DATABASE d`
    CreateDatabase(Ident),
    /// `SHOW CREATE [S]TABLE t`
    CreateTable {
        /// The table.
        table: TableName,
        /// `STABLE` was written.
        stable: bool,
    },
    /// `SHOW CREATE VIEW v`
    CreateView(TableName),
    /// `SHOW TAGS FROM c [FROM d]`
    Tags {
        /// The child table.
        table: TableName,
    },
    /// `SHOW TABLE TAGS [t …] FROM s [FROM d]`
    TableTags {
        /// Only these; none = all.
        tags: Vec<Ident>,
        /// The super table (or a child).
        table: TableName,
    },
    /// `SHOW INDEXES FROM t [FROM d]`
    Indexes(TableName),
    /// `SHOW TABLE DISTRIBUTED t`
    Distributed(TableName),
    /// `SHOW [d.]VGROUPS`
    Vgroups(Option<Ident>),
    /// `SHOW [d.]ALIVE`
    Alive(Option<Ident>),
    /// `SHOW CLUSTER ALIVE`
    ClusterAlive,
    /// `SHOW VARIABLES`, `SHOW LOCAL VARIABLES`, `SHOW DNODE n VARIABLES`, each with `[LIKE 'p']`
    Variables {
        /// `LOCAL`
        local: bool,
        /// `DNODE n`
        dnode: Option<i64>,
        /// The pattern.
        like: Option<String>,
    },
    /// A list by one word: the table of `information_schema` (`ins_users`) or `performance_schema`
    /// (`perf_queries`) whose rows it shows.
    Table(&'static str),
}
