//! What parsers of SQL dialects share, over sqlparser: bounds of a text and its tokens ([`bounds`]), a cursor read by
//! keywords ([`Input`]), and where in a text an error lies ([`Located`]). It knows no dialect, no schema and no clock.

pub mod bounds;
mod input;
mod locate;

pub use bounds::BoundError;
pub use input::{Input, fold};
pub use locate::{Located, byte_offset, error_location};
