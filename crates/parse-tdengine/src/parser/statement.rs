//! Statements by their first words.

use super::{Parser, Result};
use crate::ast::{ObjectKind, Statement};
use crate::lex::TokenKind;

/// First words (one or two) of statements that are known and refused, and what they are about. The rest of
/// such a statement is not read.
const REFUSED: &[(&str, &str, &str)] = &[
    ("create", "stream", "STREAM"),
    ("pause", "stream", "STREAM"),
    ("resume", "stream", "STREAM"),
    ("stop", "stream", "STREAM"),
    ("start", "stream", "STREAM"),
    ("recalculate", "stream", "STREAM"),
    ("create", "topic", "TOPIC"),
    ("reload", "topic", "TOPIC"),
    ("drop", "consumer", "CONSUMER GROUP"),
    ("create", "tsma", "TSMA"),
    ("create", "recursive", "TSMA"),
    ("create", "rsma", "RSMA"),
    ("drop", "rsma", "RSMA"),
    ("create", "sma", "INDEX"),
    ("create", "function", "UDF"),
    ("create", "aggregate", "UDF"),
    ("create", "vtable", "virtual tables"),
    ("drop", "vtable", "virtual tables"),
    ("alter", "vtable", "virtual tables"),
    ("create", "dnode", "DNODE"),
    ("drop", "dnode", "DNODE"),
    ("restore", "dnode", "DNODE"),
    ("create", "mnode", "MNODE"),
    ("drop", "mnode", "MNODE"),
    ("restore", "mnode", "MNODE"),
    ("create", "qnode", "QNODE"),
    ("drop", "qnode", "QNODE"),
    ("restore", "qnode", "QNODE"),
    ("create", "snode", "SNODE"),
    ("drop", "snode", "SNODE"),
    ("create", "bnode", "BNODE"),
    ("drop", "bnode", "BNODE"),
    ("create", "anode", "ANODE"),
    ("drop", "anode", "ANODE"),
    ("update", "anode", "ANODE"),
    ("update", "all", "ANODE"),
    ("restore", "vnode", "VNODE"),
    ("alter", "cluster", "CLUSTER"),
    ("alter", "vgroup", "VGROUP"),
    ("compact", "vgroups", "VGROUP"),
    ("split", "vgroup", "VGROUP"),
    ("redistribute", "vgroup", "VGROUP"),
    ("merge", "vgroup", "VGROUP"),
    ("balance", "vgroup", "VGROUP"),
    ("s3migrate", "database", "S3MIGRATE"),
    ("ssmigrate", "database", "SSMIGRATE"),
    ("create", "encrypt_key", "ENCRYPT_KEY"),
    ("drop", "account", "ACCOUNT"),
    ("create", "mount", "MOUNT"),
    ("drop", "mount", "MOUNT"),
    ("kill", "compact", "KILL COMPACT"),
];

/// First words of statements of earlier versions. The rest of such a statement is not read.
const RETIRED: &[(&str, &str)] = &[("create", "account"), ("alter", "account"), ("show", "accounts")];

/// Objects that can be dropped and of which there are none here.
const OBJECTS: &[(&str, ObjectKind)] = &[
    ("topic", ObjectKind::Topic),
    ("stream", ObjectKind::Stream),
    ("function", ObjectKind::Function),
    ("tsma", ObjectKind::Tsma),
];

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        if self.at(TokenKind::LeftParen) || self.at_word("select") {
            return self.query().map(|query| Statement::Query(Box::new(query)));
        }
        if self.at_word("insert") || self.at_word("import") {
            return self.insert();
        }
        if let Some((_, _, what)) = REFUSED.iter().find(|(first, second, _)| self.at_words(first, second)) {
            self.skip_rest();
            return Ok(Statement::Unsupported(what));
        }
        if RETIRED.iter().any(|(first, second)| self.at_words(first, second)) {
            self.skip_rest();
            return Ok(Statement::Retired);
        }
        let place = self.token;
        if !self.at(TokenKind::Word) {
            return Err(self.unexpected());
        }
        self.advance();
        let first = |word| self.is_word(place, word);
        if first("create") {
            self.create()
        } else if first("drop") {
            self.drop_object()
        } else if first("alter") {
            self.alter()
        } else if first("show") {
            let show = self.show()?;
            Ok(Statement::Show(Box::new(show)))
        } else if first("use") {
            self.database_name().map(Statement::Use)
        } else if first("describe") || first("desc") {
            self.table_name().map(Statement::Describe)
        } else if first("explain") {
            self.explain()
        } else if first("delete") {
            self.delete()
        } else if first("grant") || first("revoke") {
            let revoke = first("revoke");
            self.grant(revoke)
        } else {
            self.other(place)
        }
    }

    /// Statements of one form; the first word, `place`, was read.
    fn other(&mut self, place: crate::lex::Token) -> Result<Statement> {
        let first = |word| self.is_word(place, word);
        if first("flush") {
            self.expect_word("database")?;
            self.database_name().map(Statement::FlushDatabase)
        } else if first("trim") {
            self.expect_word("database")?;
            self.trim_database()
        } else if first("compact") {
            self.expect_word("database")?;
            self.compact_database()
        } else if first("reset") {
            self.expect_word("query")?;
            self.expect_word("cache")?;
            Ok(Statement::NoEffect)
        } else if first("kill") {
            self.kill()
        } else if first("balance") {
            self.skip_rest();
            Ok(Statement::Unsupported("BALANCE"))
        } else {
            Err(self.error_at(crate::ParseErrorKind::Syntax, place.span))
        }
    }

    /// What stands behind `KILL`.
    fn kill(&mut self) -> Result<Statement> {
        if self.eat_word("connection") {
            if self.at(TokenKind::Text) {
                self.quoted_text()?;
            } else {
                self.integer()?;
            }
            return Ok(Statement::KillConnection);
        }
        if self.eat_word("transaction") {
            self.integer()?;
            return Ok(Statement::KillTransaction);
        }
        self.expect_word("query")?;
        self.quoted_text().map(Statement::KillQuery)
    }

    fn create(&mut self) -> Result<Statement> {
        if self.eat_word("table") {
            self.create_table(false)
        } else if self.eat_word("stable") {
            self.create_table(true)
        } else if self.eat_word("database") {
            self.create_database()
        } else if self.eat_word("user") {
            self.create_user()
        } else if self.eat_word("index") {
            let if_not_exists = self.if_not_exists()?;
            let name = self.table_name()?;
            self.expect_word("on")?;
            let table = self.table_name()?;
            let columns = self.parenthesised(Self::column_name)?;
            Ok(Statement::CreateIndex { name, if_not_exists, table, columns })
        } else if self.eat_word("view") {
            self.create_view(false)
        } else if self.eat_words("or", "replace") {
            if ["function", "aggregate"].iter().any(|word| self.at_word(word)) {
                self.skip_rest();
                return Ok(Statement::Unsupported("UDF"));
            }
            self.expect_word("view")?;
            self.create_view(true)
        } else {
            Err(self.unexpected())
        }
    }

    fn drop_object(&mut self) -> Result<Statement> {
        if self.eat_word("table") {
            self.drop_table(false)
        } else if self.eat_word("stable") {
            self.drop_table(true)
        } else if self.eat_word("database") {
            self.drop_database()
        } else if self.eat_word("user") {
            self.drop_user()
        } else if self.eat_word("index") {
            let if_exists = self.if_exists();
            Ok(Statement::DropIndex { name: self.table_name()?, if_exists })
        } else if self.eat_word("view") {
            let if_exists = self.if_exists();
            Ok(Statement::DropView { name: self.table_name()?, if_exists })
        } else if let Some((_, kind)) = OBJECTS.iter().find(|(word, _)| self.at_word(word)) {
            self.advance();
            let if_exists = self.if_exists();
            if self.at_word("force") && matches!(self.peek().kind, TokenKind::Word | TokenKind::QuotedName) {
                self.advance();
            }
            Ok(Statement::DropObject { kind: *kind, name: self.table_name()?, if_exists })
        } else {
            Err(self.unexpected())
        }
    }

    fn alter(&mut self) -> Result<Statement> {
        if self.eat_word("table") {
            self.alter_table(false)
        } else if self.eat_word("stable") {
            self.alter_table(true)
        } else if self.eat_word("database") {
            self.alter_database()
        } else if self.eat_word("user") {
            self.alter_user()
        } else if self.eat_word("local") || self.eat_words("all", "dnodes") {
            self.setting()
        } else if self.eat_word("dnode") {
            let dnode = self.integer()?;
            self.setting()?;
            Ok(Statement::AlterDnode(dnode))
        } else {
            Err(self.unexpected())
        }
    }

    /// `'k' ['v']`.
    fn setting(&mut self) -> Result<Statement> {
        self.quoted_text()?;
        if self.at(TokenKind::Text) {
            self.quoted_text()?;
        }
        Ok(Statement::NoEffect)
    }

    /// `[ANALYZE] [VERBOSE b] [RATIO r] query`; the ratio means nothing here.
    fn explain(&mut self) -> Result<Statement> {
        let analyze = self.eat_word("analyze");
        let mut verbose = false;
        if self.eat_word("verbose") {
            verbose = self.eat_word("true");
            if !verbose {
                self.expect_word("false")?;
            }
        }
        if self.eat_word("ratio") && !self.eat(TokenKind::Float) {
            self.expect(TokenKind::Integer)?;
        }
        let query = Box::new(self.query()?);
        Ok(Statement::Explain { analyze, verbose, query })
    }

    /// `FROM t [WHERE e]`.
    fn delete(&mut self) -> Result<Statement> {
        self.expect_word("from")?;
        let table = self.table_name()?;
        let filter = if self.eat_word("where") { Some(self.expr()?) } else { None };
        Ok(Statement::Delete { table, filter })
    }

    /// Goes to the end of the statement.
    pub(super) fn skip_rest(&mut self) {
        while !matches!(self.token.kind, TokenKind::End | TokenKind::Illegal) {
            self.advance();
        }
    }
}
