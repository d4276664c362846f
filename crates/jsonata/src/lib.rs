//! JSONata: expressions that make JSON of JSON.
//!
//! An expression is compiled once and evaluated over many texts, which may be hostile: steps, levels of calls and of
//! values, lengths of texts and ranges are bounded. Numbers that pass through unchanged stay as they were written;
//! arithmetic is that of doubles, as everywhere in JSONata.
//!
//! ```
//! use triglot_jsonata::Expression;
//!
//! let sensors = Expression::compile("rooms.{'name': $uppercase(id), 'mean': $average(values)}")?;
//! let input = r#"{"rooms": [{"id": "a", "values": [1, 2]}, {"id": "b", "values": [4]}]}"#;
//! let output = sensors.evaluate(input, 0)?;
//! assert_eq!(output.as_deref(), Some(r#"[{"name":"A","mean":1.5},{"name":"B","mean":4}]"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not here, refused by [`Expression::compile`]: the parent operator, the transform operator, bindings with `@` and `#`,
//! `$eval`, random values, and numbers and times by pictures.

mod ast;
mod error;
mod eval;
mod functions;
mod json;
mod lexer;
mod parser;
mod signature;
mod value;

pub use error::{CompileError, CompileErrorKind, EvalError};

/// Parts of an expression inside each other.
pub const MAX_NESTING: usize = 100;
/// Operators in a row without brackets.
pub const MAX_OPERATORS: usize = 500;
/// Parts that an evaluation goes through, however short its input is …
pub const MIN_STEPS: u64 = 1_000_000;
/// … and for each byte of the input: time grows with what is sent, and no faster.
pub const STEPS_PER_BYTE: u64 = 20;
/// Calls and parts inside each other while evaluating.
pub const MAX_LEVELS: usize = 1000;
/// Calls and blocks whose names are kept because functions were made in them.
pub const MAX_FRAMES: usize = 200_000;
/// Arrays and objects inside each other.
pub const MAX_DEPTH: u16 = 256;
/// Bytes of a text that is put together.
pub const MAX_TEXT: usize = 16 << 20;
/// Numbers of a range.
pub const MAX_RANGE: usize = 1_000_000;

/// An expression, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Expression(ast::Node);

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    /// Text that is no JSONata, or uses what is not supported.
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        parser::parse(text).map(Self)
    }

    /// Evaluates over a JSON text; none = the result is nothing at all. `now_ms` is what `$now` and `$millis` say.
    ///
    /// Needs up to 8 MiB of stack where an expression calls itself deeply.
    ///
    /// # Errors
    /// Input that is no JSON, values that do not suit, exceeded bounds.
    pub fn evaluate(&self, input: &str, now_ms: i64) -> Result<Option<String>, EvalError> {
        eval::run(&self.0, input, now_ms)
    }
}
