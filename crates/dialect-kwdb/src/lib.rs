//! KWDB's RESTful API (port 8080) on triglot's engine, after the fact sheet `kwdb.md` (sections 1 to 8, 15):
//! routes, credentials, sessions, answers. The SQL is `sql-kwdb`'s.
//!
//! Mount the routes with [`configure`] and wrap the application in [`edge`]; the binary adds TLS, access
//! log, draining and health routes.
//!
//! The published manual and the vendor's server differ in what answers look like. Both faces are here
//! ([`Wire`]): one execution path, and [`face`] writes what came of it.

mod app;
mod auth;
mod config;
mod connections;
mod edge;
mod face;
mod ingest;
mod json;
mod params;
mod refusal;
mod rest;
mod routes;
mod settings;
mod stream;

pub use app::KwdbApp;
pub use config::{KwdbConfig, Wire};
pub use connections::{Connection, Connections};
pub use edge::edge;
pub use routes::{configure, health};

/// The dialect's name in metrics.
pub const DIALECT: &str = "kwdb";
