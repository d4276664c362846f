//! Prometheus: remote write (version 1), remote read, text exposition and OpenMetrics.
//!
//! Nothing here knows a schema, a clock, a socket or snappy: the caller decompresses. Samples of a
//! write are read from the message's bytes without copies; the text of a series' labels, as it stands in
//! the message, serves as a key for series that were seen before.
//!
//! ```
//! use triglot_parse_prom::encode::{write_request, Sample};
//! use triglot_parse_prom::write::WriteRequest;
//!
//! let body = write_request([(vec![("__name__", "up"), ("job", "node")], vec![Sample { timestamp: 1000, value: 1.0 }])]);
//! for series in WriteRequest::new(&body) {
//!     let series = series?;
//!     let labels: Vec<_> = series.labels().collect::<Result<_, _>>()?;
//!     assert_eq!(labels, [("__name__", "up"), ("job", "node")]);
//!     for sample in series.samples() {
//!         let sample = sample?;
//!         assert_eq!((sample.timestamp, sample.value), (1000, 1.0));
//!     }
//! }
//! # Ok::<(), triglot_parse_prom::ProtoError>(())
//! ```
//!
//! [`read`] holds the messages of remote read, [`text`] the lines that `/metrics` pages are made of, [`family`] which
//! of them are parts of one metric.

pub mod encode;
mod error;
pub mod family;
pub mod read;
pub mod text;
mod wire;
pub mod write;

pub use encode::Sample;
pub use error::{ProtoError, ProtoErrorKind};
