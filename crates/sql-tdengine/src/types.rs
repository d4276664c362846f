use std::fmt;

use arrow::datatypes::DataType;
use triglot_model::Precision;

/// A column of a result set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMeta {
    /// The name (sheet `tdengine-sql.md` section 7).
    pub name: String,
    /// The type.
    pub ty: TaosType,
    /// The length that is printed: bytes of fixed types, the declared length of others
    /// (characters for NCHAR).
    pub length: u32,
}

/// TDengine's types as results carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaosType {
    /// `BOOL`
    Bool,
    /// `TINYINT`
    TinyInt,
    /// `SMALLINT`
    SmallInt,
    /// `INT`
    Int,
    /// `BIGINT`
    BigInt,
    /// `TINYINT UNSIGNED`
    UTinyInt,
    /// `SMALLINT UNSIGNED`
    USmallInt,
    /// `INT UNSIGNED`
    UInt,
    /// `BIGINT UNSIGNED`
    UBigInt,
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `DECIMAL(p,s)`
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// `TIMESTAMP`
    Timestamp,
    /// `VARCHAR`, `BINARY`
    Varchar,
    /// `NCHAR`
    Nchar,
    /// `VARBINARY`
    Varbinary,
    /// `GEOMETRY`, as WKB
    Geometry,
    /// `JSON`, as text
    Json,
    /// `BLOB`
    Blob,
}

impl TaosType {
    /// Whether it is an integer, of either sign.
    pub(crate) const fn is_integer(self) -> bool {
        matches!(self, Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt) || self.is_unsigned()
    }

    /// Whether it is an unsigned integer.
    pub(crate) const fn is_unsigned(self) -> bool {
        matches!(self, Self::UTinyInt | Self::USmallInt | Self::UInt | Self::UBigInt)
    }

    /// Whether it is a number; BOOL is none.
    pub(crate) const fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Float | Self::Double | Self::Decimal { .. })
    }

    /// Whether it is text of a declared length.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Varchar | Self::Nchar)
    }

    /// The Arrow type that functions give it in; times count in units of `precision`.
    pub(crate) const fn arrow(self, precision: Precision) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::UTinyInt => DataType::UInt8,
            Self::USmallInt => DataType::UInt16,
            Self::UInt => DataType::UInt32,
            Self::UBigInt => DataType::UInt64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Timestamp => DataType::Timestamp(precision.arrow(), None),
            Self::Varchar | Self::Nchar | Self::Json => DataType::Utf8,
            Self::Varbinary | Self::Geometry | Self::Blob => DataType::Binary,
        }
    }

    /// The Arrow type that columns are read in: text and octets as views.
    pub(crate) fn arrow_view(self, precision: Precision) -> DataType {
        match self.arrow(precision) {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            other => other,
        }
    }

    /// The length of fixed types; `None` where it is declared.
    pub const fn fixed_length(self) -> Option<u32> {
        Some(match self {
            Self::Bool | Self::TinyInt | Self::UTinyInt => 1,
            Self::SmallInt | Self::USmallInt => 2,
            Self::Int | Self::UInt | Self::Float => 4,
            Self::BigInt | Self::UBigInt | Self::Double | Self::Timestamp => 8,
            Self::Decimal { precision, .. } => {
                if precision <= 18 {
                    8
                } else {
                    16
                }
            }
            Self::Json => 4095,
            Self::Blob => 4_194_304,
            Self::Varchar | Self::Nchar | Self::Varbinary | Self::Geometry => return None,
        })
    }
}

/// The name in `column_meta` and DESCRIBE.
impl fmt::Display for TaosType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "BOOL",
            Self::TinyInt => "TINYINT",
            Self::SmallInt => "SMALLINT",
            Self::Int => "INT",
            Self::BigInt => "BIGINT",
            Self::UTinyInt => "TINYINT UNSIGNED",
            Self::USmallInt => "SMALLINT UNSIGNED",
            Self::UInt => "INT UNSIGNED",
            Self::UBigInt => "BIGINT UNSIGNED",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal { precision, scale } => return write!(f, "DECIMAL({precision},{scale})"),
            Self::Timestamp => "TIMESTAMP",
            Self::Varchar => "VARCHAR",
            Self::Nchar => "NCHAR",
            Self::Varbinary => "VARBINARY",
            Self::Geometry => "GEOMETRY",
            Self::Json => "JSON",
            Self::Blob => "BLOB",
        })
    }
}
