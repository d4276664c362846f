//! Users, rights, views.

use super::{Parser, Result};
use crate::ast::{Grant, Ident, Privilege, PrivilegeTarget, Span, Statement, UserOption};
use crate::error::ParseErrorKind;
use crate::lex::TokenKind;
use crate::limits;

impl Parser<'_> {
    /// What stands behind `CREATE USER`.
    pub(super) fn create_user(&mut self) -> Result<Statement> {
        let name = self.user_name()?;
        self.expect_word("pass")?;
        let password = self.quoted_text()?;
        let mut options = Vec::new();
        while self.at(TokenKind::Word) {
            options.push(self.user_option()?);
        }
        Ok(Statement::CreateUser { name, password, options })
    }

    /// What stands behind `ALTER USER`.
    pub(super) fn alter_user(&mut self) -> Result<Statement> {
        let name = self.user_name()?;
        let option = if self.eat_word("pass") {
            UserOption::Password(self.quoted_text()?)
        } else if self.eat_word("add") {
            self.expect_word("host")?;
            UserOption::AddHosts(self.list(Self::quoted_text)?)
        } else if self.eat_word("drop") {
            self.expect_word("host")?;
            UserOption::DropHosts(self.list(Self::quoted_text)?)
        } else {
            self.user_option()?
        };
        Ok(Statement::AlterUser { name, option })
    }

    /// What stands behind `DROP USER`.
    pub(super) fn drop_user(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        Ok(Statement::DropUser { name: self.user_name()?, if_exists })
    }

    fn user_option(&mut self) -> Result<UserOption> {
        Ok(if self.eat_word("enable") {
            UserOption::Enable(self.zero_or_one()?)
        } else if self.eat_word("sysinfo") {
            UserOption::SysInfo(self.zero_or_one()?)
        } else if self.eat_word("createdb") {
            UserOption::CreateDb(self.zero_or_one()?)
        } else if self.eat_word("is_import") {
            UserOption::IsImport(self.zero_or_one()?)
        } else {
            self.expect_word("host")?;
            UserOption::AddHosts(self.list(Self::quoted_text)?)
        })
    }

    fn zero_or_one(&mut self) -> Result<bool> {
        let place = self.token.span;
        match self.integer()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.error_at(ParseErrorKind::Syntax, place)),
        }
    }

    fn user_name(&mut self) -> Result<Ident> {
        if self.at(TokenKind::QuotedName) && self.text_of(self.token.span).trim_matches('`').is_empty() {
            return Err(self.error_at(ParseErrorKind::UserNameEmpty, self.token.span));
        }
        let name = self.name(usize::MAX)?;
        if name.name.len() > limits::USER_NAME {
            return Err(self.error_at(ParseErrorKind::UserNameTooLong, name.span));
        }
        Ok(name)
    }

    /// `GRANT … ON … TO u` or `REVOKE … ON … FROM u`; the word was read.
    pub(super) fn grant(&mut self, revoke: bool) -> Result<Statement> {
        let privileges = self.list(Self::privilege)?;
        self.expect_word("on")?;
        let target = self.privilege_target()?;
        self.expect_word(if revoke { "from" } else { "to" })?;
        let user = self.user_name()?;
        Ok(Statement::Grant(Box::new(Grant { revoke, privileges, target, user })))
    }

    fn privilege(&mut self) -> Result<Privilege> {
        let all = [
            ("all", Privilege::All),
            ("read", Privilege::Read),
            ("write", Privilege::Write),
            ("alter", Privilege::Alter),
            ("subscribe", Privilege::Subscribe),
        ];
        match all.into_iter().find(|(word, _)| self.at_word(word)) {
            Some((_, privilege)) => {
                self.advance();
                Ok(privilege)
            }
            None => Err(self.unexpected()),
        }
    }

    /// `*.*`, `db.*`, `db`, `db.tb [WITH e]`.
    fn privilege_target(&mut self) -> Result<PrivilegeTarget> {
        if self.eat(TokenKind::Star) {
            self.expect(TokenKind::Dot)?;
            self.expect(TokenKind::Star)?;
            return Ok(PrivilegeTarget::Everything);
        }
        let database = self.database_name()?;
        if !self.eat(TokenKind::Dot) || self.eat(TokenKind::Star) {
            return Ok(PrivilegeTarget::Database(database));
        }
        let table = crate::ast::TableName { database: Some(database), table: self.bare_table_name()? };
        let filter = if self.eat_word("with") { Some(self.expr()?) } else { None };
        Ok(PrivilegeTarget::Table { table, filter })
    }

    /// What stands behind `CREATE [OR REPLACE] VIEW`.
    pub(super) fn create_view(&mut self, or_replace: bool) -> Result<Statement> {
        let name = self.table_name()?;
        self.expect_word("as")?;
        let start = self.token.span.start;
        let query = Box::new(self.query()?);
        let text: Span = self.span_from(start);
        Ok(Statement::CreateView { name, or_replace, query, text })
    }
}
