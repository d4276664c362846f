//! Results as JSON, byte for byte as the vendor writes them (sheet sections 3.2 to 3.5).

mod cell;
mod number;
mod result;
mod text;
mod zone;

pub(crate) use number::go_text;
pub(crate) use result::{ResultWriter, push_affected};
pub(crate) use text::{push_escaped_html, push_string};
