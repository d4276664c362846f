//! JSON objects as flat lists of fields.

use std::fmt::Write;

use triglot_parse_json::{JsonError, Kind, Reader, Scalar};

/// A scalar of a document with its place in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'p, 'a> {
    /// Names of members and indexes of elements, joined by dots: `children.0.name`.
    pub path: &'p str,
    /// The value.
    pub value: Scalar<'a>,
}

/// Gives every scalar of the object that `text` is to `each`, in its order. Empty objects and arrays give
/// nothing.
///
/// # Errors
/// Text that is no object, and what `each` answers.
pub fn flatten<'a, E: From<JsonError>>(
    text: &'a str,
    mut each: impl FnMut(Field<'_, 'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(text);
    let mut path = String::new();
    reader.object(|reader, name| {
        path.clear();
        path.push_str(&name);
        walk(reader, &mut path, &mut each)
    })?;
    Ok(reader.end()?)
}

fn walk<'a, E: From<JsonError>>(
    reader: &mut Reader<'a>,
    path: &mut String,
    each: &mut impl FnMut(Field<'_, 'a>) -> Result<(), E>,
) -> Result<(), E> {
    match reader.kind()? {
        Kind::Scalar => each(Field { path, value: reader.scalar()? }),
        Kind::Object => {
            let length = path.len();
            reader.object(|reader, name| {
                path.truncate(length);
                path.push('.');
                path.push_str(&name);
                walk(reader, path, each)
            })
        }
        Kind::Array => {
            let (length, mut index) = (path.len(), 0usize);
            reader.array(|reader| {
                path.truncate(length);
                // Writing to a String cannot fail.
                let _ = write!(path, ".{index}");
                index += 1;
                walk(reader, path, each)
            })
        }
    }
}
