//! Values that are neither arrays nor objects.

use std::borrow::Cow;

/// A scalar, borrowed where nothing was escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Number<'a>),
    /// A text, unescaped.
    Str(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// The text, if it is one.
    pub fn into_str(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// As text: a text itself, anything else as it is written in JSON.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed("null"),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(number) => Cow::Borrowed(number.text()),
            Self::Str(text) => text,
        }
    }
}

/// A number of JSON's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(pub(crate) &'a str);

impl<'a> Number<'a> {
    /// As it was written.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// The value, if it is written without fraction and exponent and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The value, if it is written without sign, fraction and exponent and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The nearest float, if it is finite.
    pub fn as_f64(self) -> Option<f64> {
        fast_float2::parse(self.0).ok().filter(|value: &f64| value.is_finite())
    }
}
