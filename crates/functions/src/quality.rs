//! Quality of a series: what share of its points is complete, evenly spaced, in time, plausible.
//!
//! The measures are those of Apache IoTDB's data quality functions, over all rows as one window
//! (<https://iotdb.apache.org/UserGuide/latest/SQL-Manual/UDF-Libraries.html#data-quality>).

mod functions;
mod measure;

pub use functions::quality;
pub use measure::{Measure, TooFewValues};
