//! Values as text, as casts make it.

use std::fmt::Write;

use arrow::datatypes::{DataType, IntervalMonthDayNano};

use super::arithmetic::COMPUTED_SCALE;
use crate::query::errors::type_word;

/// A type's name in signatures.
pub(super) fn type_name(ty: &DataType) -> String {
    match ty {
        DataType::Int64 => "INT8".to_owned(),
        DataType::Float64 => "FLOAT8".to_owned(),
        other => type_word(other).to_uppercase(),
    }
}

/// The shortest digits that give the number again, as C's `%g` writes them: `10`, `0.5`, `1e+06`, `1e-05`.
pub(super) fn float(value: f64) -> String {
    from_scientific(&format!("{value:e}"), value.is_nan(), value.is_infinite(), value < 0.0)
}

/// As [`float`], with the digits of a float of 32 bits.
pub(super) fn single(value: f32) -> String {
    from_scientific(&format!("{value:e}"), value.is_nan(), value.is_infinite(), value < 0.0)
}

fn from_scientific(scientific: &str, is_nan: bool, is_infinite: bool, is_negative: bool) -> String {
    if is_nan {
        return "NaN".to_owned();
    }
    if is_infinite {
        return if is_negative { "-Inf" } else { "+Inf" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..=5).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", zeros(-exponent - 1));
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    let digits = format!("{digits}{}", zeros(exponent + 1 - i32::try_from(digits.len()).unwrap_or(0)));
    match digits.split_at_checked(whole) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, rest)) => format!("{sign}{whole}.{rest}"),
        None => format!("{sign}{digits}"),
    }
}

/// A decimal's plain digits. What was computed has no zeros at its end.
pub(super) fn decimal(digits: i128, scale: i8) -> String {
    let places = usize::try_from(scale).unwrap_or(0);
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
    let Some((whole, fraction)) = text.split_at_checked(text.len() - places) else { return text };
    let fraction = if scale == COMPUTED_SCALE { fraction.trim_end_matches('0') } else { fraction };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `1 year 2 mons 1 day 02:00:00.5`.
pub(super) fn interval(value: IntervalMonthDayNano) -> String {
    let mut text = String::new();
    let mut part = |count: i32, unit: &str| {
        if count != 0 {
            let plural = if count == 1 { "" } else { "s" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{count} {unit}{plural} ");
        }
    };
    part(value.months / 12, "year");
    part(value.months % 12, "mon");
    part(value.days, "day");
    let nanos = value.nanoseconds;
    if nanos == 0 && !text.is_empty() {
        return text.trim_end().to_owned();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let all = nanos.unsigned_abs();
    let seconds = all / 1_000_000_000;
    let _ = write!(text, "{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if all % 1_000_000_000 != 0 {
        let _ = write!(text, ".{}", format!("{:09}", all % 1_000_000_000).trim_end_matches('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_shortest_digits() {
        for (value, text) in [
            (10.0, "10"),
            (0.5, "0.5"),
            (-22.22, "-22.22"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(float(value), text);
        }
        assert_eq!(single(22.22), "22.22");
        assert_eq!(decimal(150, 2), "1.50");
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(5_000_000_000_000_000, 16), "0.5");
        assert_eq!(decimal(20_000_000_000_000_000, 16), "2");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(interval(IntervalMonthDayNano::new(0, 1, 7_200_000_000_000)), "1 day 02:00:00");
        assert_eq!(interval(IntervalMonthDayNano::new(14, 0, 0)), "1 year 2 mons");
        assert_eq!(interval(IntervalMonthDayNano::new(0, 0, -1_500_000_000)), "-00:00:01.5");
        assert_eq!(interval(IntervalMonthDayNano::new(0, 0, 0)), "00:00:00");
    }
}
