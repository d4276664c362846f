//! What log agents send: Elasticsearch's bulk bodies, newline-delimited JSON, Loki's pushes as JSON and as
//! protocol buffers. Records are borrowed; errors tell the line; there is no schema, clock or socket, and
//! the caller decompresses.
//!
//! ```
//! use triglot_parse_logs::bulk::{Bulk, Op};
//! use triglot_parse_logs::document::{Field, flatten};
//!
//! let body = "{\"create\":{\"_index\":\"logs\"}}\n{\"msg\":\"hi\",\"host\":{\"name\":\"a\",\"cpu\":[1,2.5]}}\n";
//! for item in Bulk::new(body) {
//!     let item = item?;
//!     assert_eq!((item.op, item.index.as_deref(), item.line), (Op::Create, Some("logs"), 1));
//!     let mut fields = Vec::new();
//!     flatten(item.document, |Field { path, value }| {
//!         fields.push(format!("{path}={}", value.into_text()));
//!         Ok::<_, triglot_parse_logs::LogErrorKind>(())
//!     })
//!     .unwrap();
//!     assert_eq!(fields, ["msg=hi", "host.name=a", "host.cpu.0=1", "host.cpu.1=2.5"]);
//! }
//! # Ok::<(), triglot_parse_logs::LogError>(())
//! ```

pub mod bulk;
pub mod document;
mod error;
pub mod loki;
pub mod ndjson;

pub use error::{LogError, LogErrorKind};
