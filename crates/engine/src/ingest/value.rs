use triglot_model::{ColumnType, GeomEncoding};

/// A field value as a parser gives it. It is stored in a column of the same class: signed, unsigned,
/// float, boolean, text or bytes; narrower columns of the class take it if it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A float.
    F64(f64),
    /// true or false.
    Bool(bool),
    /// Text.
    Str(&'a str),
    /// Octets.
    Bytes(&'a [u8]),
}

/// The classes of values that do not mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Signed,
    Unsigned,
    Float,
    Bool,
    Text,
    Bytes,
}

impl FieldValue<'_> {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::I64(_) => Class::Signed,
            Self::U64(_) => Class::Unsigned,
            Self::F64(_) => Class::Float,
            Self::Bool(_) => Class::Bool,
            Self::Str(_) => Class::Text,
            Self::Bytes(_) => Class::Bytes,
        }
    }

    /// The type of a column that is made for such a value.
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::I64(_) => ColumnType::I64,
            Self::U64(_) => ColumnType::U64,
            Self::F64(_) => ColumnType::F64,
            Self::Bool(_) => ColumnType::Bool,
            Self::Str(_) => ColumnType::TEXT,
            Self::Bytes(_) => ColumnType::Bytes { max: None },
        }
    }
}

impl Class {
    /// The class of a column's values; none for types that only typed inserts can write.
    pub(super) fn of(ty: ColumnType) -> Option<Self> {
        Some(match ty {
            ColumnType::I8 | ColumnType::I16 | ColumnType::I32 | ColumnType::I64 => Self::Signed,
            ColumnType::U8 | ColumnType::U16 | ColumnType::U32 | ColumnType::U64 => Self::Unsigned,
            ColumnType::F32 | ColumnType::F64 => Self::Float,
            ColumnType::Bool => Self::Bool,
            ColumnType::Str { .. } | ColumnType::Geom(GeomEncoding::Wkt) => Self::Text,
            ColumnType::Bytes { .. } => Self::Bytes,
            ColumnType::Decimal { .. }
            | ColumnType::Ts(_)
            | ColumnType::Json
            | ColumnType::Geom(GeomEncoding::Wkb) => return None,
        })
    }
}
