//! One value of a column. What a column's values look like is decided once a batch.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, PrimitiveArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use triglot_sql_tdengine::TaosType;

use super::number::{push_decimal, push_f32, push_f64};
use super::text::{push_hex, push_string};
use super::zone::ZoneClock;

/// A column of one batch, ready to be written cell by cell.
#[derive(Debug)]
pub(super) struct Column {
    kind: Kind,
    nulls: Option<arrow::buffer::NullBuffer>,
}

#[derive(Debug)]
enum Kind {
    Null,
    Bool(BooleanArray),
    I8(Int8Array),
    I16(Int16Array),
    I32(Int32Array),
    I64(Int64Array),
    U8(UInt8Array),
    U16(UInt16Array),
    U32(UInt32Array),
    U64(UInt64Array),
    F32(Float32Array),
    F64(Float64Array),
    Decimal(Decimal128Array, i8),
    Time(Int64Array, TimeUnit),
    /// Escaped and quoted.
    Text(Texts),
    /// As it is: JSON already.
    Json(Texts),
    Hex(Blobs),
}

#[derive(Debug)]
enum Texts {
    Flat(arrow::array::StringArray),
    Views(arrow::array::StringViewArray),
}

#[derive(Debug)]
enum Blobs {
    Flat(arrow::array::BinaryArray),
    Views(arrow::array::BinaryViewArray),
}

impl Texts {
    fn get(&self, row: usize) -> &str {
        match self {
            Self::Flat(a) => a.value(row),
            Self::Views(a) => a.value(row),
        }
    }
}

impl Blobs {
    fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Flat(a) => a.value(row),
            Self::Views(a) => a.value(row),
        }
    }
}

impl Column {
    /// Arrays are shared, not copied. Types that results do not have are cast to those that they have.
    pub(super) fn new(array: &ArrayRef, ty: TaosType) -> Result<Self, ArrowError> {
        Ok(Self { kind: kind_of(array, ty)?, nulls: array.logical_nulls() })
    }

    pub(super) fn push(&self, out: &mut Vec<u8>, row: usize, clock: &ZoneClock) {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(b"null");
            return;
        }
        match &self.kind {
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::Bool(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Kind::I8(a) => push_int(out, a.value(row)),
            Kind::I16(a) => push_int(out, a.value(row)),
            Kind::I32(a) => push_int(out, a.value(row)),
            Kind::I64(a) => push_int(out, a.value(row)),
            Kind::U8(a) => push_int(out, a.value(row)),
            Kind::U16(a) => push_int(out, a.value(row)),
            Kind::U32(a) => push_int(out, a.value(row)),
            Kind::U64(a) => push_int(out, a.value(row)),
            Kind::F32(a) => push_f32(out, a.value(row)),
            Kind::F64(a) => push_f64(out, a.value(row)),
            Kind::Decimal(a, scale) => push_decimal(out, a.value(row), *scale),
            Kind::Time(a, unit) => clock.push(out, a.value(row), *unit),
            Kind::Text(a) => push_string(out, a.get(row)),
            Kind::Json(a) => out.extend_from_slice(a.get(row).as_bytes()),
            Kind::Hex(a) => push_hex(out, a.get(row)),
        }
    }
}

fn push_int(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> PrimitiveArray<T> {
    array.as_primitive::<T>().clone()
}

fn kind_of(array: &ArrayRef, ty: TaosType) -> Result<Kind, ArrowError> {
    Ok(match array.data_type() {
        DataType::Null => Kind::Null,
        DataType::Boolean => Kind::Bool(array.as_boolean().clone()),
        DataType::Int8 => Kind::I8(primitive::<Int8Type>(array)),
        DataType::Int16 => Kind::I16(primitive::<Int16Type>(array)),
        DataType::Int32 => Kind::I32(primitive::<Int32Type>(array)),
        DataType::Int64 => Kind::I64(primitive::<Int64Type>(array)),
        DataType::UInt8 => Kind::U8(primitive::<UInt8Type>(array)),
        DataType::UInt16 => Kind::U16(primitive::<UInt16Type>(array)),
        DataType::UInt32 => Kind::U32(primitive::<UInt32Type>(array)),
        DataType::UInt64 => Kind::U64(primitive::<UInt64Type>(array)),
        DataType::Float32 => Kind::F32(primitive::<Float32Type>(array)),
        DataType::Float64 => Kind::F64(primitive::<Float64Type>(array)),
        DataType::Decimal128(_, scale) => Kind::Decimal(primitive::<Decimal128Type>(array), *scale),
        DataType::Timestamp(unit, _) => {
            let raw = cast(array, &DataType::Int64)?;
            Kind::Time(primitive::<Int64Type>(&raw), *unit)
        }
        DataType::Binary | DataType::BinaryView => blobs(array, ty)?,
        // Everything else by its text: dictionaries, large strings.
        DataType::Utf8 => texts(Texts::Flat(array.as_string::<i32>().clone()), ty),
        DataType::Utf8View => texts(Texts::Views(array.as_string_view().clone()), ty),
        _ => return kind_of(&cast(array, &DataType::Utf8View)?, ty),
    })
}

fn texts(texts: Texts, ty: TaosType) -> Kind {
    if ty == TaosType::Json { Kind::Json(texts) } else { Kind::Text(texts) }
}

fn blobs(array: &ArrayRef, ty: TaosType) -> Result<Kind, ArrowError> {
    if matches!(ty, TaosType::Varchar | TaosType::Nchar | TaosType::Json) {
        return kind_of(&cast(array, &DataType::Utf8View)?, ty);
    }
    Ok(Kind::Hex(match array.data_type() {
        DataType::Binary => Blobs::Flat(array.as_binary::<i32>().clone()),
        _ => Blobs::Views(array.as_binary_view().clone()),
    }))
}
