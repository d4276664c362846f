//! Types.

use super::{Parser, Result};
use crate::ast::TypeName;
use crate::error::ParseErrorKind;
use crate::lex::TokenKind;

impl Parser<'_> {
    /// A type. In definitions texts and bytes must say how long they are.
    pub(super) fn type_name(&mut self, definition: bool) -> Result<TypeName> {
        if !self.at(TokenKind::Word) {
            return Err(self.unexpected());
        }
        let place = self.token.span;
        let word = self.text_of(place).to_ascii_lowercase();
        self.advance();
        Ok(match word.as_str() {
            "timestamp" => TypeName::Timestamp,
            "bool" => TypeName::Bool,
            "tinyint" => TypeName::TinyInt { unsigned: self.eat_word("unsigned") },
            "smallint" => TypeName::SmallInt { unsigned: self.eat_word("unsigned") },
            "int" | "integer" => TypeName::Int { unsigned: self.eat_word("unsigned") },
            "bigint" => TypeName::BigInt { unsigned: self.eat_word("unsigned") },
            "float" => {
                self.length(false)?;
                TypeName::Float
            }
            "double" => {
                self.length(false)?;
                TypeName::Double
            }
            "decimal" | "numeric" => self.decimal()?,
            "varchar" | "binary" => TypeName::Varchar(self.length(definition)?),
            "nchar" => TypeName::Nchar(self.length(definition)?),
            "varbinary" => TypeName::Varbinary(self.length(definition)?),
            "geometry" => TypeName::Geometry(self.length(definition)?),
            "json" => TypeName::Json,
            "blob" => TypeName::Blob,
            _ => return Err(self.error_at(ParseErrorKind::Syntax, place)),
        })
    }

    /// `(n)`.
    fn length(&mut self, required: bool) -> Result<Option<i64>> {
        if required || self.at(TokenKind::LeftParen) {
            self.in_parens(Self::integer).map(Some)
        } else {
            Ok(None)
        }
    }

    /// `[(p [, s])]`, by default (10, 0).
    fn decimal(&mut self) -> Result<TypeName> {
        if !self.at(TokenKind::LeftParen) {
            return Ok(TypeName::Decimal { precision: 10, scale: 0 });
        }
        self.in_parens(|p| {
            let precision = p.integer()?;
            let scale = if p.eat(TokenKind::Comma) { p.integer()? } else { 0 };
            Ok(TypeName::Decimal { precision, scale })
        })
    }
}
