//! SHOW.

use super::{Parser, Result};
use crate::ast::{Ident, Show, TableKind, TableName};
use crate::lex::TokenKind;

/// Lists by one word, perhaps after `db.`: the word and the system table it shows.
const LISTS: &[(&str, &str)] = &[
    ("anodes", "ins_anodes"),
    ("apps", "perf_apps"),
    ("bnodes", "ins_bnodes"),
    ("cluster", "ins_cluster"),
    ("compacts", "ins_compacts"),
    ("connections", "perf_connections"),
    ("consumers", "perf_consumers"),
    ("disk_info", "ins_disk_usage"),
    ("dnodes", "ins_dnodes"),
    ("encryptions", "ins_encryptions"),
    ("filesets", "ins_filesets"),
    ("functions", "ins_functions"),
    ("grants", "ins_grants"),
    ("licences", "ins_grants"),
    ("mnodes", "ins_mnodes"),
    ("qnodes", "ins_qnodes"),
    ("queries", "perf_queries"),
    ("snodes", "ins_snodes"),
    ("streams", "ins_streams"),
    ("subscriptions", "ins_subscriptions"),
    ("topics", "ins_topics"),
    ("transactions", "perf_trans"),
    ("tsmas", "ins_tsmas"),
    ("users", "ins_users"),
    ("views", "ins_views"),
    ("vnodes", "ins_vnodes"),
];

impl Parser<'_> {
    /// What stands behind `SHOW`.
    pub(super) fn show(&mut self) -> Result<Show> {
        if self.eat_word("create") {
            return self.show_create();
        }
        if self.eat_words("user", "databases") {
            return Ok(Show::Databases { system: Some(false) });
        }
        if self.eat_words("system", "databases") {
            return Ok(Show::Databases { system: Some(true) });
        }
        if self.eat_words("user", "privileges") {
            return Ok(Show::Table("ins_user_privileges"));
        }
        if self.eat_words("cluster", "alive") {
            return Ok(Show::ClusterAlive);
        }
        if self.eat_words("cluster", "variables") || self.eat_word("variables") {
            return self.show_variables(false, None);
        }
        if self.eat_words("local", "variables") {
            return self.show_variables(true, None);
        }
        if self.at_word_before("dnode", TokenKind::Integer) {
            self.advance();
            let dnode = self.integer()?;
            self.expect_word("variables")?;
            return self.show_variables(false, Some(dnode));
        }
        if self.eat_words("table", "tags") {
            return self.show_table_tags();
        }
        if self.eat_words("table", "distributed") {
            return Ok(Show::Distributed(self.table_name()?));
        }
        if self.eat_word("databases") {
            return Ok(Show::Databases { system: None });
        }
        if self.at_word("tags") && self.peek().kind == TokenKind::Word {
            self.advance();
            return Ok(Show::Tags { table: self.table_of_clause()? });
        }
        if self.eat_word("indexes") || self.eat_word("index") {
            return Ok(Show::Indexes(self.table_of_clause()?));
        }
        self.show_list()
    }

    fn show_create(&mut self) -> Result<Show> {
        if self.eat_word("database") {
            return Ok(Show::CreateDatabase(self.database_name()?));
        }
        if self.eat_word("view") {
            return Ok(Show::CreateView(self.table_name()?));
        }
        let stable = self.eat_word("stable");
        if !stable {
            self.expect_word("table")?;
        }
        Ok(Show::CreateTable { table: self.table_name()?, stable })
    }

    fn show_variables(&mut self, local: bool, dnode: Option<i64>) -> Result<Show> {
        Ok(Show::Variables { local, dnode, like: self.like_pattern()? })
    }

    /// `[t {"," t}] FROM s [FROM d]`.
    fn show_table_tags(&mut self) -> Result<Show> {
        let starts = ["from", "in"].iter().any(|word| self.at_word(word));
        let tags = if starts { Vec::new() } else { self.list(Self::column_name)? };
        Ok(Show::TableTags { tags, table: self.table_of_clause()? })
    }

    /// `FROM t [FROM d]`.
    fn table_of_clause(&mut self) -> Result<TableName> {
        self.eat_from()?;
        let mut table = self.table_name()?;
        if table.database.is_none() && (self.at_word("from") || self.at_word("in")) {
            self.advance();
            table.database = Some(self.database_name()?);
        }
        Ok(table)
    }

    fn eat_from(&mut self) -> Result<()> {
        if self.eat_word("in") { Ok(()) } else { self.expect_word("from") }
    }

    /// `[NORMAL|CHILD] [d.]TABLES`, `[d.]STABLES`, `[d.]VGROUPS`, `[d.]ALIVE` and the lists by one word.
    fn show_list(&mut self) -> Result<Show> {
        let kind = self.table_kind();
        let database = if self.peek().kind == TokenKind::Dot {
            let database = self.database_name()?;
            self.expect(TokenKind::Dot)?;
            Some(database)
        } else {
            None
        };
        if self.eat_word("tables") {
            let (database, like) = self.of_database(database)?;
            return Ok(Show::Tables { kind, database, like });
        }
        if kind != TableKind::All {
            return Err(self.unexpected());
        }
        if self.eat_word("stables") {
            let (database, like) = self.of_database(database)?;
            return Ok(Show::Stables { database, like });
        }
        if self.eat_word("vgroups") {
            return Ok(Show::Vgroups(database));
        }
        if self.eat_word("alive") {
            return Ok(Show::Alive(database));
        }
        let Some((_, table)) = LISTS.iter().find(|(word, _)| self.at_word(word)) else {
            return Err(self.unexpected());
        };
        self.advance();
        if *table == "ins_vnodes" && self.eat_words("on", "dnode") {
            self.integer()?;
        }
        if *table == "ins_grants" && !self.eat_word("full") {
            self.eat_word("logs");
        }
        Ok(Show::Table(table))
    }

    fn table_kind(&mut self) -> TableKind {
        let next = self.peek().kind;
        if !matches!(next, TokenKind::Word | TokenKind::QuotedName) {
            TableKind::All
        } else if self.eat_word("normal") {
            TableKind::Normal
        } else if self.eat_word("child") {
            TableKind::Child
        } else {
            TableKind::All
        }
    }

    /// `[FROM d] [LIKE 'p']`; the database may already have been named by `d.`.
    fn of_database(&mut self, named: Option<Ident>) -> Result<(Option<Ident>, Option<String>)> {
        let database = match named {
            None if self.at_word("from") || self.at_word("in") => {
                self.advance();
                Some(self.database_name()?)
            }
            named => named,
        };
        Ok((database, self.like_pattern()?))
    }

    fn like_pattern(&mut self) -> Result<Option<String>> {
        if !self.eat_word("like") {
            return Ok(None);
        }
        let place = self.token.span;
        let pattern = self.quoted_text()?;
        self.check_pattern(&pattern, place)?;
        Ok(Some(pattern))
    }
}
