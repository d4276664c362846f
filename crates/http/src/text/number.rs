//! Floats as decimal digits.

/// The shortest decimal digits that read back as a finite float: `d.ddd… × 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    is_negative: bool,
    /// Without zeros at either end; 17 digits are enough for every double.
    digits: [u8; 20],
    count: usize,
    exponent: i32,
}

impl Digits {
    /// Whether the sign bit is set, also of zero.
    pub fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// The digits as ASCII, the first and the last not `0`; none for zero.
    pub fn significant(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// The power of ten of the first digit; 0 for zero.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Of ryu's text: digits with a point, with or without an exponent.
    fn of_text(text: &str) -> Self {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let leading = all().take_while(|d| *d == b'0').count();
        let (mut digits, mut count, mut kept) = ([0; 20], 0, 0);
        for (slot, digit) in digits.iter_mut().zip(all().skip(leading)) {
            *slot = digit;
            count += 1;
            if digit != b'0' {
                kept = count;
            }
        }
        if kept == 0 {
            return Self { is_negative, digits, count: 0, exponent: 0 };
        }
        let exponent = exponent.parse().unwrap_or(0) + whole.len() as i32 - 1 - leading as i32;
        Self { is_negative, digits, count: kept, exponent }
    }
}

/// Finite values only.
impl From<f64> for Digits {
    fn from(value: f64) -> Self {
        Self::of_text(ryu::Buffer::new().format_finite(value))
    }
}

/// Finite values only; the digits read back as this `f32`.
impl From<f32> for Digits {
    fn from(value: f32) -> Self {
        Self::of_text(ryu::Buffer::new().format_finite(value))
    }
}

/// Appends a float that has at most six decimals, as measured values mostly do; false if it is not
/// one. `whole` follows a number without decimals. Costs a third of the general way.
///
/// The digits are the shortest: `k / 1e6` is rounded once, so it equals `value` exactly when the
/// decimal number k·10⁻⁶ reads as `value`; k has at most 15 digits, and no two decimal numbers of up
/// to 15 digits read as the same double.
#[inline]
pub fn push_few_decimals(out: &mut Vec<u8>, value: f64, whole: &[u8]) -> bool {
    let magnitude = value.abs();
    if !(1e-3..1e9).contains(&magnitude) {
        return false;
    }
    let k = (magnitude * 1e6 + 0.5) as i64;
    if k as f64 / 1e6 != magnitude {
        return false;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(k / 1_000_000).as_bytes());
    let mut decimals = k % 1_000_000;
    if decimals == 0 {
        out.extend_from_slice(whole);
        return true;
    }
    let mut digits = *b".000000";
    for digit in digits.iter_mut().skip(1).rev() {
        *digit = b'0' + (decimals % 10) as u8;
        decimals /= 10;
    }
    let zeros = digits.iter().rev().take_while(|d| **d == b'0').count();
    out.extend_from_slice(digits.get(..digits.len() - zeros).unwrap_or(&digits));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_no_zeros_at_their_ends() {
        for (value, negative, digits, exponent) in [
            (0.0, false, "", 0),
            (-0.0, true, "", 0),
            (1.0, false, "1", 0),
            (-120.5, true, "1205", 2),
            (0.00375, false, "375", -3),
            (1e21, false, "1", 21),
            (1.5e-7, false, "15", -7),
            (f64::MAX, false, "17976931348623157", 308),
            (5e-324, false, "5", -324),
            (100.0, false, "1", 2),
        ] {
            let found = Digits::from(value);
            assert_eq!(found.is_negative(), negative, "{value}");
            assert_eq!(found.significant(), digits.as_bytes(), "{value}");
            assert_eq!(found.exponent(), exponent, "{value}");
        }
        assert_eq!(Digits::from(10.123_f32).significant(), b"10123");
    }

    #[test]
    fn few_decimals_end_as_asked() {
        let mut out = Vec::new();
        for (value, whole) in [(2.0, ".0"), (2.0, ""), (-0.25, ""), (1_234.000_001, "")] {
            assert!(push_few_decimals(&mut out, value, whole.as_bytes()));
            out.push(b' ');
        }
        assert_eq!(out, b"2.0 2 -0.25 1234.000001 ");
        assert!(!push_few_decimals(&mut out, 1e10, b""));
        assert!(!push_few_decimals(&mut out, f64::NAN, b""));
    }
}
