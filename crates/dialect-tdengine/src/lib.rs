//! taosAdapter's HTTP interface (port 6041) on triglot's engine, after the fact sheet
//! `tdengine-http.md`: routes, headers, JSON, status codes. The SQL is `sql-tdengine`'s.
//!
//! Mount the routes with [`configure`] and wrap the application in [`edge`]; the binary adds TLS, access
//! log, draining and health routes.

mod admin;
mod app;
mod auth;
pub mod collect;
pub mod config;
mod cors;
mod edge;
mod error;
mod input_json;
mod json;
mod limits;
mod metrics;
mod params;
mod ping;
mod rest;
mod routes;
mod schemaless;
mod stream;
mod token;

pub use admin::{LogLevel, RecordFile, RecordFiles};
pub use app::{Surroundings, TdengineApp};
pub use config::TdengineConfig;
pub use edge::edge;
pub use error::SetupError;
pub use input_json::{FormatError, RuleError, RuleFault, Rules};
pub use limits::{GateOptions, LimiterOptions, MemoryOptions, PatternError};
pub use routes::configure;

/// The dialect's name in metrics.
pub const DIALECT: &str = "tdengine";
/// The version of TDengine that this server says it is.
pub const SERVER_VERSION: &str = "3.3.6.0";
