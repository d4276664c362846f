//! Between the catalog's own structs and the frozen ones, both ways and without loss.

use triglot_model as model;
use triglot_model::{ColumnId, DatabaseId, RoleId, TableId, TenantId, UserId};

use super::v1;
use crate::entity;
use crate::event::Event;
use crate::{rights, snapshot};

/// `From` both ways between two enums with the same unit variants.
macro_rules! same_variants {
    ($ours:path, $theirs:path: $($variant:ident),+) => {
        impl From<$ours> for $theirs {
            fn from(value: $ours) -> Self {
                use $ours as Ours;
                match value { $(Ours::$variant => Self::$variant),+ }
            }
        }
        impl From<$theirs> for $ours {
            fn from(value: $theirs) -> Self {
                use $theirs as Theirs;
                match value { $(Theirs::$variant => Self::$variant),+ }
            }
        }
    };
}

pub(super) use same_variants;

same_variants!(model::Precision, v1::Precision: Milli, Micro, Nano);
same_variants!(model::RewriteRule, v1::Rewrite: Merge, Replace, Discard, Reject);
same_variants!(model::ColumnKind, v1::Kind: Time, CompositeKey, Field, Tag);
same_variants!(model::LengthUnit, v1::LengthUnit: Bytes, Chars);
same_variants!(entity::SystemRole, v1::SystemRole: Owner, Member);
same_variants!(entity::Privilege, v1::Privilege: Read, Write, Full);
same_variants!(rights::Right, v1::Right: Create, Drop, Grant, Select, Insert, Update, Delete);

impl From<model::ColumnType> for v1::Type {
    fn from(ty: model::ColumnType) -> Self {
        use model::{ColumnType as C, GeomEncoding};
        match ty {
            C::Bool => Self::Bool,
            C::I8 => Self::I8,
            C::I16 => Self::I16,
            C::I32 => Self::I32,
            C::I64 => Self::I64,
            C::U8 => Self::U8,
            C::U16 => Self::U16,
            C::U32 => Self::U32,
            C::U64 => Self::U64,
            C::F32 => Self::F32,
            C::F64 => Self::F64,
            C::Decimal { precision, scale } => Self::Decimal { precision, scale },
            C::Ts(p) => Self::Ts(p.into()),
            C::Str { max, unit } => Self::Str { max, unit: unit.into() },
            C::Bytes { max } => Self::Bytes { max },
            C::Json => Self::Json,
            C::Geom(GeomEncoding::Wkt) => Self::GeomWkt,
            C::Geom(GeomEncoding::Wkb) => Self::GeomWkb,
        }
    }
}

impl From<v1::Type> for model::ColumnType {
    fn from(ty: v1::Type) -> Self {
        use v1::Type as T;
        match ty {
            T::Bool => Self::Bool,
            T::I8 => Self::I8,
            T::I16 => Self::I16,
            T::I32 => Self::I32,
            T::I64 => Self::I64,
            T::U8 => Self::U8,
            T::U16 => Self::U16,
            T::U32 => Self::U32,
            T::U64 => Self::U64,
            T::F32 => Self::F32,
            T::F64 => Self::F64,
            T::Decimal { precision, scale } => Self::Decimal { precision, scale },
            T::Ts(p) => Self::Ts(p.into()),
            T::Str { max, unit } => Self::Str { max, unit: unit.into() },
            T::Bytes { max } => Self::Bytes { max },
            T::Json => Self::Json,
            T::GeomWkt => Self::Geom(model::GeomEncoding::Wkt),
            T::GeomWkb => Self::Geom(model::GeomEncoding::Wkb),
        }
    }
}

impl From<model::IdentityRule> for v1::Identity {
    fn from(rule: model::IdentityRule) -> Self {
        match rule {
            model::IdentityRule::AllTags => Self::AllTags,
            model::IdentityRule::ChildName => Self::ChildName,
            model::IdentityRule::PrimaryTags(ids) => {
                Self::PrimaryTags(ids.into_iter().map(|c| c.0).collect())
            }
        }
    }
}

impl From<v1::Identity> for model::IdentityRule {
    fn from(rule: v1::Identity) -> Self {
        match rule {
            v1::Identity::AllTags => Self::AllTags,
            v1::Identity::ChildName => Self::ChildName,
            v1::Identity::PrimaryTags(ids) => Self::PrimaryTags(ids.into_iter().map(ColumnId).collect()),
        }
    }
}

impl From<entity::MemberRole> for v1::MemberRole {
    fn from(role: entity::MemberRole) -> Self {
        match role {
            entity::MemberRole::System(role) => Self::System(role.into()),
            entity::MemberRole::Custom(id) => Self::Custom(id.0),
        }
    }
}

impl From<v1::MemberRole> for entity::MemberRole {
    fn from(role: v1::MemberRole) -> Self {
        match role {
            v1::MemberRole::System(role) => Self::System(role.into()),
            v1::MemberRole::Custom(id) => Self::Custom(RoleId(id)),
        }
    }
}

impl From<rights::Grantee> for v1::Grantee {
    fn from(grantee: rights::Grantee) -> Self {
        match grantee {
            rights::Grantee::User(id) => Self::User(id.0),
            rights::Grantee::Everyone => Self::Everyone,
        }
    }
}

impl From<v1::Grantee> for rights::Grantee {
    fn from(grantee: v1::Grantee) -> Self {
        match grantee {
            v1::Grantee::User(id) => Self::User(UserId(id)),
            v1::Grantee::Everyone => Self::Everyone,
        }
    }
}

impl From<rights::GrantObject> for v1::GrantObject {
    fn from(object: rights::GrantObject) -> Self {
        match object {
            rights::GrantObject::Database(id) => Self::Database(id.0),
            rights::GrantObject::Table(id) => Self::Table(id.0),
        }
    }
}

impl From<v1::GrantObject> for rights::GrantObject {
    fn from(object: v1::GrantObject) -> Self {
        match object {
            v1::GrantObject::Database(id) => Self::Database(DatabaseId(id)),
            v1::GrantObject::Table(id) => Self::Table(TableId(id)),
        }
    }
}

impl From<snapshot::NextIds> for v1::NextIds {
    fn from(next: snapshot::NextIds) -> Self {
        let snapshot::NextIds { tenant, database, table, user, role } = next;
        Self { tenant, database, table, user, role }
    }
}

impl From<v1::NextIds> for snapshot::NextIds {
    fn from(next: v1::NextIds) -> Self {
        let v1::NextIds { tenant, database, table, user, role } = next;
        Self { tenant, database, table, user, role }
    }
}

impl From<entity::TenantDef> for v1::Tenant {
    fn from(def: entity::TenantDef) -> Self {
        let entity::TenantDef { id, name, options, drop_at_ns } = def;
        Self { id: id.0, name, options, drop_at_ns }
    }
}

impl From<v1::Tenant> for entity::TenantDef {
    fn from(def: v1::Tenant) -> Self {
        let v1::Tenant { id, name, options, drop_at_ns } = def;
        Self { id: TenantId(id), name, options, drop_at_ns }
    }
}

impl From<model::DatabaseDef> for v1::Database {
    fn from(def: model::DatabaseDef) -> Self {
        Self {
            id: def.id.0,
            tenant: def.tenant.0,
            name: def.name,
            precision: def.precision.into(),
            retention_ns: def.retention_ns,
            partition_ns: def.partition_ns,
            rewrite: def.rewrite.into(),
            options: def.options,
            drop_at_ns: def.drop_at_ns,
        }
    }
}

impl From<v1::Database> for model::DatabaseDef {
    fn from(def: v1::Database) -> Self {
        Self {
            id: DatabaseId(def.id),
            tenant: TenantId(def.tenant),
            name: def.name,
            precision: def.precision.into(),
            retention_ns: def.retention_ns,
            partition_ns: def.partition_ns,
            rewrite: def.rewrite.into(),
            options: def.options,
            drop_at_ns: def.drop_at_ns,
        }
    }
}

impl From<model::ColumnDef> for v1::Column {
    fn from(def: model::ColumnDef) -> Self {
        let model::ColumnDef { id, name, ty, kind, declared, codec } = def;
        Self { id: id.0, name, ty: ty.into(), kind: kind.into(), declared, codec }
    }
}

impl From<v1::Column> for model::ColumnDef {
    fn from(def: v1::Column) -> Self {
        let v1::Column { id, name, ty, kind, declared, codec } = def;
        Self { id: ColumnId(id), name, ty: ty.into(), kind: kind.into(), declared, codec }
    }
}

impl From<model::TableDef> for v1::Table {
    fn from(def: model::TableDef) -> Self {
        Self {
            id: def.id.0,
            database: def.database.0,
            name: def.name,
            version: def.version,
            identity: def.identity.into(),
            rewrite: def.rewrite.into(),
            columns: def.columns.into_iter().map(Into::into).collect(),
            next_column_id: def.next_column_id.0,
            options: def.options,
        }
    }
}

impl From<v1::Table> for model::TableDef {
    fn from(def: v1::Table) -> Self {
        Self {
            id: TableId(def.id),
            database: DatabaseId(def.database),
            name: def.name,
            version: def.version,
            identity: def.identity.into(),
            rewrite: def.rewrite.into(),
            columns: def.columns.into_iter().map(Into::into).collect(),
            next_column_id: ColumnId(def.next_column_id),
            options: def.options,
        }
    }
}

impl From<entity::UserDef> for v1::User {
    fn from(def: entity::UserDef) -> Self {
        Self {
            id: def.id.0,
            name: def.name,
            version: def.version,
            password: def.password.map(|p| p.expose().to_owned()),
            is_admin: def.is_admin,
            must_change_password: def.must_change_password,
            options: def.options,
            created_ns: def.created_ns,
        }
    }
}

impl From<v1::User> for entity::UserDef {
    fn from(def: v1::User) -> Self {
        Self {
            id: UserId(def.id),
            name: def.name,
            version: def.version,
            password: def.password.map(entity::PasswordHash::new),
            is_admin: def.is_admin,
            must_change_password: def.must_change_password,
            options: def.options,
            created_ns: def.created_ns,
        }
    }
}

impl From<entity::RoleDef> for v1::Role {
    fn from(def: entity::RoleDef) -> Self {
        let grants = def.grants.into_iter();
        Self {
            id: def.id.0,
            tenant: def.tenant.0,
            name: def.name,
            inherit: def.inherit.map(Into::into),
            grants: grants.map(|(d, p)| v1::Grant { database: d.0, privilege: p.into() }).collect(),
        }
    }
}

impl From<v1::Role> for entity::RoleDef {
    fn from(def: v1::Role) -> Self {
        let grants = def.grants.into_iter();
        Self {
            id: RoleId(def.id),
            tenant: TenantId(def.tenant),
            name: def.name,
            inherit: def.inherit.map(Into::into),
            grants: grants.map(|g| (DatabaseId(g.database), g.privilege.into())).collect(),
        }
    }
}

impl From<Event> for v1::Event {
    fn from(event: Event) -> Self {
        match event {
            Event::TenantPut(def) => Self::TenantPut(def.into()),
            Event::TenantRemoved(id) => Self::TenantRemoved { id: id.0 },
            Event::DatabasePut(def) => Self::DatabasePut(def.into()),
            Event::DatabaseRemoved(id) => Self::DatabaseRemoved { id: id.0 },
            Event::TablePut(def) => Self::TablePut(def.into()),
            Event::ColumnsAdded { table, version, columns } => Self::ColumnsAdded {
                table: table.0,
                version,
                columns: columns.into_iter().map(Into::into).collect(),
            },
            Event::TableRemoved(id) => Self::TableRemoved { id: id.0 },
            Event::UserPut(def) => Self::UserPut(def.into()),
            Event::UserRemoved(id) => Self::UserRemoved { id: id.0 },
            Event::RolePut(def) => Self::RolePut(def.into()),
            Event::RoleRemoved(id) => Self::RoleRemoved { id: id.0 },
            Event::MemberPut { tenant, user, role } => {
                Self::MemberPut { tenant: tenant.0, user: user.0, role: role.into() }
            }
            Event::MemberRemoved { tenant, user } => Self::MemberRemoved { tenant: tenant.0, user: user.0 },
            Event::SettingPut { key, value } => Self::SettingPut { key, value },
            Event::SettingRemoved { key } => Self::SettingRemoved { key },
            Event::RightsPut { grantee, object, rights } => Self::RightsPut {
                grantee: grantee.into(),
                object: object.into(),
                rights: rights.iter().map(Into::into).collect(),
            },
            Event::GroupMemberPut { group, member, may_grant } => {
                Self::GroupMemberPut { group: group.0, member: member.0, may_grant }
            }
            Event::GroupMemberRemoved { group, member } => {
                Self::GroupMemberRemoved { group: group.0, member: member.0 }
            }
            Event::ExternalTablePut(def) => Self::ExternalTablePut(def.into()),
            Event::ExternalTableRemoved { database, name } => {
                Self::ExternalTableRemoved { database: database.0, name }
            }
        }
    }
}

impl From<v1::Event> for Event {
    fn from(event: v1::Event) -> Self {
        use v1::Event as E;
        match event {
            E::TenantPut(def) => Self::TenantPut(def.into()),
            E::TenantRemoved { id } => Self::TenantRemoved(TenantId(id)),
            E::DatabasePut(def) => Self::DatabasePut(def.into()),
            E::DatabaseRemoved { id } => Self::DatabaseRemoved(DatabaseId(id)),
            E::TablePut(def) => Self::TablePut(def.into()),
            E::ColumnsAdded { table, version, columns } => Self::ColumnsAdded {
                table: TableId(table),
                version,
                columns: columns.into_iter().map(Into::into).collect(),
            },
            E::TableRemoved { id } => Self::TableRemoved(TableId(id)),
            E::UserPut(def) => Self::UserPut(def.into()),
            E::UserRemoved { id } => Self::UserRemoved(UserId(id)),
            E::RolePut(def) => Self::RolePut(def.into()),
            E::RoleRemoved { id } => Self::RoleRemoved(RoleId(id)),
            E::MemberPut { tenant, user, role } => {
                Self::MemberPut { tenant: TenantId(tenant), user: UserId(user), role: role.into() }
            }
            E::MemberRemoved { tenant, user } => {
                Self::MemberRemoved { tenant: TenantId(tenant), user: UserId(user) }
            }
            E::SettingPut { key, value } => Self::SettingPut { key, value },
            E::SettingRemoved { key } => Self::SettingRemoved { key },
            E::RightsPut { grantee, object, rights } => Self::RightsPut {
                grantee: grantee.into(),
                object: object.into(),
                rights: rights.into_iter().map(crate::Right::from).collect(),
            },
            E::GroupMemberPut { group, member, may_grant } => {
                Self::GroupMemberPut { group: UserId(group), member: UserId(member), may_grant }
            }
            E::GroupMemberRemoved { group, member } => {
                Self::GroupMemberRemoved { group: UserId(group), member: UserId(member) }
            }
            E::ExternalTablePut(def) => Self::ExternalTablePut(def.into()),
            E::ExternalTableRemoved { database, name } => {
                Self::ExternalTableRemoved { database: DatabaseId(database), name }
            }
        }
    }
}
