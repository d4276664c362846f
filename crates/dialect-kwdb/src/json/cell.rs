//! One value of a column. What a column's values look like is decided once a batch.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array, Float32Array,
    Float64Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, StringViewArray,
    UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit, UInt64Type,
};
use arrow::error::ArrowError;
use triglot_http::text::json::push_string;
use triglot_http::text::number::Digits;
use triglot_sql_kwdb::KwType;

use super::clock::Clock;
use super::number::{not_finite, push_decimal, push_g, push_json, push_json_f64};
use crate::config::Wire;

/// A column of one batch, ready to be written cell by cell.
#[derive(Debug)]
pub(crate) struct Column {
    kind: Kind,
    nulls: Option<NullBuffer>,
}

#[derive(Debug)]
enum Kind {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    Unsigned(UInt64Array),
    F32(Float32Array),
    F64(Float64Array),
    Decimal(Decimal128Array, i8),
    /// In the request's zone.
    Instant(Int64Array, TimeUnit),
    /// As it is stored.
    Stored(Int64Array, TimeUnit),
    /// Days.
    Date(Int64Array),
    TimeOfDay(Int64Array, TimeUnit),
    Interval(IntervalMonthDayNanoArray),
    Text(StringArray),
    TextView(StringViewArray),
    Bytes(BinaryArray),
    BytesView(BinaryViewArray),
    /// Offsets of the elements, and the elements.
    List(ListArray, Box<Column>),
}

impl Column {
    /// Arrays are shared, not copied. Types that results do not have are cast to those that they have.
    pub(crate) fn new(array: &ArrayRef, ty: KwType) -> Result<Self, ArrowError> {
        Ok(Self { kind: kind_of(array, ty)?, nulls: array.logical_nulls() })
    }

    /// Appends a cell as JSON: native in the manual's face, a string whatever it is in the server's.
    pub(crate) fn push(&self, out: &mut Vec<u8>, row: usize, clock: &Clock) {
        if self.is_null(row) {
            let null: &[u8] = if clock.wire == Wire::Manual { b"null" } else { b"\"NULL\"" };
            return out.extend_from_slice(null);
        }
        match &self.kind {
            Kind::Text(a) => return push_string(out, a.value(row)),
            Kind::TextView(a) => return push_string(out, a.value(row)),
            _ => {}
        }
        let is_bare = clock.wire == Wire::Manual && self.is_native(row);
        if !is_bare {
            out.push(b'"');
        }
        let from = out.len();
        self.push_plain(out, row, clock);
        if matches!(self.kind, Kind::List(..)) {
            // Elements may be any text.
            let text = String::from_utf8_lossy(out.get(from..).unwrap_or_default()).into_owned();
            out.truncate(from - 1);
            return push_string(out, &text);
        }
        if !is_bare {
            out.push(b'"');
        }
    }

    fn is_null(&self, row: usize) -> bool {
        matches!(self.kind, Kind::Null) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether JSON has such a value.
    fn is_native(&self, row: usize) -> bool {
        match &self.kind {
            Kind::Bool(_) | Kind::Int(_) | Kind::Unsigned(_) | Kind::Decimal(..) => true,
            Kind::F32(a) => a.value(row).is_finite(),
            Kind::F64(a) => a.value(row).is_finite(),
            _ => false,
        }
    }

    /// Appends the value's text without quotes; no kind but lists has characters that JSON escapes.
    fn push_plain(&self, out: &mut Vec<u8>, row: usize, clock: &Clock) {
        match &self.kind {
            Kind::Null => out.extend_from_slice(b"NULL"),
            Kind::Bool(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Kind::Int(a) => out.extend_from_slice(itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Unsigned(a) => out.extend_from_slice(itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::F32(a) => push_f32(out, a.value(row), clock.wire),
            Kind::F64(a) => push_f64(out, a.value(row), clock.wire),
            Kind::Decimal(a, scale) => push_decimal(out, a.value(row), *scale),
            Kind::Instant(a, unit) => clock.push_in_zone(out, a.value(row), *unit),
            Kind::Stored(a, unit) => clock.push_as_stored(out, a.value(row), *unit),
            Kind::Date(a) => clock.push_day(out, a.value(row)),
            Kind::TimeOfDay(a, unit) => clock.push_time_of_day(out, a.value(row), *unit),
            Kind::Interval(a) => {
                let value = a.value(row);
                push_interval(out, value.months, value.days, value.nanoseconds);
            }
            Kind::Text(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Kind::TextView(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Kind::Bytes(a) => push_hex(out, a.value(row)),
            Kind::BytesView(a) => push_hex(out, a.value(row)),
            Kind::List(lists, elements) => {
                let offsets = lists.value_offsets();
                let bound = |at: usize| offsets.get(at).and_then(|o| usize::try_from(*o).ok()).unwrap_or(0);
                out.push(b'{');
                for (nth, at) in (bound(row)..bound(row + 1)).enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    if elements.is_null(at) {
                        out.extend_from_slice(b"NULL");
                    } else {
                        elements.push_plain(out, at, clock);
                    }
                }
                out.push(b'}');
            }
        }
    }
}

fn push_f32(out: &mut Vec<u8>, value: f32, wire: Wire) {
    match wire {
        _ if !value.is_finite() => out.extend_from_slice(not_finite(f64::from(value)).as_bytes()),
        Wire::Manual => push_json(out, Digits::from(value)),
        Wire::Server => push_g(out, Digits::from(value)),
    }
}

fn push_f64(out: &mut Vec<u8>, value: f64, wire: Wire) {
    match wire {
        _ if !value.is_finite() => out.extend_from_slice(not_finite(value).as_bytes()),
        Wire::Manual => push_json_f64(out, value),
        Wire::Server => push_g(out, Digits::from(value)),
    }
}

/// `\x` and lower-case digits; the backslash is escaped for JSON.
fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"\\\\x");
    out.extend_from_slice(triglot_model::hex::encode(bytes).as_bytes());
}

/// `1 year 2 mons 3 days 02:00:00.5`, parts that are zero left out but for a time alone.
fn push_interval(out: &mut Vec<u8>, months: i32, days: i32, nanos: i64) {
    let mut parts = Vec::new();
    let mut part = |value: i32, one: &str, many: &str| {
        if value != 0 {
            parts.push(format!("{value} {}", if value == 1 { one } else { many }));
        }
    };
    part(months / 12, "year", "years");
    part(months % 12, "mon", "mons");
    part(days, "day", "days");
    if nanos != 0 || parts.is_empty() {
        let magnitude = nanos.unsigned_abs();
        let (seconds, fraction) = (magnitude / 1_000_000_000, magnitude % 1_000_000_000);
        let sign = if nanos < 0 { "-" } else { "" };
        let mut text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction > 0 {
            text.push_str(format!(".{fraction:09}").trim_end_matches('0'));
        }
        parts.push(text);
    }
    out.extend_from_slice(parts.join(" ").as_bytes());
}

fn integers(array: &ArrayRef) -> Result<Int64Array, ArrowError> {
    Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn kind_of(array: &ArrayRef, ty: KwType) -> Result<Kind, ArrowError> {
    Ok(match array.data_type() {
        DataType::Null => Kind::Null,
        // As relational tables keep them: an instant at midnight, microseconds of the day.
        DataType::Timestamp(..) if ty == KwType::Date => kind_of(&cast(array, &DataType::Date32)?, ty)?,
        DataType::Int64 if ty == KwType::Time => {
            Kind::TimeOfDay(array.as_primitive::<Int64Type>().clone(), TimeUnit::Microsecond)
        }
        DataType::Boolean => Kind::Bool(array.as_boolean().clone()),
        DataType::Int64 => Kind::Int(array.as_primitive::<Int64Type>().clone()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            Kind::Int(integers(array)?)
        }
        DataType::UInt32 => Kind::Int(integers(array)?),
        DataType::UInt64 => Kind::Unsigned(array.as_primitive::<UInt64Type>().clone()),
        DataType::Float32 => Kind::F32(array.as_primitive::<Float32Type>().clone()),
        DataType::Float64 => Kind::F64(array.as_primitive::<Float64Type>().clone()),
        DataType::Decimal128(_, scale) => {
            Kind::Decimal(array.as_primitive::<Decimal128Type>().clone(), *scale)
        }
        DataType::Timestamp(unit, _) if ty == KwType::Timestamp => Kind::Stored(integers(array)?, *unit),
        DataType::Timestamp(unit, _) => Kind::Instant(integers(array)?, *unit),
        DataType::Date32 => Kind::Date(integers(array)?),
        DataType::Date64 => kind_of(&cast(array, &DataType::Date32)?, ty)?,
        DataType::Time32(unit) | DataType::Time64(unit) => Kind::TimeOfDay(times_of_day(array)?, *unit),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Kind::Interval(array.as_primitive::<IntervalMonthDayNanoType>().clone())
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            kind_of(&cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?, ty)?
        }
        DataType::Utf8 => Kind::Text(array.as_string::<i32>().clone()),
        DataType::Utf8View => Kind::TextView(array.as_string_view().clone()),
        DataType::Binary => Kind::Bytes(array.as_binary::<i32>().clone()),
        DataType::BinaryView => Kind::BytesView(array.as_binary_view().clone()),
        DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            kind_of(&cast(array, &DataType::Binary)?, ty)?
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            Kind::List(lists.clone(), Box::new(Column::new(lists.values(), ty)?))
        }
        // Everything else by its text: dictionaries, large strings, wide decimals.
        _ => kind_of(&cast(array, &DataType::Utf8View)?, ty)?,
    })
}

/// Arrow casts times of day to integers of their own width only.
fn times_of_day(array: &ArrayRef) -> Result<Int64Array, ArrowError> {
    match array.data_type() {
        DataType::Time32(_) => integers(&cast(array, &DataType::Int32)?),
        _ => integers(array),
    }
}
