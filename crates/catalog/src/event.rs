//! Facts: what one validated op did. The log holds them as frozen records ([`crate::record`]); the
//! state is their fold ([`crate::CatalogSnapshot`]).

use triglot_model::{
    ColumnDef, DatabaseDef, DatabaseId, ExternalTableDef, RoleId, TableDef, TableId, TenantId, UserId,
};

use crate::entity::{MemberRole, RoleDef, TenantDef, UserDef};
use crate::rights::{GrantObject, Grantee, Rights};

/// One fact. `Put` makes or replaces. Removals take along what hangs below: a tenant its databases,
/// roles and members, a database its tables of all kinds and the grants on it, a table the rights on it, a user its memberships
/// and rights, a role the memberships by it. That is part of the meaning of stored records and must not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    TenantPut(TenantDef),
    TenantRemoved(TenantId),
    DatabasePut(DatabaseDef),
    DatabaseRemoved(DatabaseId),
    TablePut(TableDef),
    /// Columns were added at the end; a record of its own so that the 4,000th column of a table does
    /// not write the other 3,999 again.
    ColumnsAdded {
        table: TableId,
        version: u32,
        columns: Vec<ColumnDef>,
    },
    TableRemoved(TableId),
    UserPut(UserDef),
    UserRemoved(UserId),
    RolePut(RoleDef),
    RoleRemoved(RoleId),
    MemberPut {
        tenant: TenantId,
        user: UserId,
        role: MemberRole,
    },
    MemberRemoved {
        tenant: TenantId,
        user: UserId,
    },
    SettingPut {
        key: String,
        value: String,
    },
    SettingRemoved {
        key: String,
    },
    /// All rights of a grantee on an object; none = no entry.
    RightsPut {
        grantee: Grantee,
        object: GrantObject,
        rights: Rights,
    },
    /// A user belongs to the group that another user stands for.
    GroupMemberPut {
        group: UserId,
        member: UserId,
        may_grant: bool,
    },
    GroupMemberRemoved {
        group: UserId,
        member: UserId,
    },
    ExternalTablePut(ExternalTableDef),
    ExternalTableRemoved {
        database: DatabaseId,
        name: String,
    },
}
