//! Summaries of states: when a thing was in which state, and for how long.
//!
//! After TimescaleDB Toolkit's `state_agg` and `compact_state_agg`. A state holds from its row's time to
//! the next row's; the last row's state holds at its time only.

mod aggregate;
mod read;
mod timeline;

pub use aggregate::{compact_state_agg, state_agg};
pub use read::{duration_in, state_at};
