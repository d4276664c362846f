//! The HTTP plumbing that triglot's dialects share: credentials, body reading, content codings,
//! metrics, access log, health routes and TLS. It knows no dialect's wire format: whatever a
//! client sees of a failure is made by the dialect from the enums given here.
//!
//! Nothing in this crate reads files (TLS takes PEM bytes) except `/proc/self` for `process_*`.

pub mod access_log;
pub mod ahead;
pub mod body;
pub mod certificates;
pub mod coding;
pub mod credentials;
pub mod health;
pub mod metrics;
pub mod peer;
pub mod process;
pub mod snappy;
pub mod split;
pub mod text;
pub mod tls;
pub mod usage;

pub use coding::{Coding, Encoder};
pub use metrics::HttpMetrics;
