//! The published messages, field by field.

use prost::Message;

use crate::error::OtlpError;

/// What an exporter sends.
#[derive(Clone, PartialEq, Message)]
pub struct TracesRequest {
    /// By resource.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// The spans of a resource.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceSpans {
    /// Who made the spans.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// By scope.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
    /// The schema of the resource.
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

/// A service, a process, a host.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    /// `service.name` among them.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    #[prost(uint32, tag = "2")]
    pub dropped_attributes_count: u32,
}

/// The spans of an instrumentation scope.
#[derive(Clone, PartialEq, Message)]
pub struct ScopeSpans {
    /// The library that made them.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<InstrumentationScope>,
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
    /// The schema of the spans.
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

/// A library.
#[derive(Clone, PartialEq, Message)]
pub struct InstrumentationScope {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// More about it.
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    #[prost(uint32, tag = "4")]
    pub dropped_attributes_count: u32,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// W3C's list.
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// Empty for a root.
    #[prost(bytes = "vec", tag = "4")]
    pub parent_span_id: Vec<u8>,
    /// What is done.
    #[prost(string, tag = "5")]
    pub name: String,
    /// [`Span::kind_name`]
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "7")]
    pub start_time_unix_nano: u64,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "8")]
    pub end_time_unix_nano: u64,
    /// More about it.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    #[prost(uint32, tag = "10")]
    pub dropped_attributes_count: u32,
    /// What happened meanwhile.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
    /// Events that were left out.
    #[prost(uint32, tag = "12")]
    pub dropped_events_count: u32,
    /// Spans that it is connected to.
    #[prost(message, repeated, tag = "13")]
    pub links: Vec<Link>,
    /// Links that were left out.
    #[prost(uint32, tag = "14")]
    pub dropped_links_count: u32,
    /// How it ended.
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
    /// W3C's flags.
    #[prost(fixed32, tag = "16")]
    pub flags: u32,
}

/// Something with a time.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "1")]
    pub time_unix_nano: u64,
    /// What.
    #[prost(string, tag = "2")]
    pub name: String,
    /// More about it.
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    #[prost(uint32, tag = "4")]
    pub dropped_attributes_count: u32,
}

/// Another span.
#[derive(Clone, PartialEq, Message)]
pub struct Link {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// W3C's list.
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// More about it.
    #[prost(message, repeated, tag = "4")]
    pub attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    #[prost(uint32, tag = "5")]
    pub dropped_attributes_count: u32,
    /// W3C's flags.
    #[prost(fixed32, tag = "6")]
    pub flags: u32,
}

/// How a span ended.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Status {
    /// For people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// [`Status::code_name`]
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// An attribute.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// A value of any type.
#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    /// None: no value.
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<Value>,
}

/// The types of [`AnyValue`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// Text.
    #[prost(string, tag = "1")]
    String(String),
    /// True or false.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// An integer.
    #[prost(int64, tag = "3")]
    Int(i64),
    /// A float.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Values.
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    /// Names and values.
    #[prost(message, tag = "6")]
    List(KeyValueList),
    /// Octets.
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

/// Values.
#[derive(Clone, PartialEq, Message)]
pub struct ArrayValue {
    /// In their order.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// Names and values.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValueList {
    /// In their order.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// Reads the bytes of a request. Nesting ends at 100.
///
/// # Errors
/// [`OtlpError::Proto`]
pub fn parse(body: &[u8]) -> Result<TracesRequest, OtlpError> {
    TracesRequest::decode(body).map_err(|error| OtlpError::Proto(error.to_string()))
}

impl TracesRequest {
    /// The bytes of the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

/// The published names of [`Span::kind`] and [`Status::code`], by number.
pub(crate) const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
pub(crate) const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

fn name(names: &[&'static str], number: i32) -> &'static str {
    let found = usize::try_from(number).ok().and_then(|at| names.get(at));
    found.or(names.first()).copied().unwrap_or_default()
}

impl Span {
    /// `SPAN_KIND_SERVER` …; numbers that are not known are unspecified.
    pub fn kind_name(&self) -> &'static str {
        name(&KINDS, self.kind)
    }
}

impl Status {
    /// `STATUS_CODE_OK` …; numbers that are not known are unset.
    pub fn code_name(&self) -> &'static str {
        name(&CODES, self.code)
    }
}
