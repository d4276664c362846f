//! Remote write against `prost`'s decoder of the published message; pages by example.

mod text;
mod write;
