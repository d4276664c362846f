//! A scanner for `INSERT … VALUES` with literals only.
//!
//! It reads the text once, borrowing from it: a sqlparser `Expr` is 328 bytes, a [`Literal`] 24.
//! Whatever it does not know (expressions, casts, a second statement, odd quoting) makes it give
//! up with `None`, and the statement goes the way of all others, errors included.

use std::borrow::Cow;

use crate::ast::QName;

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

/// An `INSERT` of literals.
#[derive(Clone, Debug, PartialEq)]
pub struct LiteralInsert<'a> {
    /// The table.
    pub table: QName,
    /// The column list, if one was written.
    pub columns: Option<Vec<String>>,
    /// All literals, row after row.
    pub values: Vec<Literal<'a>>,
    /// Where each row ends in `values`.
    pub row_ends: Vec<usize>,
}

/// Scans `sql`; none if it is anything but one `INSERT … VALUES` of literals.
pub fn scan_insert(sql: &str) -> Option<LiteralInsert<'_>> {
    let mut s = Scanner { text: sql, at: 0 };
    s.keyword("INSERT")?;
    let _ = s.keyword("INTO");
    let _ = s.keyword("TABLE");
    let table = s.table()?;
    let columns = if s.peek()? == b'(' { Some(s.names()?) } else { None };
    s.keyword("VALUES")?;
    let mut insert = LiteralInsert { table, columns, values: Vec::new(), row_ends: Vec::new() };
    loop {
        s.byte(b'(')?;
        loop {
            insert.values.push(s.literal()?);
            if s.byte(b',').is_none() {
                break;
            }
        }
        s.byte(b')')?;
        insert.row_ends.push(insert.values.len());
        if s.byte(b',').is_none() {
            break;
        }
    }
    while s.byte(b';').is_some() {}
    s.peek().is_none().then_some(insert)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
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
    fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.rest().first().copied()
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? == wanted {
            self.at += 1;
            return Some(());
        }
        None
    }

    /// An unquoted word: letters, digits, underscore.
    fn word(&mut self) -> Option<&'a str> {
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

    fn keyword(&mut self, wanted: &str) -> Option<()> {
        let before = self.at;
        if self.word().is_some_and(|w| w.eq_ignore_ascii_case(wanted)) {
            return Some(());
        }
        self.at = before;
        None
    }

    /// A name: folded unless quoted.
    fn name(&mut self) -> Option<String> {
        match self.peek()? {
            b'"' => self.quoted(b'"').map(Cow::into_owned),
            _ => self.word().map(str::to_ascii_lowercase),
        }
    }

    fn table(&mut self) -> Option<QName> {
        let mut parts = vec![self.name()?];
        while self.byte(b'.').is_some() {
            parts.push(self.name()?);
        }
        let table = parts.pop()?;
        let database = parts.pop();
        let tenant = parts.pop();
        parts.is_empty().then_some(QName { tenant, database, table })
    }

    fn names(&mut self) -> Option<Vec<String>> {
        self.byte(b'(')?;
        let mut names = vec![self.name()?];
        while self.byte(b',').is_some() {
            names.push(self.name()?);
        }
        self.byte(b')')?;
        Some(names)
    }

    /// Text between two quotes, a doubled quote being one.
    fn quoted(&mut self, quote: u8) -> Option<Cow<'a, str>> {
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

    fn literal(&mut self) -> Option<Literal<'a>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_all_kinds() {
        let sql = "insert INTO table \"D\".M (TIME, \"tA\", f) -- c\n VALUES (1, 'it''s', -1.5e-3), /* x */ (+2,NULL,.5) , (3,'',TrUe);; ";
        let insert = scan_insert(sql).unwrap();
        assert_eq!(insert.table, QName { tenant: None, database: Some("D".into()), table: "m".into() });
        assert_eq!(insert.columns, Some(vec!["time".into(), "tA".into(), "f".into()]));
        assert_eq!(insert.row_ends, [3, 6, 9]);
        assert_eq!(
            insert.values,
            [
                Literal::Number("1"),
                Literal::Text("it's".into()),
                Literal::Number("-1.5e-3"),
                Literal::Number("+2"),
                Literal::Null,
                Literal::Number(".5"),
                Literal::Number("3"),
                Literal::Text("".into()),
                Literal::Bool(true),
            ]
        );
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for sql in [
            "insert into t values (1+1)",
            "insert into t values (now())",
            "insert into t values (1), (2); select 1",
            "insert into t select 1",
            "insert into t values (1",
            "insert into t values (timestamp '2020-01-01')",
            "insert into t values (x'00')",
            "insert into t values (1a)",
            "insert into t values (1e)",
            "insert into t values ()",
            "insert into t values ('a)",
            "insert into t values (N'a')",
            "insert into a.b.c.d values (1)",
            "select 1",
            "",
        ] {
            assert_eq!(scan_insert(sql), None, "{sql}");
        }
    }
}
