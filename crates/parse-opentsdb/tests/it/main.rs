//! Integration tests: the sheets' rules by example, properties over arbitrary text.

mod json;
mod props;
mod telnet;
