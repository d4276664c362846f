//! What collectors of metrics send over UDP: collectd's binary protocol and StatsD's lines. Records are
//! borrowed from the datagram; there is no schema, clock or socket.
//!
//! ```
//! use triglot_parse_collectors::statsd::{Kind, Metrics};
//!
//! let metric = Metrics::new("api.requests,host=a:3|c|@0.1\n").next().unwrap()?;
//! assert_eq!((metric.name, metric.kind, metric.number(), metric.rate), ("api.requests", Kind::Counter, Some(3.0), 0.1));
//! assert_eq!(metric.tags, [("host", "a")]);
//! # Ok::<(), triglot_parse_collectors::statsd::StatsdError>(())
//! ```

pub mod collectd;
pub mod statsd;
