use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{Expr, LogicalPlan};
use triglot_catalog::{
    DatabaseChanges, NewColumn, NewDatabase, NewIdentity, NewUser, OptionChanges, Privilege, SystemRole,
    TableChange, UserChanges,
};
use triglot_model::{ColumnId, RowOp};
use triglot_query::{PlannedQuery, QueryStream};

use crate::child_tables::NewChild;
use crate::files::{CreateExternalTable, Export};
use crate::ingest::SeriesRows;
use crate::keyed::InsertKeyed;
use crate::rights::GrantedRights;

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
    /// Makes a database.
    CreateDatabase {
        /// What is made; its tenant is the session's, unless the dialect lets one be named.
        new: NewDatabase,
        /// No error if it exists.
        if_not_exists: bool,
    },
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
    /// Merges the files of all its tables; returns when that is done.
    CompactDatabase {
        /// Its name.
        name: String,
    },
    /// Writes what is in memory to files, of its tables and of what shares their shards; returns when that is done.
    FlushDatabase {
        /// Its name.
        name: String,
    },
    /// Drops what is past its retention at once, which the background would do within a minute.
    TrimDatabase {
        /// Its name.
        name: String,
    },
    /// Makes a table.
    CreateTable(CreateTable),
    /// Makes a table over files.
    CreateExternalTable(CreateExternalTable),
    /// Keeps the text of a query under a name ([`crate::Engine::view_text`]).
    CreateView {
        /// Its name, which no table of the database may have.
        view: TableName,
        /// The query, in the dialect's words.
        text: String,
        /// Takes the place of one that exists.
        or_replace: bool,
    },
    /// Drops a view.
    DropView {
        /// Its name.
        view: TableName,
        /// No error if it does not exist.
        if_exists: bool,
    },
    /// Changes a table's columns.
    AlterTable {
        /// The table.
        table: TableName,
        /// What changes.
        change: TableChange,
    },
    /// Drops a table and its rows, or a table over files without the files.
    DropTable {
        /// The table.
        table: TableName,
        /// No error if it does not exist.
        if_exists: bool,
    },
    /// Makes child tables of super tables, all or none.
    CreateChildren(Vec<NewChild>),
    /// Changes tags of a child table; none = NULL. Hidden ones ([`triglot_model::ColumnId::CHILD_TTL`],
    /// [`triglot_model::ColumnId::CHILD_COMMENT`]) too.
    AlterChild {
        /// The database, none = the session's.
        database: Option<String>,
        /// The child table.
        name: String,
        /// Tags and their new values.
        tags: Vec<(ColumnId, Option<Box<str>>)>,
    },
    /// Writes rows given as columns.
    Insert(Insert),
    /// Writes rows of child and normal tables of one database. A table that is not there any more, or a
    /// row past the retention, refuses them all.
    InsertRows(Vec<SeriesRows>),
    /// Writes rows of a keyed table, all or none.
    InsertKeyed(InsertKeyed),
    /// Deletes rows of a super, child or normal table by time, tags and child name, and counts them.
    DeleteCounted {
        /// The table.
        table: TableName,
        /// A predicate over time, tags and [`triglot_query::CHILD_NAME`] (unqualified); none = all rows.
        filter: Option<Expr>,
    },
    /// Deletes the series of a table that a predicate over tags names, with their rows, and counts those.
    DeleteSeries {
        /// The table.
        table: TableName,
        /// A predicate over tags (unqualified column names).
        filter: Expr,
    },
    /// Deletes rows by time and tags; those of a keyed table by any predicate, and counts them.
    Delete {
        /// The table.
        table: TableName,
        /// A predicate over time and tags (unqualified column names); none = all rows.
        filter: Option<Expr>,
    },
    /// Changes rows or series that exist.
    Update(Update),
    /// Writes the rows of a query into a file.
    Export(Export),
    /// Runs a query; `EXPLAIN` is a query too.
    Query(Query),
    /// Runs a query whose plan may be a kept one.
    Select(Select),
    /// Ends a running query.
    KillQuery(u64),
    /// Sets a setting of the node; none removes it. Keys and values are the dialect's.
    SetSetting {
        /// Its key.
        key: String,
        /// Its value.
        value: Option<String>,
    },
    /// Tenants and who belongs to them.
    Tenant(TenantStatement),
    /// Custom roles of the session's tenant.
    Role(RoleStatement),
    /// Users of the node.
    User(UserStatement),
    /// Rights on single objects, and groups of users.
    Rights(RightsStatement),
}

/// What is done about rights on single databases and tables, and about users who stand for groups. Users are
/// those of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightsStatement {
    /// Gives rights; those held stay.
    Grant(GrantedRights),
    /// Takes rights away; those not held are fine.
    Revoke(GrantedRights),
    /// A user gets all rights of another, which stands for a group.
    AddGroupMember {
        /// The group.
        group: String,
        /// Who joins.
        member: String,
        /// Whether the member may let others in.
        may_grant: bool,
    },
    /// Ends that.
    RemoveGroupMember {
        /// The group.
        group: String,
        /// Who leaves.
        member: String,
    },
}

/// What is done about a tenant and its members. Everything is by name; a tenant need not be the
/// session's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantStatement {
    /// Makes a tenant.
    Create {
        /// Exact name.
        name: String,
        /// No error if it exists.
        if_not_exists: bool,
        /// The dialect's options as text.
        options: BTreeMap<String, String>,
    },
    /// Changes a tenant's options.
    Alter {
        /// Its name.
        name: String,
        /// Options to set and remove.
        options: OptionChanges,
    },
    /// Drops a tenant with all that is in it, now or later.
    Drop {
        /// Its name.
        name: String,
        /// No error if it does not exist.
        if_exists: bool,
        /// Hide it now and remove it after this many nanoseconds.
        after_ns: Option<i64>,
    },
    /// Takes back a deferred drop.
    Recover {
        /// Its name.
        name: String,
        /// No error if there is nothing to recover.
        if_exists: bool,
    },
    /// Makes a user a member.
    AddMember {
        /// The tenant.
        tenant: String,
        /// The user.
        user: String,
        /// A system role or one of the tenant's own.
        role: String,
    },
    /// Gives a member another role.
    SetMember {
        /// The tenant.
        tenant: String,
        /// The user.
        user: String,
        /// A system role or one of the tenant's own.
        role: String,
    },
    /// Ends a membership.
    RemoveMember {
        /// The tenant.
        tenant: String,
        /// The user.
        user: String,
    },
}

/// What is done about a custom role of the session's tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleStatement {
    /// Makes a role.
    Create {
        /// Exact name.
        name: String,
        /// No error if it exists.
        if_not_exists: bool,
        /// The system role whose rights it includes.
        inherit: Option<SystemRole>,
    },
    /// Drops a role. Members who have it stop being members.
    Drop {
        /// Its name.
        name: String,
        /// No error if it does not exist.
        if_exists: bool,
    },
    /// Gives rights on databases of the tenant, all or none.
    Grant {
        /// The role.
        role: String,
        /// Right and database.
        rights: Vec<(Privilege, String)>,
    },
    /// Takes rights on databases of the tenant, all or none.
    Revoke {
        /// The role.
        role: String,
        /// Right and database.
        rights: Vec<(Privilege, String)>,
    },
}

/// What is done about a user of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserStatement {
    /// Makes a user who belongs to the session's tenant by a role of his own, which has no rights yet
    /// ([`triglot_catalog::own_role_name`]).
    CreateMember {
        /// The user; its `password` is not looked at.
        new: NewUser,
        /// The password, none = cannot log in with one.
        password: Option<ClearPassword>,
        /// No error if it exists.
        if_not_exists: bool,
    },
    /// Drops such a user and the role.
    DropMember {
        /// Login name.
        name: String,
        /// No error if there is none.
        if_exists: bool,
    },
    /// Makes a user.
    Create {
        /// All but the password.
        new: NewUser,
        /// The password, none = cannot log in with one.
        password: Option<ClearPassword>,
        /// No error if the user exists.
        if_not_exists: bool,
    },
    /// Changes a user. Everybody may set his own password and nothing else.
    Alter {
        /// Login name.
        name: String,
        /// All but the password.
        changes: UserChanges,
        /// The new password.
        password: Option<ClearPassword>,
    },
    /// Removes a user and his memberships.
    Drop {
        /// Login name.
        name: String,
        /// No error if there is none.
        if_exists: bool,
    },
}

/// A new password in clear text: hashed at once, never stored or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ClearPassword(pub String);

impl std::fmt::Debug for ClearPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("*****")
    }
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
    /// The result of a query, all or nothing.
    Plan(Box<LogicalPlan>),
    /// The result of a query of any size, written piece by piece in bounded memory. What was written
    /// before an error stays; the same rows once more do no harm (W-5).
    Stream {
        /// The query.
        plan: Box<LogicalPlan>,
        /// Its text, for the query list.
        text: String,
    },
}

/// `UPDATE`.
#[derive(Clone, Debug)]
pub struct Update {
    /// The table.
    pub table: TableName,
    /// What changes.
    pub changes: UpdateChanges,
    /// Which rows (fields) or series (tags); none = all. Columns are unqualified, or qualified by
    /// the table as it is written in `table`.
    pub filter: Option<Expr>,
}

/// What an [`Update`] changes; each column once.
#[derive(Clone, Debug)]
pub enum UpdateChanges {
    /// Fields and expressions over the row's columns, cast to the field's type; NULL overwrites. A
    /// row that others change meanwhile keeps what the update writes, if that comes later; one that
    /// they delete meanwhile comes back with the fields that the update writes.
    Fields(Vec<(String, Expr)>),
    /// Tags and constants, none = NULL; the filter may name tags only. Where all tags are the
    /// identity, each series must get one that no series has, be it its own.
    Tags(Vec<(String, Option<String>)>),
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
    /// Partitions to run on, none = the server's choice.
    pub target_partitions: Option<usize>,
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
