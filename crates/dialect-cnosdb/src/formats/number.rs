//! Floats, in the two styles of sheet section 5.

use triglot_http::text::number::{Digits, push_few_decimals};

/// Appends a float as CSV, TSV and table show it: `1.0`, `1.5e20`, `1.0e16`, `1.0e-9`, `NaN`, `inf`.
///
/// The vendor's number library goes over to an exponent outside of 1e-5 … 1e10, and writes a
/// fraction in front of it always.
pub(super) fn push_f64(out: &mut Vec<u8>, value: f64) {
    if push_few_decimals(out, value, b".0") {
        return;
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-5..1e10).contains(&magnitude) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if let Some(text) = special(value) {
        out.extend_from_slice(text);
    } else {
        push_scientific(out, &Digits::from(value));
    }
}

/// Appends a finite float as JSON shows it: shortest digits, an exponent from 1e16 on.
pub(super) fn push_json_f64(out: &mut Vec<u8>, value: f64) {
    if !push_few_decimals(out, value, b".0") {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

/// As [`push_f64`], with the shortest digits of a 32-bit float.
pub(super) fn push_f32(out: &mut Vec<u8>, value: f32) {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-5..1e10).contains(&magnitude) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if let Some(text) = special(f64::from(value)) {
        out.extend_from_slice(text);
    } else {
        push_scientific(out, &Digits::from(value));
    }
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        Some(b"NaN")
    } else if value == f64::INFINITY {
        Some(b"inf")
    } else if value == f64::NEG_INFINITY {
        Some(b"-inf")
    } else {
        None
    }
}

/// `d.ddde±x` with the shortest digits.
fn push_scientific(out: &mut Vec<u8>, digits: &Digits) {
    if digits.is_negative() {
        out.push(b'-');
    }
    let (first, others) = digits.significant().split_first().unwrap_or((&b'0', &[]));
    out.push(*first);
    out.push(b'.');
    out.extend_from_slice(if others.is_empty() { b"0" } else { others });
    out.push(b'e');
    out.extend_from_slice(itoa::Buffer::new().format(digits.exponent()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_are_written_as_the_sheet_shows() {
        for (value, wanted) in [
            (1.0, "1.0"),
            (-0.25, "-0.25"),
            (1.5e20, "1.5e20"),
            (1e16, "1.0e16"),
            (1e-9, "1.0e-9"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (0.00001, "0.00001"),
            (9_999_999_999.5, "9999999999.5"),
            (12_345_678_901.5, "1.23456789015e10"),
            (-1.25e-7, "-1.25e-7"),
            (f64::MAX, "1.7976931348623157e308"),
            (5e-324, "5.0e-324"),
        ] {
            assert_eq!(text(value), wanted);
        }
    }

    #[test]
    fn few_decimals_are_written_as_the_general_way_does() {
        let mut bits = 7u64;
        for round in 0..200_000u64 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (number, decimals) = ((bits >> 34) as f64, (round % 8) as i32);
            for value in
                [number / 10f64.powi(decimals), -number / 1e3, f64::from_bits((number / 1e4).to_bits() + 1)]
            {
                let (mut short, mut general) = (Vec::new(), Vec::new());
                push_json_f64(&mut short, value);
                general.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
                assert_eq!(String::from_utf8(short).unwrap(), String::from_utf8(general).unwrap());
            }
        }
    }

    #[test]
    fn whatever_is_written_reads_back() {
        let mut bits = 1u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), bits);
            }
        }
    }

    #[test]
    fn single_precision_has_its_own_shortest_digits() {
        let mut out = Vec::new();
        push_f32(&mut out, 0.1);
        out.push(b' ');
        push_f32(&mut out, 1e20);
        assert_eq!(out, b"0.1 1.0e20");
    }
}
