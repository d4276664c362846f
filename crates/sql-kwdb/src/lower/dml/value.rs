//! Values of INSERT and SET by the type of their column (sheet section 11.1, with the decisions of section 15).

use std::borrow::Cow;

use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, Decimal128Type};
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use triglot_engine::Value;
use triglot_functions::geometry::validate_wkt;
use triglot_functions::time_text::parse_time;
use triglot_model::{ColumnType, GeomEncoding, LengthUnit, Precision, hex};

use crate::KwError;
use crate::parse::values::Given;
use crate::types::{KwType, TypeSpec};

/// What values depend on beside their column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueContext {
    /// The zone of texts without an offset.
    pub(crate) zone: Tz,
    /// The time of the statement.
    pub(crate) now_ns: i64,
    /// The longest text or bytes of a column without a width.
    pub(crate) max_bytes: usize,
}

/// A column as values are converted for it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) ty: ColumnType,
    pub(crate) spec: TypeSpec,
}

/// The longest well-known text.
const MAX_GEOMETRY: usize = 1023;

impl Target {
    /// `given` as a value of the column.
    ///
    /// # Errors
    /// The texts of section 11.1.
    pub(crate) fn convert<'t>(&self, given: Given<'t>, context: &ValueContext) -> Result<Value<'t>, KwError> {
        match given {
            Given::Null | Given::Default => return Ok(Value::Null),
            Given::Word(word) => return Err(self.unsupported(&format!("relation \"{word}\""))),
            _ => {}
        }
        match (self.spec.ty, self.ty) {
            (KwType::Date, _) => self.date(&given, context),
            (KwType::Uuid, _) => self.uuid(&given),
            (_, ColumnType::Bool) => self.boolean(&given),
            (_, ColumnType::I8) => self.integer(&given, i8::MIN.into(), i8::MAX.into()),
            (_, ColumnType::I16) => self.integer(&given, i16::MIN.into(), i16::MAX.into()),
            (_, ColumnType::I32) => self.integer(&given, i32::MIN.into(), i32::MAX.into()),
            (_, ColumnType::I64) => self.integer(&given, i64::MIN.into(), i64::MAX.into()),
            (_, ColumnType::U8) => self.unsigned(&given, u8::MAX.into()),
            (_, ColumnType::U16) => self.unsigned(&given, u16::MAX.into()),
            (_, ColumnType::U32) => self.unsigned(&given, u32::MAX.into()),
            (_, ColumnType::U64) => self.unsigned(&given, u64::MAX.into()),
            (_, ColumnType::F32 | ColumnType::F64) => self.float(&given),
            (_, ColumnType::Decimal { precision, scale }) => self.decimal(&given, precision, scale),
            (_, ColumnType::Ts(precision)) => self.instant(&given, precision, context),
            (_, ColumnType::Str { max, unit }) => self.text(given, max, unit, context),
            (_, ColumnType::Bytes { max }) => self.bytes(given, max, context),
            (_, ColumnType::Json) => self.json(given),
            (_, ColumnType::Geom(encoding)) => self.geometry(given, encoding),
        }
    }

    /// 42804: the value means nothing in this type.
    pub(crate) fn unresolved(&self, shown: &str) -> KwError {
        KwError::new(
            "42804",
            format!("could not resolve \"{shown}\" as {} type (column {})", self.spec, self.name),
        )
    }

    /// 42804: no value at all.
    pub(crate) fn unsupported(&self, what: &str) -> KwError {
        KwError::new("42804", format!("unsupported input type {what} (column {})", self.name))
    }

    /// 22003
    fn out_of_range(&self, what: &str, shown: &str) -> KwError {
        KwError::new(
            "22003",
            format!("{what} \"{shown}\" out of range for type {} (column {})", self.spec, self.name),
        )
    }

    /// 22001
    fn too_long(&self, shown: &str) -> KwError {
        KwError::new(
            "22001",
            format!("value '{shown}' too long for type {} (column {})", self.spec, self.name),
        )
    }

    fn boolean<'t>(&self, given: &Given<'_>) -> Result<Value<'t>, KwError> {
        let word = match given {
            Given::Bool(value) => return Ok(Value::Bool(*value)),
            Given::Number(text) | Given::Text(text) => text.trim().to_ascii_lowercase(),
            other => return Err(self.unresolved(&shown(other))),
        };
        match word.as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(Value::Bool(false)),
            _ => Err(self.unresolved(&shown(given))),
        }
    }

    fn whole(&self, given: &Given<'_>) -> Result<i128, KwError> {
        match given {
            Given::Bool(value) => Ok(i128::from(*value)),
            Given::Number(text) | Given::Text(text) => {
                let value = whole(text.trim()).ok_or_else(|| self.unresolved(&shown(given)))?;
                value.ok_or_else(|| self.out_of_range("integer", text))
            }
            other => Err(self.unresolved(&shown(other))),
        }
    }

    fn integer<'t>(&self, given: &Given<'_>, min: i128, max: i128) -> Result<Value<'t>, KwError> {
        let value = self.whole(given)?;
        let fits = (min..=max).contains(&value).then(|| i64::try_from(value).ok()).flatten();
        fits.map(Value::Int).ok_or_else(|| self.out_of_range("integer", &shown(given)))
    }

    fn unsigned<'t>(&self, given: &Given<'_>, max: i128) -> Result<Value<'t>, KwError> {
        let value = self.whole(given)?;
        let fits = (0..=max).contains(&value).then(|| u64::try_from(value).ok()).flatten();
        fits.map(Value::UInt).ok_or_else(|| self.out_of_range("integer", &shown(given)))
    }

    fn float<'t>(&self, given: &Given<'_>) -> Result<Value<'t>, KwError> {
        let (Given::Number(text) | Given::Text(text)) = given else {
            return Err(self.unresolved(&shown(given)));
        };
        let value: f64 = text.trim().parse().map_err(|_| self.unresolved(text))?;
        // `inf` is a float, too; a number that is none only by its size is not.
        let is_number = text.bytes().any(|b| b.is_ascii_digit());
        let fits = match self.ty {
            ColumnType::F32 => value.is_infinite() || (value as f32).is_finite() || value.is_nan(),
            _ => true,
        };
        if !fits || (is_number && value.is_infinite()) {
            return Err(self.out_of_range("float", text));
        }
        Ok(Value::Float(value))
    }

    fn decimal<'t>(&self, given: &Given<'_>, precision: u8, scale: i8) -> Result<Value<'t>, KwError> {
        let text = match given {
            Given::Bool(value) => Cow::Borrowed(if *value { "1" } else { "0" }),
            Given::Number(text) | Given::Text(text) => Cow::Borrowed(text.trim()),
            other => return Err(self.unresolved(&shown(other))),
        };
        match rounded(&text, precision, scale) {
            Some(value) => Ok(Value::Decimal(value)),
            None if text.parse::<f64>().is_ok_and(f64::is_finite) => Err(self.out_of_range("decimal", &text)),
            None => Err(self.unresolved(&text)),
        }
    }

    fn instant<'t>(
        &self,
        given: &Given<'_>,
        precision: Precision,
        context: &ValueContext,
    ) -> Result<Value<'t>, KwError> {
        let beyond = || {
            let message = format!(
                "value \"{}\" out of range for type {} (column {})",
                shown(given),
                self.spec,
                self.name
            );
            KwError::new("22026", message)
        };
        let time = match given {
            Given::Now => precision.from_ns(context.now_ns),
            Given::Instant(ns) => precision.from_ns(*ns),
            Given::Number(text) => match whole(text).ok_or_else(|| self.unresolved(text))? {
                Some(value) => i64::try_from(value).map_err(|_| beyond())?,
                None => return Err(beyond()),
            },
            Given::Text(text) => match parse_time(text, self.zone_of(context), precision) {
                Some(time) => time,
                // A time of the calendar that does not fit this unit.
                None if parse_time(text, Tz::UTC, Precision::Milli).is_some() => return Err(beyond()),
                None => return Err(self.unresolved(text)),
            },
            other => return Err(self.unresolved(&shown(other))),
        };
        if times(precision).contains(&time) { Ok(Value::Int(time)) } else { Err(beyond()) }
    }

    /// TIMESTAMP without a zone is what clocks in UTC show; the first column of a time-series table never is.
    fn zone_of(&self, context: &ValueContext) -> Tz {
        if self.spec.ty == KwType::Timestamp { Tz::UTC } else { context.zone }
    }

    fn date<'t>(&self, given: &Given<'_>, context: &ValueContext) -> Result<Value<'t>, KwError> {
        const DAY: i64 = 86_400_000;
        let millis = match given {
            Given::Now => context.now_ns.div_euclid(1_000_000),
            Given::Instant(ns) => ns.div_euclid(1_000_000),
            Given::Text(text) => {
                parse_time(text, Tz::UTC, Precision::Milli).ok_or_else(|| self.unresolved(text))?
            }
            other => return Err(self.unresolved(&shown(other))),
        };
        Ok(Value::Int(millis.div_euclid(DAY) * DAY))
    }

    fn uuid<'t>(&self, given: &Given<'_>) -> Result<Value<'t>, KwError> {
        let Given::Text(text) = given else { return Err(self.unresolved(&shown(given))) };
        let groups: Vec<&str> = text.trim().split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
        let is_uuid =
            lengths == [8, 4, 4, 4, 12] && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()));
        if !is_uuid {
            return Err(self.unresolved(text));
        }
        Ok(Value::Text(Cow::Owned(text.trim().to_ascii_lowercase())))
    }

    fn text<'t>(
        &self,
        given: Given<'t>,
        max: Option<u32>,
        unit: LengthUnit,
        context: &ValueContext,
    ) -> Result<Value<'t>, KwError> {
        let text = match given {
            Given::Text(text) | Given::Number(text) => text,
            Given::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            other => return Err(self.unresolved(&shown(&other))),
        };
        let max = max.map_or(context.max_bytes, |max| max as usize);
        let length = match unit {
            LengthUnit::Bytes => text.len(),
            LengthUnit::Chars if text.len() <= max => 0,
            LengthUnit::Chars => text.chars().count(),
        };
        if length > max { Err(self.too_long(&text)) } else { Ok(Value::Text(text)) }
    }

    fn bytes<'t>(
        &self,
        given: Given<'t>,
        max: Option<u32>,
        context: &ValueContext,
    ) -> Result<Value<'t>, KwError> {
        let written = shown(&given);
        let octets = match given {
            Given::Octets(octets) => Cow::Owned(octets),
            Given::Text(text) => match text.strip_prefix("\\x").or_else(|| text.strip_prefix("\\X")) {
                Some(digits) => Cow::Owned(hex::decode(digits).ok_or_else(|| self.unresolved(&text))?),
                None => match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                },
            },
            other => return Err(self.unresolved(&shown(&other))),
        };
        let max = max.map_or(context.max_bytes, |max| max as usize);
        if octets.len() > max { Err(self.too_long(&written)) } else { Ok(Value::Bytes(octets)) }
    }

    fn json<'t>(&self, given: Given<'t>) -> Result<Value<'t>, KwError> {
        let Given::Text(text) = given else { return Err(self.unresolved(&shown(&given))) };
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(_) => Ok(Value::Text(text)),
            Err(_) => Err(self.unresolved(&text)),
        }
    }

    fn geometry<'t>(&self, given: Given<'t>, encoding: GeomEncoding) -> Result<Value<'t>, KwError> {
        let Given::Text(text) = given else { return Err(self.unresolved(&shown(&given))) };
        if encoding == GeomEncoding::Wkb {
            return Err(KwError::unsupported("writing geometries in binary form"));
        }
        let head = text.trim_start().to_ascii_uppercase();
        let known = ["POINT", "LINESTRING", "POLYGON"].iter().any(|kind| head.starts_with(kind));
        if !known || validate_wkt(&text, None).is_err() {
            return Err(self.unresolved(&text));
        }
        if text.len() > MAX_GEOMETRY {
            return Err(self.too_long(&text));
        }
        Ok(Value::Text(text))
    }
}

/// The instants that a column of this unit holds (sheet section 10.2).
const fn times(precision: Precision) -> std::ops::RangeInclusive<i64> {
    match precision {
        Precision::Milli => -62_167_219_200_000..=31_556_995_200_000,
        Precision::Micro => -62_167_219_200_000_000..=31_556_995_200_000_000,
        // The last instant of all has no time bucket of its own.
        Precision::Nano => 0..=i64::MAX - 1,
    }
}

/// A decimal in units of its scale; finer digits are rounded half away from zero. Arrow cuts them off.
fn rounded(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let parse = |digits, scale| parse_decimal::<Decimal128Type>(text, digits, scale).ok();
    let finer = if scale < DECIMAL128_MAX_SCALE { parse(DECIMAL128_MAX_PRECISION, scale + 1) } else { None };
    let value = match finer {
        Some(finer) => (finer + 5 * finer.signum()) / 10,
        // So many digits that one more does not fit.
        None => parse(precision, scale)?,
    };
    let limit = 10_i128.checked_pow(precision.into())?;
    (value.abs() < limit).then_some(value)
}

/// A whole number, also one with an exponent or zeros behind its point. `None`: it is none; `Some(None)`: it has
/// more digits than any type.
fn whole(text: &str) -> Option<Option<i128>> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(Some(value.into()));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.parse().ok());
    }
    let is_number = digits.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = text.parse().ok().filter(|_| is_number)?;
    if value.fract() != 0.0 {
        return None;
    }
    // Beyond this not every whole number is a float.
    Some((value.abs() <= 9_007_199_254_740_992.0).then_some(value as i128))
}

/// A value as messages repeat it.
fn shown(given: &Given<'_>) -> String {
    match given {
        Given::Null => "NULL".to_owned(),
        Given::Default => "DEFAULT".to_owned(),
        Given::Bool(value) => value.to_string(),
        Given::Number(text) | Given::Text(text) => text.to_string(),
        Given::Octets(octets) => format!("\\x{}", hex::encode(octets)),
        Given::Now => "now()".to_owned(),
        Given::Instant(ns) => chrono::DateTime::from_timestamp_nanos(*ns).to_string(),
        Given::Word(word) => (*word).to_owned(),
    }
}

/// A value as a constant of a plan.
pub(crate) fn scalar(value: &Value<'_>, ty: ColumnType) -> Option<ScalarValue> {
    Some(match (value, ty) {
        (Value::Null, _) => ScalarValue::try_from(&ty.arrow()).ok()?,
        (Value::Bool(v), _) => ScalarValue::Boolean(Some(*v)),
        (Value::Int(v), ColumnType::Ts(Precision::Milli)) => {
            ScalarValue::TimestampMillisecond(Some(*v), None)
        }
        (Value::Int(v), ColumnType::Ts(Precision::Micro)) => {
            ScalarValue::TimestampMicrosecond(Some(*v), None)
        }
        (Value::Int(v), ColumnType::Ts(Precision::Nano)) => ScalarValue::TimestampNanosecond(Some(*v), None),
        (Value::Int(v), ColumnType::I8) => ScalarValue::Int8(i8::try_from(*v).ok()),
        (Value::Int(v), ColumnType::I16) => ScalarValue::Int16(i16::try_from(*v).ok()),
        (Value::Int(v), ColumnType::I32) => ScalarValue::Int32(i32::try_from(*v).ok()),
        (Value::Int(v), _) => ScalarValue::Int64(Some(*v)),
        (Value::UInt(v), ColumnType::U8) => ScalarValue::UInt8(u8::try_from(*v).ok()),
        (Value::UInt(v), ColumnType::U16) => ScalarValue::UInt16(u16::try_from(*v).ok()),
        (Value::UInt(v), ColumnType::U32) => ScalarValue::UInt32(u32::try_from(*v).ok()),
        (Value::UInt(v), _) => ScalarValue::UInt64(Some(*v)),
        (Value::Float(v), ColumnType::F32) => ScalarValue::Float32(Some(*v as f32)),
        (Value::Float(v), _) => ScalarValue::Float64(Some(*v)),
        (Value::Decimal(v), ColumnType::Decimal { precision, scale }) => {
            ScalarValue::Decimal128(Some(*v), precision, scale)
        }
        (Value::Decimal(_), _) => return None,
        (Value::Text(v), _) => ScalarValue::Utf8(Some(v.to_string())),
        (Value::Bytes(v), _) => ScalarValue::Binary(Some(v.to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'t>(given: Given<'t>, spec: &str) -> Result<Value<'t>, String> {
        let spec = TypeSpec::parse(spec).unwrap();
        let target = Target { name: "c".to_owned(), ty: spec.column_type().unwrap(), spec };
        let context = ValueContext { zone: Tz::Asia__Shanghai, now_ns: 5_000_000, max_bytes: 100 };
        target.convert(given, &context).map_err(|e| format!("{} {}", e.sqlstate, e.message))
    }

    fn number(text: &'static str) -> Given<'static> {
        Given::Number(text.into())
    }

    fn text(text: &'static str) -> Given<'static> {
        Given::Text(text.into())
    }

    fn refusal(given: Given<'static>, spec: &str) -> String {
        of(given, spec).unwrap_err()
    }

    #[test]
    fn integers() {
        assert_eq!(of(number("-32768"), "INT2"), Ok(Value::Int(-32768)));
        assert_eq!(of(text("12"), "INT4"), Ok(Value::Int(12)), "quoted numbers, sheet section 15");
        assert_eq!(of(number("2.0"), "INT4"), Ok(Value::Int(2)));
        assert_eq!(of(Given::Bool(true), "INT8"), Ok(Value::Int(1)));
        assert_eq!(
            refusal(number("99999"), "INT2"),
            "22003 integer \"99999\" out of range for type INT2 (column c)"
        );
        assert_eq!(refusal(text("abc"), "INT4"), "42804 could not resolve \"abc\" as INT4 type (column c)");
        assert_eq!(refusal(number("1.5"), "INT4"), "42804 could not resolve \"1.5\" as INT4 type (column c)");
        assert_eq!(
            refusal(number("9223372036854775808"), "INT8"),
            "22003 integer \"9223372036854775808\" out of range for type INT8 (column c)"
        );
        assert_eq!(
            refusal(Given::Word("s"), "INT4"),
            "42804 unsupported input type relation \"s\" (column c)"
        );
    }

    #[test]
    fn booleans_and_floats() {
        assert_eq!(of(text("f"), "BOOL"), Ok(Value::Bool(false)));
        assert_eq!(of(number("1"), "BOOL"), Ok(Value::Bool(true)));
        assert_eq!(
            refusal(text("maybe"), "BOOL"),
            "42804 could not resolve \"maybe\" as BOOL type (column c)"
        );
        assert_eq!(of(number("1e3"), "FLOAT8"), Ok(Value::Float(1000.0)));
        assert_eq!(of(text("2.5"), "FLOAT4"), Ok(Value::Float(2.5)));
        assert_eq!(
            refusal(number("1e300"), "FLOAT4"),
            "22003 float \"1e300\" out of range for type FLOAT4 (column c)"
        );
        assert_eq!(
            refusal(number("1e999"), "FLOAT8"),
            "22003 float \"1e999\" out of range for type FLOAT8 (column c)"
        );
        assert_eq!(refusal(text("x"), "FLOAT8"), "42804 could not resolve \"x\" as FLOAT8 type (column c)");
    }

    #[test]
    fn instants() {
        // 2024-01-01 00:00:00 in Shanghai is 16:00 UTC of the day before.
        assert_eq!(of(text("2024-01-01"), "TIMESTAMPTZ(3)"), Ok(Value::Int(1_704_038_400_000)));
        assert_eq!(of(text("2024-01-01"), "TIMESTAMP(3)"), Ok(Value::Int(1_704_067_200_000)));
        assert_eq!(
            of(text("2024-01-01T00:00:00.5Z"), "TIMESTAMPTZ(6)"),
            Ok(Value::Int(1_704_067_200_500_000))
        );
        assert_eq!(of(number("1704067200000"), "TIMESTAMPTZ(3)"), Ok(Value::Int(1_704_067_200_000)));
        assert_eq!(of(Given::Now, "TIMESTAMPTZ(3)"), Ok(Value::Int(5)));
        assert_eq!(
            refusal(text("abc"), "TIMESTAMPTZ(3)"),
            "42804 could not resolve \"abc\" as TIMESTAMPTZ(3) type (column c)"
        );
        assert_eq!(
            refusal(number("31556995200001"), "TIMESTAMP(3)"),
            "22026 value \"31556995200001\" out of range for type TIMESTAMP(3) (column c)"
        );
        assert_eq!(of(number("31556995200000"), "TIMESTAMP(3)"), Ok(Value::Int(31_556_995_200_000)));
        assert!(refusal(text("1969-12-31"), "TIMESTAMPTZ(9)").starts_with("22026"));
        assert!(refusal(text("2500-01-01"), "TIMESTAMPTZ(9)").starts_with("22026"));
    }

    #[test]
    fn texts_and_octets() {
        assert_eq!(
            refusal(text("abcde"), "VARCHAR(4)"),
            "22001 value 'abcde' too long for type VARCHAR(4) (column c)"
        );
        assert_eq!(of(text("äö"), "NCHAR(2)"), Ok(Value::Text("äö".into())));
        assert!(refusal(text("äöü"), "NCHAR(2)").starts_with("22001"));
        assert_eq!(of(number("1.50"), "VARCHAR(9)"), Ok(Value::Text("1.50".into())));
        assert_eq!(of(text("\\xaaFF"), "VARBYTES(2)"), Ok(Value::Bytes(vec![0xaa, 0xff].into())));
        assert_eq!(of(Given::Octets(vec![0]), "VARBYTES(2)"), Ok(Value::Bytes(vec![0].into())));
        assert_eq!(
            refusal(text("\\xa"), "VARBYTES(200)"),
            "42804 could not resolve \"\\xa\" as VARBYTES(200) type (column c)"
        );
        assert!(refusal(text("abc"), "VARBYTES(2)").starts_with("22001"));
        assert_eq!(of(text("POINT(1 2)"), "GEOMETRY"), Ok(Value::Text("POINT(1 2)".into())));
        assert!(refusal(text("MULTIPOINT(1 2)"), "GEOMETRY").starts_with("42804"));
    }

    #[test]
    fn types_of_relational_tables() {
        assert_eq!(of(text("2024-02-29"), "DATE"), Ok(Value::Int(1_709_164_800_000)));
        assert_eq!(of(number("1.235"), "DECIMAL(5,2)"), Ok(Value::Decimal(124)));
        assert_eq!(of(number("-1.2349"), "DECIMAL(5,2)"), Ok(Value::Decimal(-123)));
        assert_eq!(of(number("-1.235"), "DECIMAL(5,2)"), Ok(Value::Decimal(-124)));
        assert!(refusal(number("999.995"), "DECIMAL(5,2)").starts_with("22003"));
        assert!(refusal(number("12345"), "DECIMAL(5,2)").starts_with("22003"));
        let uuid = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
        assert_eq!(of(text(uuid), "UUID"), Ok(Value::Text(uuid.to_lowercase().into())));
        assert!(refusal(text("a0eebc99"), "UUID").starts_with("42804"));
        assert!(of(text("{\"a\": 1}"), "JSONB").is_ok());
        assert!(refusal(text("{a}"), "JSONB").starts_with("42804"));
    }
}
