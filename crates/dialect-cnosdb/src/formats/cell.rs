//! A column, resolved once per batch, so that a cell costs one `match` and no look-up.

use std::cell::Cell;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, ListArray, MapArray, PrimitiveArray, StringArray, StringViewArray,
    StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float32Type, Float64Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit, UInt64Type,
};
use arrow::error::ArrowError;

use super::number::{push_f32, push_f64};
use triglot_http::text::time::{
    DayMemo, Fraction, Interval, per_second, push_date, push_interval, push_time, push_timestamp,
};

/// A column of a batch in the few shapes that the writers tell apart.
pub(super) enum Column {
    Null,
    Bool(BooleanArray),
    I64(PrimitiveArray<Int64Type>),
    U64(PrimitiveArray<UInt64Type>),
    F32(PrimitiveArray<Float32Type>),
    F64(PrimitiveArray<Float64Type>),
    Str(StringArray),
    LargeStr(LargeStringArray),
    StrView(Texts),
    /// Any timestamp.
    Ts(Times),
    /// Days since the epoch.
    Date(PrimitiveArray<Int64Type>),
    /// Time of day as 64-bit integers.
    Time(PrimitiveArray<Int64Type>, TimeUnit),
    Interval(Intervals),
    /// Decimals as text.
    Decimal(StringArray),
    Binary(Bytes),
    Struct(StructArray, Vec<(String, Column)>),
    List(ListArray, Box<Column>),
    Map(Box<Map>),
}

/// Texts that often repeat the one before, as tags do.
pub(super) struct Texts {
    array: StringViewArray,
    /// The last text that was written: its view, and where it stands in the output.
    last: Cell<Option<(u128, usize, usize)>>,
}

impl Texts {
    fn of(array: &StringViewArray) -> Self {
        Self { array: array.clone(), last: Cell::new(None) }
    }

    /// Appends a text with `write`, or copies what `write` made of the text before if this is the same.
    /// NULL appends nothing. `out` may only grow between two calls, and `write` must be the same.
    pub(super) fn push(&self, out: &mut Vec<u8>, row: usize, write: impl FnOnce(&mut Vec<u8>, &str)) {
        if self.array.is_null(row) {
            return;
        }
        // Equal views of one array are equal texts.
        let view = self.array.views().get(row).copied().unwrap_or_default();
        let start = out.len();
        if let Some((last, begin, end)) = self.last.get()
            && last == view
            && end <= start
        {
            out.extend_from_within(begin..end);
            return;
        }
        write(out, self.array.value(row));
        self.last.set(Some((view, start, out.len())));
    }
}

/// Timestamps as 64-bit integers, with their unit and zone.
pub(super) struct Times {
    array: PrimitiveArray<Int64Type>,
    unit: TimeUnit,
    zone: Option<Zone>,
    memo: Cell<DayMemo>,
}

impl Times {
    fn new(array: PrimitiveArray<Int64Type>, unit: TimeUnit, zone: Option<Zone>) -> Self {
        Self { array, unit, zone, memo: Cell::default() }
    }

    fn push(&self, out: &mut Vec<u8>, row: usize, fraction: Fraction) {
        let offset = self.zone.map(|z| z.offset_seconds);
        push_timestamp(out, &self.memo, self.array.value(row), self.unit, fraction, offset);
    }
}

/// Maps, with their keys and values laid out one after the other.
pub(super) struct Map {
    array: MapArray,
    pub(super) keys: Column,
    pub(super) values: Column,
}

impl Map {
    fn of(array: &MapArray) -> Result<Self, ArrowError> {
        Ok(Self {
            array: array.clone(),
            keys: Column::of(array.keys())?,
            values: Column::of(array.values())?,
        })
    }

    /// The places in keys and values that belong to a row.
    pub(super) fn entries(&self, row: usize) -> std::ops::Range<usize> {
        range(self.array.value_offsets(), row)
    }
}

pub(super) enum Intervals {
    Months(PrimitiveArray<IntervalYearMonthType>),
    DayTime(PrimitiveArray<IntervalDayTimeType>),
    MonthDayNano(PrimitiveArray<IntervalMonthDayNanoType>),
    /// A duration, counted in units.
    Duration(PrimitiveArray<Int64Type>, TimeUnit),
}

pub(super) enum Bytes {
    Small(BinaryArray),
    Large(LargeBinaryArray),
    View(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
}

/// A zone given as a fixed offset; named zones are shown in UTC (no zone database is carried).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) offset_seconds: i32,
}

impl Zone {
    fn parse(text: &str) -> Self {
        let offset = || -> Option<i32> {
            let (sign, rest) = match text.as_bytes().first()? {
                b'+' => (1, text.get(1..)?),
                b'-' => (-1, text.get(1..)?),
                _ => return None,
            };
            let (hours, minutes) = rest.split_once(':').or_else(|| Some((rest.get(..2)?, rest.get(2..)?)))?;
            let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
            let hours: i32 = hours.parse().ok()?;
            ((0..24).contains(&hours) && (0..60).contains(&minutes))
                .then_some(sign * (hours * 3600 + minutes * 60))
        };
        Self { offset_seconds: offset().unwrap_or(0) }
    }
}

impl Column {
    /// Resolves a column; types without a shape of their own are cast to text.
    pub(super) fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Self::I64(cast(array, &DataType::Int64)?.as_primitive().clone())
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Self::U64(cast(array, &DataType::UInt64)?.as_primitive().clone())
            }
            DataType::Float16 | DataType::Float32 => {
                Self::F32(cast(array, &DataType::Float32)?.as_primitive().clone())
            }
            DataType::Float64 => Self::F64(array.as_primitive().clone()),
            DataType::Utf8 => Self::Str(array.as_string().clone()),
            DataType::LargeUtf8 => Self::LargeStr(array.as_string().clone()),
            DataType::Utf8View => Self::StrView(Texts::of(array.as_string_view())),
            DataType::Timestamp(unit, zone) => Self::Ts(Times::new(
                cast(array, &DataType::Int64)?.as_primitive().clone(),
                *unit,
                zone.as_deref().map(Zone::parse),
            )),
            DataType::Date32 => Self::Date(widen::<Date32Type>(array)),
            DataType::Date64 => {
                let millis: &PrimitiveArray<Date64Type> = array.as_primitive();
                Self::Ts(Times::new(millis.unary(|v| v), TimeUnit::Millisecond, None))
            }
            DataType::Time32(unit) => {
                let values = cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?;
                Self::Time(values.as_primitive().clone(), *unit)
            }
            DataType::Time64(unit) => {
                Self::Time(cast(array, &DataType::Int64)?.as_primitive().clone(), *unit)
            }
            DataType::Interval(IntervalUnit::YearMonth) => {
                Self::Interval(Intervals::Months(array.as_primitive().clone()))
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                Self::Interval(Intervals::DayTime(array.as_primitive().clone()))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Self::Interval(Intervals::MonthDayNano(array.as_primitive().clone()))
            }
            DataType::Duration(unit) => Self::Interval(Intervals::Duration(duration(array, *unit), *unit)),
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Decimal(decimal_text(array)?),
            DataType::Binary => Self::Binary(Bytes::Small(array.as_binary().clone())),
            DataType::LargeBinary => Self::Binary(Bytes::Large(array.as_binary().clone())),
            DataType::BinaryView => Self::Binary(Bytes::View(array.as_binary_view().clone())),
            DataType::FixedSizeBinary(_) => Self::Binary(Bytes::Fixed(array.as_fixed_size_binary().clone())),
            DataType::Dictionary(_, values) => return Self::of(&cast(array, values)?),
            DataType::Struct(fields) => {
                let array = array.as_struct();
                let children = fields
                    .iter()
                    .zip(array.columns())
                    .map(|(f, c)| Ok((f.name().clone(), Self::of(c)?)))
                    .collect::<Result<_, ArrowError>>()?;
                Self::Struct(array.clone(), children)
            }
            DataType::List(_) => {
                let array = array.as_list::<i32>();
                Self::List(array.clone(), Box::new(Self::of(array.values())?))
            }
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                return Self::of(&cast(array, &DataType::List(item.clone()))?);
            }
            DataType::Map(..) => Self::Map(Box::new(Map::of(array.as_map())?)),
            _ => Self::Str(cast(array, &DataType::Utf8)?.as_string().clone()),
        })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(a) => a.is_null(row),
            Self::I64(a) | Self::Date(a) | Self::Time(a, _) => a.is_null(row),
            Self::Ts(a) => a.array.is_null(row),
            Self::Map(a) => a.array.is_null(row),
            Self::U64(a) => a.is_null(row),
            Self::F32(a) => a.is_null(row),
            Self::F64(a) => a.is_null(row),
            Self::Str(a) | Self::Decimal(a) => a.is_null(row),
            Self::LargeStr(a) => a.is_null(row),
            Self::StrView(a) => a.array.is_null(row),
            Self::Interval(Intervals::Months(a)) => a.is_null(row),
            Self::Interval(Intervals::DayTime(a)) => a.is_null(row),
            Self::Interval(Intervals::MonthDayNano(a)) => a.is_null(row),
            Self::Interval(Intervals::Duration(a, _)) => a.is_null(row),
            Self::Binary(Bytes::Small(a)) => a.is_null(row),
            Self::Binary(Bytes::Large(a)) => a.is_null(row),
            Self::Binary(Bytes::View(a)) => a.is_null(row),
            Self::Binary(Bytes::Fixed(a)) => a.is_null(row),
            Self::Struct(a, _) => a.is_null(row),
            Self::List(a, _) => a.is_null(row),
        }
    }

    /// The text of a string column; none for the others. The row must not be NULL.
    pub(super) fn str(&self, row: usize) -> Option<&str> {
        match self {
            Self::Str(a) => Some(a.value(row)),
            Self::LargeStr(a) => Some(a.value(row)),
            Self::StrView(a) => Some(a.array.value(row)),
            _ => None,
        }
    }

    /// Appends the text of a cell that is not NULL. Strings are raw; structs and lists are shown
    /// as in table format.
    pub(super) fn push_text(&self, out: &mut Vec<u8>, row: usize, fraction: Fraction) {
        match self {
            Self::Null => {}
            Self::Bool(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Self::I64(a) => out.extend_from_slice(itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Self::U64(a) => out.extend_from_slice(itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Self::F32(a) => push_f32(out, a.value(row)),
            Self::F64(a) => push_f64(out, a.value(row)),
            Self::Str(a) | Self::Decimal(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Self::LargeStr(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Self::StrView(a) => out.extend_from_slice(a.array.value(row).as_bytes()),
            Self::Ts(a) => a.push(out, row, fraction),
            Self::Date(a) => push_date(out, a.value(row)),
            Self::Time(a, unit) => {
                // CSV shows a time of day in whole seconds.
                let fraction = if fraction == Fraction::Nine { Fraction::Cut } else { fraction };
                push_time(out, a.value(row), *unit, fraction);
            }
            Self::Interval(a) => push_interval(out, a.value(row)),
            Self::Binary(a) => push_hex(out, a.value(row)),
            Self::Struct(_, children) => push_struct(out, children, row, fraction),
            Self::List(a, values) => push_list(out, a, values, row, fraction),
            Self::Map(map) => push_map(out, map, row, fraction),
        }
    }
}

fn push_struct(out: &mut Vec<u8>, children: &[(String, Column)], row: usize, fraction: Fraction) {
    out.push(b'{');
    for (at, (name, column)) in children.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        if !column.is_null(row) {
            column.push_text(out, row, fraction);
        }
    }
    out.push(b'}');
}

fn push_list(out: &mut Vec<u8>, array: &ListArray, values: &Column, row: usize, fraction: Fraction) {
    out.push(b'[');
    for (at, index) in list_range(array, row).enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        if !values.is_null(index) {
            values.push_text(out, index, fraction);
        }
    }
    out.push(b']');
}

fn push_map(out: &mut Vec<u8>, map: &Map, row: usize, fraction: Fraction) {
    out.push(b'{');
    for (at, index) in map.entries(row).enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        map.keys.push_text(out, index, fraction);
        out.extend_from_slice(b": ");
        if !map.values.is_null(index) {
            map.values.push_text(out, index, fraction);
        }
    }
    out.push(b'}');
}

/// The places in the values that belong to a row of a list column.
pub(super) fn list_range(array: &ListArray, row: usize) -> std::ops::Range<usize> {
    range(array.value_offsets(), row)
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |i: usize| offsets.get(i).map_or(0, |o| *o as usize);
    at(row)..at(row + 1)
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

impl Bytes {
    fn value(&self, row: usize) -> &[u8] {
        match self {
            Self::Small(a) => a.value(row),
            Self::Large(a) => a.value(row),
            Self::View(a) => a.value(row),
            Self::Fixed(a) => a.value(row),
        }
    }
}

impl Intervals {
    fn value(&self, row: usize) -> Interval {
        match self {
            Self::Months(a) => Interval { months: i64::from(a.value(row)), days: 0, nanos: 0 },
            Self::DayTime(a) => {
                let v = a.value(row);
                Interval { months: 0, days: i64::from(v.days), nanos: i64::from(v.milliseconds) * 1_000_000 }
            }
            Self::MonthDayNano(a) => {
                let v = a.value(row);
                Interval { months: i64::from(v.months), days: i64::from(v.days), nanos: v.nanoseconds }
            }
            Self::Duration(a, unit) => {
                let (value, per_second) = (a.value(row), per_second(*unit));
                let day = 86_400 * per_second;
                Interval { months: 0, days: value / day, nanos: value % day * (1_000_000_000 / per_second) }
            }
        }
    }
}

fn widen<T: ArrowPrimitiveType>(array: &ArrayRef) -> PrimitiveArray<Int64Type>
where
    T::Native: Into<i64>,
{
    array.as_primitive::<T>().unary(Into::into)
}

fn duration(array: &ArrayRef, unit: TimeUnit) -> PrimitiveArray<Int64Type> {
    match unit {
        TimeUnit::Second => widen::<DurationSecondType>(array),
        TimeUnit::Millisecond => widen::<DurationMillisecondType>(array),
        TimeUnit::Microsecond => widen::<DurationMicrosecondType>(array),
        TimeUnit::Nanosecond => widen::<DurationNanosecondType>(array),
    }
}

fn decimal_text(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(match array.data_type() {
        DataType::Decimal128(..) => {
            let a = array.as_primitive::<Decimal128Type>();
            (0..a.len()).map(|i| a.is_valid(i).then(|| a.value_as_string(i))).collect()
        }
        DataType::Decimal256(..) => {
            let a = array.as_primitive::<Decimal256Type>();
            (0..a.len()).map(|i| a.is_valid(i).then(|| a.value_as_string(i))).collect()
        }
        _ => cast(array, &DataType::Utf8)?.as_string::<i32>().clone(),
    })
}
