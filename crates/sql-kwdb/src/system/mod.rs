//! SHOW and what it reads.
