//! CSV with a header line.

use std::collections::{HashMap, VecDeque};
use std::io::BufRead;

use super::cell::{Column, FieldType, Mapping, Role, Rows, timestamp};
use super::send::{Closed, Sink};
use crate::Failure;
use crate::client::Precision;
use crate::csv::{Record, RecordError, Records};

/// Records that are looked at to find the types of new columns.
const SAMPLE: usize = 1000;

/// How a CSV file is read.
#[derive(Debug)]
pub(crate) struct CsvOptions<'a> {
    pub(crate) table: &'a str,
    pub(crate) mapping: &'a Mapping,
    pub(crate) known: &'a HashMap<String, Role>,
    pub(crate) precision: Precision,
    pub(crate) delimiter: u8,
}

/// Reads all records of `input`.
pub(crate) fn read(
    input: impl BufRead,
    options: &CsvOptions<'_>,
    sink: &mut Sink<'_>,
) -> Result<Result<(), Closed>, Failure> {
    let mut records = Records::new(input, options.delimiter);
    let mut header = Record::default();
    if !records.read(&mut header).map_err(|e| Failure::doing("the header line", e))? {
        return Ok(Ok(()));
    }
    sink.consumed(header.bytes);
    let names: Vec<String> =
        (0..header.len()).map(|n| header.get(n).unwrap_or_default().to_owned()).collect();
    let mut columns = options.mapping.columns(&names, options.known)?;
    let mut sample = VecDeque::new();
    while sample.len() < SAMPLE {
        let Some(record) = next(&mut records, Record::default(), sink)? else { break };
        sample.push_back(record);
    }
    infer(&mut columns, &sample);
    let mut reader = Reader { columns: &columns, options, rows: Rows::new(options.table) };
    for record in sample {
        if let Err(closed) = reader.row(&record, sink) {
            return Ok(Err(closed));
        }
    }
    let mut record = Record::default();
    while let Some(next) = next(&mut records, record, sink)? {
        if let Err(closed) = reader.row(&next, sink) {
            return Ok(Err(closed));
        }
        record = next;
    }
    Ok(Ok(()))
}

/// The next whole record; bad ones are noted.
fn next<R: BufRead>(
    records: &mut Records<R>,
    mut record: Record,
    sink: &Sink<'_>,
) -> Result<Option<Record>, Failure> {
    loop {
        match records.read(&mut record) {
            Ok(true) => return Ok(Some(record)),
            Ok(false) => return Ok(None),
            Err(RecordError::Io(error)) => return Err(error.into()),
            Err(error) => sink.bad.add(record.line, error),
        }
        if sink.bad.too_many() {
            return Ok(None);
        }
    }
}

/// Settles the types that neither the user nor the table tell.
fn infer(columns: &mut [Column], sample: &VecDeque<Record>) {
    for (n, column) in columns.iter_mut().enumerate() {
        if column.role == Role::Field(None) {
            let values = sample.iter().filter_map(|record| record.get(n));
            // A column without values in the sample: whatever comes is kept as text.
            column.role = Role::Field(Some(FieldType::infer(values).unwrap_or(FieldType::Text)));
        }
    }
}

struct Reader<'a> {
    columns: &'a [Column],
    options: &'a CsvOptions<'a>,
    rows: Rows,
}

impl Reader<'_> {
    fn row(&mut self, record: &Record, sink: &mut Sink<'_>) -> Result<(), Closed> {
        sink.consumed(record.bytes);
        match self.encode(record) {
            Ok(point) => sink.point(point, record.line),
            Err(reason) => {
                sink.bad.add(record.line, reason);
                if sink.bad.too_many() { Err(Closed) } else { Ok(()) }
            }
        }
    }

    fn encode(&mut self, record: &Record) -> Result<&[u8], String> {
        if record.len() != self.columns.len() {
            return Err(format!("{} cells, the header has {}", record.len(), self.columns.len()));
        }
        let (mut tags, mut fields, mut time) = (Vec::new(), Vec::new(), None);
        for (n, column) in self.columns.iter().enumerate() {
            let Some(text) = record.get(n) else { continue };
            let wrong = |what: &str| format!("column {}: {text:?} is not {what}", column.name);
            match column.role {
                Role::Tag => tags.push((column.name.as_str(), text)),
                Role::Time => {
                    time = Some(timestamp(text, self.options.precision).ok_or_else(|| wrong("a time"))?);
                }
                Role::Field(field_type) => {
                    let field_type = field_type.unwrap_or(FieldType::Text);
                    let value = field_type.value(text).ok_or_else(|| wrong(&format!("{field_type:?}")))?;
                    fields.push((column.name.as_str(), value));
                }
            }
        }
        self.rows.encode(&tags, &fields, time)
    }
}
