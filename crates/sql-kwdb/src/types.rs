//! KWDB's types: names, widths, and what the engine stores for them (sheet sections 7.1 and 10.2).

/// A column of a result set as `column_meta` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMeta {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: KwType,
    /// Bytes, or characters of N types; [`KwType::UNBOUNDED`] without a declared width.
    pub length: i64,
}

/// The types of columns and results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KwType {
    /// BOOL.
    Bool,
    /// INT2.
    Int2,
    /// INT4.
    Int4,
    /// INT8.
    Int8,
    /// FLOAT4.
    Float4,
    /// FLOAT8.
    Float8,
    /// DECIMAL.
    Decimal,
    /// TIMESTAMP: an instant that is always shown as UTC.
    Timestamp,
    /// TIMESTAMPTZ: an instant that is shown in the request's zone.
    TimestampTz,
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// INTERVAL.
    Interval,
    /// CHAR: bytes.
    Char,
    /// VARCHAR: bytes.
    Varchar,
    /// NCHAR: characters.
    Nchar,
    /// NVARCHAR: characters.
    Nvarchar,
    /// STRING with a width.
    String,
    /// STRING without a width.
    Text,
    /// BYTES of relational tables.
    Bytes,
    /// VARBYTES.
    Varbytes,
    /// GEOMETRY, as well-known text.
    Geometry,
    /// JSONB.
    Jsonb,
    /// UUID.
    Uuid,
    /// NULL without a type.
    Unknown,
}

impl KwType {
    /// The length that is told of a type without a declared width.
    pub const UNBOUNDED: i64 = i64::MAX;
}
