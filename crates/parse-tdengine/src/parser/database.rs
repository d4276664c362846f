//! Databases and their options.

use super::{Parser, Result};
use crate::ast::{AlterDatabase, CreateDatabase, DatabaseOption, Literal, OptionValue, Statement};
use crate::lex::{self, TokenKind};

/// Options of databases (sheet section 4).
const OPTIONS: &[&str] = &[
    "buffer",
    "cachemodel",
    "cachesize",
    "comp",
    "compact_interval",
    "compact_time_offset",
    "compact_time_range",
    "dnodes",
    "duration",
    "encrypt_algorithm",
    "keep",
    "keep_time_offset",
    "maxrows",
    "minrows",
    "pages",
    "pagesize",
    "precision",
    "replica",
    "retentions",
    "s3_chunkpages",
    "s3_chunksize",
    "s3_compact",
    "s3_keeplocal",
    "schemaless",
    "single_stable",
    "ss_chunkpages",
    "ss_compact",
    "ss_keeplocal",
    "strict",
    "stt_trigger",
    "table_prefix",
    "table_suffix",
    "tsdb_pagesize",
    "vgroups",
    "wal_fsync_period",
    "wal_level",
    "wal_retention_period",
    "wal_retention_size",
    "wal_roll_period",
    "wal_segment_size",
];

impl Parser<'_> {
    /// What stands behind `CREATE DATABASE`.
    pub(super) fn create_database(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.database_name()?;
        let options = self.database_options()?;
        Ok(Statement::CreateDatabase(Box::new(CreateDatabase { name, if_not_exists, options })))
    }

    /// What stands behind `ALTER DATABASE`.
    pub(super) fn alter_database(&mut self) -> Result<Statement> {
        let name = self.database_name()?;
        let options = self.database_options()?;
        if options.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Statement::AlterDatabase(Box::new(AlterDatabase { name, options })))
    }

    /// What stands behind `DROP DATABASE`.
    pub(super) fn drop_database(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        if self.at_word("force") && matches!(self.peek().kind, TokenKind::Word | TokenKind::QuotedName) {
            self.advance();
        }
        Ok(Statement::DropDatabase { name: self.database_name()?, if_exists })
    }

    /// What stands behind `TRIM DATABASE`: the bandwidth is checked and means nothing here.
    pub(super) fn trim_database(&mut self) -> Result<Statement> {
        let name = self.database_name()?;
        if self.eat_word("bwlimit") {
            self.integer()?;
        }
        Ok(Statement::TrimDatabase(name))
    }

    /// What stands behind `COMPACT DATABASE`.
    pub(super) fn compact_database(&mut self) -> Result<Statement> {
        let name = self.database_name()?;
        let mut bounds = Vec::new();
        for bound in ["start", "end"] {
            if self.eat_words(bound, "with") {
                bounds.push(self.expr()?);
            }
        }
        self.eat_word("meta_only");
        Ok(Statement::CompactDatabase { name, bounds })
    }

    /// Options, each at most once.
    fn database_options(&mut self) -> Result<Vec<DatabaseOption>> {
        let mut options: Vec<DatabaseOption> = Vec::new();
        while self.at(TokenKind::Word) {
            let known = OPTIONS.iter().find(|name| self.at_word(name));
            let Some(name) = known.filter(|name| options.iter().all(|other| other.name != **name)) else {
                return Err(self.unexpected());
            };
            self.advance();
            let values =
                if *name == "retentions" { self.retentions()? } else { self.list(Self::option_value)? };
            options.push(DatabaseOption { name: (*name).to_owned(), values });
        }
        Ok(options)
    }

    fn option_value(&mut self) -> Result<OptionValue> {
        let negative = self.at(TokenKind::Minus);
        let kind = if negative { self.peek().kind } else { self.token.kind };
        Ok(match kind {
            TokenKind::Text if !negative => OptionValue::Text(self.quoted_text()?),
            TokenKind::Duration => OptionValue::Duration(self.duration()?),
            TokenKind::Float => {
                self.eat(TokenKind::Minus);
                let token = self.token;
                match lex::number(self.text_of(token.span)) {
                    Some(Literal::Float(value)) => {
                        self.advance();
                        OptionValue::Float(if negative { -value } else { value })
                    }
                    _ => return Err(self.unexpected()),
                }
            }
            _ => OptionValue::Int(self.integer()?),
        })
    }

    /// `-:7d, 1m:21d …`, flattened; the dash is a text.
    fn retentions(&mut self) -> Result<Vec<OptionValue>> {
        let pairs = self.list(|p| {
            let every = if p.eat(TokenKind::Minus) {
                OptionValue::Text("-".to_owned())
            } else {
                OptionValue::Duration(p.duration()?)
            };
            p.expect(TokenKind::Colon)?;
            Ok([every, OptionValue::Duration(p.duration()?)])
        })?;
        Ok(pairs.into_iter().flatten().collect())
    }
}
