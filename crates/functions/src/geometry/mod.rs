//! Geometries as well-known text (OGC 06-103r4): checks, predicates, measures, conversions.
//!
//! Coordinates are Cartesian. Only x and y count: z and m are read and ignored.

mod functions;
mod text;

pub use functions::{GeometryFunction, from_wkb};
pub use text::{GeometryKind, WktError, validate_wkt};
