//! CAST and `::` (sheet section 12.5).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array,
    IntervalMonthDayNanoArray, StringArray, Time64MicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, TimeUnit,
};
use chrono_tz::Tz;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::arithmetic::COMPUTED;
use super::zoned::{instants, is_text, unit_of};
use super::{clock, render};
use crate::parse;
use crate::query::errors::{coded, type_word};
use crate::query::interval::{self, Unit};
use crate::query::operators::INTERVAL;
use crate::types::{KwType, TypeSpec};

/// The type that a name with a width means; `None`: there is none.
pub(super) fn target(text: &str) -> Option<TypeSpec> {
    let spec = parse::type_spec(text).ok()?;
    let has_one = matches!(spec.ty, KwType::Char | KwType::Nchar);
    Some(TypeSpec { width: spec.width.or(has_one.then_some(1)), ..spec })
}

/// The Arrow type of a cast; `text` is the value if it is a literal text.
pub(super) fn result_type(target: TypeSpec, from: &DataType, text: Option<&str>) -> Result<DataType> {
    let result = match target.ty {
        KwType::Bool => DataType::Boolean,
        KwType::Int2 => DataType::Int16,
        KwType::Int4 => DataType::Int32,
        KwType::Int8 => DataType::Int64,
        KwType::Float4 => DataType::Float32,
        KwType::Float8 => DataType::Float64,
        KwType::Decimal => decimal_type(target, from),
        KwType::Timestamp | KwType::TimestampTz => DataType::Timestamp(
            match target.width {
                Some(0..=3) => TimeUnit::Millisecond,
                Some(4..=6) => TimeUnit::Microsecond,
                Some(_) => TimeUnit::Nanosecond,
                None => match from {
                    DataType::Timestamp(unit, _) => *unit,
                    from if is_text(from) => text.map_or(TimeUnit::Microsecond, unit_of_text),
                    _ => TimeUnit::Millisecond,
                },
            },
            None,
        ),
        KwType::Date => DataType::Date32,
        KwType::Time => DataType::Time64(TimeUnit::Microsecond),
        KwType::Interval => INTERVAL,
        KwType::Bytes | KwType::Varbytes => DataType::Binary,
        KwType::Unknown => DataType::Null,
        KwType::Char
        | KwType::Varchar
        | KwType::Nchar
        | KwType::Nvarchar
        | KwType::String
        | KwType::Text
        | KwType::Geometry
        | KwType::Jsonb
        | KwType::Uuid => DataType::Utf8,
    };
    if is_possible(target.ty, from) {
        return Ok(result);
    }
    let (from, to) = (type_word(from), target.ty.name().to_lowercase());
    Err(coded("42846", format!("invalid cast: {from} -> {to}")))
}

fn decimal_type(target: TypeSpec, from: &DataType) -> DataType {
    let narrow = |n: u32| u8::try_from(n.clamp(1, 38)).unwrap_or(38);
    match (target.width, from) {
        (Some(width), _) => {
            DataType::Decimal128(narrow(width), target.scale.and_then(|s| i8::try_from(s).ok()).unwrap_or(0))
        }
        (None, DataType::Decimal128(..)) => from.clone(),
        (None, from) if from.is_integer() => DataType::Decimal128(38, 0),
        _ => COMPUTED,
    }
}

/// The unit that holds all digits of a time's text.
fn unit_of_text(text: &str) -> TimeUnit {
    let fraction = text.rsplit_once('.').map_or("", |(_, fraction)| fraction);
    match fraction.bytes().take_while(u8::is_ascii_digit).count() {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

fn is_possible(to: KwType, from: &DataType) -> bool {
    let is_number = from.is_numeric();
    let is_time = matches!(from, DataType::Timestamp(..));
    let is_date = matches!(from, DataType::Date32);
    if from.is_null() || is_text(from) || to.is_text() {
        return true;
    }
    match to {
        KwType::Bool | KwType::Interval => {
            is_number || *from == DataType::Boolean || matches!(from, DataType::Interval(_))
        }
        KwType::Int2 | KwType::Int4 | KwType::Int8 | KwType::Float4 | KwType::Float8 | KwType::Decimal => {
            is_number || is_time || *from == DataType::Boolean
        }
        KwType::Timestamp | KwType::TimestampTz => is_time || is_date || from.is_integer(),
        KwType::Date => is_time || is_date,
        KwType::Time => is_time || matches!(from, DataType::Time64(_)),
        KwType::Bytes | KwType::Varbytes => matches!(from, DataType::Binary | DataType::BinaryView),
        _ => false,
    }
}

/// The values of an array cast to `target`, whose Arrow type is `ty`.
///
/// # Errors
/// 22003: out of range; 22P02: a text that is no such value.
pub(super) fn to(values: &ArrayRef, target: TypeSpec, ty: &DataType, zone: Tz) -> Result<ArrayRef> {
    if values.data_type().is_null() {
        return Ok(cast(values, ty)?);
    }
    match target.ty {
        KwType::Bool => to_bool(values),
        KwType::Int2 | KwType::Int4 | KwType::Int8 => to_integer(values, target.ty, ty),
        KwType::Float4 | KwType::Float8 => to_float(values, ty),
        KwType::Decimal => to_decimal(values, ty),
        KwType::Timestamp | KwType::TimestampTz => to_instant(values, ty, zone),
        KwType::Date => to_date(values, zone),
        KwType::Time => to_time(values, zone),
        KwType::Interval => to_interval(values),
        KwType::Bytes | KwType::Varbytes => to_bytes(values, target.width),
        _ => to_text(values, target, zone),
    }
}

fn unreadable(text: &str, ty: &str) -> DataFusionError {
    coded("22P02", format!("could not parse \"{text}\" as type {ty}"))
}

/// `read` over texts.
fn texts<'a, T>(values: &'a ArrayRef, read: impl Fn(&str) -> Result<T> + 'a) -> Result<Vec<Option<T>>> {
    let texts = cast(values, &DataType::Utf8)?;
    texts.as_string::<i32>().iter().map(|text| text.map(&read).transpose()).collect()
}

fn to_bool(values: &ArrayRef) -> Result<ArrayRef> {
    if !is_text(values.data_type()) {
        return Ok(cast(values, &DataType::Boolean)?);
    }
    let read = |text: &str| match text.trim().to_lowercase().as_str() {
        "t" | "true" | "yes" | "y" | "on" | "1" => Ok(true),
        "f" | "false" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err(coded("22P02", format!("could not parse \"{text}\" as type bool: invalid bool value"))),
    };
    Ok(Arc::new(BooleanArray::from(texts(values, read)?)))
}

fn to_integer(values: &ArrayRef, target: KwType, ty: &DataType) -> Result<ArrayRef> {
    let range = || match target {
        KwType::Int8 => coded("22003", "integer out of range"),
        other => coded("22003", format!("value is out of range for type {}", other.name().to_lowercase())),
    };
    let rounded = |value: f64| {
        let whole = value.round_ties_even();
        // 2^63 itself is no INT8.
        let limit = -(i64::MIN as f64);
        if (-limit..limit).contains(&whole) { Ok(whole as i64) } else { Err(range()) }
    };
    let wide: Int64Array = match values.data_type() {
        from if is_text(from) => {
            let read = |text: &str| text.trim().parse::<i64>().map_err(|_| unreadable(text, "int"));
            texts(values, read)?.into()
        }
        DataType::Float32 | DataType::Float64 => {
            let floats = cast(values, &DataType::Float64)?;
            floats.as_primitive::<Float64Type>().try_unary(rounded)?
        }
        DataType::Decimal128(_, scale) => {
            let scale = u32::try_from(*scale).unwrap_or(0);
            let unit = 10_i128.checked_pow(scale).ok_or_else(range)?;
            let whole = |digits: i128| {
                let (quotient, rest) = (digits / unit, digits % unit);
                let up = rest != 0 && rest.unsigned_abs() * 2 >= unit.unsigned_abs();
                i64::try_from(quotient + if up { rest.signum() } else { 0 }).map_err(|_| range())
            };
            values.as_primitive::<Decimal128Type>().try_unary(whole)?
        }
        DataType::Timestamp(..) => {
            let ms = cast(values, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
            cast(&ms, &DataType::Int64)?.as_primitive::<Int64Type>().clone()
        }
        _ => {
            let wide = cast(values, &DataType::Int64)?;
            if wide.null_count() > values.null_count() {
                return Err(range());
            }
            wide.as_primitive::<Int64Type>().clone()
        }
    };
    let wide: ArrayRef = Arc::new(wide);
    let narrow = cast(&wide, ty)?;
    if narrow.null_count() > wide.null_count() { Err(range()) } else { Ok(narrow) }
}

fn to_float(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    let floats: ArrayRef = match values.data_type() {
        from if is_text(from) => {
            let read = |text: &str| text.trim().parse::<f64>().map_err(|_| unreadable(text, "float"));
            Arc::new(Float64Array::from(texts(values, read)?))
        }
        DataType::Timestamp(..) => {
            let unit = unit_of(values.data_type()).per_second() as f64;
            let counts = cast(values, &DataType::Int64)?;
            let seconds: Float64Array = counts.as_primitive::<Int64Type>().unary(|count| count as f64 / unit);
            Arc::new(seconds)
        }
        _ => Arc::clone(values),
    };
    Ok(cast(&floats, ty)?)
}

fn to_decimal(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    let range = |_| coded("22003", "value is out of range for type decimal");
    let values = match values.data_type() {
        from if is_text(from) => {
            let read = |text: &str| {
                let number = text.trim();
                match number.parse::<f64>() {
                    Ok(value) if value.is_finite() => Ok(number.to_owned()),
                    _ => Err(unreadable(text, "decimal")),
                }
            };
            Arc::new(StringArray::from(texts(values, read)?)) as ArrayRef
        }
        // Through the shortest digits, not through the binary fraction.
        DataType::Float32 | DataType::Float64 => {
            let floats = cast(values, &DataType::Float64)?;
            let digits = floats.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_string()));
            Arc::new(digits.collect::<StringArray>())
        }
        DataType::Boolean => cast(values, &DataType::Int64)?,
        _ => Arc::clone(values),
    };
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    arrow::compute::cast_with_options(&values, ty, &options).map_err(range)
}

fn to_instant(values: &ArrayRef, ty: &DataType, zone: Tz) -> Result<ArrayRef> {
    if values.data_type().is_integer() {
        let counts = cast(values, &DataType::Int64)?;
        let ms = cast(&counts, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
        return Ok(cast(&ms, ty)?);
    }
    instants(values, ty, zone)
}

fn to_date(values: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    if *values.data_type() == DataType::Date32 {
        return Ok(Arc::clone(values));
    }
    let is_written = is_text(values.data_type());
    let ty = if is_written {
        DataType::Timestamp(TimeUnit::Millisecond, None)
    } else {
        values.data_type().clone()
    };
    // The day that a text names is that day in every zone.
    let zone = if is_written { Tz::UTC } else { zone };
    let times = instants(values, &ty, zone)?;
    let unit = unit_of(&ty);
    let times = cast(&times, &DataType::Int64)?;
    let days: Result<Date32Array> = times
        .as_primitive::<Int64Type>()
        .iter()
        .map(|time| time.map(|time| clock::date_of(time, unit, zone)).transpose())
        .collect();
    Ok(Arc::new(days?))
}

fn to_time(values: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    if matches!(values.data_type(), DataType::Time64(_)) {
        return Ok(cast(values, &DataType::Time64(TimeUnit::Microsecond))?);
    }
    if is_text(values.data_type()) {
        let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
        let ty = DataType::Time64(TimeUnit::Microsecond);
        let texts = cast(values, &DataType::Utf8)?;
        return arrow::compute::cast_with_options(&texts, &ty, &options)
            .map_err(|_| coded("22007", "could not parse a text as type time"));
    }
    let unit = unit_of(values.data_type());
    let times = cast(values, &DataType::Int64)?;
    let clocks: Result<Time64MicrosecondArray> = times
        .as_primitive::<Int64Type>()
        .iter()
        .map(|time| time.map(|time| clock::time_of_day(time, unit, zone)).transpose())
        .collect();
    Ok(Arc::new(clocks?))
}

fn to_interval(values: &ArrayRef) -> Result<ArrayRef> {
    let spans = match values.data_type() {
        from if is_text(from) => texts(values, |text| {
            interval::parse(text, Unit::of("s")).ok_or_else(|| unreadable(text, "interval"))
        })?,
        DataType::Interval(_) | DataType::Duration(_) => return Ok(cast(values, &INTERVAL)?),
        _ => {
            let seconds = cast(values, &DataType::Float64)?;
            let span = |s: f64| IntervalMonthDayNano::new(0, 0, (s * 1e9) as i64);
            seconds.as_primitive::<Float64Type>().iter().map(|s| s.map(span)).collect()
        }
    };
    Ok(Arc::new(IntervalMonthDayNanoArray::from(spans)))
}

fn to_bytes(values: &ArrayRef, width: Option<u32>) -> Result<ArrayRef> {
    let limit = width.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(limit);
        bytes
    };
    let rows: Vec<Option<Vec<u8>>> = if is_text(values.data_type()) {
        texts(values, |text| match text.strip_prefix("\\x") {
            Some(digits) => {
                triglot_model::hex::decode(digits).map(cut).ok_or_else(|| unreadable(text, "bytes"))
            }
            None => Ok(cut(text.as_bytes().to_vec())),
        })?
    } else {
        let bytes = cast(values, &DataType::Binary)?;
        bytes.as_binary::<i32>().iter().map(|b| b.map(|b| cut(b.to_vec()))).collect()
    };
    Ok(Arc::new(BinaryArray::from_iter(rows)))
}

fn to_text(values: &ArrayRef, target: TypeSpec, zone: Tz) -> Result<ArrayRef> {
    let limit = target.width.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let by_chars = matches!(target.ty, KwType::Nchar | KwType::Nvarchar | KwType::String);
    let cut = |mut text: String| {
        let end = match limit {
            None => return text,
            Some(limit) if by_chars => text.char_indices().nth(limit).map(|(at, _)| at),
            Some(limit) if text.len() > limit => (0..=limit).rev().find(|at| text.is_char_boundary(*at)),
            Some(_) => None,
        };
        text.truncate(end.unwrap_or(text.len()));
        text
    };
    let texts = (0..values.len()).map(|row| {
        if values.is_null(row) { Ok(None) } else { cell(values, row, zone).map(|text| Some(cut(text))) }
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

/// One value as text.
fn cell(values: &ArrayRef, row: usize, zone: Tz) -> Result<String> {
    Ok(match values.data_type() {
        DataType::Float64 => render::float(values.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => render::single(values.as_primitive::<Float32Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            render::decimal(values.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        DataType::Timestamp(..) => {
            let counts = cast(&values.slice(row, 1), &DataType::Int64)?;
            let count = counts.as_primitive::<Int64Type>().value(0);
            clock::as_text(count, unit_of(values.data_type()), zone)?
        }
        DataType::Interval(_) => {
            let spans = cast(&values.slice(row, 1), &INTERVAL)?;
            render::interval(spans.as_primitive::<IntervalMonthDayNanoType>().value(0))
        }
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {
            let bytes = cast(&values.slice(row, 1), &DataType::Binary)?;
            format!("\\x{}", triglot_model::hex::encode(bytes.as_binary::<i32>().value(0)))
        }
        _ => arrow::util::display::array_value_to_string(values, row)?,
    })
}

/// Digits as decimals of quotients, for tests of other modules.
#[cfg(test)]
pub(super) fn decimals(digits: Vec<i128>) -> ArrayRef {
    Arc::new(arrow::array::Decimal128Array::from(digits).with_data_type(COMPUTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_all_their_names() {
        let spec = |ty, width, scale| Some(TypeSpec { ty, width, scale });
        assert_eq!(target("int"), spec(KwType::Int4, None, None));
        assert_eq!(target("double precision"), spec(KwType::Float8, None, None));
        assert_eq!(target("DECIMAL(10,2)"), spec(KwType::Decimal, Some(10), Some(2)));
        assert_eq!(target("character varying(5)"), spec(KwType::Varchar, Some(5), None));
        assert_eq!(target("CHAR"), spec(KwType::Char, Some(1), None));
        assert_eq!(target("string(7)"), spec(KwType::String, Some(7), None));
        assert_eq!(target("nothing"), None);
        assert_eq!(target("varchar(x)"), None);
    }

    #[test]
    fn texts_are_cut_at_characters() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["日本語", "ab"]));
        let cut = |name: &str| {
            let done = to(&values, target(name).unwrap(), &DataType::Utf8, Tz::UTC).unwrap();
            done.as_string::<i32>().iter().map(|t| t.unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cut("varchar(4)"), ["日", "ab"]);
        assert_eq!(cut("nvarchar(2)"), ["日本", "ab"]);
        let mean =
            to(&decimals(vec![15_000_000_000_000_000]), target("string").unwrap(), &DataType::Utf8, Tz::UTC);
        assert_eq!(mean.unwrap().as_string::<i32>().value(0), "1.5");
    }
}
