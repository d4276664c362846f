//! A growing column of one class of values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::error::ArrowError;
use triglot_model::{ColumnType, LengthUnit};

use super::value::{Class, FieldValue};

/// Values of rows `0..len`; rows beyond read as NULL until they are pushed.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    values: Values,
    /// Which rows have a value; none while all have.
    valid: Option<Vec<bool>>,
    len: usize,
}

#[derive(Debug)]
enum Values {
    I64(Vec<i64>),
    U64(Vec<u64>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    /// Text and bytes: ends of the values, and the values one behind the other.
    Bytes {
        ends: Vec<i32>,
        data: Vec<u8>,
        text: bool,
    },
}

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// The value is of another class than the column.
    Class,
    /// The value does not fit into the column's type.
    Range,
    /// The text or bytes are longer than declared.
    Length { max: u32 },
    /// The column's values of this request do not fit into memory as one piece (2 GiB of text).
    TooMuch,
}

impl ColumnBuilder {
    pub(super) fn new(class: Class) -> Self {
        let values = match class {
            Class::Signed => Values::I64(Vec::new()),
            Class::Unsigned => Values::U64(Vec::new()),
            Class::Float => Values::F64(Vec::new()),
            Class::Bool => Values::Bool(Vec::new()),
            Class::Text => Values::Bytes { ends: Vec::new(), data: Vec::new(), text: true },
            Class::Bytes => Values::Bytes { ends: Vec::new(), data: Vec::new(), text: false },
        };
        Self { values, valid: None, len: 0 }
    }

    /// Rows that have been given.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Gives row `row` a value, the rows between having none. `ty` is the column's stored type.
    #[inline]
    pub(super) fn push(&mut self, row: usize, value: FieldValue<'_>, ty: ColumnType) -> Result<(), Refused> {
        if self.len < row {
            self.pad(row);
        }
        match (&mut self.values, value) {
            (Values::I64(v), FieldValue::I64(x)) => {
                let fits = match ty {
                    ColumnType::I8 => i8::try_from(x).is_ok(),
                    ColumnType::I16 => i16::try_from(x).is_ok(),
                    ColumnType::I32 => i32::try_from(x).is_ok(),
                    _ => true,
                };
                if !fits {
                    return Err(Refused::Range);
                }
                v.push(x);
            }
            (Values::U64(v), FieldValue::U64(x)) => {
                let fits = match ty {
                    ColumnType::U8 => u8::try_from(x).is_ok(),
                    ColumnType::U16 => u16::try_from(x).is_ok(),
                    ColumnType::U32 => u32::try_from(x).is_ok(),
                    _ => true,
                };
                if !fits {
                    return Err(Refused::Range);
                }
                v.push(x);
            }
            (Values::F64(v), FieldValue::F64(x)) => v.push(x),
            (Values::Bool(v), FieldValue::Bool(x)) => v.push(x),
            (Values::Bytes { ends, data, text: true }, FieldValue::Str(x)) => {
                check_length(x, ty)?;
                append(ends, data, x.as_bytes())?;
            }
            (Values::Bytes { ends, data, text: false }, FieldValue::Bytes(x)) => {
                if let ColumnType::Bytes { max: Some(max) } = ty
                    && x.len() > max as usize
                {
                    return Err(Refused::Length { max });
                }
                append(ends, data, x)?;
            }
            _ => return Err(Refused::Class),
        }
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        self.len += 1;
        Ok(())
    }

    /// Takes back what was given to rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        if self.len <= rows {
            return;
        }
        self.len = rows;
        if let Some(valid) = &mut self.valid {
            valid.truncate(rows);
        }
        match &mut self.values {
            Values::I64(v) => v.truncate(rows),
            Values::U64(v) => v.truncate(rows),
            Values::F64(v) => v.truncate(rows),
            Values::Bool(v) => v.truncate(rows),
            Values::Bytes { ends, data, .. } => {
                ends.truncate(rows);
                let end = ends.last().copied().unwrap_or(0);
                data.truncate(usize::try_from(end).unwrap_or(0));
            }
        }
    }

    /// Makes the column `rows` long with rows that have no value.
    fn pad(&mut self, rows: usize) {
        let valid = self.valid.get_or_insert_with(|| vec![true; self.len]);
        valid.resize(rows, false);
        match &mut self.values {
            Values::I64(v) => v.resize(rows, 0),
            Values::U64(v) => v.resize(rows, 0),
            Values::F64(v) => v.resize(rows, 0.0),
            Values::Bool(v) => v.resize(rows, false),
            Values::Bytes { ends, .. } => {
                let last = ends.last().copied().unwrap_or(0);
                ends.resize(rows, last);
            }
        }
        self.len = rows;
    }

    /// The column with `rows` rows in the stored type.
    pub(super) fn finish(mut self, rows: usize, ty: ColumnType) -> Result<ArrayRef, ArrowError> {
        if self.len < rows {
            self.pad(rows);
        }
        let nulls = self.valid.map(|v| NullBuffer::new(BooleanBuffer::from(v)));
        let array: ArrayRef = match self.values {
            Values::I64(v) => Arc::new(Int64Array::new(ScalarBuffer::from(v), nulls)),
            Values::U64(v) => Arc::new(UInt64Array::new(ScalarBuffer::from(v), nulls)),
            Values::F64(v) => Arc::new(Float64Array::new(ScalarBuffer::from(v), nulls)),
            Values::Bool(v) => Arc::new(BooleanArray::new(BooleanBuffer::from(v), nulls)),
            Values::Bytes { mut ends, data, text } => {
                ends.insert(0, 0);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                if text {
                    Arc::new(StringArray::try_new(offsets, Buffer::from_vec(data), nulls)?)
                } else {
                    Arc::new(BinaryArray::try_new(offsets, Buffer::from_vec(data), nulls)?)
                }
            }
        };
        let stored = ty.arrow();
        if *array.data_type() == stored {
            return Ok(array);
        }
        cast_with_options(&array, &stored, &CastOptions { safe: false, ..CastOptions::default() })
    }
}

fn check_length(text: &str, ty: ColumnType) -> Result<(), Refused> {
    let ColumnType::Str { max: Some(max), unit } = ty else { return Ok(()) };
    let length = match unit {
        LengthUnit::Bytes => text.len(),
        LengthUnit::Chars => text.chars().count(),
    };
    if length > max as usize { Err(Refused::Length { max }) } else { Ok(()) }
}

fn append(ends: &mut Vec<i32>, data: &mut Vec<u8>, value: &[u8]) -> Result<(), Refused> {
    let end = i32::try_from(data.len() + value.len()).map_err(|_| Refused::TooMuch)?;
    data.extend_from_slice(value);
    ends.push(end);
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int8Type, Int64Type};

    use super::*;

    #[test]
    fn rows_without_a_value_are_null_wherever_they_stand() {
        let mut column = ColumnBuilder::new(Class::Signed);
        column.push(1, FieldValue::I64(7), ColumnType::I64).unwrap();
        column.push(3, FieldValue::I64(9), ColumnType::I64).unwrap();
        let array = column.finish(6, ColumnType::I64).unwrap();
        let values: Vec<Option<i64>> = array.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(values, [None, Some(7), None, Some(9), None, None]);
    }

    #[test]
    fn narrower_columns_take_what_fits() {
        let mut column = ColumnBuilder::new(Class::Signed);
        column.push(0, FieldValue::I64(127), ColumnType::I8).unwrap();
        assert_eq!(column.push(1, FieldValue::I64(128), ColumnType::I8), Err(Refused::Range));
        assert_eq!(column.push(1, FieldValue::F64(1.0), ColumnType::I8), Err(Refused::Class));
        let array = column.finish(1, ColumnType::I8).unwrap();
        assert_eq!(array.as_primitive::<Int8Type>().value(0), 127);
    }

    #[test]
    fn declared_lengths_count_bytes_or_characters() {
        let mut column = ColumnBuilder::new(Class::Text);
        let bytes = ColumnType::Str { max: Some(3), unit: LengthUnit::Bytes };
        let chars = ColumnType::Str { max: Some(3), unit: LengthUnit::Chars };
        assert_eq!(column.push(0, FieldValue::Str("äö"), bytes), Err(Refused::Length { max: 3 }));
        column.push(0, FieldValue::Str("äöü"), chars).unwrap();
        column.push(2, FieldValue::Str(""), chars).unwrap();
        let array = column.finish(3, chars).unwrap();
        let texts: Vec<Option<&str>> = array.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("äöü"), None, Some("")]);
        assert_eq!(array.null_count(), 1);
    }
}
