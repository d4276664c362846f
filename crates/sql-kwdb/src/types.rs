//! KWDB's types: names, widths, and what the engine stores for them (sheet sections 7.1 and 10.2).

use std::fmt;

use triglot_model::{ColumnDef, ColumnType, GeomEncoding, LengthUnit, Precision};

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

    /// Its name in upper case, as SHOW and `column_meta` print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Int2 => "INT2",
            Self::Int4 => "INT4",
            Self::Int8 => "INT8",
            Self::Float4 => "FLOAT4",
            Self::Float8 => "FLOAT8",
            Self::Decimal => "DECIMAL",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampTz => "TIMESTAMPTZ",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Interval => "INTERVAL",
            Self::Char => "CHAR",
            Self::Varchar => "VARCHAR",
            Self::Nchar => "NCHAR",
            Self::Nvarchar => "NVARCHAR",
            Self::String => "STRING",
            Self::Text => "TEXT",
            Self::Bytes => "BYTES",
            Self::Varbytes => "VARBYTES",
            Self::Geometry => "GEOMETRY",
            Self::Jsonb => "JSONB",
            Self::Uuid => "UUID",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether values are texts.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::Varchar | Self::Nchar | Self::Nvarchar | Self::String | Self::Text)
    }

    /// Whether values are whole numbers.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// Whether values are instants.
    pub const fn is_timestamp(self) -> bool {
        matches!(self, Self::Timestamp | Self::TimestampTz)
    }

    /// The width that a column of a time-series table has without a declared one, and the widest; none where
    /// there is no width to declare.
    pub const fn ts_widths(self) -> Option<Widths> {
        Some(match self {
            Self::Char => Widths { default: 1, max: 1023 },
            Self::Varchar | Self::Varbytes => Widths { default: 254, max: 65_534 },
            Self::Nchar => Widths { default: 1, max: 254 },
            Self::Nvarchar => Widths { default: 63, max: 16_384 },
            _ => return None,
        })
    }
}

impl fmt::Display for KwType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Widths of a type of time-series tables: bytes, or characters of N types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Without a declared one.
    pub default: u32,
    /// The widest.
    pub max: u32,
}

/// The widest VARCHAR of a primary tag.
pub const MAX_PRIMARY_TAG_WIDTH: u32 = 128;
/// The width of a primary tag VARCHAR without a declared one.
pub const PRIMARY_TAG_WIDTH: u32 = 64;

/// A type as a definition writes it: with width, precision and scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeSpec {
    /// The type.
    pub ty: KwType,
    /// `n` of `VARCHAR(n)`, digits of DECIMAL, digits of the fraction of a second of timestamps.
    pub width: Option<u32>,
    /// Digits behind the point of DECIMAL.
    pub scale: Option<u8>,
}

impl TypeSpec {
    /// A type without a width.
    pub const fn plain(ty: KwType) -> Self {
        Self { ty, width: None, scale: None }
    }

    /// A type with a width.
    pub const fn sized(ty: KwType, width: u32) -> Self {
        Self { ty, width: Some(width), scale: None }
    }

    /// The type of a stored column, whichever dialect made it: as it was declared in KWDB's words, else the
    /// type of the same values. What KWDB has no type for is given as the next wider one: INT2 for 8-bit integers, INT8 for
    /// unsigned ones of 32 bits, DECIMAL(20,0) for those of 64, text without a declared length as VARCHAR of the
    /// greatest.
    pub fn of_column(column: &ColumnDef) -> Self {
        let declared = column.declared.as_deref().and_then(Self::parse);
        match declared {
            Some(spec) if spec.column_type() == Some(column.ty) => spec,
            _ => Self::of_stored(column.ty),
        }
    }

    /// The type whose values are those of a stored type, see [`Self::of_column`].
    pub fn of_stored(ty: ColumnType) -> Self {
        match ty {
            ColumnType::Bool => Self::plain(KwType::Bool),
            ColumnType::I8 | ColumnType::U8 | ColumnType::I16 => Self::plain(KwType::Int2),
            ColumnType::U16 | ColumnType::I32 => Self::plain(KwType::Int4),
            ColumnType::U32 | ColumnType::I64 => Self::plain(KwType::Int8),
            ColumnType::U64 => Self { ty: KwType::Decimal, width: Some(20), scale: Some(0) },
            ColumnType::F32 => Self::plain(KwType::Float4),
            ColumnType::F64 => Self::plain(KwType::Float8),
            ColumnType::Decimal { precision, scale } => Self {
                ty: KwType::Decimal,
                width: Some(precision.into()),
                scale: Some(u8::try_from(scale).unwrap_or(0)),
            },
            ColumnType::Ts(precision) => Self::sized(KwType::TimestampTz, fraction_digits(precision)),
            ColumnType::Str { max, unit: LengthUnit::Bytes } => {
                Self::sized(KwType::Varchar, max.unwrap_or(65_534))
            }
            ColumnType::Str { max, unit: LengthUnit::Chars } => {
                Self::sized(KwType::Nvarchar, max.unwrap_or(16_384))
            }
            ColumnType::Bytes { max } => Self::sized(KwType::Varbytes, max.unwrap_or(65_534)),
            ColumnType::Json => Self::plain(KwType::Jsonb),
            ColumnType::Geom(GeomEncoding::Wkt) => Self::plain(KwType::Geometry),
            ColumnType::Geom(GeomEncoding::Wkb) => Self::sized(KwType::Varbytes, 65_534),
        }
    }

    /// What the engine stores for it; none for types that are results only. TIMESTAMP without digits has milliseconds;
    /// relational DATE is stored as a count of milliseconds, TIME as microseconds of the day, UUID as its text.
    pub fn column_type(self) -> Option<ColumnType> {
        let bytes = |max| ColumnType::Str { max, unit: LengthUnit::Bytes };
        let chars = |max| ColumnType::Str { max, unit: LengthUnit::Chars };
        Some(match self.ty {
            KwType::Bool => ColumnType::Bool,
            KwType::Int2 => ColumnType::I16,
            KwType::Int4 => ColumnType::I32,
            KwType::Int8 | KwType::Time => ColumnType::I64,
            KwType::Float4 => ColumnType::F32,
            KwType::Float8 => ColumnType::F64,
            KwType::Decimal => {
                let precision = u8::try_from(self.width.unwrap_or(38)).ok()?;
                let scale = self.scale.unwrap_or(if self.width.is_some() { 0 } else { 16 });
                ColumnType::Decimal { precision, scale: i8::try_from(scale).ok()? }
            }
            KwType::Timestamp | KwType::TimestampTz => ColumnType::Ts(match self.width {
                None | Some(3) => Precision::Milli,
                Some(6) => Precision::Micro,
                Some(9) => Precision::Nano,
                Some(_) => return None,
            }),
            KwType::Date => ColumnType::Ts(Precision::Milli),
            KwType::Char | KwType::Varchar => bytes(self.width),
            KwType::Nchar | KwType::Nvarchar | KwType::String => chars(self.width),
            KwType::Text | KwType::Uuid => ColumnType::TEXT,
            KwType::Bytes | KwType::Varbytes => ColumnType::Bytes { max: self.width },
            KwType::Geometry => ColumnType::Geom(GeomEncoding::Wkt),
            KwType::Jsonb => ColumnType::Json,
            KwType::Interval | KwType::Unknown => return None,
        })
    }

    /// The length that `column_meta` tells (sheet 7.1).
    pub fn meta_length(self) -> i64 {
        match self.ty {
            KwType::Bool => 1,
            KwType::Int2 => 2,
            KwType::Int4 | KwType::Float4 => 4,
            KwType::Int8
            | KwType::Float8
            | KwType::Timestamp
            | KwType::TimestampTz
            | KwType::Date
            | KwType::Time
            | KwType::Interval
            | KwType::Jsonb
            | KwType::Uuid => 8,
            KwType::Decimal | KwType::Unknown => 0,
            // CHAR(1) and NCHAR(1) do not tell their width.
            KwType::Char | KwType::Nchar => {
                self.width.filter(|n| *n > 1).map_or(KwType::UNBOUNDED, i64::from)
            }
            KwType::Varchar | KwType::Nvarchar | KwType::String | KwType::Bytes | KwType::Varbytes => {
                self.width.map_or(KwType::UNBOUNDED, i64::from)
            }
            KwType::Text | KwType::Geometry => KwType::UNBOUNDED,
        }
    }

    /// As `column_meta` tells a column of this type.
    pub fn meta(self, name: impl Into<String>) -> ColumnMeta {
        ColumnMeta { name: name.into(), ty: self.ty, length: self.meta_length() }
    }

    /// Reads what [`fmt::Display`] writes, and nothing else: KWDB's own names, not their aliases.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')')?)),
            None => (text, None),
        };
        let ty = NAMED.iter().copied().find(|ty| ty.name() == name)?;
        let Some(arguments) = arguments else {
            return Some(Self::plain(if ty == KwType::String { KwType::Text } else { ty }));
        };
        let (width, scale) = match arguments.split_once(',') {
            Some((width, scale)) => (width, Some(scale.trim().parse().ok()?)),
            None => (arguments, None),
        };
        Some(Self { ty, width: Some(width.trim().parse().ok()?), scale })
    }
}

impl fmt::Display for TypeSpec {
    /// As SHOW prints it: `VARCHAR(254)`, `TIMESTAMPTZ(3)`, `DECIMAL(10,2)`, `INT4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // TEXT is a name of `column_meta` only.
        f.write_str(if self.ty == KwType::Text { KwType::String.name() } else { self.ty.name() })?;
        match (self.width, self.scale) {
            (Some(width), Some(scale)) => write!(f, "({width},{scale})"),
            (Some(width), None) => write!(f, "({width})"),
            (None, _) => Ok(()),
        }
    }
}

/// Every type that a column may be declared with.
const NAMED: [KwType; 23] = [
    KwType::Bool,
    KwType::Int2,
    KwType::Int4,
    KwType::Int8,
    KwType::Float4,
    KwType::Float8,
    KwType::Decimal,
    KwType::Timestamp,
    KwType::TimestampTz,
    KwType::Date,
    KwType::Time,
    KwType::Interval,
    KwType::Char,
    KwType::Varchar,
    KwType::Nchar,
    KwType::Nvarchar,
    KwType::String,
    KwType::Text,
    KwType::Bytes,
    KwType::Varbytes,
    KwType::Geometry,
    KwType::Jsonb,
    KwType::Uuid,
];

fn fraction_digits(precision: Precision) -> u32 {
    match precision {
        Precision::Milli => 3,
        Precision::Micro => 6,
        Precision::Nano => 9,
    }
}
