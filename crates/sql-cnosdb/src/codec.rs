//! Column types and codecs of CREATE TABLE, and which codec goes with which type.

use triglot_functions::geometry::GeometryKind;
use triglot_model::{ColumnType, GeomEncoding};

/// A field type that can be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `BIGINT`
    BigInt,
    /// `BIGINT UNSIGNED`
    BigIntUnsigned,
    /// `DOUBLE`
    Double,
    /// `BOOLEAN`
    Boolean,
    /// `STRING`
    String,
    /// `GEOMETRY(subtype, 0)`
    Geometry(GeometryKind),
}

impl FieldType {
    /// The SQL name, as DESCRIBE and CREATE TABLE's errors show it.
    pub const fn sql_name(self) -> &'static str {
        match self {
            Self::BigInt => "BIGINT",
            Self::BigIntUnsigned => "BIGINT UNSIGNED",
            Self::Double => "DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Geometry(_) => "GEOMETRY",
        }
    }

    /// The vendor's internal name, which ALTER TABLE's and line protocol's errors show.
    pub const fn internal_name(self) -> &'static str {
        match self {
            Self::BigInt => "I64",
            Self::BigIntUnsigned => "U64",
            Self::Double => "F64",
            Self::Boolean => "BOOL",
            Self::String => "STRING",
            Self::Geometry(_) => "GEOMETRY",
        }
    }

    /// What the engine stores.
    pub const fn column_type(self) -> ColumnType {
        match self {
            Self::BigInt => ColumnType::I64,
            Self::BigIntUnsigned => ColumnType::U64,
            Self::Double => ColumnType::F64,
            Self::Boolean => ColumnType::Bool,
            Self::String => ColumnType::TEXT,
            Self::Geometry(_) => ColumnType::Geom(GeomEncoding::Wkt),
        }
    }

    /// The declaration as DESCRIBE shows it, where the stored type says less.
    pub fn declared(self) -> Option<String> {
        match self {
            Self::Geometry(kind) => Some(format!("Geometry({kind}, 0)")),
            Self::BigInt | Self::BigIntUnsigned | Self::Double | Self::Boolean | Self::String => None,
        }
    }

    /// The declared type that a stored column counts as, for the codec rules; none for types that
    /// CnosDB does not have.
    pub const fn of(ty: ColumnType) -> Option<Self> {
        Some(match ty {
            ColumnType::Bool => Self::Boolean,
            ColumnType::I8 | ColumnType::I16 | ColumnType::I32 | ColumnType::I64 => Self::BigInt,
            ColumnType::U8 | ColumnType::U16 | ColumnType::U32 | ColumnType::U64 => Self::BigIntUnsigned,
            ColumnType::F32 | ColumnType::F64 => Self::Double,
            ColumnType::Str { .. } => Self::String,
            ColumnType::Decimal { .. }
            | ColumnType::Ts(_)
            | ColumnType::Bytes { .. }
            | ColumnType::Json
            | ColumnType::Geom(_) => return None,
        })
    }
}

/// The name of a stored type in CnosDB's words, also for columns that another dialect made
/// (sheet section 13; `docs/data-model.md`).
pub fn type_name(ty: ColumnType, declared: Option<&str>) -> String {
    use triglot_model::Precision;
    match ty {
        ColumnType::Ts(Precision::Nano) => "TIMESTAMP(NANOSECOND)".to_owned(),
        ColumnType::Ts(Precision::Micro) => "TIMESTAMP(MICROSECOND)".to_owned(),
        ColumnType::Ts(Precision::Milli) => "TIMESTAMP(MILLISECOND)".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
        ColumnType::Bytes { .. } => "BINARY".to_owned(),
        ColumnType::Json => "STRING".to_owned(),
        ColumnType::Geom(_) => declared.unwrap_or("GEOMETRY").to_owned(),
        ColumnType::Bool
        | ColumnType::I8
        | ColumnType::I16
        | ColumnType::I32
        | ColumnType::I64
        | ColumnType::U8
        | ColumnType::U16
        | ColumnType::U32
        | ColumnType::U64
        | ColumnType::F32
        | ColumnType::F64
        | ColumnType::Str { .. } => FieldType::of(ty).map_or("STRING", FieldType::sql_name).to_owned(),
    }
}

/// A codec of `CODEC(…)`. It is checked and echoed; files choose their own encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Codec {
    Default,
    Null,
    Delta,
    DeltaTs,
    Quantile,
    Gorilla,
    Gzip,
    Bzip,
    Zstd,
    Snappy,
    Zlib,
    BitPack,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 12] = [
        Self::Default,
        Self::Null,
        Self::Delta,
        Self::DeltaTs,
        Self::Quantile,
        Self::Gorilla,
        Self::Gzip,
        Self::Bzip,
        Self::Zstd,
        Self::Snappy,
        Self::Zlib,
        Self::BitPack,
    ];

    /// The codec of this name, any letter case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// As DESCRIBE shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Null => "NULL",
            Self::Delta => "DELTA",
            Self::DeltaTs => "DELTATS",
            Self::Quantile => "QUANTILE",
            Self::Gorilla => "GORILLA",
            Self::Gzip => "GZIP",
            Self::Bzip => "BZIP",
            Self::Zstd => "ZSTD",
            Self::Snappy => "SNAPPY",
            Self::Zlib => "ZLIB",
            Self::BitPack => "BITPACK",
        }
    }

    /// As error 010042 shows it (`Snappy`).
    pub const fn error_name(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::Null => "Null",
            Self::Delta => "Delta",
            Self::DeltaTs => "DeltaTs",
            Self::Quantile => "Quantile",
            Self::Gorilla => "Gorilla",
            Self::Gzip => "Gzip",
            Self::Bzip => "Bzip",
            Self::Zstd => "Zstd",
            Self::Snappy => "Snappy",
            Self::Zlib => "Zlib",
            Self::BitPack => "BitPack",
        }
    }

    /// Whether it may stand at a field of this type (sheet section 12).
    pub const fn fits(self, ty: FieldType) -> bool {
        match self {
            Self::Default | Self::Null => true,
            Self::Delta | Self::DeltaTs => matches!(ty, FieldType::BigInt | FieldType::BigIntUnsigned),
            Self::Quantile => matches!(ty, FieldType::BigInt | FieldType::BigIntUnsigned | FieldType::Double),
            Self::Gorilla => matches!(ty, FieldType::Double),
            Self::Gzip | Self::Bzip | Self::Zstd | Self::Snappy | Self::Zlib => {
                matches!(ty, FieldType::String | FieldType::Geometry(_))
            }
            Self::BitPack => matches!(ty, FieldType::Boolean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_go_with_types_as_the_sheet_lists() {
        let integers = "DEFAULT NULL DELTA DELTATS QUANTILE";
        for (ty, list) in [
            (FieldType::BigInt, integers),
            (FieldType::BigIntUnsigned, integers),
            (FieldType::Double, "DEFAULT NULL GORILLA QUANTILE"),
            (FieldType::String, "DEFAULT NULL GZIP BZIP ZSTD SNAPPY ZLIB"),
            (FieldType::Boolean, "DEFAULT NULL BITPACK"),
        ] {
            for codec in Codec::ALL {
                let listed = list.split(' ').any(|n| n == codec.name());
                assert_eq!(codec.fits(ty), listed, "{codec:?} {ty:?}");
            }
        }
        assert_eq!(Codec::parse("gorilla"), Some(Codec::Gorilla));
        assert_eq!(Codec::parse("foo"), None);
    }
}
