use std::fmt;

use sqlparser::ast::{Expr, Ident, ObjectName, Query, Statement};
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// sqlparser's `Parser` with the few helpers that statements need which a dialect reads by itself: words are matched
/// without regard to case and only if they are not quoted.
pub struct Input<'a>(Parser<'a>);

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("next", &self.found()).finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// Reads `tokens`; blanks among them are skipped.
    pub fn new(dialect: &'a dyn Dialect, tokens: Vec<TokenWithSpan>) -> Self {
        Self(Parser::new(dialect).with_tokens_with_locations(tokens))
    }

    /// sqlparser's own, for what has no helper here.
    pub fn parser(&mut self) -> &mut Parser<'a> {
        &mut self.0
    }

    /// The first two words in upper case; `(` counts as a word, anything else is empty.
    pub fn leading_words(&self) -> [String; 2] {
        [0, 1].map(|n| match &self.0.peek_nth_token_ref(n).token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            Token::LParen => "(".to_owned(),
            _ => String::new(),
        })
    }

    /// Whether the next token is this unquoted word.
    pub fn peeks(&self, word: &str) -> bool {
        self.peeks_at(0, word)
    }

    /// Whether the token behind `n` others is this unquoted word.
    pub fn peeks_at(&self, n: usize, word: &str) -> bool {
        matches!(&self.0.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    }

    /// Takes the word if it is next.
    pub fn word(&mut self, word: &str) -> bool {
        let found = self.peeks(word);
        if found {
            self.0.next_token();
        }
        found
    }

    /// Takes all words if they are next, else none.
    pub fn words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, word)| self.peeks_at(n, word));
        if found {
            words.iter().for_each(|_| self.0.advance_token());
        }
        found
    }

    /// Takes the first of these words that is next.
    pub fn one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        words.iter().find(|word| self.word(word)).copied()
    }

    /// Takes all words or fails at the first that differs.
    ///
    /// # Errors
    /// The word that is missing.
    pub fn expect_words(&mut self, words: &[&str]) -> Result<(), ParserError> {
        for word in words {
            if !self.word(word) {
                return self.expected(word);
            }
        }
        Ok(())
    }

    /// Takes any unquoted word, in upper case.
    pub fn any_word(&mut self) -> Option<String> {
        let word = match &self.0.peek_token_ref().token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => return None,
        };
        self.0.next_token();
        Some(word)
    }

    /// The error for a token that is not `what`.
    ///
    /// # Errors
    /// Always.
    pub fn expected<T, E: From<ParserError>>(&self, what: &str) -> Result<T, E> {
        let found = self.0.peek_token();
        let error = self.0.expected::<()>(what, found).err();
        Err(error.unwrap_or_else(|| ParserError::ParserError(what.to_owned())).into())
    }

    /// Takes the next token, whatever it is, as text.
    pub fn any_token(&mut self) -> String {
        self.0.next_token().to_string()
    }

    /// The next token as text, for the vendor's own messages.
    pub fn found(&self) -> String {
        self.0.peek_token_ref().to_string()
    }

    /// The next token, not taken.
    pub fn peek(&self) -> &TokenWithSpan {
        self.0.peek_token_ref()
    }

    /// Where the token lies that was taken last.
    pub fn position(&self) -> Location {
        self.0.get_current_token().span.start
    }

    /// Takes this token if it is next.
    pub fn token(&mut self, token: &Token) -> bool {
        self.0.consume_token(token)
    }

    /// Whether the next token is this one.
    pub fn peeks_token(&self, token: &Token) -> bool {
        self.0.peek_token_ref().token == *token
    }

    /// Whether the next token is a text.
    pub fn peeks_string(&self) -> bool {
        matches!(self.0.peek_token_ref().token, Token::SingleQuotedString(_))
    }

    /// `(key = value, …)`: keys in lower case (dots allowed), values as text. `=` and `,` may be
    /// left out.
    ///
    /// # Errors
    /// What is neither.
    pub fn key_values(&mut self) -> Result<Vec<(String, String)>, ParserError> {
        self.expect_token(&Token::LParen)?;
        let mut pairs = Vec::new();
        while !self.token(&Token::RParen) {
            let mut key = self.name()?;
            while self.token(&Token::Period) {
                key = format!("{key}.{}", self.name()?);
            }
            self.token(&Token::Eq);
            let value = match &self.0.peek_token_ref().token {
                Token::Number(number, _) => {
                    let number = number.clone();
                    self.0.next_token();
                    number
                }
                _ => self.string_or_word()?,
            };
            pairs.push((key.to_ascii_lowercase(), value));
            self.token(&Token::Comma);
        }
        Ok(pairs)
    }

    /// Takes this token.
    ///
    /// # Errors
    /// Another one is next.
    pub fn expect_token(&mut self, token: &Token) -> Result<(), ParserError> {
        self.0.expect_token(token).map(|_| ())
    }

    /// `IF EXISTS`
    ///
    /// # Errors
    /// `IF` without the rest.
    pub fn if_exists(&mut self) -> Result<bool, ParserError> {
        if !self.word("IF") {
            return Ok(false);
        }
        self.expect_words(&["EXISTS"])?;
        Ok(true)
    }

    /// `IF NOT EXISTS`
    ///
    /// # Errors
    /// `IF` without the rest.
    pub fn if_not_exists(&mut self) -> Result<bool, ParserError> {
        if !self.word("IF") {
            return Ok(false);
        }
        self.expect_words(&["NOT", "EXISTS"])?;
        Ok(true)
    }

    /// A name, folded to lower case unless quoted.
    ///
    /// # Errors
    /// No name is next.
    pub fn name(&mut self) -> Result<String, ParserError> {
        self.0.parse_identifier().map(fold)
    }

    /// Names with points between them, as they are written.
    ///
    /// # Errors
    /// No name is next.
    pub fn qualified_name(&mut self) -> Result<ObjectName, ParserError> {
        self.0.parse_object_name(false)
    }

    /// Names between brackets.
    ///
    /// # Errors
    /// What is none.
    pub fn names(&mut self) -> Result<Vec<String>, ParserError> {
        self.expect_token(&Token::LParen)?;
        let mut names = vec![self.name()?];
        while self.token(&Token::Comma) {
            names.push(self.name()?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// A text in quotes.
    ///
    /// # Errors
    /// None is next.
    pub fn string(&mut self) -> Result<String, ParserError> {
        self.0.parse_literal_string()
    }

    /// A string, or the bare word that stands in its place (`with comment=x` is not refused), in lower case.
    ///
    /// # Errors
    /// Neither is next.
    pub fn string_or_word(&mut self) -> Result<String, ParserError> {
        if let Some(word) = self.any_word() { Ok(word.to_ascii_lowercase()) } else { self.string() }
    }

    /// A number without sign and fraction.
    ///
    /// # Errors
    /// None is next, or it has over 64 bits.
    pub fn number(&mut self) -> Result<u64, ParserError> {
        self.0.parse_literal_uint()
    }

    /// An expression.
    ///
    /// # Errors
    /// sqlparser's.
    pub fn expr(&mut self) -> Result<Box<Expr>, ParserError> {
        self.0.parse_expr().map(Box::new)
    }

    /// A query.
    ///
    /// # Errors
    /// sqlparser's.
    pub fn query(&mut self) -> Result<Box<Query>, ParserError> {
        self.0.parse_query()
    }

    /// Any statement that sqlparser knows.
    ///
    /// # Errors
    /// sqlparser's.
    pub fn sql_statement(&mut self) -> Result<Statement, ParserError> {
        self.0.parse_statement()
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// Something does.
    pub fn end(&self) -> Result<(), ParserError> {
        match self.0.peek_token_ref().token {
            Token::EOF => Ok(()),
            _ => self.expected("end of statement"),
        }
    }
}

/// The name that an identifier means: unquoted ones are lower-cased.
pub fn fold(ident: Ident) -> String {
    match ident.quote_style {
        None => ident.value.to_lowercase(),
        Some(_) => ident.value,
    }
}
