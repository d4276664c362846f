//! CSV and TSV.

use arrow::datatypes::Schema;

use super::cell::Column;
use triglot_http::text::time::Fraction;

/// Appends the header line.
pub(super) fn push_header(out: &mut Vec<u8>, schema: &Schema, delimiter: u8) {
    let start = out.len();
    for (at, field) in schema.fields().iter().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        push_quoted(out, field.name().as_bytes(), delimiter);
    }
    end_line(out, start);
}

/// Appends all rows of a batch.
pub(super) fn push_rows(out: &mut Vec<u8>, columns: &[Column], rows: usize, delimiter: u8) {
    for row in 0..rows {
        let start = out.len();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(delimiter);
            }
            push_cell(out, column, row, delimiter);
        }
        end_line(out, start);
    }
}

fn push_cell(out: &mut Vec<u8>, column: &Column, row: usize, delimiter: u8) {
    match column {
        // Tags come so, thousands of equal ones in a row.
        Column::StrView(texts) => {
            texts.push(out, row, |out, text| push_quoted(out, text.as_bytes(), delimiter))
        }
        _ if column.is_null(row) => {}
        _ => match column.str(row) {
            Some(text) => push_quoted(out, text.as_bytes(), delimiter),
            None => column.push_text(out, row, Fraction::Nine),
        },
    }
}

/// A line must not be empty: a lone empty cell is written `""`.
fn end_line(out: &mut Vec<u8>, start: usize) {
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

/// Quotes a cell only if it holds the delimiter, a quote, CR or LF.
fn push_quoted(out: &mut Vec<u8>, cell: &[u8], delimiter: u8) {
    // All bytes are looked at, which the compiler does sixteen at a time.
    let special = |b: u8| (b == delimiter) | (b == b'"') | (b == b'\r') | (b == b'\n');
    if !cell.iter().fold(false, |found, b| found | special(*b)) {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    for piece in cell.split_inclusive(|b| *b == b'"') {
        out.extend_from_slice(piece);
        if piece.last() == Some(&b'"') {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
