//! What parsers of SQL dialects share: bounds of a text and its tokens ([`bounds`]), a cursor read by keywords
//! ([`Input`]), where in a text an error lies ([`Located`]), all over sqlparser; and a scanner of literals for texts
//! that need no tokens ([`literals`]). It knows no dialect, no schema and no clock.

pub mod bounds;
mod input;
pub mod literals;
mod locate;

pub use bounds::BoundError;
pub use input::{Input, fold};
pub use locate::{Located, byte_offset, error_location};
