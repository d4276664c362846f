use crate::limits;

/// Why a text is not a statement. [`std::fmt::Display`] gives the vendor's text, [`ParseError::code`] its code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The byte of the statement where it is.
    pub offset: u32,
    /// The statement from there on, as far as texts repeat it.
    near: Box<str>,
}

/// Kinds of faults, with the vendor's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// 0x2600: the grammar does not allow what stands here.
    Syntax,
    /// 0x2600: nested deeper than [`limits::DEPTH`], or more parts than a query may have.
    TooDeep,
    /// 0x2601: the text ends early.
    Incomplete,
    /// 0x0216: a fault in the tables and values of an INSERT, with the vendor's reason.
    InsertValue(&'static str),
    /// 0x2617: a name that is empty, too long or has a character that it may not have.
    InvalidName(String),
    /// 0x2610: a user's name that is too long.
    UserNameTooLong,
    /// 0x0352: a user's name of no characters.
    UserNameEmpty,
    /// 0x0219: the statement is longer than allowed.
    TooLong,
}

impl ParseError {
    /// A fault at byte `offset` of `sql`.
    pub fn new(kind: ParseErrorKind, sql: &str, offset: u32) -> Self {
        let longest = match kind {
            ParseErrorKind::InsertValue(_) => limits::NEAR_INSERT,
            _ => limits::NEAR_SYNTAX,
        };
        let rest = usize::try_from(offset).ok().and_then(|offset| sql.get(offset..)).unwrap_or_default();
        Self { kind, offset, near: cut(rest, longest).into() }
    }

    pub(crate) fn too_long() -> Self {
        Self { kind: ParseErrorKind::TooLong, offset: 0, near: Box::default() }
    }

    /// The low 16 bits of the vendor's code.
    pub const fn code(&self) -> u16 {
        match self.kind {
            ParseErrorKind::Syntax | ParseErrorKind::TooDeep => 0x2600,
            ParseErrorKind::Incomplete => 0x2601,
            ParseErrorKind::InsertValue(_) => 0x0216,
            ParseErrorKind::InvalidName(_) => 0x2617,
            ParseErrorKind::UserNameTooLong => 0x2610,
            ParseErrorKind::UserNameEmpty => 0x0352,
            ParseErrorKind::TooLong => 0x0219,
        }
    }

    fn message(&self) -> String {
        let near = &self.near;
        match &self.kind {
            ParseErrorKind::Syntax | ParseErrorKind::TooDeep => format!("syntax error near \"{near}\""),
            ParseErrorKind::Incomplete => "Incomplete SQL statement".to_owned(),
            ParseErrorKind::InsertValue(reason) => format!("syntax error near '{near}' ({reason})"),
            ParseErrorKind::InvalidName(name) => {
                format!("Invalid identifier name: {}", cut(name, limits::NEAR_SYNTAX))
            }
            ParseErrorKind::UserNameTooLong => "Name or password too long".to_owned(),
            ParseErrorKind::UserNameEmpty => "Invalid user format".to_owned(),
            ParseErrorKind::TooLong => "SQL statement too long".to_owned(),
        }
    }
}

/// At most `longest` bytes of `text`, whole characters.
fn cut(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest)).unwrap_or(text)
}
