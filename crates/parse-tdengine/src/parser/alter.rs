//! ALTER TABLE.

use super::{Parser, Result};
use crate::ast::{AlterTable, Expr, Ident, Statement, TableChange};
use crate::lex::TokenKind;

impl Parser<'_> {
    /// What stands behind `ALTER TABLE` or `ALTER STABLE`.
    pub(super) fn alter_table(&mut self, stable: bool) -> Result<Statement> {
        let name = self.table_name()?;
        let change = if self.eat_word("add") {
            if self.column_not_tag()? {
                TableChange::AddColumn(self.column_spec()?)
            } else {
                TableChange::AddTag(self.column_spec()?)
            }
        } else if self.eat_word("drop") {
            if self.column_not_tag()? {
                TableChange::DropColumn(self.column_name()?)
            } else {
                TableChange::DropTag(self.column_name()?)
            }
        } else if self.eat_word("modify") {
            let column = self.column_not_tag()?;
            if ["encode", "compress", "level"].iter().any(|word| self.is_word(self.peek(), word)) {
                self.skip_rest();
                return Ok(Statement::Unsupported("changing a column's compression"));
            }
            if column {
                TableChange::ModifyColumn(self.column_spec()?)
            } else {
                TableChange::ModifyTag(self.column_spec()?)
            }
        } else if self.eat_word("rename") {
            if self.column_not_tag()? {
                TableChange::RenameColumn(self.column_name()?, self.column_name()?)
            } else {
                TableChange::RenameTag(self.column_name()?, self.column_name()?)
            }
        } else if self.eat_word("set") {
            self.expect_word("tag")?;
            TableChange::SetTags(self.list(Self::tag_assignment)?)
        } else {
            TableChange::Options(self.changed_options()?)
        };
        Ok(Statement::AlterTable(Box::new(AlterTable { name, stable, change })))
    }

    /// `COLUMN` or `TAG`.
    fn column_not_tag(&mut self) -> Result<bool> {
        if self.eat_word("column") {
            return Ok(true);
        }
        self.expect_word("tag")?;
        Ok(false)
    }

    /// `t = v`; the word TAG may be said again before each.
    fn tag_assignment(&mut self) -> Result<(Ident, Expr)> {
        if self.at_word("tag") && self.peek().kind != TokenKind::Eq {
            self.advance();
        }
        let name = self.column_name()?;
        self.expect(TokenKind::Eq)?;
        Ok((name, self.expr()?))
    }

    fn changed_options(&mut self) -> Result<Vec<crate::ast::TableOption>> {
        let mut options = Vec::new();
        while let Some(option) = self.table_option()? {
            options.push(option);
        }
        if options.is_empty() { Err(self.unexpected()) } else { Ok(options) }
    }
}
