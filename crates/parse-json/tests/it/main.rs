//! The reader against `serde_json` and the standard library.

mod compare;
mod rules;
