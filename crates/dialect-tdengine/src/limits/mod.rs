//! What keeps the server from doing more than it can, or than its operator wants.

mod gate;
mod memory;
mod reject;

pub use gate::GateOptions;
pub(crate) use gate::{Closed, Gates};
pub use memory::MemoryOptions;
pub(crate) use memory::{MemoryGuard, Pause};
pub(crate) use reject::{Limiter, Patterns, starts_with};
pub use reject::{LimiterOptions, PatternError};
