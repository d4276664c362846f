//! Cells of results in both faces (sheet section 7.2).

mod cell;
mod clock;
mod number;

pub(crate) use cell::Column;
pub(crate) use clock::Clock;
