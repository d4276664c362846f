//! The boxed ASCII table. Column widths need every row, so the rows are held (under a limit).

use arrow::datatypes::Schema;

use super::cell::Column;
use triglot_http::text::time::Fraction;

/// Rows of a table that is being gathered.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    bytes: usize,
}

impl Table {
    pub(super) fn new(schema: &Schema) -> Self {
        let header = schema.fields().iter().map(|f| f.name().clone()).collect();
        Self { header, rows: Vec::new(), bytes: 0 }
    }

    /// Adds the rows of a batch; gives the bytes held so far.
    pub(super) fn add(&mut self, columns: &[Column], rows: usize) -> usize {
        for row in 0..rows {
            let cells = columns.iter().map(|column| {
                let mut cell = Vec::new();
                if !column.is_null(row) {
                    column.push_text(&mut cell, row, Fraction::Trimmed);
                }
                String::from_utf8_lossy(&cell).into_owned()
            });
            let cells: Vec<String> = cells.collect();
            self.bytes += cells.iter().map(|c| c.len() + size_of::<String>()).sum::<usize>();
            self.rows.push(cells);
        }
        self.bytes
    }

    /// Appends the box and forgets the rows. No newline follows the last rule.
    pub(super) fn push_box(&mut self, out: &mut Vec<u8>) {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut widths = vec![0; self.header.len()];
        for cells in std::iter::once(&self.header).chain(&rows) {
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = cell.split('\n').map(width).fold(*widest, usize::max);
            }
        }
        push_rule(out, &widths);
        push_cells(out, &self.header, &widths);
        push_rule(out, &widths);
        for cells in &rows {
            push_cells(out, cells, &widths);
        }
        push_rule(out, &widths);
        out.pop();
    }
}

fn push_rule(out: &mut Vec<u8>, widths: &[usize]) {
    out.push(b'+');
    for width in widths {
        out.extend(std::iter::repeat_n(b'-', width + 2));
        out.push(b'+');
    }
    if widths.is_empty() {
        out.push(b'+');
    }
    out.push(b'\n');
}

/// One row: as many lines as its tallest cell has.
fn push_cells(out: &mut Vec<u8>, cells: &[String], widths: &[usize]) {
    let height = cells.iter().map(|c| c.split('\n').count()).max().unwrap_or(0);
    for line in 0..height {
        out.push(b'|');
        for (cell, column_width) in cells.iter().zip(widths) {
            let text = cell.split('\n').nth(line).unwrap_or("");
            out.push(b' ');
            out.extend_from_slice(text.as_bytes());
            out.extend(std::iter::repeat_n(b' ', column_width.saturating_sub(width(text)) + 1));
            out.push(b'|');
        }
        out.push(b'\n');
    }
}

/// Columns that a terminal gives the text: East Asian wide characters and emoji take two,
/// combining marks none.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars()
        .map(|c| match u32::from(c) {
            0x300..=0x36F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
            0x1100..=0x115F
            | 0x2E80..=0xA4CF
            | 0xAC00..=0xD7A3
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60
            | 0xFFE0..=0xFFE6
            | 0x1F300..=0x1FAFF
            | 0x20000..=0x3FFFD => 2,
            _ => 1,
        })
        .sum()
}
