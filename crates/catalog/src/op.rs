//! What the catalog can be asked to change, and what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use triglot_model::{
    ColumnKind, ColumnType, DatabaseDef, DatabaseId, ExternalTableDef, Precision, RewriteRule, RoleId,
    TableDef, TableId, TenantId, UserId,
};

use crate::entity::{MemberRole, PasswordHash, Privilege, RoleDef, SystemRole, TenantDef, UserDef};
use crate::rights::{GrantObject, Grantee, Rights};

/// Changes to a text map: `Some` sets a key, `None` removes it.
pub type OptionChanges = BTreeMap<String, Option<String>>;

/// One change. A list of them given to [`crate::Catalog::apply`] is all or nothing; each is
/// validated against the state that the ones before it leave.
#[derive(Clone, Debug)]
pub enum CatalogOp {
    /// Makes a tenant.
    CreateTenant {
        /// Exact name.
        name: String,
        /// The dialect's options.
        options: BTreeMap<String, String>,
    },
    /// Changes a tenant's options.
    AlterTenant {
        /// The tenant.
        tenant: TenantId,
        /// Options to set and remove.
        options: OptionChanges,
    },
    /// Drops a tenant with all its databases, roles and memberships. The system tenant is refused.
    DropTenant {
        /// The tenant.
        tenant: TenantId,
        /// None: now. Else hide it now; [`CatalogOp::PurgeTenant`] may remove it after so many nanoseconds.
        after_ns: Option<i64>,
    },
    /// Takes back a deferred drop; a tenant that is not dropped stays as it is.
    RecoverTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// Removes a tenant whose deferred drop is due.
    PurgeTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// Makes a database. A name that a deferred drop still holds is taken.
    CreateDatabase(NewDatabase),
    /// Changes a database.
    AlterDatabase {
        /// The database.
        database: DatabaseId,
        /// What changes.
        changes: DatabaseChanges,
    },
    /// Drops a database with its tables and the grants on it.
    DropDatabase {
        /// The database.
        database: DatabaseId,
        /// None: now. Else hide it now; [`CatalogOp::PurgeDatabase`] may remove it after so many nanoseconds.
        after_ns: Option<i64>,
    },
    /// Takes back a deferred drop; a database that is not dropped stays as it is.
    RecoverDatabase {
        /// The database.
        database: DatabaseId,
    },
    /// Removes a database whose deferred drop is due.
    PurgeDatabase {
        /// The database.
        database: DatabaseId,
    },
    /// Makes a table; an existing one is an error.
    CreateTable(NewTable),
    /// Makes a table, or adds to the existing one of this name what columns it lacks (by the rules
    /// of [`CatalogOp::EnsureColumns`]; time column, identity, rewrite rule and options of an
    /// existing table stay). For schema-on-write: raced calls end in the same table.
    EnsureTable(NewTable),
    /// Changes a table.
    AlterTable {
        /// The table.
        table: TableId,
        /// What changes.
        change: TableChange,
    },
    /// Adds columns that the table lacks. One that exists with the same kind and type is fine, with
    /// another it is [`crate::CatalogError::ColumnConflict`].
    EnsureColumns {
        /// The table.
        table: TableId,
        /// The columns to have.
        adds: Vec<NewColumn>,
    },
    /// Drops a table.
    DropTable {
        /// The table.
        table: TableId,
    },
    /// Makes a table over files; the name must be free among the tables of all kinds.
    CreateExternalTable(ExternalTableDef),
    /// Drops a table over files. The files stay.
    DropExternalTable {
        /// Its database.
        database: DatabaseId,
        /// Its name.
        name: String,
    },
    /// Makes a user.
    CreateUser(NewUser),
    /// Changes a user.
    AlterUser {
        /// The user.
        user: UserId,
        /// What changes.
        changes: UserChanges,
    },
    /// Drops a user and its memberships. `root` is refused.
    DropUser {
        /// The user.
        user: UserId,
    },
    /// Makes a custom role.
    CreateRole {
        /// The tenant.
        tenant: TenantId,
        /// Exact name, not one of the system roles'.
        name: String,
        /// The system role whose rights it includes.
        inherit: Option<SystemRole>,
    },
    /// Drops a custom role. Members who have it stop being members.
    DropRole {
        /// The role.
        role: RoleId,
    },
    /// Gives a role a right on a database; a stronger one that it has stays.
    Grant {
        /// The role.
        role: RoleId,
        /// A database of the same tenant.
        database: DatabaseId,
        /// The right.
        privilege: Privilege,
    },
    /// Takes a right from a role, see [`Privilege::without`].
    Revoke {
        /// The role.
        role: RoleId,
        /// The database.
        database: DatabaseId,
        /// The right.
        privilege: Privilege,
    },
    /// Makes a user a member of a tenant.
    AddMember {
        /// The tenant.
        tenant: TenantId,
        /// The user, who is not yet a member.
        user: UserId,
        /// The role; a custom one must be the tenant's.
        role: MemberRole,
    },
    /// Gives a member another role.
    SetMember {
        /// The tenant.
        tenant: TenantId,
        /// The user, who is a member.
        user: UserId,
        /// The role; a custom one must be the tenant's.
        role: MemberRole,
    },
    /// Ends a membership.
    RemoveMember {
        /// The tenant.
        tenant: TenantId,
        /// The user.
        user: UserId,
    },
    /// Gives rights on a database or table; those held stay.
    GrantRights {
        /// To whom.
        grantee: Grantee,
        /// On what.
        object: GrantObject,
        /// Which.
        rights: Rights,
    },
    /// Takes rights on a database or table away; those not held are fine.
    RevokeRights {
        /// From whom.
        grantee: Grantee,
        /// On what.
        object: GrantObject,
        /// Which.
        rights: Rights,
    },
    /// Lets a user have all rights of another one, which stands for a group (SQL's `GRANT role TO user`). A
    /// group cannot be within itself.
    PutGroupMember {
        /// The group.
        group: UserId,
        /// Who joins.
        member: UserId,
        /// Whether the member may let others in.
        may_grant: bool,
    },
    /// Ends that.
    RemoveGroupMember {
        /// The group.
        group: UserId,
        /// Who leaves.
        member: UserId,
    },
    /// Makes a user who belongs to a tenant by a role of his own, without rights, named
    /// [`own_role_name`].
    CreateMember {
        /// The tenant.
        tenant: TenantId,
        /// The user.
        new: NewUser,
    },
    /// Sets a setting of the node (KWDB cluster settings …). Keys and values are the dialect's.
    SetSetting {
        /// Key.
        key: String,
        /// Value.
        value: String,
    },
    /// Removes a setting; an absent one is fine.
    UnsetSetting {
        /// Key.
        key: String,
    },
}

/// The name of the role that is one user's own in a tenant.
pub fn own_role_name(user: &str) -> String {
    format!("user {user}")
}

/// A database to make; the fields mean what they mean in [`DatabaseDef`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDatabase {
    /// Its tenant.
    pub tenant: TenantId,
    /// Exact name.
    pub name: String,
    /// Unit of its time columns.
    pub precision: Precision,
    /// How long rows are kept (ns), none = for ever.
    pub retention_ns: Option<i64>,
    /// The dialect's partition length (ns), none = unbounded.
    pub partition_ns: Option<i64>,
    /// The rule for duplicates that new tables take over.
    pub rewrite: RewriteRule,
    /// The dialect's options as text.
    pub options: BTreeMap<String, String>,
}

/// Changes of a database; absent parts stay. The precision never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseChanges {
    /// New name (KWDB `RENAME TO`).
    pub name: Option<String>,
    /// `Some(None)` = keep rows for ever.
    pub retention_ns: Option<Option<i64>>,
    /// The dialect's partition length. Files keep the buckets that they have.
    pub partition_ns: Option<Option<i64>>,
    /// The rule that new tables take over.
    pub rewrite: Option<RewriteRule>,
    /// Options to set and remove.
    pub options: OptionChanges,
}

/// A column to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewColumn {
    /// Exact name.
    pub name: String,
    /// What the engine stores.
    pub ty: ColumnType,
    /// Its part in the table.
    pub kind: ColumnKind,
    /// The dialect's own words for the type.
    pub declared: Option<String>,
    /// The dialect's own words for the codec.
    pub codec: Option<String>,
}

/// What makes a series, with primary tags by name (ids are given when the table is made).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewIdentity {
    /// All tags together (CnosDB).
    AllTags,
    /// The child table's name (TDengine).
    ChildName,
    /// These tags (KWDB). At least one.
    PrimaryTags(Vec<String>),
}

/// A table to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTable {
    /// Its database.
    pub database: DatabaseId,
    /// Exact name.
    pub name: String,
    /// What makes a series.
    pub identity: NewIdentity,
    /// The rule for duplicates, none = the database's.
    pub rewrite: Option<RewriteRule>,
    /// All columns: first the time column (a timestamp type), then at most one composite key, tags
    /// and at least one stored column, in the order of `SELECT *`.
    pub columns: Vec<NewColumn>,
    /// The dialect's options as text.
    pub options: BTreeMap<String, String>,
}

/// A change of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// Adds a field or tag at the end.
    AddColumn(NewColumn),
    /// Drops a column and its values.
    DropColumn(String),
    /// Renames a column.
    RenameColumn {
        /// Present name.
        from: String,
        /// New name.
        to: String,
    },
    /// Widens a column's type.
    WidenColumn {
        /// The column.
        column: String,
        /// The wider type.
        ty: ColumnType,
        /// The dialect's words.
        declared: Option<String>,
    },
    /// Records another codec (the time column's too).
    SetCodec {
        /// The column.
        column: String,
        /// The dialect's words, none = the default.
        codec: Option<String>,
    },
    /// Sets or (none) removes one of the dialect's options.
    SetOption {
        /// Key.
        key: String,
        /// Value.
        value: Option<String>,
    },
    /// The rule for duplicates from now on.
    SetRewrite(RewriteRule),
    /// Another name for the table within its database.
    Rename(String),
}

/// A user to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// Exact login name.
    pub name: String,
    /// The password, none = cannot log in with one.
    pub password: Option<PasswordHash>,
    /// Whether the user may do everything.
    pub is_admin: bool,
    /// Whether the user has to set a password first.
    pub must_change_password: bool,
    /// The dialect's options.
    pub options: BTreeMap<String, String>,
}

/// Changes of a user; absent parts stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// New password; `Some(None)` removes it.
    pub password: Option<Option<PasswordHash>>,
    /// Cannot be taken from `root`.
    pub is_admin: Option<bool>,
    /// Whether the user has to set a password first.
    pub must_change_password: Option<bool>,
    /// Options to set and remove.
    pub options: OptionChanges,
}

/// What one [`CatalogOp`] led to: the entity as it is after the whole call's ops up to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResult {
    /// The tenant made or changed.
    Tenant(Arc<TenantDef>),
    /// The database made or changed.
    Database(Arc<DatabaseDef>),
    /// The table made, found or changed.
    Table(Arc<TableDef>),
    /// The user made or changed.
    User(Arc<UserDef>),
    /// The role made or changed.
    Role(Arc<RoleDef>),
    /// Gone for good; these tables went with it and their data can be removed.
    Dropped(Vec<TableId>),
    /// Done, nothing to tell.
    Done,
}

impl OpResult {
    /// The table, if the op was about one that still exists.
    pub fn table(&self) -> Option<&Arc<TableDef>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The database, if the op was about one that still exists.
    pub fn database(&self) -> Option<&Arc<DatabaseDef>> {
        match self {
            Self::Database(database) => Some(database),
            _ => None,
        }
    }

    /// The user, if the op was about one that still exists.
    pub fn user(&self) -> Option<&Arc<UserDef>> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }
}
