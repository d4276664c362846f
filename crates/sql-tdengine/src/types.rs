use std::fmt;

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
