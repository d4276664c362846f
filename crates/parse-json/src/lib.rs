//! A pull reader of JSON (RFC 8259) that borrows, keeps numbers exact and knows its place.
//!
//! It stands below the parsers of ingest formats, which want three things that `serde_json` as this
//! workspace builds it does not give: floats that are the nearest to their text (its feature
//! `float_roundtrip` is off), numbers as they were written, and byte offsets of faults.
//!
//! ```
//! use triglot_parse_json::{Reader, Scalar};
//!
//! let body = r#"{"name": "cpu", "values": [1, 0.25, "x"], "other": {"a": null}}"#;
//! let mut reader = Reader::new(body);
//! let (mut name, mut sum) = (None, 0.0);
//! reader.object(|reader, key| match &*key {
//!     "name" => {
//!         name = reader.scalar()?.into_str();
//!         Ok(())
//!     }
//!     "values" => reader.array(|reader| {
//!         if let Scalar::Number(number) = reader.scalar()? {
//!             sum += number.as_f64().unwrap_or(0.0);
//!         }
//!         Ok(())
//!     }),
//!     _ => reader.skip(),
//! })?;
//! reader.end()?;
//! assert_eq!((name.as_deref(), sum), (Some("cpu"), 1.25));
//!
//! let error = Reader::new("[1, 2").array(|reader| reader.skip()).unwrap_err();
//! assert_eq!((error.offset, error.to_string().as_str()), (5, "offset 5: `,` or `]` is expected"));
//! # Ok::<(), triglot_parse_json::JsonError>(())
//! ```

mod error;
mod reader;
mod scalar;
mod text;

pub use error::{JsonError, JsonErrorKind};
pub use reader::{DEPTH, Kind, Reader};
pub use scalar::{Number, Scalar};
