//! What parsers of SQL dialects share: tokens with bounds, and input read by keywords, over sqlparser.

pub mod literals;
