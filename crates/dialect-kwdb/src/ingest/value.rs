//! Values of points, and what they become in a column.

use std::borrow::Cow;

use triglot_model::{ColumnType, LengthUnit};
use triglot_sql_kwdb::TypeSpec;

/// A value as a point has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(Cow<'a, str>),
}

/// A value as a column takes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'p> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'p, str>),
}

/// Why a value does not go into a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Text that a wider column would take: it needs so many bytes or characters.
    TooLong(u32),
    /// Anything else; the text of the server.
    Never(String),
}

impl Value<'_> {
    /// As messages show it.
    fn shown(&self) -> String {
        match self {
            Self::Bool(v) => v.to_string(),
            Self::I64(v) => v.to_string(),
            Self::U64(v) => v.to_string(),
            Self::F64(v) => v.to_string(),
            Self::Text(v) => v.to_string(),
        }
    }

    /// A whole number: floats without a fraction are, since lines have no other form of numbers without a suffix.
    fn whole(&self) -> Option<i128> {
        match self {
            Self::I64(v) => Some(i128::from(*v)),
            Self::U64(v) => Some(i128::from(*v)),
            // Beyond 2^63 a float is no integer of any column.
            Self::F64(v) if v.fract() == 0.0 && v.abs() < 9.3e18 => Some(*v as i128),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::I64(v) => Some(*v as f64),
            Self::U64(v) => Some(*v as f64),
            Self::F64(v) => Some(*v),
            _ => None,
        }
    }

    /// What a column of type `ty` takes of it.
    pub(super) fn cell(&self, column: &str, ty: ColumnType) -> Result<Cell<'_>, Misfit> {
        let other_kind = || {
            let (value, ty) = (self.shown(), TypeSpec::of_stored(ty));
            Misfit::Never(format!("could not resolve \"{value}\" as {ty} type (column {column})"))
        };
        match ty {
            ColumnType::Bool => match self {
                Self::Bool(v) => Ok(Cell::Bool(*v)),
                _ => Err(other_kind()),
            },
            ColumnType::F32 | ColumnType::F64 => self.number().map(Cell::Float).ok_or_else(other_kind),
            ColumnType::Str { max, unit } => match self {
                Self::Text(text) => fits(text, max, unit).map(Cell::Text),
                _ => Err(other_kind()),
            },
            ColumnType::Json | ColumnType::Geom(_) => match self {
                Self::Text(text) => Ok(Cell::Text(Cow::Borrowed(text))),
                _ => Err(other_kind()),
            },
            ColumnType::Ts(_) => self.integer(column, ty, i64::MIN, i64::MAX).ok_or_else(other_kind)?,
            _ => match bounds(ty) {
                Some((least, most)) => self.integer(column, ty, least, most).ok_or_else(other_kind)?,
                None => Err(other_kind()),
            },
        }
    }

    fn integer(
        &self,
        column: &str,
        ty: ColumnType,
        least: i64,
        most: i64,
    ) -> Option<Result<Cell<'_>, Misfit>> {
        let whole = self.whole()?;
        let found = i64::try_from(whole).ok().filter(|v| (least..=most).contains(v));
        Some(found.map(Cell::Int).ok_or_else(|| {
            let (value, ty) = (self.shown(), TypeSpec::of_stored(ty));
            Misfit::Never(format!("integer \"{value}\" out of range for type {ty} (column {column})"))
        }))
    }

    /// What a tag of type `ty` takes of it: tags are kept as text whatever their type.
    pub(super) fn tag(&self, column: &str, ty: ColumnType) -> Result<Cow<'_, str>, Misfit> {
        match self.cell(column, ty) {
            Ok(Cell::Text(text)) => Ok(text),
            Ok(Cell::Bool(v)) => Ok(v.to_string().into()),
            Ok(Cell::Int(v)) => Ok(v.to_string().into()),
            Ok(Cell::Float(v)) => Ok(v.to_string().into()),
            Err(misfit) => match self {
                // All tags of lines are text, those of the table need not be.
                Self::Text(text) => typed(text, ty)
                    .ok_or(misfit)
                    .and_then(|value| value.tag(column, ty).map(|text| Cow::Owned(text.into_owned()))),
                _ => Err(misfit),
            },
        }
    }
}

/// What a text says to a column of another type than text.
fn typed(text: &str, ty: ColumnType) -> Option<Value<'static>> {
    match ty {
        ColumnType::Bool => match text {
            "true" | "t" | "T" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "f" | "F" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        ColumnType::F32 | ColumnType::F64 => {
            text.parse().ok().filter(|v: &f64| v.is_finite()).map(Value::F64)
        }
        _ if bounds(ty).is_some() => text.parse().ok().map(Value::I64),
        _ => None,
    }
}

fn fits(text: &str, max: Option<u32>, unit: LengthUnit) -> Result<Cow<'_, str>, Misfit> {
    let length = match unit {
        LengthUnit::Bytes => text.len(),
        LengthUnit::Chars => text.chars().count(),
    };
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if max.is_some_and(|max| length > max) { Err(Misfit::TooLong(length)) } else { Ok(Cow::Borrowed(text)) }
}

fn bounds(ty: ColumnType) -> Option<(i64, i64)> {
    Some(match ty {
        ColumnType::I8 => (i8::MIN.into(), i8::MAX.into()),
        ColumnType::I16 => (i16::MIN.into(), i16::MAX.into()),
        ColumnType::I32 => (i32::MIN.into(), i32::MAX.into()),
        ColumnType::I64 => (i64::MIN, i64::MAX),
        ColumnType::U8 => (0, u8::MAX.into()),
        ColumnType::U16 => (0, u16::MAX.into()),
        ColumnType::U32 => (0, u32::MAX.into()),
        ColumnType::U64 => (0, i64::MAX),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(text: &str) -> Misfit {
        Misfit::Never(text.to_owned())
    }

    #[test]
    fn numbers_go_where_they_fit() {
        assert_eq!(Value::F64(220.0).cell("v", ColumnType::I32), Ok(Cell::Int(220)));
        assert_eq!(Value::I64(5).cell("v", ColumnType::F64), Ok(Cell::Float(5.0)));
        assert_eq!(
            Value::F64(1.5).cell("v", ColumnType::I32),
            Err(never("could not resolve \"1.5\" as INT4 type (column v)"))
        );
        assert_eq!(
            Value::F64(99_999.0).cell("a", ColumnType::I16),
            Err(never("integer \"99999\" out of range for type INT2 (column a)"))
        );
        let text = Value::Text("x".into());
        assert_eq!(
            text.cell("v", ColumnType::I64),
            Err(never("could not resolve \"x\" as INT8 type (column v)"))
        );
        assert!(matches!(Value::Bool(true).cell("v", ColumnType::F64), Err(Misfit::Never(_))));
    }

    #[test]
    fn texts_tell_how_long_they_are() {
        let bytes = ColumnType::Str { max: Some(3), unit: LengthUnit::Bytes };
        let chars = ColumnType::Str { max: Some(3), unit: LengthUnit::Chars };
        let text = Value::Text("äöü".into());
        assert_eq!(text.cell("s", bytes), Err(Misfit::TooLong(6)));
        assert_eq!(text.cell("s", chars), Ok(Cell::Text("äöü".into())));
    }

    #[test]
    fn tags_are_text_that_suits_their_type() {
        assert_eq!(Value::Text("7".into()).tag("t", ColumnType::I32), Ok("7".into()));
        assert_eq!(Value::Text("007".into()).tag("t", ColumnType::I32), Ok("7".into()));
        assert!(Value::Text("x".into()).tag("t", ColumnType::I32).is_err());
        assert_eq!(Value::F64(1.5).tag("t", ColumnType::F64), Ok("1.5".into()));
        assert_eq!(Value::Text("t".into()).tag("t", ColumnType::Bool), Ok("true".into()));
    }
}
