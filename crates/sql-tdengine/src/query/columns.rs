//! TDengine's types of stored columns.

use arrow::datatypes::{DataType, Field};
use triglot_model::{ColumnDef, ColumnType, GeomEncoding, LengthUnit};

use crate::TaosType;
use crate::lower::declared_length;

/// The longest VARCHAR: what text without a declared length is given as.
pub(super) const MAX_TEXT: u32 = 65_517;

/// The type and the printed length of a column; text of other dialects has no declared length.
pub(crate) fn of_column(column: &ColumnDef) -> (TaosType, u32) {
    let ty = match column.ty {
        ColumnType::Bool => TaosType::Bool,
        ColumnType::I8 => TaosType::TinyInt,
        ColumnType::I16 => TaosType::SmallInt,
        ColumnType::I32 => TaosType::Int,
        ColumnType::I64 => TaosType::BigInt,
        ColumnType::U8 => TaosType::UTinyInt,
        ColumnType::U16 => TaosType::USmallInt,
        ColumnType::U32 => TaosType::UInt,
        ColumnType::U64 => TaosType::UBigInt,
        ColumnType::F32 => TaosType::Float,
        ColumnType::F64 => TaosType::Double,
        ColumnType::Decimal { precision, scale } => TaosType::Decimal { precision, scale },
        ColumnType::Ts(_) => TaosType::Timestamp,
        ColumnType::Json => TaosType::Json,
        ColumnType::Str { max, unit: LengthUnit::Chars } => {
            return (TaosType::Nchar, max.unwrap_or(MAX_TEXT / 4));
        }
        ColumnType::Str { max, unit: LengthUnit::Bytes } => {
            return (TaosType::Varchar, max.unwrap_or(MAX_TEXT));
        }
        ColumnType::Geom(GeomEncoding::Wkt) => return (TaosType::Varchar, MAX_TEXT),
        ColumnType::Geom(GeomEncoding::Wkb) => {
            return (TaosType::Geometry, declared_length(column.declared.as_deref()).unwrap_or(MAX_TEXT));
        }
        ColumnType::Bytes { .. } if column.declared.as_deref() == Some("BLOB") => TaosType::Blob,
        ColumnType::Bytes { max } => return (TaosType::Varbinary, max.unwrap_or(MAX_TEXT)),
    };
    (ty, ty.fixed_length().unwrap_or(0))
}

/// The type and length of a column of a table that is computed (`information_schema`). The length of text is the
/// field's metadata `length`.
pub(super) fn of_field(field: &Field) -> (TaosType, u32) {
    let length = field.metadata().get("length").and_then(|l| l.parse().ok());
    let ty = match field.data_type() {
        DataType::Boolean => TaosType::Bool,
        DataType::Int8 => TaosType::TinyInt,
        DataType::Int16 => TaosType::SmallInt,
        DataType::Int32 => TaosType::Int,
        DataType::Int64 => TaosType::BigInt,
        DataType::UInt8 => TaosType::UTinyInt,
        DataType::UInt16 => TaosType::USmallInt,
        DataType::UInt32 => TaosType::UInt,
        DataType::UInt64 => TaosType::UBigInt,
        DataType::Float32 => TaosType::Float,
        DataType::Float64 => TaosType::Double,
        DataType::Timestamp(..) => TaosType::Timestamp,
        DataType::Decimal128(precision, scale) => TaosType::Decimal { precision: *precision, scale: *scale },
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => TaosType::Varbinary,
        _ => TaosType::Varchar,
    };
    (ty, ty.fixed_length().or(length).unwrap_or(MAX_TEXT))
}
