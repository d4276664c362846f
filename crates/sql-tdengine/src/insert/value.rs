//! Values of INSERT and TAGS by the type of their column (sheet section 3, "Conversion on INSERT / TAGS").

use std::borrow::Cow;

pub(crate) use triglot_engine::Value;
use triglot_model::{ColumnDef, ColumnType, GeomEncoding, LengthUnit, hex};
use triglot_parse_tdengine::ast::{Expr, ExprKind, Literal, RawValue, Span, UnaryOp};
use triglot_parse_tdengine::{ParseError, ParseErrorKind, lex, parse_expression};

use crate::TaosError;
use crate::lower::declared_length;
use crate::time::TimeContext;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'t> {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Bool(bool),
    /// A number as it stands, with its sign.
    Number(&'t str),
    /// Quoted text, without its quotes.
    Text(Cow<'t, str>),
    /// An instant in the column's unit.
    Time(i64),
}

/// Why a value does not suit its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 0x0216 with this reason.
    Syntax(&'static str),
    /// 0x2653
    TooLong,
    /// 0x013D
    DecimalOverflow,
    /// 0x011B
    Json,
    /// 0x0222
    JsonType,
}

impl Refused {
    /// The vendor's error for a value of `column` at byte `offset` of `sql`.
    pub(crate) fn at(&self, sql: &str, offset: u32, column: &str) -> TaosError {
        match self {
            Self::Syntax(reason) => fault(sql, offset, reason),
            Self::TooLong => TaosError::new(0x2653, format!("Value too long for column/tag: {column}")),
            Self::DecimalOverflow => TaosError::new(0x013D, "Decimal value overflow"),
            Self::Json => TaosError::new(0x011B, "Invalid json format"),
            Self::JsonType => TaosError::new(0x0222, "Invalid JSON data type"),
        }
    }
}

/// 0x0216 at a place of the statement.
pub(crate) fn fault(sql: &str, offset: u32, reason: &'static str) -> TaosError {
    let error = ParseError::new(ParseErrorKind::InsertValue(reason), sql, offset);
    TaosError::new(error.code(), error.to_string())
}

/// What a value of INSERT says; `is_time`: for a column of time.
pub(crate) fn of_raw<'t>(
    raw: &RawValue,
    sql: &'t str,
    is_time: bool,
    time: &TimeContext,
) -> Result<Given<'t>, Refused> {
    let text = |span: &Span| sql.get(span.start as usize..span.end as usize).unwrap_or_default();
    Ok(match raw {
        RawValue::Null(_) => Given::Null,
        RawValue::Bool(value, _) => Given::Bool(*value),
        RawValue::Number(span) => Given::Number(text(span)),
        RawValue::Text(span) => Given::Text(lex::unescape(text(span))),
        RawValue::Time(span) => {
            let expr = parse_expression(sql, *span).map_err(|_| Refused::Syntax("invalid timestamp"))?;
            match call_of_text(&expr) {
                Some(text) => Given::Text(Cow::Owned(text.to_owned())),
                None if !is_time => return Err(Refused::Syntax("invalid data or symbol")),
                None => Given::Time(time.evaluate(&expr).ok_or(Refused::Syntax("invalid timestamp"))?),
            }
        }
    })
}

/// What a literal of TAGS or SET TAG says; `is_time`: for a column of time.
pub(crate) fn of_expr<'t>(
    expr: &Expr,
    sql: &'t str,
    is_time: bool,
    time: &TimeContext,
) -> Result<Given<'t>, Refused> {
    let source = || sql.get(expr.span.start as usize..expr.span.end as usize).unwrap_or_default();
    let is_number = |e: &Expr| {
        matches!(e.kind, ExprKind::Literal(Literal::Int(_) | Literal::UInt(_) | Literal::Float(_)))
    };
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => Ok(Given::Null),
        ExprKind::Literal(Literal::Bool(value)) => Ok(Given::Bool(*value)),
        ExprKind::Literal(Literal::Text(text)) => Ok(Given::Text(Cow::Owned(text.clone()))),
        _ if is_number(expr) => Ok(Given::Number(source())),
        ExprKind::Unary { op: UnaryOp::Minus | UnaryOp::Plus, expr: inner } if is_number(inner) => {
            Ok(Given::Number(source()))
        }
        _ => match call_of_text(expr) {
            Some(text) => Ok(Given::Text(Cow::Owned(text.to_owned()))),
            None if !is_time => Err(Refused::Syntax("invalid data or symbol")),
            None => time.evaluate(expr).map(Given::Time).ok_or(Refused::Syntax("invalid timestamp")),
        },
    }
}

/// The text of `to_json('…')` and `st_geomfromtext('…')`: the column's type decides what it means.
fn call_of_text(expr: &Expr) -> Option<&str> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    match (call.name.name.as_str(), call.args.as_slice()) {
        ("to_json" | "st_geomfromtext", [arg]) => match &arg.expr.kind {
            ExprKind::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `given` as a value of `ty`.
///
/// # Errors
/// It does not suit the type; the caller knows the place.
pub(crate) fn convert<'t>(
    given: Given<'t>,
    ty: ColumnType,
    time: &TimeContext,
) -> Result<Value<'t>, Refused> {
    let given = match given {
        Given::Null => return Ok(Value::Null),
        // The vendor reads the quoted word as NULL where a number is wanted.
        Given::Text(text) if is_scalar(ty) && text.trim().eq_ignore_ascii_case("null") => {
            return Ok(Value::Null);
        }
        given => given,
    };
    let value = match ty {
        ColumnType::Bool => bool_of(&given).map(Value::Bool),
        ColumnType::I8 => integer(&given, i8::MIN.into(), i8::MAX.into()),
        ColumnType::I16 => integer(&given, i16::MIN.into(), i16::MAX.into()),
        ColumnType::I32 => integer(&given, i32::MIN.into(), i32::MAX.into()),
        ColumnType::I64 => integer(&given, i64::MIN.into(), i64::MAX.into()),
        ColumnType::U8 => integer(&given, 0, u8::MAX.into()).map(unsigned),
        ColumnType::U16 => integer(&given, 0, u16::MAX.into()).map(unsigned),
        ColumnType::U32 => integer(&given, 0, u32::MAX.into()).map(unsigned),
        ColumnType::U64 => unsigned_64(&given),
        ColumnType::F32 => match float(&given)? {
            wide if wide.is_finite() && (wide as f32).is_infinite() => {
                Err(Refused::Syntax("float data overflow"))
            }
            wide => Ok(Value::Float(wide)),
        },
        ColumnType::F64 => float(&given).map(Value::Float),
        ColumnType::Decimal { precision, scale } => match &given {
            Given::Bool(value) => decimal(if *value { "1" } else { "0" }, precision, scale),
            _ => digits(&given).ok_or(BAD_DECIMAL).and_then(|text| decimal(text, precision, scale)),
        }
        .map(Value::Decimal),
        ColumnType::Ts(_) => instant(&given, time).map(Value::Int),
        ColumnType::Str { max, unit } => text(given, max, unit).map(Value::Text),
        ColumnType::Json => json(given),
        ColumnType::Bytes { max } => bytes(given, max).map(Value::Bytes),
        ColumnType::Geom(encoding) => super::geometry::value(given, encoding),
    };
    value.map_err(|refused| in_words_of(ty, refused))
}

/// The same refusal of an integer in the words of its type.
fn in_words_of(ty: ColumnType, refused: Refused) -> Refused {
    let (invalid, overflow) = match ty {
        ColumnType::I8 => ("invalid tinyint data", "tinyint data overflow"),
        ColumnType::I16 => ("invalid smallint data", "smallint data overflow"),
        ColumnType::I32 => ("invalid int data", "int data overflow"),
        ColumnType::I64 => ("invalid bigint data", "bigint data overflow"),
        ColumnType::U8 => ("invalid unsigned tinyint data", "unsigned tinyint data overflow"),
        ColumnType::U16 => ("invalid unsigned smallint data", "unsigned smallint data overflow"),
        ColumnType::U32 => ("invalid unsigned int data", "unsigned int data overflow"),
        ColumnType::U64 => ("invalid unsigned bigint data", "unsigned bigint data overflow"),
        _ => ("invalid timestamp", "timestamp data overflow"),
    };
    match refused {
        BAD_NUMBER => Refused::Syntax(invalid),
        OVERFLOW => Refused::Syntax(overflow),
        other => other,
    }
}

/// What a value means for a column or tag: [`convert`], and for GEOMETRY its declared length.
pub(crate) fn of_column<'t>(
    given: Given<'t>,
    column: &ColumnDef,
    time: &TimeContext,
) -> Result<Value<'t>, Refused> {
    let value = convert(given, column.ty, time)?;
    match (&value, column.ty) {
        (Value::Bytes(bytes), ColumnType::Geom(_))
            if declared_length(column.declared.as_deref()).is_some_and(|n| bytes.len() > n as usize) =>
        {
            Err(Refused::TooLong)
        }
        _ => Ok(value),
    }
}

fn is_scalar(ty: ColumnType) -> bool {
    !matches!(
        ty,
        ColumnType::Str { .. }
            | ColumnType::Json
            | ColumnType::Bytes { .. }
            | ColumnType::Geom(GeomEncoding::Wkb | GeomEncoding::Wkt)
    )
}

fn unsigned(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Int(value) => Value::UInt(value.unsigned_abs()),
        other => other,
    }
}

const BAD_NUMBER: Refused = Refused::Syntax("invalid integer data");
const OVERFLOW: Refused = Refused::Syntax("integer data overflow");

/// The digits of a number, given as one or quoted.
const BAD_DECIMAL: Refused = Refused::Syntax("invalid decimal data");

fn digits<'g>(given: &'g Given<'_>) -> Option<&'g str> {
    match given {
        Given::Number(text) => Some(text.trim()),
        Given::Text(text) => Some(text.trim()),
        Given::Null | Given::Bool(_) | Given::Time(_) => None,
    }
}

fn integer<'t>(given: &Given<'_>, min: i128, max: i128) -> Result<Value<'t>, Refused> {
    let value = match given {
        Given::Bool(value) => i128::from(*value),
        given => whole(digits(given).ok_or(BAD_NUMBER)?)?,
    };
    let value = if (min..=max).contains(&value) { i64::try_from(value).ok() } else { None };
    value.map(Value::Int).ok_or(OVERFLOW)
}

fn unsigned_64<'t>(given: &Given<'_>) -> Result<Value<'t>, Refused> {
    let value = match given {
        Given::Bool(value) => i128::from(*value),
        given => whole(digits(given).ok_or(BAD_NUMBER)?)?,
    };
    u64::try_from(value).map(Value::UInt).map_err(|_| OVERFLOW)
}

/// An integer in any base; one with a fraction or exponent is rounded half away from zero; '' is 0.
fn whole(text: &str) -> Result<i128, Refused> {
    if let Ok(value) = text.parse::<i64>() {
        return Ok(value.into());
    }
    if text.is_empty() {
        return Ok(0);
    }
    let (negative, magnitude) = match text.split_at_checked(1) {
        Some(("-", rest)) => (true, rest.trim_start()),
        Some(("+", rest)) => (false, rest.trim_start()),
        _ => (false, text),
    };
    let radix = match magnitude.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0b" | "0B") => Some(2),
        _ => None,
    };
    let value = match radix {
        Some(radix) => {
            let digits = magnitude.get(2..).filter(|d| d.starts_with(|c: char| c.is_ascii_hexdigit()));
            i128::from_str_radix(digits.ok_or(BAD_NUMBER)?, radix).map_err(|_| BAD_NUMBER)?
        }
        None if magnitude.bytes().all(|b| b.is_ascii_digit()) && !magnitude.is_empty() => {
            magnitude.parse().map_err(|_| OVERFLOW)?
        }
        None => {
            let value = plain_float(magnitude).ok_or(BAD_NUMBER)?.round();
            if value >= 2e38 {
                return Err(OVERFLOW);
            }
            value as i128
        }
    };
    Ok(if negative { -value } else { value })
}

/// A decimal number; words such as `inf` are none.
fn plain_float(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|_| is_number)
}

fn float(given: &Given<'_>) -> Result<f64, Refused> {
    const BAD: Refused = Refused::Syntax("illegal float data");
    if let Given::Bool(value) = given {
        return Ok(f64::from(u8::from(*value)));
    }
    let text = digits(given).ok_or(BAD)?;
    let value = match plain_float(text) {
        Some(value) => value,
        // Quoted blanks, other bases.
        None => whole(text).map_err(|_| BAD)? as f64,
    };
    if value.is_finite() { Ok(value) } else { Err(Refused::Syntax("float data overflow")) }
}

fn bool_of(given: &Given<'_>) -> Result<bool, Refused> {
    const BAD: Refused = Refused::Syntax("invalid bool data");
    match given {
        Given::Bool(value) => Ok(*value),
        Given::Text(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
        Given::Text(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
        Given::Text(text) if text.trim().is_empty() => Err(BAD),
        given => float(given).map(|number| number != 0.0).map_err(|_| BAD),
    }
}

fn instant(given: &Given<'_>, time: &TimeContext) -> Result<i64, Refused> {
    const BAD: Refused = Refused::Syntax("invalid timestamp");
    match given {
        Given::Time(time) => Ok(*time),
        Given::Number(text) => i64::try_from(whole(text)?).map_err(|_| BAD),
        Given::Text(text) => {
            let text = text.trim();
            let counted = text.parse().ok();
            let word = || match text.to_ascii_lowercase().as_str() {
                "now" | "now()" => Some(time.now()),
                "today()" => time.today(),
                _ => None,
            };
            counted.or_else(|| time.parse(text)).or_else(word).ok_or(BAD)
        }
        Given::Null | Given::Bool(_) => Err(BAD),
    }
}

/// A number's text as units of `scale`; none if it has more than `precision` digits.
pub(crate) fn decimal_of_text(text: &str, precision: u8, scale: i8) -> Option<i128> {
    decimal(text, precision, scale).ok()
}

/// Digits and a point as units of the scale; finer digits are rounded half away from zero.
///
/// # Errors
/// [`Refused::Syntax`] for what is no number, [`Refused::DecimalOverflow`] for more digits than `precision`.
fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, Refused> {
    let (negative, text) = match text.split_at_checked(1) {
        Some(("-", rest)) => (true, rest),
        Some(("+", rest)) => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| BAD_DECIMAL)?),
        None => (text, 0),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if integer.len() + fraction.len() == 0 || !are_digits(integer) || !are_digits(fraction) {
        return Err(BAD_DECIMAL);
    }
    let value = shifted(integer, fraction, exponent, precision, scale).ok_or(Refused::DecimalOverflow)?;
    Ok(if negative { -value } else { value })
}

/// `integer.fraction × 10^exponent` in units of `scale`; none if it has more than `precision` digits.
fn shifted(integer: &str, fraction: &str, exponent: i32, precision: u8, scale: i8) -> Option<i128> {
    let all: Vec<u8> = integer.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    // Digits of `all` that stand before the point of the result.
    let point = i64::try_from(integer.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let mut value: i128 = 0;
    let limit = 10i128.checked_pow(precision.into())?;
    for at in 0..point.clamp(0, 1000) {
        let digit = usize::try_from(at).ok().and_then(|at| all.get(at)).copied().unwrap_or(0);
        value = value.checked_mul(10)?.checked_add(digit.into())?;
        if value >= limit {
            return None;
        }
    }
    if point > 1000 && all.iter().any(|d| *d != 0) {
        return None;
    }
    let next = usize::try_from(point).ok().and_then(|at| all.get(at)).copied().unwrap_or(0);
    value += i128::from(next >= 5);
    (value < limit).then_some(value)
}

fn text<'t>(given: Given<'t>, max: Option<u32>, unit: LengthUnit) -> Result<Cow<'t, str>, Refused> {
    let text = match given {
        Given::Text(text) => text,
        Given::Number(text) => Cow::Borrowed(text),
        Given::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Given::Null | Given::Time(_) => return Err(Refused::Syntax("invalid string data")),
    };
    let length = match unit {
        LengthUnit::Bytes => text.len(),
        LengthUnit::Chars if text.len() <= max.unwrap_or(u32::MAX) as usize => 0,
        LengthUnit::Chars => text.chars().count(),
    };
    if max.is_some_and(|max| length > max as usize) { Err(Refused::TooLong) } else { Ok(text) }
}

fn bytes<'t>(given: Given<'t>, max: Option<u32>) -> Result<Cow<'t, [u8]>, Refused> {
    const BAD: Refused = Refused::Syntax("invalid varbinary data");
    let text = match given {
        Given::Text(text) => text,
        Given::Number(text) => Cow::Borrowed(text),
        Given::Bool(_) | Given::Null | Given::Time(_) => return Err(BAD),
    };
    let bytes: Cow<'t, [u8]> = match text.strip_prefix("\\x").or_else(|| text.strip_prefix("\\X")) {
        Some(digits) => Cow::Owned(hex::decode(digits).ok_or(BAD)?),
        None => match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    };
    if max.is_some_and(|max| bytes.len() > max as usize) { Err(Refused::TooLong) } else { Ok(bytes) }
}

fn json(given: Given<'_>) -> Result<Value<'_>, Refused> {
    let Given::Text(text) = given else { return Err(Refused::Json) };
    match super::json::checked(&text)? {
        Some(checked) => Ok(Value::Text(Cow::Owned(checked))),
        None => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use triglot_model::Precision;

    use super::*;

    fn of<'t>(given: Given<'t>, ty: ColumnType) -> Result<Value<'t>, Refused> {
        convert(given, ty, &TimeContext { precision: Precision::Milli, zone: Tz::UTC, now_ns: 5_000_000 })
    }

    fn text(text: &str) -> Given<'_> {
        Given::Text(Cow::Borrowed(text))
    }

    #[test]
    fn integers_of_all_forms() {
        for (given, expected) in [
            (Given::Number("7"), 7),
            (Given::Number("0x1F"), 31),
            (Given::Number("-0b101"), -5),
            (Given::Number("2.5"), 3),
            (Given::Number("-2.5"), -3),
            (Given::Number("1e2"), 100),
            (text(" 12 "), 12),
            (text(""), 0),
            (Given::Bool(true), 1),
        ] {
            assert_eq!(of(given.clone(), ColumnType::I8), Ok(Value::Int(expected)), "{given:?}");
        }
        let refused = |reason| Err(Refused::Syntax(reason));
        assert_eq!(of(Given::Number("128"), ColumnType::I8), refused("tinyint data overflow"));
        assert_eq!(of(Given::Number("-1"), ColumnType::U8), refused("unsigned tinyint data overflow"));
        assert_eq!(of(Given::Number("18446744073709551615"), ColumnType::U64), Ok(Value::UInt(u64::MAX)));
        assert_eq!(
            of(Given::Number("9223372036854775808"), ColumnType::I64),
            refused("bigint data overflow")
        );
        assert_eq!(of(text("12abc"), ColumnType::I32), refused("invalid int data"));
        assert_eq!(of(text("null"), ColumnType::I32), Ok(Value::Null));
        assert_eq!(of(text("inf"), ColumnType::I32), refused("invalid int data"));
    }

    #[test]
    fn booleans_floats_and_times() {
        assert_eq!(of(text("TRUE"), ColumnType::Bool), Ok(Value::Bool(true)));
        assert_eq!(of(text("0.0"), ColumnType::Bool), Ok(Value::Bool(false)));
        assert_eq!(of(Given::Number("-3"), ColumnType::Bool), Ok(Value::Bool(true)));
        assert!(of(text("yes"), ColumnType::Bool).is_err());
        assert_eq!(of(Given::Number("1e300"), ColumnType::F32), Err(Refused::Syntax("float data overflow")));
        assert_eq!(of(Given::Number("1e999"), ColumnType::F64), Err(Refused::Syntax("float data overflow")));
        let ts = ColumnType::Ts(Precision::Milli);
        assert_eq!(of(text("1970-01-01 00:00:01"), ts), Ok(Value::Int(1000)));
        assert_eq!(of(text("1500"), ts), Ok(Value::Int(1500)));
        assert_eq!(of(Given::Number("-1"), ts), Ok(Value::Int(-1)));
        assert_eq!(of(text("now"), ts), Ok(Value::Int(5)));
        assert!(of(text("soon"), ts).is_err());
    }

    #[test]
    fn decimals_round_half_away_and_keep_their_precision() {
        let ty = ColumnType::Decimal { precision: 5, scale: 2 };
        for (given, expected) in
            [("1.235", 124), ("-1.235", -124), ("999.99", 99_999), ("1e2", 10_000), (".5", 50), ("0.004", 0)]
        {
            assert_eq!(of(Given::Number(given), ty), Ok(Value::Decimal(expected)), "{given}");
        }
        assert_eq!(of(Given::Number("1000"), ty), Err(Refused::DecimalOverflow));
        assert_eq!(of(Given::Number("999.995"), ty), Err(Refused::DecimalOverflow));
        assert_eq!(of(text("1,5"), ty), Err(Refused::Syntax("invalid decimal data")));
    }

    #[test]
    fn texts_count_bytes_or_characters() {
        let varchar = ColumnType::Str { max: Some(3), unit: LengthUnit::Bytes };
        let nchar = ColumnType::Str { max: Some(3), unit: LengthUnit::Chars };
        assert_eq!(of(text("äö"), varchar), Err(Refused::TooLong));
        assert_eq!(of(text("äöü"), nchar), Ok(Value::Text("äöü".into())));
        assert_eq!(of(text("äöüß"), nchar), Err(Refused::TooLong));
        assert_eq!(of(Given::Number("12"), varchar), Ok(Value::Text("12".into())));
        let binary = ColumnType::Bytes { max: Some(2) };
        assert_eq!(of(text("\\x01ff"), binary), Ok(Value::Bytes(vec![1, 255].into())));
        assert!(of(text("\\x01f"), binary).is_err());
        assert_eq!(of(text("abc"), binary), Err(Refused::TooLong));
    }
}
