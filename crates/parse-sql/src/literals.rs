//! A scanner for `INSERT … VALUES` of literals: texts of megabytes that need no syntax tree.
//!
//! It reads the text once, borrowing from it: a sqlparser `Expr` is 328 bytes, a [`Literal`] 24. It gives up with
//! `None` at whatever it does not know, and the statement goes the way of all others, errors included.

use std::borrow::Cow;

/// One literal of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal<'a> {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Bool(bool),
    /// A number with its sign, as written.
    Number(&'a str),
    /// A string; borrowed unless it holds a doubled quote.
    Text(Cow<'a, str>),
}

/// A place in a text. Methods skip blanks and comments, then take what they are named after; where that is not next
/// they give `None`, and the place is somewhere before it.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte that is next.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Whether nothing is left but blanks, comments and semicolons.
    pub fn at_end(&mut self) -> bool {
        while self.byte(b';').is_some() {}
        self.peek().is_none()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            match rest {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.at += 1,
                [b'-', b'-', ..] => self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
                [b'/', b'*', ..] => {
                    let end = self.text.get(self.at + 2..).and_then(|t| t.find("*/"));
                    match end {
                        // A nested comment is left to the tokenizer.
                        Some(end)
                            if !self
                                .text
                                .get(self.at + 2..self.at + 2 + end)
                                .is_some_and(|t| t.contains("/*")) =>
                        {
                            self.at += end + 4;
                        }
                        _ => return,
                    }
                }
                _ => return,
            }
        }
    }

    /// The next byte behind blanks.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.rest().first().copied()
    }

    /// This byte.
    pub fn byte(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? == wanted {
            self.at += 1;
            return Some(());
        }
        None
    }

    /// An unquoted word: letters, digits, underscore.
    pub fn word(&mut self) -> Option<&'a str> {
        self.skip();
        let rest = self.rest();
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if length == 0 || rest.first()?.is_ascii_digit() {
            return None;
        }
        // A word that goes on with other characters (`é`, `$`, `#`, `@`) is the tokenizer's.
        if rest.get(length).is_some_and(|b| !b.is_ascii() || matches!(b, b'$' | b'#' | b'@' | b'\'' | b'"')) {
            return None;
        }
        let word = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(word)
    }

    /// This word in any letter case, unquoted.
    pub fn keyword(&mut self, wanted: &str) -> Option<()> {
        let before = self.at;
        if self.word().is_some_and(|w| w.eq_ignore_ascii_case(wanted)) {
            return Some(());
        }
        self.at = before;
        None
    }

    /// A name: folded unless quoted.
    pub fn name(&mut self) -> Option<String> {
        match self.peek()? {
            b'"' => self.quoted(b'"').map(Cow::into_owned),
            _ => self.word().map(str::to_ascii_lowercase),
        }
    }

    /// A name of one to three parts.
    pub fn path(&mut self) -> Option<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.byte(b'.').is_some() {
            parts.push(self.name()?);
        }
        (parts.len() <= 3).then_some(parts)
    }

    /// Names between brackets.
    pub fn names(&mut self) -> Option<Vec<String>> {
        self.byte(b'(')?;
        let mut names = vec![self.name()?];
        while self.byte(b',').is_some() {
            names.push(self.name()?);
        }
        self.byte(b')')?;
        Some(names)
    }

    /// Text between two of these quotes, a doubled quote being one.
    pub fn quoted(&mut self, quote: u8) -> Option<Cow<'a, str>> {
        let start = self.at + 1;
        let mut from = start;
        let mut owned = String::new();
        loop {
            let end = from + self.text.as_bytes().get(from..)?.iter().position(|b| *b == quote)?;
            let piece = self.text.get(from..end)?;
            if self.text.as_bytes().get(end + 1) == Some(&quote) {
                owned.push_str(piece);
                owned.push(char::from(quote));
                from = end + 2;
                continue;
            }
            self.at = end + 1;
            if from == start {
                return Some(Cow::Borrowed(piece));
            }
            owned.push_str(piece);
            return Some(Cow::Owned(owned));
        }
    }

    /// A literal.
    pub fn literal(&mut self) -> Option<Literal<'a>> {
        match self.peek()? {
            b'\'' => self.quoted(b'\'').map(Literal::Text),
            b'0'..=b'9' | b'.' | b'-' | b'+' => self.number(),
            _ => {
                let word = self.word()?;
                if word.eq_ignore_ascii_case("NULL") {
                    Some(Literal::Null)
                } else if word.eq_ignore_ascii_case("TRUE") {
                    Some(Literal::Bool(true))
                } else if word.eq_ignore_ascii_case("FALSE") {
                    Some(Literal::Bool(false))
                } else {
                    None
                }
            }
        }
    }

    /// Text with escapes, `b'…'` or `e'…'` by its letter in lower case: its octets.
    pub fn escaped(&mut self, letter: u8) -> Option<Vec<u8>> {
        self.skip();
        match self.rest() {
            [first, b'\'', ..] if first.to_ascii_lowercase() == letter => self.at += 2,
            _ => return None,
        }
        let mut octets = Vec::new();
        loop {
            let (taken, octet) = match self.rest() {
                [b'\'', b'\'', ..] => (2, b'\''),
                [b'\'', ..] => {
                    self.at += 1;
                    return Some(octets);
                }
                [b'\\', escape @ ..] => escaped_octet(escape)?,
                [other, ..] => (1, *other),
                [] => return None,
            };
            octets.push(octet);
            self.at += taken;
        }
    }

    /// `[sign] digits [. digits] [e [sign] digits]`, followed by a comma, a bracket or a blank.
    fn number(&mut self) -> Option<Literal<'a>> {
        let rest = self.rest();
        let digits =
            |from: usize| rest.get(from..).map_or(0, |r| r.iter().take_while(|b| b.is_ascii_digit()).count());
        let mut end = usize::from(matches!(rest.first()?, b'-' | b'+'));
        let whole = digits(end);
        end += whole;
        let mut fraction = 0;
        if rest.get(end) == Some(&b'.') {
            fraction = digits(end + 1);
            end += 1 + fraction;
        }
        if whole + fraction == 0 {
            return None;
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'-' | b'+')));
            let exponent = digits(end + 1 + sign);
            if exponent == 0 {
                return None;
            }
            end += 1 + sign + exponent;
        }
        if !matches!(rest.get(end), Some(b',' | b')' | b' ' | b'\t' | b'\r' | b'\n')) {
            return None;
        }
        let number = self.text.get(self.at..self.at + end)?;
        self.at += end;
        Some(Literal::Number(number))
    }
}

/// The octet behind a backslash, and how many bytes of the text stand for it, the backslash included.
fn escaped_octet(text: &[u8]) -> Option<(usize, u8)> {
    let number = |digits: usize, radix: u32| {
        let digits = std::str::from_utf8(text.get(..digits)?).ok()?;
        u8::from_str_radix(digits, radix).ok()
    };
    Some(match text.first()? {
        b'x' | b'X' => {
            let digits = std::str::from_utf8(text.get(1..3)?).ok()?;
            (4, u8::from_str_radix(digits, 16).ok()?)
        }
        b'0'..=b'7' => (4, number(3, 8)?),
        b'n' => (2, b'\n'),
        b'r' => (2, b'\r'),
        b't' => (2, b'\t'),
        b'b' => (2, 8),
        b'f' => (2, 12),
        b'v' => (2, 11),
        b'a' => (2, 7),
        other @ (b'\\' | b'\'' | b'"') => (2, *other),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_unless_quoted() {
        let mut s = Scanner::new(" Db . \"My\"\"T\" (A, \"B\") VALUES");
        assert_eq!(s.path(), Some(vec!["db".to_owned(), "My\"T".to_owned()]));
        assert_eq!(s.names(), Some(vec!["a".to_owned(), "B".to_owned()]));
        assert_eq!(s.keyword("values"), Some(()));
        assert!(s.at_end());
        assert_eq!(Scanner::new("a.b.c.d").path(), None);
    }

    #[test]
    fn escapes_give_octets() {
        let octets = |text| Scanner::new(text).escaped(b'b');
        assert_eq!(octets(r"b'\x61\377\n\'z''q'"), Some(b"a\xff\n'z'q".to_vec()));
        assert_eq!(octets("B''"), Some(Vec::new()));
        for bad in [r"b'\x6'", r"b'\q'", "b'open", "e'x'", "'x'"] {
            assert_eq!(octets(bad), None, "{bad}");
        }
    }
}
