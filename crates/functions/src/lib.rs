//! Functions that time-series dialects add to DataFusion, under neutral names.
//!
//! A dialect registers them under its own names; nothing here knows SQL text, sessions or storage.

mod args;
pub mod buckets;
pub mod candlestick;
pub mod earliest;
pub mod folds;
pub mod gauge;
pub mod geometry;
pub mod increase;
mod lists;
pub mod mode;
mod points;
pub mod quality;
pub mod root;
pub mod sample;
pub mod selection;
pub mod series_repair;
pub mod states;
mod summary;
pub mod time_parts;
pub mod time_text;
pub mod windows;
