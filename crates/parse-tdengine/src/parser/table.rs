//! CREATE TABLE in its forms, and DROP TABLE.

use super::{Parser, Result};
use crate::ast::{
    ColumnSpec, CreateChild, CreateTable, DropTarget, OptionValue, Statement, TableName, TableOption,
};
use crate::lex::TokenKind;

impl Parser<'_> {
    /// What stands behind `CREATE TABLE` or `CREATE STABLE`.
    pub(super) fn create_table(&mut self, stable: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        if !stable && self.at_word("using") && !self.is_word(self.peek(), "using") {
            self.skip_rest();
            return Ok(Statement::Unsupported("CREATE TABLE from a file"));
        }
        let name = self.table_name()?;
        if !stable && self.at_word("using") {
            return self.create_children(name, if_not_exists);
        }
        let columns = self.parenthesised(Self::column_spec)?;
        let tags = if stable || self.at_word("tags") {
            self.expect_word("tags")?;
            self.parenthesised(Self::column_spec)?
        } else {
            Vec::new()
        };
        let mut options = Vec::new();
        let mut is_virtual = false;
        loop {
            if self.at_word_before("virtual", TokenKind::Integer) {
                self.advance();
                is_virtual = self.integer()? != 0;
            } else if let Some(option) = self.table_option()? {
                options.push(option);
            } else {
                break;
            }
        }
        if is_virtual {
            return Ok(Statement::Unsupported("virtual tables"));
        }
        let table = CreateTable { name, if_not_exists, stable, columns, tags, options };
        Ok(Statement::CreateTable(Box::new(table)))
    }

    /// `c USING s … {[IF NOT EXISTS] c USING s …}`; the first name was read.
    fn create_children(&mut self, name: TableName, if_not_exists: bool) -> Result<Statement> {
        let mut children = vec![self.create_child(name, if_not_exists)?];
        while matches!(self.token.kind, TokenKind::Word | TokenKind::QuotedName) {
            let if_not_exists = self.if_not_exists()?;
            let name = self.table_name()?;
            children.push(self.create_child(name, if_not_exists)?);
        }
        Ok(Statement::CreateChildren(children))
    }

    fn create_child(&mut self, name: TableName, if_not_exists: bool) -> Result<CreateChild> {
        self.expect_word("using")?;
        let using = self.table_name()?;
        let tag_names =
            if self.at(TokenKind::LeftParen) { Some(self.parenthesised(Self::column_name)?) } else { None };
        self.expect_word("tags")?;
        let tags = self.parenthesised(Self::expr)?;
        let mut options = Vec::new();
        while let Some(option) = self.table_option()? {
            options.push(option);
        }
        Ok(CreateChild { name, if_not_exists, using, tag_names, tags, options })
    }

    /// `name type [PRIMARY KEY | COMPOSITE KEY] [ENCODE 'e'] [COMPRESS 'c'] [LEVEL 'l'] [COMMENT 's']`.
    pub(super) fn column_spec(&mut self) -> Result<ColumnSpec> {
        let name = self.column_name()?;
        let ty = self.type_name(true)?;
        let (key, encode, compress, level, comment) = (false, None, None, None, None);
        let mut spec = ColumnSpec { name, ty, key, encode, compress, level, comment };
        loop {
            if self.eat_word("primary") || self.eat_word("composite") {
                self.expect_word("key")?;
                spec.key = true;
            } else if self.eat_word("encode") {
                spec.encode = Some(self.quoted_text()?);
            } else if self.eat_word("compress") {
                spec.compress = Some(self.quoted_text()?);
            } else if self.eat_word("level") {
                spec.level = Some(self.quoted_text()?);
            } else if self.eat_word("comment") {
                spec.comment = Some(self.quoted_text()?);
            } else {
                return Ok(spec);
            }
        }
    }

    /// An option, if one stands here: its word may also be the name of the next table.
    pub(super) fn table_option(&mut self) -> Result<Option<TableOption>> {
        let next = self.peek().kind;
        let numeric = matches!(next, TokenKind::Integer | TokenKind::Duration | TokenKind::Minus);
        Ok(Some(if next == TokenKind::Text && self.eat_word("comment") {
            TableOption::Comment(self.quoted_text()?)
        } else if numeric && self.eat_word("ttl") {
            TableOption::Ttl(self.integer()?)
        } else if numeric && self.eat_word("keep") {
            TableOption::Keep(self.keep()?)
        } else if numeric && self.eat_word("max_delay") {
            TableOption::MaxDelay(self.list(Self::duration)?)
        } else if numeric && self.eat_word("watermark") {
            TableOption::Watermark(self.list(Self::duration)?)
        } else if next == TokenKind::LeftParen && self.eat_word("sma") {
            TableOption::Sma(self.parenthesised(Self::column_name)?)
        } else if next == TokenKind::LeftParen && self.eat_word("rollup") {
            TableOption::Rollup(self.parenthesised(Self::column_name)?)
        } else {
            return Ok(None);
        }))
    }

    fn keep(&mut self) -> Result<OptionValue> {
        Ok(if self.at(TokenKind::Duration) {
            OptionValue::Duration(self.duration()?)
        } else {
            OptionValue::Int(self.integer()?)
        })
    }

    /// What stands behind `DROP TABLE` or `DROP STABLE`.
    pub(super) fn drop_table(&mut self, stable: bool) -> Result<Statement> {
        let target = |p: &mut Self| {
            let if_exists = p.if_exists();
            Ok(DropTarget { name: p.table_name()?, if_exists, stable })
        };
        let targets = if stable { vec![target(self)?] } else { self.list(target)? };
        Ok(Statement::DropTables(targets))
    }
}
