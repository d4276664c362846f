//! Buckets of time: regular stretches that follow one another without gaps, of fixed length or of
//! calendar months, aligned to the epoch or to local midnight of a zone.
//!
//! [`Buckets`] computes; [`bucket_start`] and [`bucket_next`] are the same as functions that plans are
//! made of. Windows that overlap or leave gaps are [`crate::windows`].

mod functions;
mod local;
mod spec;
#[cfg(test)]
mod tests;

pub use functions::{bucket_next, bucket_start};
pub use spec::{BucketError, Buckets, Width};
