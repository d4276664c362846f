//! Numbers, booleans and timestamps.

use crate::dialect::Dialect;
use crate::scan::{POWERS, digits8, digits16, ends_value};
use crate::value::{FieldValue, Text};

/// The common numbers (up to 16 digits with `i`, `u` or nothing behind them, short decimals):
/// the value and where it ends. `None` means "take the long way", not "wrong".
#[inline(always)]
pub(crate) fn short_number<'a>(bytes: &[u8], pos: usize, first: u8) -> Option<(FieldValue<'a>, usize)> {
    let negative = first == b'-';
    let signed = negative || first == b'+';
    let begin = pos + usize::from(signed);
    let (whole, count) = digits16(bytes, begin);
    if count == 0 {
        return None;
    }
    let end = begin + count;
    let sign = |value: f64| if negative { -value } else { value };
    match bytes.get(end) {
        Some(b'i') if ends_value(bytes.get(end + 1)) => {
            let value = whole as i64; // below 10^16
            Some((FieldValue::I64(if negative { -value } else { value }), end + 1))
        }
        Some(b'.') => {
            let (fraction, places) = digits8(bytes, end + 1);
            let stop = end + 1 + places;
            if places == 0 || count + places > 15 || !ends_value(bytes.get(stop)) {
                return None;
            }
            // Both sides are below 2^53, so exact, and one division rounds once: correct.
            let power = POWERS.get(places).copied()?;
            Some((FieldValue::F64(sign((whole * power + fraction) as f64 / power as f64)), stop))
        }
        Some(b'u') if !signed && ends_value(bytes.get(end + 1)) => Some((FieldValue::U64(whole), end + 1)),
        byte if ends_value(byte) => Some((FieldValue::F64(sign(whole as f64)), end)),
        _ => None,
    }
}

/// Any field value without quotes. `None` if the token is of no known form.
#[cold]
pub(crate) fn bare_value(token: &str, dialect: Dialect) -> Option<FieldValue<'_>> {
    match token {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(FieldValue::Bool(true)),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(FieldValue::Bool(false)),
        _ => {}
    }
    let number = number(token, dialect);
    if number.is_none() && dialect.bare_text() && !token.is_empty() && !token.contains('"') {
        return Some(FieldValue::Str(Text::new(token, false)));
    }
    number
}

fn number(token: &str, dialect: Dialect) -> Option<FieldValue<'_>> {
    if let Some(digits) = token.strip_suffix('i') {
        return digits.parse().ok().map(FieldValue::I64);
    }
    if let Some(digits) = token.strip_suffix('u') {
        return unsigned(digits).map(FieldValue::U64);
    }
    if dialect.typed_values()
        && let Some(value) = typed_number(token, dialect)
    {
        return Some(value);
    }
    let value = float(token, dialect)?;
    value.is_finite().then_some(FieldValue::F64(value))
}

/// TDengine's numbers with a width, and its names of what is no number.
fn typed_number(token: &str, dialect: Dialect) -> Option<FieldValue<'_>> {
    if let Some(found) = special_float(token) {
        return Some(FieldValue::F64(found));
    }
    // The type is one letter and one or two digits.
    let at = token.rfind(['i', 'u', 'f'])?;
    let (digits, suffix) = (token.get(..at)?, token.get(at..)?);
    match suffix {
        "i8" => digits.parse().ok().map(FieldValue::I8),
        "i16" => digits.parse().ok().map(FieldValue::I16),
        "i32" => digits.parse().ok().map(FieldValue::I32),
        "i64" => digits.parse().ok().map(FieldValue::I64),
        "u8" => unsigned(digits).map(FieldValue::U8),
        "u16" => unsigned(digits).map(FieldValue::U16),
        "u32" => unsigned(digits).map(FieldValue::U32),
        "u64" => unsigned(digits).map(FieldValue::U64),
        "f64" => float(digits, dialect).filter(|v| v.is_finite()).map(FieldValue::F64),
        "f32" => {
            // From the text, not from the f64: rounding twice may miss by one.
            float_shape(digits, dialect).then_some(())?;
            let value: f32 = fast_float2::parse(digits.strip_prefix('+').unwrap_or(digits)).ok()?;
            value.is_finite().then_some(FieldValue::F32(value))
        }
        _ => None,
    }
}

fn special_float(token: &str) -> Option<f64> {
    let (negative, name) = match token.as_bytes().first()? {
        b'-' => (true, token.get(1..)?),
        b'+' => (false, token.get(1..)?),
        _ => (false, token),
    };
    let value = if name.eq_ignore_ascii_case("nan") {
        f64::NAN
    } else if name.eq_ignore_ascii_case("inf") {
        f64::INFINITY
    } else {
        return None;
    };
    Some(if negative { -value } else { value })
}

fn unsigned<T: std::str::FromStr>(digits: &str) -> Option<T> {
    // The standard library takes a plus sign; the grammar has none here.
    if digits.starts_with('+') { None } else { digits.parse().ok() }
}

fn float(token: &str, dialect: Dialect) -> Option<f64> {
    if !float_shape(token, dialect) {
        return None;
    }
    fast_float2::parse(token.strip_prefix('+').unwrap_or(token)).ok()
}

/// `[+-] digits [. digits] [e [+-] digits]`; the dialect says whether digits may be missing on
/// one side of the dot. Keeps `inf`, `nan` and their spellings out.
fn float_shape(token: &str, dialect: Dialect) -> bool {
    let bytes = token.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    let mut at = sign + whole;
    let mut places = 0;
    if bytes.get(at) == Some(&b'.') {
        places = digits(at + 1);
        let leading = whole > 0 || sign > 0 || dialect.leading_dot();
        let trailing = places > 0 || dialect.trailing_dot();
        if !leading || !trailing {
            return false;
        }
        at += 1 + places;
    }
    if whole + places == 0 {
        return false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == bytes.len()
}

/// A timestamp at `pos` and where it ends, which is at white space or the end of the body.
/// The error is where the text ends that is no timestamp.
#[inline(always)]
pub(crate) fn timestamp(body: &str, pos: usize) -> Result<(i64, usize), usize> {
    let bytes = body.as_bytes();
    let (high, count) = digits16(bytes, pos);
    if count == 16 {
        // Nanoseconds have 19 digits: 16 and three more, below 10^19 and so within u64.
        let (low, more) = digits8(bytes, pos + 16);
        let end = pos + 16 + more;
        let ends = bytes.get(end).is_none_or(u8::is_ascii_whitespace);
        if more <= 3
            && ends
            && let Some(power) = POWERS.get(more)
            && let Ok(value) = i64::try_from(high * power + low)
        {
            return Ok((value, end));
        }
    }
    long_timestamp(body, pos)
}

#[cold]
fn long_timestamp(body: &str, pos: usize) -> Result<(i64, usize), usize> {
    let rest = body.as_bytes().get(pos..).unwrap_or_default();
    let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let end = pos + length;
    body.get(pos..end).and_then(|text| text.parse().ok()).map(|value| (value, end)).ok_or(end)
}
