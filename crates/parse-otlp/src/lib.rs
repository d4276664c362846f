//! OpenTelemetry traces as OTLP sends them: the published messages (`opentelemetry/proto/trace/v1`), from
//! protocol buffers and from their JSON mapping. No schema, clock or socket; the caller decompresses.
//!
//! ```
//! use triglot_parse_otlp::{parse_json, parse_protobuf};
//!
//! let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
//!     "scopeSpans":[{"spans":[{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13",
//!     "name":"GET /","kind":2,"startTimeUnixNano":"1544712660000000000"}]}]}]}"#;
//! let request = parse_json(body)?;
//! let of = &request.resource_spans[0];
//! assert_eq!(of.resource.as_ref().unwrap().attributes[0].text(), "shop");
//! let span = &of.scope_spans[0].spans[0];
//! assert_eq!((span.kind_name(), span.span_id.as_slice()), ("SPAN_KIND_SERVER", &[5, 0x15, 0x81, 0xbf, 0x3c, 0xb5, 0x5c, 0x13][..]));
//!
//! assert_eq!(parse_protobuf(&request.to_bytes())?, request);
//! # Ok::<(), triglot_parse_otlp::OtlpError>(())
//! ```

mod error;
mod json;
mod message;
mod text;

pub use error::OtlpError;
pub use json::parse as parse_json;
pub use message::{
    AnyValue, ArrayValue, Event, InstrumentationScope, KeyValue, KeyValueList, Link, Resource, ResourceSpans,
    ScopeSpans, Span, Status, TracesRequest, Value, parse as parse_protobuf,
};
