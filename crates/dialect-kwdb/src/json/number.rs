//! Numbers as text.

use triglot_http::text::number::{Digits, push_few_decimals};
use triglot_sql_kwdb::COMPUTED_SCALE;

/// As C's `%g` with the shortest digits that read back (the server's face): exponents −4 to 5 are written out.
pub(super) fn push_g(out: &mut Vec<u8>, digits: Digits) {
    if (-4..=5).contains(&digits.exponent()) {
        return push_plain(out, digits);
    }
    push_scientific(out, digits);
}

/// As JSON writers of Go do (the manual's face): exponents −6 to 20 are written out.
pub(super) fn push_json(out: &mut Vec<u8>, digits: Digits) {
    if (-6..=20).contains(&digits.exponent()) {
        return push_plain(out, digits);
    }
    push_scientific(out, digits);
}

/// A double in the manual's face.
pub(super) fn push_json_f64(out: &mut Vec<u8>, value: f64) {
    if !push_few_decimals(out, value, b"") {
        push_json(out, Digits::from(value));
    }
}

/// The name of a value that is no finite number.
pub(super) fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

fn push_plain(out: &mut Vec<u8>, digits: Digits) {
    if digits.is_negative() {
        out.push(b'-');
    }
    let significant = digits.significant();
    let Ok(whole) = usize::try_from(digits.exponent() + 1) else {
        // 0.00012: exponent −4.
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-1 - digits.exponent()).unsigned_abs() as usize));
        out.extend_from_slice(significant);
        return;
    };
    let (before, behind) = significant.split_at_checked(whole).unwrap_or((significant, b""));
    out.extend_from_slice(before);
    out.extend(std::iter::repeat_n(b'0', whole - before.len()));
    if whole == 0 {
        out.push(b'0');
    }
    if !behind.is_empty() {
        out.push(b'.');
        out.extend_from_slice(behind);
    }
}

/// `1.2345675e+06`
fn push_scientific(out: &mut Vec<u8>, digits: Digits) {
    if digits.is_negative() {
        out.push(b'-');
    }
    let (first, rest) = digits.significant().split_at_checked(1).unwrap_or((b"0", b""));
    out.extend_from_slice(first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    let exponent = digits.exponent();
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

/// A decimal with all digits of its scale, without zeros at the end if it was computed.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: i128, scale: i8) {
    let from = out.len();
    push_digits(out, value, scale);
    if scale == COMPUTED_SCALE {
        // Quotients and means have as many digits as they need.
        let text = out.get(from..).unwrap_or_default();
        let zeros = text.iter().rev().take_while(|c| **c == b'0').count();
        let point = usize::from(text.iter().rev().nth(zeros) == Some(&b'.'));
        out.truncate(out.len() - zeros - point);
    }
}

fn push_digits(out: &mut Vec<u8>, value: i128, scale: i8) {
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push(b'-');
    }
    let Ok(scale @ 1..) = u32::try_from(scale) else {
        out.extend_from_slice(magnitude.to_string().as_bytes());
        out.extend(std::iter::repeat_n(b'0', if magnitude == 0 { 0 } else { scale.unsigned_abs() as usize }));
        return;
    };
    let unit = 10_u128.saturating_pow(scale);
    let width = scale as usize;
    out.extend_from_slice(format!("{}.{:0width$}", magnitude / unit, magnitude % unit).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_of_the_server_are_cs_g() {
        // Python: repr's digits in the form of '%g'.
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (10.0, "10"),
            (-1.5, "-1.5"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (1e-5, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (17.01, "17.01"),
        ] {
            assert_eq!(written(|o| push_g(o, Digits::from(value))), text, "{value}");
        }
        assert_eq!(written(|o| push_g(o, Digits::from(22.22_f32))), "22.22");
    }

    #[test]
    fn doubles_of_the_manual_are_json_numbers() {
        for (value, text) in [
            (0.0, "0"),
            (10.0, "10"),
            (17.01, "17.01"),
            (1e6, "1000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1_234_567.5, "1234567.5"),
        ] {
            let text_of = written(|o| push_json_f64(o, value));
            assert_eq!(text_of, text, "{value}");
            assert_eq!(serde_json::from_str::<f64>(&text_of).unwrap(), value);
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (value, scale, text) in [
            (150, 2, "1.50"),
            (-5, 3, "-0.005"),
            (7, 0, "7"),
            (7, -2, "700"),
            (0, 2, "0.00"),
            (5_000_000_000_000_000, COMPUTED_SCALE, "0.5"),
            (-20_000_000_000_000_000, COMPUTED_SCALE, "-2"),
            (0, COMPUTED_SCALE, "0"),
            (i128::MIN, 1, "-17014118346046923173168730371588410572.8"),
        ] {
            assert_eq!(written(|o| push_decimal(o, value, scale)), text);
        }
    }
}
