//! Decimal numbers in text.

/// The number that `text` is as a whole: decimal, finite, optional sign, fraction and exponent.
/// Names of what is no number (`nan`, `inf`) are none.
pub(crate) fn finite(text: &str) -> Option<f64> {
    // The library reads `inf` and `nan` too, which begin with letters.
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = fast_float2::parse(text.strip_prefix('+').unwrap_or(text)).ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::finite;

    #[test]
    fn numbers_are_decimal_and_finite() {
        for (text, value) in [
            ("1", Some(1.0)),
            ("-1.5", Some(-1.5)),
            ("+.5e1", Some(5.0)),
            ("7.", Some(7.0)),
            ("1e400", None),
            ("nan", None),
            ("-inf", None),
            ("++1", None),
            ("+-1", None),
            ("1x", None),
            ("", None),
            (".", None),
            ("0x10", None),
        ] {
            assert_eq!(finite(text), value, "{text:?}");
        }
    }
}
