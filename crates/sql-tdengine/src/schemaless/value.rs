//! Values with the types that their senders gave them.

use std::borrow::Cow;

use crate::insert::geometry::well_known_binary;
use crate::insert::value::Value as Stored;
use crate::{TaosError, TaosType};

/// A value of a column or tag.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL in a column of this type, where a row needs the column nevertheless.
    Null(TaosType),
    /// BOOL
    Bool(bool),
    /// TINYINT
    I8(i8),
    /// SMALLINT
    I16(i16),
    /// INT
    I32(i32),
    /// BIGINT
    I64(i64),
    /// TINYINT UNSIGNED
    U8(u8),
    /// SMALLINT UNSIGNED
    U16(u16),
    /// INT UNSIGNED
    U32(u32),
    /// BIGINT UNSIGNED
    U64(u64),
    /// FLOAT
    F32(f32),
    /// DOUBLE
    F64(f64),
    /// VARCHAR
    Varchar(Cow<'a, str>),
    /// NCHAR
    Nchar(Cow<'a, str>),
    /// VARBINARY
    Varbinary(Cow<'a, [u8]>),
    /// GEOMETRY, well-known binary: [`Value::geometry`].
    Geometry(Vec<u8>),
    /// JSON, an object of scalars as text: a table's only tag.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// A geometry of its well-known text.
    ///
    /// # Errors
    /// 0x3002: text that is none.
    pub fn geometry(text: &str) -> Result<Self, TaosError> {
        let binary = well_known_binary(text);
        binary.map(Self::Geometry).ok_or_else(|| invalid(format!("no geometry: {text}")))
    }

    /// The type of its column.
    pub(super) fn ty(&self) -> TaosType {
        match self {
            Self::Null(ty) => *ty,
            Self::Bool(_) => TaosType::Bool,
            Self::I8(_) => TaosType::TinyInt,
            Self::I16(_) => TaosType::SmallInt,
            Self::I32(_) => TaosType::Int,
            Self::I64(_) => TaosType::BigInt,
            Self::U8(_) => TaosType::UTinyInt,
            Self::U16(_) => TaosType::USmallInt,
            Self::U32(_) => TaosType::UInt,
            Self::U64(_) => TaosType::UBigInt,
            Self::F32(_) => TaosType::Float,
            Self::F64(_) => TaosType::Double,
            Self::Varchar(_) => TaosType::Varchar,
            Self::Nchar(_) => TaosType::Nchar,
            Self::Varbinary(_) => TaosType::Varbinary,
            Self::Geometry(_) => TaosType::Geometry,
            Self::Json(_) => TaosType::Json,
        }
    }

    /// Bytes of text and octets, by which columns are sized.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Varchar(text) | Self::Nchar(text) | Self::Json(text) => text.len(),
            Self::Varbinary(bytes) => bytes.len(),
            Self::Geometry(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// What it adds to the text whose MD5 names a child table: texts as they are, numbers as their 8 bytes.
    pub(super) fn push_name(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null(_) => {}
            Self::Bool(v) => out.extend_from_slice(&u64::from(*v).to_le_bytes()),
            Self::I8(v) => out.extend_from_slice(&i64::from(*v).to_le_bytes()),
            Self::I16(v) => out.extend_from_slice(&i64::from(*v).to_le_bytes()),
            Self::I32(v) => out.extend_from_slice(&i64::from(*v).to_le_bytes()),
            Self::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
            Self::U8(v) => out.extend_from_slice(&u64::from(*v).to_le_bytes()),
            Self::U16(v) => out.extend_from_slice(&u64::from(*v).to_le_bytes()),
            Self::U32(v) => out.extend_from_slice(&u64::from(*v).to_le_bytes()),
            Self::U64(v) => out.extend_from_slice(&v.to_le_bytes()),
            Self::F32(v) => out.extend_from_slice(&f64::from(*v).to_le_bytes()),
            Self::F64(v) => out.extend_from_slice(&v.to_le_bytes()),
            Self::Varchar(text) | Self::Nchar(text) | Self::Json(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            Self::Varbinary(bytes) => out.extend_from_slice(bytes),
            Self::Geometry(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// As INSERT hands it to a column of its type.
    pub(super) fn stored(&self) -> Stored<'_> {
        match self {
            Self::Null(_) => Stored::Null,
            Self::Bool(v) => Stored::Bool(*v),
            Self::I8(v) => Stored::Int(i64::from(*v)),
            Self::I16(v) => Stored::Int(i64::from(*v)),
            Self::I32(v) => Stored::Int(i64::from(*v)),
            Self::I64(v) => Stored::Int(*v),
            Self::U8(v) => Stored::UInt(u64::from(*v)),
            Self::U16(v) => Stored::UInt(u64::from(*v)),
            Self::U32(v) => Stored::UInt(u64::from(*v)),
            Self::U64(v) => Stored::UInt(*v),
            Self::F32(v) => Stored::Float(f64::from(*v)),
            Self::F64(v) => Stored::Float(*v),
            Self::Varchar(text) | Self::Nchar(text) | Self::Json(text) => Stored::Text(Cow::Borrowed(text)),
            Self::Varbinary(bytes) => Stored::Bytes(Cow::Borrowed(bytes)),
            Self::Geometry(bytes) => Stored::Bytes(Cow::Borrowed(bytes)),
        }
    }
}

/// 0x3002
pub(super) fn invalid(detail: impl std::fmt::Display) -> TaosError {
    TaosError::new(0x3002, format!("Invalid data format: {detail}"))
}
