//! Frozen (M-4): format 1 of catalog records and checkpoints, JSON. Nobody but `convert.rs` uses
//! these structs. Do not add, rename, reorder or retype a field; `tests.rs` holds golden bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

type Options = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Events {
    pub(crate) events: Vec<Event>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) format: u32,
    pub(crate) next: NextIds,
    pub(crate) events: Vec<Event>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextIds {
    pub(crate) tenant: u32,
    pub(crate) database: u32,
    pub(crate) table: u32,
    pub(crate) user: u32,
    pub(crate) role: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    TenantPut(Tenant),
    TenantRemoved { id: u32 },
    DatabasePut(Database),
    DatabaseRemoved { id: u32 },
    TablePut(Table),
    ColumnsAdded { table: u32, version: u32, columns: Vec<Column> },
    TableRemoved { id: u32 },
    UserPut(User),
    UserRemoved { id: u32 },
    RolePut(Role),
    RoleRemoved { id: u32 },
    MemberPut { tenant: u32, user: u32, role: MemberRole },
    MemberRemoved { tenant: u32, user: u32 },
    SettingPut { key: String, value: String },
    SettingRemoved { key: String },
    RightsPut { grantee: Grantee, object: GrantObject, rights: Vec<Right> },
    GroupMemberPut { group: u32, member: u32, may_grant: bool },
    GroupMemberRemoved { group: u32, member: u32 },
    ExternalTablePut(ExternalTable),
    ExternalTableRemoved { database: u32, name: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) options: Options,
    pub(crate) drop_at_ns: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) id: u32,
    pub(crate) tenant: u32,
    pub(crate) name: String,
    pub(crate) precision: Precision,
    pub(crate) retention_ns: Option<i64>,
    pub(crate) partition_ns: Option<i64>,
    pub(crate) rewrite: Rewrite,
    pub(crate) options: Options,
    pub(crate) drop_at_ns: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) database: u32,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) identity: Identity,
    pub(crate) rewrite: Rewrite,
    pub(crate) columns: Vec<Column>,
    pub(crate) next_column_id: u32,
    pub(crate) options: Options,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) id: u32,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) declared: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) codec: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Time,
    CompositeKey,
    Field,
    Tag,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Precision {
    #[serde(rename = "ms")]
    Milli,
    #[serde(rename = "us")]
    Micro,
    #[serde(rename = "ns")]
    Nano,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rewrite {
    Merge,
    Replace,
    Discard,
    Reject,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Identity {
    AllTags,
    ChildName,
    PrimaryTags(Vec<u32>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LengthUnit {
    Bytes,
    Chars,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    Decimal { precision: u8, scale: i8 },
    Ts(Precision),
    Str { max: Option<u32>, unit: LengthUnit },
    Bytes { max: Option<u32> },
    Json,
    GeomWkt,
    GeomWkb,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) password: Option<String>,
    pub(crate) is_admin: bool,
    pub(crate) must_change_password: bool,
    pub(crate) options: Options,
    pub(crate) created_ns: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SystemRole {
    Owner,
    Member,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Privilege {
    Read,
    Write,
    Full,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    pub(crate) id: u32,
    pub(crate) tenant: u32,
    pub(crate) name: String,
    pub(crate) inherit: Option<SystemRole>,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) database: u32,
    pub(crate) privilege: Privilege,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberRole {
    System(SystemRole),
    Custom(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grantee {
    User(u32),
    Everyone,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantObject {
    Database(u32),
    Table(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Right {
    Create,
    Drop,
    Grant,
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalTable {
    pub(crate) database: u32,
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) format: FileFormat,
    pub(crate) header: bool,
    pub(crate) delimiter: u8,
    pub(crate) compression: FileCompression,
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) partitions: Vec<FileColumn>,
    pub(crate) inferred: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileFormat {
    Csv,
    Parquet,
    Json,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileCompression {
    None,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileColumn {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: FileType,
    pub(crate) nullable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FileType {
    Null,
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    Text,
    Binary,
    Date32,
    Date64,
    Time(FileTimeUnit),
    Timestamp { unit: FileTimeUnit, zone: Option<String> },
    Duration(FileTimeUnit),
    IntervalYearMonth,
    IntervalDayTime,
    IntervalMonthDayNano,
    Decimal { precision: u8, scale: i8 },
    List(Box<FileColumn>),
    Struct(Vec<FileColumn>),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum FileTimeUnit {
    #[serde(rename = "s")]
    Second,
    #[serde(rename = "ms")]
    Milli,
    #[serde(rename = "us")]
    Micro,
    #[serde(rename = "ns")]
    Nano,
}
