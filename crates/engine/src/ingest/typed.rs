//! Values that a dialect has converted to their column's type, on their way into an Arrow array or the series index.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder,
    Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampMillisecondBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder,
    UInt64Builder,
};
use arrow::error::ArrowError;
use triglot_model::{ColumnType, GeomEncoding, Precision, hex};

/// A value of its column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'t> {
    /// NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// Signed integers, and times in their unit.
    Int(i64),
    /// Unsigned integers.
    UInt(u64),
    /// Floats; one of a 32-bit column widened.
    Float(f64),
    /// A decimal, in units of its scale.
    Decimal(i128),
    /// Text, JSON, geometries as text.
    Text(Cow<'t, str>),
    /// Octets, geometries as octets.
    Bytes(Cow<'t, [u8]>),
}

impl Value<'_> {
    /// The text that the series index keeps of a tag's value; none = NULL.
    pub fn tag_text(self, ty: ColumnType) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::UInt(value) => value.to_string(),
            Self::Float(value) if ty == ColumnType::F32 => (value as f32).to_string(),
            Self::Float(value) => value.to_string(),
            Self::Decimal(value) => value.to_string(),
            Self::Text(text) => text.into_owned(),
            Self::Bytes(bytes) => hex::encode(&bytes),
        })
    }
}

macro_rules! column {
    ($($variant:ident($builder:ty)),+ $(,)?) => {
        /// A builder of the column's stored type.
        #[derive(Debug)]
        enum Builder {
            $($variant($builder),)+
        }

        impl Builder {
            /// Rows so far.
            fn len(&self) -> usize {
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

impl Builder {
    fn new(ty: ColumnType) -> Result<Self, ArrowError> {
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

    fn push(&mut self, value: &Value<'_>) -> bool {
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
}

/// The values of one column, row by row.
#[derive(Debug)]
pub struct TypedColumn(Builder);

impl TypedColumn {
    /// An empty column of this type.
    ///
    /// # Errors
    /// A decimal type that Arrow does not have.
    pub fn new(ty: ColumnType) -> Result<Self, ArrowError> {
        Builder::new(ty).map(Self)
    }

    /// Gives row `row` a value; rows before it that got none are NULL. `false`: it is not of the column's
    /// type, which conversion rules out.
    #[must_use]
    pub fn push(&mut self, row: usize, value: &Value<'_>) -> bool {
        self.0.pad(row);
        self.0.push(value)
    }

    /// The column with `rows` rows.
    pub fn finish(mut self, rows: usize) -> ArrayRef {
        self.0.pad(rows);
        self.0.build()
    }
}
