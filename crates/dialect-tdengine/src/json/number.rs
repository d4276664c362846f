//! Floats as Go's JSON library writes them: shortest digits, fixed notation between 1e-6 and 1e21, and no
//! fraction where there is none. What JSON cannot say is `null`.

use triglot_http::text::number::{Digits, push_few_decimals};

pub(super) fn push_f64(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
    } else if !push_few_decimals(out, value, b"") {
        let magnitude = value.abs();
        let is_fixed = magnitude == 0.0 || (1e-6..1e21).contains(&magnitude);
        push_digits(out, &Digits::from(value), is_fixed);
    }
}

pub(super) fn push_f32(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        let magnitude = value.abs();
        let is_fixed = magnitude == 0.0 || (1e-6_f32..1e21_f32).contains(&magnitude);
        push_digits(out, &Digits::from(value), is_fixed);
    } else {
        out.extend_from_slice(b"null");
    }
}

/// A float as Go's `fmt.Sprint` writes it: shortest digits, fixed notation between 1e-4 and 1e6; `+Inf`, `-Inf`, `NaN`.
pub(crate) fn go_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (digits, mut out) = (Digits::from(value), Vec::new());
    push_digits(&mut out, &digits, (-4..GO_LARGE_EXPONENT).contains(&digits.exponent()));
    String::from_utf8(out).unwrap_or_default()
}

/// From this power of ten on Go writes shortest digits with an exponent.
const GO_LARGE_EXPONENT: i32 = 6;

fn push_digits(out: &mut Vec<u8>, digits: &Digits, is_fixed: bool) {
    if digits.is_negative() {
        out.push(b'-');
    }
    if is_fixed { push_fixed(out, digits) } else { push_scientific(out, digits) }
}

fn push_fixed(out: &mut Vec<u8>, digits: &Digits) {
    let significant = digits.significant();
    // Digits before the point; none or fewer mean zeros behind it.
    let whole = digits.exponent() + 1;
    let zeros = |n: i32| std::iter::repeat_n(b'0', usize::try_from(n).unwrap_or(0));
    if significant.is_empty() {
        out.push(b'0');
    } else if whole <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-whole));
        out.extend_from_slice(significant);
    } else if let Some((before, behind)) = significant.split_at_checked(whole as usize) {
        out.extend_from_slice(before);
        if !behind.is_empty() {
            out.push(b'.');
            out.extend_from_slice(behind);
        }
    } else {
        out.extend_from_slice(significant);
        out.extend(zeros(whole - significant.len() as i32));
    }
}

/// `1.5e-07`: a sign and at least two digits in the exponent.
fn push_scientific(out: &mut Vec<u8>, digits: &Digits) {
    let (first, others) = digits.significant().split_first().unwrap_or((&b'0', &[]));
    out.push(*first);
    if !others.is_empty() {
        out.push(b'.');
        out.extend_from_slice(others);
    }
    let exponent = digits.exponent();
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

/// An unscaled decimal with all digits of its scale, as a string.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: i128, scale: i8) {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, ""));
    out.push(b'"');
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(whole.as_bytes());
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f64_text(value: f64) -> String {
        let mut out = Vec::new();
        push_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_of_bounds_are_written_as_go_prints_floats() {
        for (value, wanted) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (1.0, "1"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.000_05, "5e-05"),
            (100_000.0, "100000"),
            (999_999.5, "999999.5"),
            (1e6, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(go_text(value), wanted);
        }
    }

    fn f32_text(value: f32) -> String {
        let mut out = Vec::new();
        push_f32(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_written_as_go_does() {
        // What Go's strconv.FormatFloat(v, 'f' or 'e', -1, 64) gives by its definition.
        for (value, wanted) in [
            (0.0, "0"),
            (2.0, "2"),
            (-0.5, "-0.5"),
            (2.75, "2.75"),
            (123_456_789_012.5, "123456789012.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (0.000001, "0.000001"),
            (0.000_000_1, "1e-07"),
            (-1.25e-7, "-1.25e-07"),
            (1e-10, "1e-10"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(f64_text(value), wanted);
        }
    }

    #[test]
    fn floats_have_their_own_shortest_digits() {
        for (value, wanted) in [
            (10.123, "10.123"),
            (2.75, "2.75"),
            (0.1, "0.1"),
            (16_777_216.0, "16777216"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (1e21, "1e+21"),
            (f32::MAX, "3.4028235e+38"),
            (f32::NAN, "null"),
        ] {
            assert_eq!(f32_text(value), wanted);
        }
    }

    #[test]
    fn whatever_is_written_reads_back() {
        let mut bits = 1u64;
        for _ in 0..50_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let double = f64::from_bits(bits);
            if double.is_finite() {
                assert_eq!(f64_text(double).parse::<f64>().unwrap().to_bits(), bits);
            }
            let float = f32::from_bits((bits >> 32) as u32);
            if float.is_finite() {
                assert_eq!(f32_text(float).parse::<f32>().unwrap().to_bits(), float.to_bits());
            }
        }
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (value, scale, wanted) in [
            (44_674_407_370_955_161_230, 4, "\"4467440737095516.1230\""),
            (5, 3, "\"0.005\""),
            (-5, 1, "\"-0.5\""),
            (0, 2, "\"0.00\""),
            (-120, 0, "\"-120\""),
            (i128::MAX, 38, "\"1.70141183460469231731687303715884105727\""),
        ] {
            let mut out = Vec::new();
            push_decimal(&mut out, value, scale);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
