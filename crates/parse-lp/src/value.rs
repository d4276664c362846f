//! Field values and the text types that unescape on demand.

use std::borrow::Cow;

/// The value of a field. `Copy`: text is borrowed from the body and unescaped on demand.
///
/// `I64`, `U64`, `F64`, `Bool` and `Str` occur in every dialect, the others only in
/// [`Dialect::TdEngine`](crate::Dialect::TdEngine).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// `1i`; TDengine also `1i64`.
    I64(i64),
    /// `1u`; TDengine also `1u64`.
    U64(u64),
    /// `1`, `1.5e3`; TDengine also `1f64`, `nan`, `inf`. Finite in all other dialects.
    F64(f64),
    /// `t T true True TRUE f F false False FALSE`.
    Bool(bool),
    /// `"text"`.
    Str(Text<'a>),
    /// `1i8`
    I8(i8),
    /// `1i16`
    I16(i16),
    /// `1i32`
    I32(i32),
    /// `1u8`
    U8(u8),
    /// `1u16`
    U16(u16),
    /// `1u32`
    U32(u32),
    /// `1.5f32`
    F32(f32),
    /// `L"text"`: NCHAR.
    NChar(Text<'a>),
    /// `B"text"` or `B"\x0aff"`: VARBINARY.
    Binary(Binary<'a>),
    /// `G"POINT(1 2)"`: GEOMETRY as well-known text, not checked here.
    Geometry(Text<'a>),
}

/// The inside of a quoted string.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// `escaped` tells that `raw` holds a backslash.
    pub(crate) fn new(raw: &'a str, escaped: bool) -> Self {
        Text { raw, escaped }
    }

    /// The bytes between the quotes as they stand in the body.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// The text; borrowed unless it holds a backslash. `\"` and `\\` lose their backslash, a
    /// backslash before anything else stays.
    pub fn to_cow(self) -> Cow<'a, str> {
        if self.escaped { unescape(self.raw, |c| matches!(c, b'"' | b'\\')) } else { Cow::Borrowed(self.raw) }
    }
}

/// Two texts are equal when they say the same, however it was escaped.
impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_cow() == other.to_cow()
    }
}

impl Eq for Text<'_> {}

/// The inside of TDengine's `B"…"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary<'a> {
    text: Text<'a>,
}

impl<'a> Binary<'a> {
    /// `None` when the text begins with `\x` but is not an even number of hexadecimal digits.
    pub(crate) fn new(text: Text<'a>) -> Option<Self> {
        let valid = match text.raw.strip_prefix("\\x") {
            Some(hex) => hex.len() % 2 == 0 && hex.bytes().all(|b| b.is_ascii_hexdigit()),
            None => true,
        };
        valid.then_some(Binary { text })
    }

    /// The bytes: decoded if the text begins with `\x`, else those of the text.
    pub fn to_bytes(self) -> Vec<u8> {
        let Some(hex) = self.text.raw.strip_prefix("\\x") else {
            return self.text.to_cow().into_owned().into_bytes();
        };
        let nibble = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
        let pairs = hex.as_bytes().as_chunks::<2>().0;
        pairs.iter().map(|&[high, low]| nibble(high) << 4 | nibble(low)).collect()
    }
}

/// Drops each backslash that stands before a byte of the set; such a pair is read as a whole.
pub(crate) fn unescape(raw: &str, in_set: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut out = String::new();
    let (mut copied, mut from) = (0, 0);
    while let Some(found) = bytes.get(from..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let at = from + found;
        if bytes.get(at + 1).is_some_and(|&b| in_set(b)) {
            out.push_str(raw.get(copied..at).unwrap_or_default());
            copied = at + 1;
            from = at + 2;
        } else {
            from = at + 1;
        }
    }
    if copied == 0 && out.is_empty() {
        return Cow::Borrowed(raw);
    }
    out.push_str(raw.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_only_the_two_escapes() {
        for (raw, wanted) in [
            ("abc", "abc"),
            (r#"a\"b"#, "a\"b"),
            (r"a\\b", r"a\b"),
            (r"a\nb", r"a\nb"),
            (r#"\\\""#, "\\\""),
            (r"\", r"\"),
        ] {
            assert_eq!(Text::new(raw, true).to_cow(), wanted, "{raw}");
        }
        assert!(matches!(Text::new("abc", false).to_cow(), Cow::Borrowed("abc")));
    }

    #[test]
    fn binary_is_hexadecimal_only_behind_its_prefix() {
        let binary = |raw| Binary::new(Text::new(raw, true)).map(Binary::to_bytes);
        assert_eq!(binary(r"\x0aFf"), Some(vec![0x0a, 0xff]));
        assert_eq!(binary("0aff"), Some(b"0aff".to_vec()));
        assert_eq!(binary(r"\x"), Some(vec![]));
        assert_eq!(binary(r"\x1"), None);
        assert_eq!(binary(r"\x1g"), None);
    }
}
