//! Result formats (sheet section 5), written batch by batch into a byte buffer.

mod cell;
mod csv;
pub(crate) mod json;
mod number;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod timing;

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;

use cell::Column;
use json::Keys;
use table::Table;

/// Most bytes of cells that one table box may hold.
const MAX_TABLE_BYTES: usize = 256 << 20;

/// A result format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated.
    Csv,
    /// Tab-separated.
    Tsv,
    /// One array of objects.
    Json,
    /// One object a line.
    NdJson,
    /// Boxed ASCII.
    Table,
}

impl Format {
    /// The `content-type` of a response.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Tsv => "text/tsv",
            Self::Json => "application/json",
            Self::NdJson => "application/nd-json",
            Self::Table => "text/table",
        }
    }

    /// What the format cannot carry, as the vendor's writers say it.
    fn refuses(self, ty: &DataType) -> Option<String> {
        match self {
            Self::Csv | Self::Tsv => match ty {
                DataType::Struct(_)
                | DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(..)
                | DataType::ListView(_)
                | DataType::LargeListView(_)
                | DataType::Map(..)
                | DataType::Union(..) => Some(format!("Csv error: Nested type {ty} is not supported in CSV")),
                DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_) => {
                    Some(format!("Csv error: type {ty} is not supported in CSV"))
                }
                DataType::Dictionary(_, values) => self.refuses(values),
                _ => None,
            },
            Self::Json | Self::NdJson => match ty {
                DataType::Interval(_)
                | DataType::Duration(_)
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
                | DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..) => {
                    Some(format!("Json error: data type {ty} not supported in nested map for json writer"))
                }
                DataType::Struct(fields) => fields.iter().find_map(|f| self.refuses(f.data_type())),
                DataType::Map(entries, _) => self.refuses(entries.data_type()),
                DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
                    self.refuses(f.data_type())
                }
                DataType::Dictionary(_, values) => self.refuses(values),
                _ => None,
            },
            Self::Table => None,
        }
    }
}

/// A result that cannot be written: the text behind `Fetch result: `.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(String);

enum State {
    Delimited(u8),
    Json(Keys),
    NdJson(Keys),
    Table(Table),
}

/// Writes one result. `write` for every batch, then `finish`.
pub struct Writer {
    format: Format,
    schema: SchemaRef,
    /// Every batch is formatted on its own (`chunked=true`).
    separate: bool,
    /// Whether something has been written: the header, the opening bracket, a box.
    begun: bool,
    /// Bytes of a row so far, a little rounded up: what is reserved ahead.
    row_bytes: usize,
    state: State,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer for rows of this schema.
    pub fn new(format: Format, schema: SchemaRef, separate: bool) -> Self {
        let state = match format {
            Format::Csv => State::Delimited(b','),
            Format::Tsv => State::Delimited(b'\t'),
            Format::Json => State::Json(Keys::of(&schema)),
            Format::NdJson => State::NdJson(Keys::of(&schema)),
            Format::Table => State::Table(Table::new(&schema)),
        };
        Self { format, schema, separate, begun: false, row_bytes: 0, state }
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// A column of a type that the format cannot carry (nothing has been written then), or a table
    /// too big to be laid out.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if !self.begun
            && let Some(refusal) =
                self.schema.fields().iter().find_map(|f| self.format.refuses(f.data_type()))
        {
            return Err(FormatError(refusal));
        }
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let columns: Vec<Column> = batch
            .columns()
            .iter()
            .map(Column::of)
            .collect::<Result<_, _>>()
            .map_err(|e| FormatError(e.to_string()))?;
        let start = out.len();
        out.reserve(rows * self.row_bytes);
        match &mut self.state {
            State::Delimited(delimiter) => {
                if !self.begun {
                    csv::push_header(out, &self.schema, *delimiter);
                }
                csv::push_rows(out, &columns, rows, *delimiter);
            }
            State::Json(keys) => {
                out.push(if self.begun && !self.separate { b',' } else { b'[' });
                for row in 0..rows {
                    if row > 0 {
                        out.push(b',');
                    }
                    json::push_row(out, keys, &columns, row);
                }
                if self.separate {
                    out.push(b']');
                }
            }
            State::NdJson(keys) => {
                for row in 0..rows {
                    json::push_row(out, keys, &columns, row);
                    out.push(b'\n');
                }
            }
            State::Table(table) => {
                if table.add(&columns, rows) > MAX_TABLE_BYTES {
                    return Err(FormatError("result is too big for a table, use another format".to_owned()));
                }
                if self.separate {
                    table.push_box(out);
                }
            }
        }
        self.begun = true;
        let written = (out.len() - start) / rows;
        self.row_bytes = written + written / 8 + 1;
        Ok(())
    }

    /// Appends what belongs to the end: the closing bracket, the box; the header of a result
    /// without rows.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.state {
            State::Delimited(delimiter) if !self.begun => csv::push_header(out, &self.schema, *delimiter),
            State::Json(_) if self.begun && !self.separate => out.push(b']'),
            State::Table(table) if !self.begun || !self.separate => table.push_box(out),
            State::Delimited(_) | State::Json(_) | State::NdJson(_) | State::Table(_) => {}
        }
    }
}
