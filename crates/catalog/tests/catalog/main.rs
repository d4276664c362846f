//! The catalog through its public API, on the simulated disk.

mod crash;
mod equivalence;
mod rules;
mod support;
