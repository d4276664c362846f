//! Text forms of values that several dialects write, by hand: results are mostly numbers and times, and
//! a general formatter takes many times as long.

pub mod json;
pub mod number;
pub mod time;
