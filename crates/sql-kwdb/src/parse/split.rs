//! Statements of a text, found without making tokens: bodies of inserts are megabytes of literals.

/// A statement of a request's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Its text without the semicolon, surrounding blanks and comments before it.
    pub text: &'t str,
}

/// Cuts a request's text at the semicolons that stand outside of literals, quoted names and comments; pieces
/// without a token are left out. A literal, name or comment that is not closed reaches to the end.
pub fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut scan = Scan { text, at: 0, in_word: false };
    while let Some(byte) = scan.peek(0) {
        let begin = scan.at;
        match scan.unit(byte) {
            Unit::Blank => {}
            Unit::End => pieces.extend(piece(text, start.take(), begin)),
            Unit::Token => {
                start.get_or_insert(begin);
            }
        }
    }
    pieces.extend(piece(text, start, text.len()));
    pieces
}

fn piece(text: &str, start: Option<usize>, end: usize) -> Option<Piece<'_>> {
    let text = text.get(start?..end)?.trim_end();
    Some(Piece { text })
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// White space or a comment.
    Blank,
    /// The semicolon that ends a statement.
    End,
    /// A literal, a name, a part of a word or an operator.
    Token,
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// Whether the byte before is part of a word, so that `$` and the prefixes of literals are no beginnings.
    in_word: bool,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Reads one unit; `byte` is the next one.
    fn unit(&mut self, byte: u8) -> Unit {
        let was_in_word = std::mem::take(&mut self.in_word);
        match byte {
            b';' => {
                self.at += 1;
                Unit::End
            }
            b'-' if self.peek(1) == Some(b'-') => {
                self.skip_past(b'\n', 2);
                Unit::Blank
            }
            b'/' if self.peek(1) == Some(b'*') => {
                self.block_comment();
                Unit::Blank
            }
            b'\'' => {
                self.quoted(b'\'', false);
                Unit::Token
            }
            b'"' => {
                self.quoted(b'"', false);
                Unit::Token
            }
            b'e' | b'E' if !was_in_word && self.peek(1) == Some(b'\'') => {
                self.at += 1;
                self.quoted(b'\'', true);
                Unit::Token
            }
            b'$' if !was_in_word => {
                self.dollar();
                Unit::Token
            }
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                self.at += 1;
                Unit::Blank
            }
            _ => {
                self.in_word =
                    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii();
                self.at += 1;
                Unit::Token
            }
        }
    }

    /// Moves behind the next `byte`, looked for from `from` bytes ahead; to the end if there is none.
    fn skip_past(&mut self, byte: u8, from: usize) {
        let rest = self.text.as_bytes().get(self.at + from..).unwrap_or_default();
        self.at = memchr::memchr(byte, rest).map_or(self.text.len(), |n| self.at + from + n + 1);
    }

    /// `/* … */`, which may hold others of its kind.
    fn block_comment(&mut self) {
        self.at += 2;
        let mut depth = 1_usize;
        while depth > 0 {
            match (self.peek(0), self.peek(1)) {
                (Some(b'*'), Some(b'/')) => (depth, self.at) = (depth - 1, self.at + 2),
                (Some(b'/'), Some(b'*')) => (depth, self.at) = (depth + 1, self.at + 2),
                (Some(_), _) => self.at += 1,
                (None, _) => return,
            }
        }
    }

    /// A literal or name in quotes. A doubled quote is two literals next to each other here, which comes to
    /// the same.
    fn quoted(&mut self, quote: u8, with_escapes: bool) {
        if !with_escapes {
            return self.skip_past(quote, 1);
        }
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                return;
            }
        }
        self.at = self.text.len();
    }

    /// `$tag$ … $tag$`, or a lone `$`.
    fn dollar(&mut self) {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let tag = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let opens = rest.as_bytes().get(tag) == Some(&b'$')
            && !rest.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if !opens {
            self.at += 1;
            return;
        }
        let fence = self.text.get(self.at..self.at + tag + 2).unwrap_or_default();
        let body = self.at + fence.len();
        let closed = self.text.get(body..).and_then(|body| body.find(fence));
        self.at = closed.map_or(self.text.len(), |n| body + n + fence.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn semicolons_in_literals_names_and_comments_do_not_cut() {
        assert_eq!(texts("a;b"), ["a", "b"]);
        assert_eq!(texts("select 'a;b' ; select \"x;y\""), ["select 'a;b'", "select \"x;y\""]);
        assert_eq!(texts("a 'it''s; fine'; b"), ["a 'it''s; fine'", "b"]);
        assert_eq!(texts("a -- x; y\n b; c"), ["a -- x; y\n b", "c"]);
        assert_eq!(texts("a /* ; /* ; */ ; */ b; c"), ["a /* ; /* ; */ ; */ b", "c"]);
        assert_eq!(texts(r"e'\';' ; b"), [r"e'\';'", "b"]);
        assert_eq!(texts(r"'\'; b"), [r"'\'", "b"]);
        assert_eq!(texts("$$ a; $$; b"), ["$$ a; $$", "b"]);
        assert_eq!(texts("$q$ $$ ; $q$; b"), ["$q$ $$ ; $q$", "b"]);
        assert_eq!(texts("a$b;c$d"), ["a$b", "c$d"]);
        assert_eq!(texts("select $1; b"), ["select $1", "b"]);
    }

    #[test]
    fn blank_pieces_are_dropped() {
        assert_eq!(texts(" ; ;;\n"), [""; 0]);
        assert_eq!(texts("-- nothing"), [""; 0]);
        assert_eq!(texts("/* a */ ; -- b\n ;"), [""; 0]);
        assert_eq!(texts("-- first\nselect 1 ;\r\n"), ["select 1"]);
        assert_eq!(texts("'open; b"), ["'open; b"]);
    }

    proptest! {
        /// The pieces lie in the text in order, and no cut is lost: with the semicolons outside of tokens
        /// replaced by sqlparser's own, the two count alike wherever sqlparser can read the text.
        #[test]
        fn pieces_are_those_of_sqlparser(text in "[a-c;'\"\\-/*$ \n0eE\\\\]{0,40}") {
            let pieces = texts(&text);
            let mut from = 0;
            for piece in &pieces {
                prop_assert!(!piece.trim().is_empty());
                from += text[from..].find(piece).expect("in order") + piece.len();
            }
            let tokens = sqlparser::tokenizer::Tokenizer::new(&super::super::dialect::DIALECT, &text).tokenize();
            if let (Ok(tokens), false) = (tokens, text.contains('\\')) {
                use sqlparser::tokenizer::Token;
                let expected = tokens
                    .split(|t| *t == Token::SemiColon)
                    .filter(|part| part.iter().any(|t| !matches!(t, Token::Whitespace(_))))
                    .count();
                prop_assert_eq!(pieces.len(), expected, "{:?}", tokens);
            }
        }
    }
}
