//! Functions that time-series dialects add to DataFusion, under neutral names.
//!
//! A dialect registers them under its own names; nothing here knows SQL text, sessions or storage.

pub mod geometry;
pub mod series_repair;
pub mod windows;
