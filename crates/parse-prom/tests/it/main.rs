//! Remote write against `prost`'s decoder of the published message; pages by example.

mod family;
mod text;
mod write;
