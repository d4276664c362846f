//! Tokens.

use regex::RegexBuilder;

use crate::error::{CompileError, CompileErrorKind};

#[derive(Clone, Debug)]
pub(crate) enum Token {
    Name(String),
    /// Between back-quotes: never a keyword.
    Quoted(String),
    /// Without its `$`.
    Variable(String),
    Text(String),
    Number(f64),
    Regex(Box<regex::Regex>),
    Symbol(&'static str),
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 36] = [
    "**", "..", ":=", "!=", "<=", ">=", "~>", "?:", "??", ".", "[", "]", "{", "}", "(", ")", ",", "@", "#",
    ";", ":", "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^", "&", "!", "~", "$",
];

/// The largest program of a regular expression.
const REGEX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// The next token and its offset. `operand`: a `/` begins a regular expression.
    pub(crate) fn next(&mut self, operand: bool) -> Result<(usize, Token), CompileError> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok((start, Token::End)) };
        let token = match first {
            '/' if operand => self.regex()?,
            '"' | '\'' => self.text(first)?,
            '0'..='9' => self.number()?,
            '`' => {
                let inner = self.rest().get(1..).unwrap_or_default();
                let end = inner.find('`').ok_or_else(|| self.unterminated("name"))?;
                let name = inner.get(..end).unwrap_or_default().to_owned();
                self.at += end + 2;
                Token::Quoted(name)
            }
            '$' => {
                self.at += 1;
                if self.rest().starts_with('$') {
                    self.at += 1;
                    Token::Variable("$".to_owned())
                } else {
                    Token::Variable(self.word())
                }
            }
            _ => match SYMBOLS.iter().find(|symbol| self.rest().starts_with(*symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Token::Symbol(symbol)
                }
                None => match self.word() {
                    word if word.is_empty() => return Err(self.fault(CompileErrorKind::Character(first))),
                    word => Token::Name(word),
                },
            },
        };
        Ok((start, token))
    }

    /// Takes a signature, which begins with `<`, up to its own `>`.
    pub(crate) fn signature(&mut self) -> Result<String, CompileError> {
        let start = self.at;
        let mut open = 1;
        for (at, c) in self.rest().char_indices() {
            open += i32::from(c == '<') - i32::from(c == '>');
            if open == 0 {
                let text = self.rest().get(..at).unwrap_or_default().to_owned();
                self.at = start + at + 1;
                return Ok(text);
            }
        }
        Err(self.unterminated("signature"))
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, kind: CompileErrorKind) -> CompileError {
        CompileError { offset: self.at, kind }
    }

    fn unterminated(&self, what: &'static str) -> CompileError {
        self.fault(CompileErrorKind::Unterminated(what))
    }

    fn skip_blank(&mut self) -> Result<(), CompileError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}']);
            self.at += rest.len() - trimmed.len();
            let Some(comment) = trimmed.strip_prefix("/*") else { return Ok(()) };
            let end = comment.find("*/").ok_or_else(|| self.unterminated("comment"))?;
            self.at += end + 4;
        }
    }

    /// Letters up to a blank or a symbol.
    fn word(&mut self) -> String {
        let ends = |c: char| c.is_whitespace() || ".[]{}(),@#;:?+-*/%|=<>^&!~$\"'`".contains(c);
        let rest = self.rest();
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        // `1..5` is a range.
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let value: Option<f64> = self.rest().get(..end).and_then(|text| text.parse().ok());
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                self.at += end;
                Ok(Token::Number(value))
            }
            None => Err(self.fault(CompileErrorKind::Number)),
        }
    }

    fn text(&mut self, quote: char) -> Result<Token, CompileError> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        let mut high = None;
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at += at + 1;
                return if high.is_none() { Ok(Token::Text(out)) } else { Err(self.escape(at)) };
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            let escaped = chars.next().map(|(_, c)| c);
            match escaped {
                Some(c @ ('"' | '\'' | '\\' | '/')) => out.push(c),
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    let unit = unit.ok_or_else(|| self.escape(at))?;
                    match (high.take(), char::decode_utf16([unit]).next()) {
                        (None, Some(Ok(c))) => out.push(c),
                        (None, _) if unit < 0xdc00 => high = Some(unit),
                        (Some(first), _) => match char::decode_utf16([first, unit]).next() {
                            Some(Ok(c)) => out.push(c),
                            _ => return Err(self.escape(at)),
                        },
                        _ => return Err(self.escape(at)),
                    }
                }
                _ => return Err(self.escape(at)),
            }
        }
        Err(self.unterminated("text"))
    }

    fn escape(&self, at: usize) -> CompileError {
        CompileError { offset: self.at + at, kind: CompileErrorKind::Escape }
    }

    /// `/…/im`
    fn regex(&mut self) -> Result<Token, CompileError> {
        let (mut depth, mut escaped, mut end) = (0, false, None);
        for (at, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '/' if depth == 0 => {
                    end = Some(at);
                    break;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        let end = end.ok_or_else(|| self.unterminated("regular expression"))?;
        let pattern = self.rest().get(1..end).unwrap_or_default();
        let behind = self.rest().get(end + 1..).unwrap_or_default();
        let flags = behind.len() - behind.trim_start_matches(['i', 'm']).len();
        let flags_text = behind.get(..flags).unwrap_or_default();
        if pattern.is_empty() {
            return Err(self.fault(CompileErrorKind::Regex("is empty".to_owned())));
        }
        // In JavaScript a slash is escaped, which Rust does not want to hear of.
        let regex = RegexBuilder::new(&pattern.replace("\\/", "/"))
            .case_insensitive(flags_text.contains('i'))
            .multi_line(flags_text.contains('m'))
            .size_limit(REGEX_BYTES)
            .build()
            .map_err(|error| self.fault(CompileErrorKind::Regex(error.to_string())))?;
        self.at += end + 1 + flags;
        Ok(Token::Regex(Box::new(regex)))
    }
}
