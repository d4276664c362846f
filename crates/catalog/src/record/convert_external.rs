//! External tables between the model's structs and the frozen ones, both ways and without loss.

use triglot_model as model;
use triglot_model::DatabaseId;

use super::convert::same_variants;
use super::v1;

same_variants!(model::FileFormat, v1::FileFormat: Csv, Parquet, Json);
same_variants!(model::FileCompression, v1::FileCompression: None, Gzip, Bzip2, Xz, Zstd);
same_variants!(model::FileTimeUnit, v1::FileTimeUnit: Second, Milli, Micro, Nano);

/// `From` from one enum of types to the other: they have the same variants.
macro_rules! types {
    ($from:ty, $from_name:ident, $to:ty) => {
        impl From<$from> for $to {
            fn from(ty: $from) -> Self {
                use $from as $from_name;
                match ty {
                    $from_name::Null => Self::Null,
                    $from_name::Bool => Self::Bool,
                    $from_name::I8 => Self::I8,
                    $from_name::I16 => Self::I16,
                    $from_name::I32 => Self::I32,
                    $from_name::I64 => Self::I64,
                    $from_name::U8 => Self::U8,
                    $from_name::U16 => Self::U16,
                    $from_name::U32 => Self::U32,
                    $from_name::U64 => Self::U64,
                    $from_name::F16 => Self::F16,
                    $from_name::F32 => Self::F32,
                    $from_name::F64 => Self::F64,
                    $from_name::Text => Self::Text,
                    $from_name::Binary => Self::Binary,
                    $from_name::Date32 => Self::Date32,
                    $from_name::Date64 => Self::Date64,
                    $from_name::Time(unit) => Self::Time(unit.into()),
                    $from_name::Timestamp { unit, zone } => Self::Timestamp { unit: unit.into(), zone },
                    $from_name::Duration(unit) => Self::Duration(unit.into()),
                    $from_name::IntervalYearMonth => Self::IntervalYearMonth,
                    $from_name::IntervalDayTime => Self::IntervalDayTime,
                    $from_name::IntervalMonthDayNano => Self::IntervalMonthDayNano,
                    $from_name::Decimal { precision, scale } => Self::Decimal { precision, scale },
                    $from_name::List(item) => Self::List(Box::new((*item).into())),
                    $from_name::Struct(columns) => {
                        Self::Struct(columns.into_iter().map(Into::into).collect())
                    }
                }
            }
        }
    };
}

types!(model::FileType, Ours, v1::FileType);
types!(v1::FileType, Theirs, model::FileType);

impl From<model::FileColumn> for v1::FileColumn {
    fn from(column: model::FileColumn) -> Self {
        Self { name: column.name, ty: column.ty.into(), nullable: column.nullable }
    }
}

impl From<v1::FileColumn> for model::FileColumn {
    fn from(column: v1::FileColumn) -> Self {
        Self { name: column.name, ty: column.ty.into(), nullable: column.nullable }
    }
}

impl From<model::ExternalTableDef> for v1::ExternalTable {
    fn from(def: model::ExternalTableDef) -> Self {
        Self {
            database: def.database.0,
            name: def.name,
            location: def.location,
            format: def.options.format.into(),
            header: def.options.header,
            delimiter: def.options.delimiter,
            compression: def.options.compression.into(),
            columns: def.columns.into_iter().map(Into::into).collect(),
            partitions: def.partitions.into_iter().map(Into::into).collect(),
            inferred: def.inferred,
        }
    }
}

impl From<v1::ExternalTable> for model::ExternalTableDef {
    fn from(def: v1::ExternalTable) -> Self {
        Self {
            database: DatabaseId(def.database),
            name: def.name,
            location: def.location,
            options: model::FileOptions {
                format: def.format.into(),
                header: def.header,
                delimiter: def.delimiter,
                compression: def.compression.into(),
            },
            columns: def.columns.into_iter().map(Into::into).collect(),
            partitions: def.partitions.into_iter().map(Into::into).collect(),
            inferred: def.inferred,
        }
    }
}
