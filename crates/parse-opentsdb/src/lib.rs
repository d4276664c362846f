//! OpenTSDB's telnet lines and JSON puts, read without copies.
//!
//! The parser knows no schema, no clock and no socket: it borrows a body and gives its points one
//! after another, each with its place. What a timestamp's digits mean, which values a column takes and
//! which tags a table needs is the caller's matter; what differs in the *grammar* is in [`Dialect`].
//!
//! ```
//! use triglot_parse_opentsdb::{Dialect, json, telnet};
//!
//! let body = "put sys.cpu 1346846400 42.5 host=a cpu=0\nsys.cpu 1346846400\n";
//! let mut lines = telnet::Lines::new(body, Dialect::TdEngine);
//! let line = lines.next().unwrap().unwrap();
//! assert_eq!((line.metric(), line.timestamp(), line.number()), ("sys.cpu", 1_346_846_400, Some(42.5)));
//! assert_eq!(line.tags(), [("host", "a"), ("cpu", "0")]);
//! let error = lines.next().unwrap().unwrap_err();
//! assert_eq!(error.to_string(), "line 2: missing value");
//!
//! let body = r#"[{"metric":"m","timestamp":1,"value":"7.5","tags":{"rack":3}}]"#;
//! for point in json::Points::new(body) {
//!     let point = point.unwrap();
//!     assert_eq!(point.metric(), Some("m"));
//!     assert_eq!(point.value.as_number(), Some(7.5));
//!     assert_eq!(point.tags[0].1, json::Value::I64(3));
//! }
//! ```

mod dialect;
mod error;
pub mod json;
mod number;
pub mod telnet;

pub use dialect::Dialect;
pub use error::{LineError, LineErrorKind, PointError, PointErrorKind};
