//! Windows of one fixed length over time: which windows hold an instant, and where they start.
//!
//! [`TimeWindows`] computes; [`window_start`], [`window_starts`], [`window_edge`] and
//! [`window_of_start`] are the same as functions that plans are made of. Their parameters are part of
//! the function, checked when the plan is made, not arguments.

mod functions;
mod spec;

pub use functions::{Edge, window_edge, window_of_start, window_start, window_starts};
pub use spec::{TimeWindows, WindowError};

/// First field of a window: its first instant.
pub const START: &str = "start";
/// Second field of a window: the first instant after it.
pub const END: &str = "end";
