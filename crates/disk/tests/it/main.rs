//! Tests of triglot-disk: one binary.

mod interface;
mod sim;
mod store;
mod visibility;
