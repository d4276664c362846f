//! Values of one column on their way into an Arrow array.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder,
    Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampMillisecondBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder,
    UInt64Builder,
};
use arrow::error::ArrowError;
use triglot_model::{ColumnType, GeomEncoding, Precision};

use super::value::Value;

macro_rules! column {
    ($($variant:ident($builder:ty)),+ $(,)?) => {
        /// A builder of the column's stored type.
        #[derive(Debug)]
        pub(super) enum Column {
            $(#[allow(missing_docs, reason = "one for each stored type")] $variant($builder),)+
        }

        impl Column {
            /// Rows so far.
            pub(super) fn len(&self) -> usize {
                match self {
                    $(Self::$variant(b) => arrow::array::ArrayBuilder::len(b),)+
                }
            }

            fn push_null(&mut self) {
                match self {
                    $(Self::$variant(b) => b.append_null(),)+
                }
            }

            fn build(&mut self) -> ArrayRef {
                match self {
                    $(Self::$variant(b) => Arc::new(b.finish()),)+
                }
            }
        }
    };
}

column! {
    Bool(BooleanBuilder),
    I8(Int8Builder),
    I16(Int16Builder),
    I32(Int32Builder),
    I64(Int64Builder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    F32(Float32Builder),
    F64(Float64Builder),
    Decimal(Decimal128Builder),
    Milli(TimestampMillisecondBuilder),
    Micro(TimestampMicrosecondBuilder),
    Nano(TimestampNanosecondBuilder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Column {
    /// An empty column of this type.
    pub(super) fn new(ty: ColumnType) -> Result<Self, ArrowError> {
        Ok(match ty {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::I8 => Self::I8(Int8Builder::new()),
            ColumnType::I16 => Self::I16(Int16Builder::new()),
            ColumnType::I32 => Self::I32(Int32Builder::new()),
            ColumnType::I64 => Self::I64(Int64Builder::new()),
            ColumnType::U8 => Self::U8(UInt8Builder::new()),
            ColumnType::U16 => Self::U16(UInt16Builder::new()),
            ColumnType::U32 => Self::U32(UInt32Builder::new()),
            ColumnType::U64 => Self::U64(UInt64Builder::new()),
            ColumnType::F32 => Self::F32(Float32Builder::new()),
            ColumnType::F64 => Self::F64(Float64Builder::new()),
            ColumnType::Decimal { precision, scale } => {
                Self::Decimal(Decimal128Builder::new().with_precision_and_scale(precision, scale)?)
            }
            ColumnType::Ts(Precision::Milli) => Self::Milli(TimestampMillisecondBuilder::new()),
            ColumnType::Ts(Precision::Micro) => Self::Micro(TimestampMicrosecondBuilder::new()),
            ColumnType::Ts(Precision::Nano) => Self::Nano(TimestampNanosecondBuilder::new()),
            ColumnType::Str { .. } | ColumnType::Json | ColumnType::Geom(GeomEncoding::Wkt) => {
                Self::Text(StringBuilder::new())
            }
            ColumnType::Bytes { .. } | ColumnType::Geom(GeomEncoding::Wkb) => {
                Self::Bytes(BinaryBuilder::new())
            }
        })
    }

    /// Gives row `row` a value; rows before it that got none are NULL. `false`: it is not of the column's
    /// type, which conversion rules out.
    pub(super) fn push(&mut self, row: usize, value: &Value<'_>) -> bool {
        self.pad(row);
        match (&mut *self, value) {
            (column, Value::Null) => column.push_null(),
            (Self::Bool(b), Value::Bool(v)) => b.append_value(*v),
            (Self::I8(b), Value::Int(v)) => b.append_value(*v as i8),
            (Self::I16(b), Value::Int(v)) => b.append_value(*v as i16),
            (Self::I32(b), Value::Int(v)) => b.append_value(*v as i32),
            (Self::I64(b), Value::Int(v)) => b.append_value(*v),
            (Self::Milli(b), Value::Int(v)) => b.append_value(*v),
            (Self::Micro(b), Value::Int(v)) => b.append_value(*v),
            (Self::Nano(b), Value::Int(v)) => b.append_value(*v),
            (Self::U8(b), Value::UInt(v)) => b.append_value(*v as u8),
            (Self::U16(b), Value::UInt(v)) => b.append_value(*v as u16),
            (Self::U32(b), Value::UInt(v)) => b.append_value(*v as u32),
            (Self::U64(b), Value::UInt(v)) => b.append_value(*v),
            (Self::F32(b), Value::Float(v)) => b.append_value(*v as f32),
            (Self::F64(b), Value::Float(v)) => b.append_value(*v),
            (Self::Decimal(b), Value::Decimal(v)) => b.append_value(*v),
            (Self::Text(b), Value::Text(v)) => b.append_value(v),
            (Self::Bytes(b), Value::Bytes(v)) => b.append_value(v),
            _ => return false,
        }
        true
    }

    fn pad(&mut self, rows: usize) {
        for _ in self.len()..rows {
            self.push_null();
        }
    }

    /// The column with `rows` rows.
    pub(super) fn finish(mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        self.build()
    }
}
