//! Facts: what one validated op did. The log holds them as frozen records ([`crate::record`]); the
//! state is their fold ([`crate::CatalogSnapshot`]).

use triglot_model::{
    ColumnDef, DatabaseDef, DatabaseId, ExternalTableDef, RoleId, TableDef, TableId, TenantId, UserId,
};

use crate::entity::{MemberRole, RoleDef, TenantDef, UserDef};

/// One fact. `Put` makes or replaces. Removals take along what hangs below: a tenant its databases,
/// roles and members, a database its tables of all kinds and the grants on it, a user its memberships, a role the
/// memberships by it. That is part of the meaning of stored records and must not change.
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
    ExternalTablePut(ExternalTableDef),
    ExternalTableRemoved {
        database: DatabaseId,
        name: String,
    },
}
