//! Influx line protocol as CnosDB, InfluxDB 1.x, TDengine and KWDB read it.
//!
//! The parser knows no schema, no clock and no socket: it borrows a body and gives its points one
//! after another. Field values are parsed where they are checked, once; text is unescaped on
//! demand; nothing is allocated per point.
//!
//! ```
//! use triglot_parse_lp::{Dialect, FieldValue, Line, Parser};
//!
//! let body = "cpu,host=a usage=12i 1000\ncpu,host=b usage=oops 1000\ncpu,host=b usage=14i 2000\n";
//! let mut parser = Parser::new(body, Dialect::CnosDb);
//! let mut line = Line::new(); // refilled by every point
//! let (mut sum, mut errors) = (0, Vec::new());
//! while let Some(result) = parser.next_line(&mut line) {
//!     match result {
//!         Ok(point) => {
//!             assert_eq!(point.measurement(), "cpu");
//!             for field in point.fields() {
//!                 if let FieldValue::I64(value) = field.value() {
//!                     sum += value;
//!                 }
//!             }
//!         }
//!         Err(error) => errors.push(format!("line {}: {error}", error.line)),
//!     }
//! }
//! assert_eq!(sum, 26);
//! assert_eq!(errors, ["line 2: invalid field value: 'oops'"]);
//! ```
//!
//! # For ingesters
//!
//! Three things make a server fast, all optional:
//! - one [`Line`] for the whole body ([`Parser::next_line`]) instead of the plain iterator;
//! - [`Line::repeats_field_keys`] tells that the columns looked up for the last point serve again;
//! - [`Parser::next_line_known`] skips the tags of series whose key text was seen before.
//!
//! [`encode`] is the way back: points to text, correctly escaped for each dialect.

mod dialect;
pub mod encode;
mod error;
mod line;
mod number;
mod parser;
mod scan;
mod value;

pub use dialect::Dialect;
pub use error::{LineError, LineErrorKind};
pub use line::{Field, Line, Tag};
pub use parser::Parser;
pub use value::{Binary, FieldValue, Text};
