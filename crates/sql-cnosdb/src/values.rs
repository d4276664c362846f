//! Literal rows as columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, StringArray, UInt64Array};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::plan_datafusion_err;

use crate::error::SqlError;
use crate::scan::{Literal, LiteralInsert};

/// What the literals of a column are; a NULL fits all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    I64,
    U64,
    F64,
    Text,
}

impl Kind {
    fn of(literal: &Literal<'_>) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(_) => Self::Bool,
            Literal::Text(_) => Self::Text,
            Literal::Number(n) if n.parse::<i64>().is_ok() => Self::I64,
            Literal::Number(n) if n.parse::<u64>().is_ok() => Self::U64,
            Literal::Number(_) => Self::F64,
        }
    }
}

/// Makes one batch of all rows, columns named by position.
///
/// # Errors
/// 010001 when rows differ in length, or in the type of a literal (the vendor does not mix `1.5`
/// and `2` in one column).
pub(crate) fn literal_batch(insert: &LiteralInsert<'_>) -> Result<RecordBatch, SqlError> {
    let width = insert.row_ends.first().copied().unwrap_or(0);
    check_lengths(insert, width)?;
    let mut columns = Vec::with_capacity(width);
    for column in 0..width {
        let literals = || insert.values.iter().skip(column).step_by(width.max(1));
        let mut kind = Kind::Null;
        for (row, literal) in literals().enumerate() {
            let found = Kind::of(literal);
            if kind == Kind::Null {
                kind = found;
            } else if found != Kind::Null && found != kind {
                return Err(SqlError::Planning(plan_datafusion_err!(
                    "Inconsistent data type across values list at row {row} column {column}"
                )));
            }
        }
        columns.push(build(kind, insert.row_ends.len(), literals()));
    }
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(at, c)| Field::new(format!("column{}", at + 1), c.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(SqlError::Arrow)
}

fn check_lengths(insert: &LiteralInsert<'_>, width: usize) -> Result<(), SqlError> {
    let mut start = 0;
    for (row, end) in insert.row_ends.iter().enumerate() {
        if end - start != width {
            return Err(SqlError::Planning(plan_datafusion_err!(
                "Inconsistent data length across values list: got {} values in row {row} but expected {width}",
                end - start
            )));
        }
        start = *end;
    }
    Ok(())
}

fn build<'l>(kind: Kind, rows: usize, literals: impl Iterator<Item = &'l Literal<'l>>) -> ArrayRef {
    match kind {
        Kind::Null => Arc::new(NullArray::new(rows)),
        Kind::Bool => Arc::new(
            literals
                .map(|l| match l {
                    Literal::Bool(b) => Some(*b),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        Kind::I64 => Arc::new(literals.map(number).collect::<Int64Array>()),
        Kind::U64 => Arc::new(literals.map(number).collect::<UInt64Array>()),
        Kind::F64 => Arc::new(literals.map(number).collect::<Float64Array>()),
        Kind::Text => Arc::new(
            literals
                .map(|l| match l {
                    Literal::Text(t) => Some(t.as_ref()),
                    _ => None,
                })
                .collect::<StringArray>(),
        ),
    }
}

fn number<T: std::str::FromStr>(literal: &Literal<'_>) -> Option<T> {
    match literal {
        Literal::Number(n) => n.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan_insert;
    use arrow::datatypes::DataType;

    fn batch(values: &str) -> Result<RecordBatch, SqlError> {
        literal_batch(&scan_insert(&format!("insert into t values {values}")).unwrap())
    }

    #[test]
    fn columns_take_the_type_of_their_literals() {
        let b = batch("(1, 1.5, 'a', true, NULL, 18446744073709551615), (-2, NULL, NULL, NULL, NULL, NULL)")
            .unwrap();
        let types: Vec<DataType> = b.columns().iter().map(|c| c.data_type().clone()).collect();
        assert_eq!(
            types,
            [
                DataType::Int64,
                DataType::Float64,
                DataType::Utf8,
                DataType::Boolean,
                DataType::Null,
                DataType::UInt64
            ]
        );
        assert_eq!(b.num_rows(), 2);
        assert_eq!(b.column(1).null_count(), 1);
        assert_eq!(b.column(0).as_ref(), &Int64Array::from(vec![1, -2]));
    }

    #[test]
    fn literals_do_not_mix() {
        // Sheet section 13: `1.5` then `2` in the third column of the second row.
        let refused = batch("(1, 'a', 1.5), (2, 'b', 2)").unwrap_err().to_string();
        assert!(
            refused.starts_with("Datafusion: ")
                && refused.contains("Inconsistent data type across values list at row 1 column 2"),
            "{refused}"
        );
        let refused = batch("(1, 2), (1)").unwrap_err().to_string();
        assert!(refused.contains("got 1 values in row 1 but expected 2"), "{refused}");
    }
}
