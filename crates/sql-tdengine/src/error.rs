/// An error as TDengine's clients see it: a code (sheet `tdengine-sql.md` section 14) and its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TaosError {
    /// The low 16 bits of the vendor's code.
    pub code: u16,
    /// The text, with detail after a colon where the vendor adds one.
    pub text: String,
}

impl TaosError {
    /// An error of this code and text.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// 0x0100: a statement that this server knows and does not carry out.
    pub fn unsupported(what: &str) -> Self {
        Self::new(0x0100, format!("Operation not supported: {what}"))
    }
}
