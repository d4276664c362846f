//! Conformance and architecture tests of the whole workspace.

mod http;
mod server;

mod architecture;
mod clients;
mod crash;
mod dump;
mod files;
mod golden;
mod limits;
mod metrics;
mod slt;
mod tpch;
