//! Rows of spans as Jaeger's JSON: traces with their spans and processes.

use std::collections::HashMap;
use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::record_batch::RecordBatch;
use triglot_sql_cnosdb::SqlError;

use crate::error::CnosDbError;
use crate::formats::json::push_string;
use crate::traces::{SERVICE_COLUMN, SPAN};

const RESOURCE: &str = "ResourceSpans/Resource/attributes/";
const LIBRARY: &str = "ResourceSpans/ScopeSpans/InstrumentationScope/";

/// The columns of a batch by name: times in nanoseconds, numbers as floats, anything else as text.
pub(crate) struct Cells {
    names: HashMap<String, usize>,
    order: Vec<String>,
    columns: Vec<Column>,
}

enum Column {
    Time(ArrayRef),
    Number(ArrayRef),
    Text(ArrayRef),
}

impl Cells {
    pub(crate) fn new(batch: &RecordBatch) -> Result<Self, CnosDbError> {
        let mut cells = Self { names: HashMap::new(), order: Vec::new(), columns: Vec::new() };
        for (at, (field, column)) in batch.schema().fields().iter().zip(batch.columns()).enumerate() {
            let to =
                |ty: &DataType| cast(column, ty).map_err(|error| CnosDbError::Sql(SqlError::Arrow(error)));
            let read = match field.data_type() {
                DataType::Timestamp(..) => {
                    let nanos = to(&DataType::Timestamp(TimeUnit::Nanosecond, None))?;
                    let nanos = cast(&nanos, &DataType::Int64);
                    Column::Time(nanos.map_err(|error| CnosDbError::Sql(SqlError::Arrow(error)))?)
                }
                DataType::Float64 | DataType::Int64 | DataType::UInt64 => {
                    Column::Number(to(&DataType::Float64)?)
                }
                _ => Column::Text(to(&DataType::Utf8)?),
            };
            cells.columns.push(read);
            cells.names.insert(field.name().clone(), at);
            cells.order.push(field.name().clone());
        }
        Ok(cells)
    }

    /// The text in a column, if it is one of text and has one.
    pub(crate) fn text(&self, column: usize, row: usize) -> Option<&str> {
        match self.columns.get(column)? {
            Column::Text(array) if array.is_valid(row) => Some(array.as_string::<i32>().value(row)),
            _ => None,
        }
    }

    fn number(&self, column: usize, row: usize) -> Option<f64> {
        match self.columns.get(column)? {
            Column::Number(array) if array.is_valid(row) => {
                Some(array.as_primitive::<Float64Type>().value(row))
            }
            _ => None,
        }
    }

    fn time(&self, column: usize, row: usize) -> Option<i64> {
        match self.columns.get(column)? {
            Column::Time(array) if array.is_valid(row) => Some(array.as_primitive::<Int64Type>().value(row)),
            _ => None,
        }
    }
}

/// A row of spans.
struct Span<'c> {
    cells: &'c Cells,
    row: usize,
}

impl<'c> Span<'c> {
    /// Text of a column; what is absent is empty.
    fn text(&self, name: &str) -> &'c str {
        let column = self.cells.names.get(name);
        column.and_then(|column| self.cells.text(*column, self.row)).unwrap_or_default()
    }

    fn of_span(&self, name: &str) -> &'c str {
        self.text(&format!("{SPAN}{name}"))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.cells.names.get(name).and_then(|column| self.cells.number(*column, self.row))
    }

    fn start_ns(&self) -> i64 {
        self.cells.names.get("time").and_then(|column| self.cells.time(*column, self.row)).unwrap_or_default()
    }
}

/// `SPAN_KIND_SERVER` → `server`.
pub(crate) fn kind(stored: &str) -> String {
    stored.strip_prefix("SPAN_KIND_").unwrap_or("UNSPECIFIED").to_ascii_lowercase()
}

/// The JSON of each trace, in the order of their first spans.
pub(crate) fn traces(batches: &[RecordBatch], limit: Option<usize>) -> Result<Vec<Vec<u8>>, CnosDbError> {
    let all: Result<Vec<Cells>, CnosDbError> = batches.iter().map(Cells::new).collect();
    let all = all?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut found: Vec<(&str, Vec<Span<'_>>)> = Vec::new();
    for (cells, batch) in all.iter().zip(batches) {
        for row in 0..batch.num_rows() {
            let span = Span { cells, row };
            let id = span.of_span("trace_id");
            let at = *places.entry(id).or_insert_with(|| {
                found.push((id, Vec::new()));
                found.len() - 1
            });
            if let Some((_, spans)) = found.get_mut(at) {
                spans.push(span);
            }
        }
    }
    found.truncate(limit.unwrap_or(usize::MAX));
    Ok(found.iter().map(|(id, spans)| trace(id, spans)).collect())
}

fn trace(id: &str, spans: &[Span<'_>]) -> Vec<u8> {
    let mut out = b"{\"traceID\":".to_vec();
    push_string(&mut out, id);
    out.extend_from_slice(b",\"spans\":[");
    // Spans of equal processes share one.
    let mut processes: Vec<Vec<u8>> = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let process = process(span);
        let number = processes.iter().position(|known| *known == process).unwrap_or_else(|| {
            processes.push(process);
            processes.len() - 1
        });
        if at > 0 {
            out.push(b',');
        }
        push_span(&mut out, span, number);
    }
    out.extend_from_slice(b"],\"processes\":{");
    for (number, process) in processes.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!("\"p{number}\":").as_bytes());
        out.extend_from_slice(process);
    }
    out.extend_from_slice(b"},\"warnings\":[]}");
    out
}

fn push_span(out: &mut Vec<u8>, span: &Span<'_>, process: usize) {
    out.push(b'{');
    for (name, column) in [("traceID", "trace_id"), ("spanID", "span_id"), ("parentSpanID", "parent_span_id")]
    {
        push_member(out, name, span.of_span(column));
        out.push(b',');
    }
    let whole = |name: &str| span.number(&format!("{SPAN}{name}")).unwrap_or_default() as i64;
    out.extend_from_slice(format!("\"flags\":{},", whole("flags")).as_bytes());
    push_member(out, "operationName", span.of_span("name"));
    out.extend_from_slice(b",\"references\":[");
    push_references(out, span);
    let (start, duration) = (span.start_ns().div_euclid(1_000), whole("duration_nano") / 1_000);
    out.extend_from_slice(format!("],\"startTime\":{start},\"duration\":{duration},\"tags\":[").as_bytes());
    push_span_tags(out, span);
    out.extend_from_slice(b"],\"logs\":[");
    push_logs(out, span);
    out.extend_from_slice(
        format!("],\"processID\":\"p{process}\",\"process\":null,\"warnings\":[]}}").as_bytes(),
    );
}

/// `"name":"text"`
fn push_member(out: &mut Vec<u8>, name: &str, text: &str) {
    push_string(out, name);
    out.push(b':');
    push_string(out, text);
}

/// The numbers of `Event_0/`, `Event_1/` … that the row has.
fn numbered<'s>(span: &'s Span<'_>, what: &str, member: &'s str) -> impl Iterator<Item = String> + 's {
    let prefix = format!("{SPAN}{what}_");
    let prefixes = (0..).map(move |at| format!("{prefix}{at}/"));
    prefixes.take_while(move |prefix| {
        let name = format!("{prefix}{member}");
        !span.text(&name).is_empty() || span.number(&name).is_some()
    })
}

fn push_references(out: &mut Vec<u8>, span: &Span<'_>) {
    for (at, prefix) in numbered(span, "Link", "span_id").enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"refType\":\"ChildOf\",");
        push_member(out, "traceID", span.text(&format!("{prefix}trace_id")));
        out.push(b',');
        push_member(out, "spanID", span.text(&format!("{prefix}span_id")));
        out.push(b'}');
    }
}

/// `{"key":…,"type":…,"value":…}`; numbers are `Int64`.
fn push_tag(out: &mut Vec<u8>, is_first: &mut bool, key: &str, ty: &str, push: impl FnOnce(&mut Vec<u8>)) {
    if !std::mem::replace(is_first, false) {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"key\":");
    push_string(out, key);
    out.extend_from_slice(format!(",\"type\":\"{ty}\",\"value\":").as_bytes());
    push(out);
    out.push(b'}');
}

fn push_span_tags(out: &mut Vec<u8>, span: &Span<'_>) {
    let mut is_first = true;
    push_tag(out, &mut is_first, "span.kind", "String", |out| push_string(out, &kind(span.of_span("kind"))));
    for name in ["dropped_attributes_count", "dropped_events_count", "dropped_links_count"] {
        let number = span.number(&format!("{SPAN}{name}")).unwrap_or_default();
        push_tag(out, &mut is_first, name, "Int64", |out| push_number(out, number));
    }
    push_tag(out, &mut is_first, "trace_state", "String", |out| {
        push_string(out, span.of_span("trace_state"))
    });
}

fn push_number(out: &mut Vec<u8>, number: f64) {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{}", number as i64);
    out.extend_from_slice(text.as_bytes());
}

fn push_logs(out: &mut Vec<u8>, span: &Span<'_>) {
    for (at, prefix) in numbered(span, "Event", "time_unix_nano").enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let number = |name: &str| span.number(&format!("{prefix}{name}")).unwrap_or_default();
        out.extend_from_slice(b"{\"timestamp\":");
        push_number(out, number("time_unix_nano"));
        out.extend_from_slice(b",\"fields\":[");
        let mut is_first = true;
        let dropped = number("dropped_attributes_count");
        push_tag(out, &mut is_first, "dropped_attributes_count", "Int64", |out| push_number(out, dropped));
        let name = span.text(&format!("{prefix}name"));
        push_tag(out, &mut is_first, "name", "String", |out| push_string(out, name));
        out.extend_from_slice(b"]}");
    }
}

/// `{"serviceName":…,"tags":[…]}`: what is known of who made the span, and its attributes under their columns'
/// names.
fn process(span: &Span<'_>) -> Vec<u8> {
    let mut out = b"{".to_vec();
    push_member(&mut out, "serviceName", span.text(SERVICE_COLUMN));
    out.extend_from_slice(b",\"tags\":[");
    let mut is_first = true;
    let code = span.of_span("Status/code");
    push_tag(&mut out, &mut is_first, "otel.status_code", "String", |out| push_string(out, code));
    if code == "STATUS_CODE_ERROR" {
        push_tag(&mut out, &mut is_first, "error", "Bool", |out| out.extend_from_slice(b"true"));
    }
    for (key, column) in [
        ("otel.status_description", format!("{SPAN}Status/message")),
        ("otel.library.name", format!("{LIBRARY}name")),
        ("otel.library.version", format!("{LIBRARY}version")),
    ] {
        push_tag(&mut out, &mut is_first, key, "String", |out| push_string(out, span.text(&column)));
    }
    let attributes = format!("{SPAN}attributes/");
    for (at, name) in span.cells.order.iter().enumerate() {
        if (name.starts_with(RESOURCE) || name.starts_with(&attributes))
            && let Some(text) = span.cells.text(at, span.row)
        {
            push_tag(&mut out, &mut is_first, name, "String", |out| push_string(out, text));
        }
    }
    out.extend_from_slice(b"]}");
    out
}
