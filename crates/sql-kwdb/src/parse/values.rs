//! `INSERT … VALUES` of literals, read row by row out of the text: no tokens, no trees. Whatever is not known here
//! ends the reading with `None`, and the statement is parsed as a whole ([`super::dml`]), for its error or its
//! expressions.

use std::borrow::Cow;

use triglot_engine::TableName;
use triglot_parse_sql::literals::{Literal, Scanner};

use super::table_of_parts;
use crate::ast::{ConflictAction, OnConflict};

/// A value of a row as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'t> {
    /// `NULL`
    Null,
    /// `DEFAULT`
    Default,
    /// `true`, `false`
    Bool(bool),
    /// A number with its sign.
    Number(Cow<'t, str>),
    /// Text; the manual's samples put it between double quotes, too.
    Text(Cow<'t, str>),
    /// `b'…'`, `x'…'`
    Octets(Vec<u8>),
    /// `now()`
    Now,
    /// An instant: what an expression came to, nanoseconds since the epoch.
    Instant(i64),
    /// A bare word: never a value.
    Word(&'t str),
}

/// The beginning of an INSERT, up to VALUES, and the rows that follow it.
#[derive(Debug)]
pub(crate) struct ValuesInsert<'t> {
    pub(crate) is_upsert: bool,
    pub(crate) table: TableName,
    pub(crate) columns: Option<Vec<String>>,
    rows: Scanner<'t>,
}

/// Reads `INSERT INTO t [(c, …)] VALUES`; none if it is anything else.
pub(crate) fn values_insert(sql: &str) -> Option<ValuesInsert<'_>> {
    let mut s = Scanner::new(sql);
    let is_upsert = match s.word()? {
        word if word.eq_ignore_ascii_case("insert") => false,
        word if word.eq_ignore_ascii_case("upsert") => true,
        _ => return None,
    };
    s.keyword("into")?;
    let table = table_of_parts(s.path()?).ok()?;
    let columns = if s.peek()? == b'(' { Some(s.names()?) } else { None };
    s.keyword("values")?;
    Some(ValuesInsert { is_upsert, table, columns, rows: s })
}

impl<'t> ValuesInsert<'t> {
    /// Reads the next row into `row`; whether another one follows.
    pub(crate) fn next_row(&mut self, row: &mut Vec<Given<'t>>) -> Option<bool> {
        row.clear();
        self.rows.byte(b'(')?;
        loop {
            row.push(value(&mut self.rows)?);
            if self.rows.byte(b',').is_none() {
                break;
            }
        }
        self.rows.byte(b')')?;
        Some(self.rows.byte(b',').is_some())
    }

    /// Reads what stands behind the rows.
    pub(crate) fn tail(mut self) -> Option<Option<OnConflict>> {
        let s = &mut self.rows;
        if s.at_end() {
            return Some(None);
        }
        s.keyword("on")?;
        s.keyword("conflict")?;
        let key = if s.peek()? == b'(' { s.names()? } else { Vec::new() };
        s.keyword("do")?;
        let action = if s.keyword("nothing").is_some() {
            ConflictAction::Nothing
        } else {
            s.keyword("update")?;
            s.keyword("set")?;
            let mut changes = Vec::new();
            loop {
                let column = s.name()?;
                s.byte(b'=')?;
                s.keyword("excluded")?;
                s.byte(b'.')?;
                changes.push((column, s.name()?));
                if s.byte(b',').is_none() {
                    break;
                }
            }
            ConflictAction::Update(changes)
        };
        s.at_end().then_some(Some(OnConflict { key, action }))
    }
}

/// One value.
pub(crate) fn value<'t>(s: &mut Scanner<'t>) -> Option<Given<'t>> {
    match s.peek()? {
        b'"' => return s.quoted(b'"').map(Given::Text),
        b'\'' | b'0'..=b'9' | b'.' | b'-' | b'+' => {
            return Some(match s.literal()? {
                Literal::Null => Given::Null,
                Literal::Bool(value) => Given::Bool(value),
                Literal::Number(number) => Given::Number(Cow::Borrowed(number)),
                Literal::Text(text) => Given::Text(text),
            });
        }
        _ => {}
    }
    let before = s.clone();
    if let Some(octets) = s.escaped(b'b') {
        return Some(Given::Octets(octets));
    }
    *s = before.clone();
    if let Some(octets) = s.escaped(b'e') {
        return String::from_utf8(octets).ok().map(|text| Given::Text(Cow::Owned(text)));
    }
    *s = before;
    let word = s.word()?;
    if s.byte(b'(').is_some() {
        s.byte(b')')?;
        let is_now =
            ["now", "current_timestamp", "localtimestamp"].iter().any(|n| word.eq_ignore_ascii_case(n));
        return is_now.then_some(Given::Now);
    }
    Some(match word {
        w if w.eq_ignore_ascii_case("null") => Given::Null,
        w if w.eq_ignore_ascii_case("true") => Given::Bool(true),
        w if w.eq_ignore_ascii_case("false") => Given::Bool(false),
        w if w.eq_ignore_ascii_case("default") => Given::Default,
        w if w.eq_ignore_ascii_case("current_timestamp") => Given::Now,
        w => Given::Word(w),
    })
}

/// The one value that a text is, such as a column's default.
pub(crate) fn single(text: &str) -> Option<Given<'_>> {
    // Numbers are told by what follows them.
    let mut s = Scanner::new(text);
    let is_number = text.trim().bytes().next().is_some_and(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    if is_number {
        let number = text.trim();
        return number.parse::<f64>().is_ok().then_some(Given::Number(Cow::Borrowed(number)));
    }
    let found = value(&mut s)?;
    s.at_end().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sql: &str) -> Option<(ValuesInsert<'_>, Vec<Vec<Given<'_>>>)> {
        let mut insert = values_insert(sql)?;
        let (mut rows, mut row) = (Vec::new(), Vec::new());
        loop {
            let more = insert.next_row(&mut row)?;
            rows.push(row.clone());
            if !more {
                return Some((insert, rows));
            }
        }
    }

    #[test]
    fn rows_of_all_literals() {
        let (insert, found) = rows(
            "insert INTO Db.public.\"T\" (A, \"b\") values (1, 'it''s'), (-2.5e3, \"x\"), (now(), NULL) , (b'\\x00a', e'\\n'), (abc, default)",
        )
        .unwrap();
        assert_eq!(insert.table.database.as_deref(), Some("db"));
        assert_eq!(insert.table.table, "T");
        assert_eq!(insert.columns, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(!insert.is_upsert);
        let text = |t: &'static str| Given::Text(Cow::Borrowed(t));
        assert_eq!(
            found,
            [
                vec![Given::Number("1".into()), text("it's")],
                vec![Given::Number("-2.5e3".into()), text("x")],
                vec![Given::Now, Given::Null],
                vec![Given::Octets(vec![0, b'a']), text("\n")],
                vec![Given::Word("abc"), Given::Default],
            ]
        );
        assert_eq!(insert.tail(), Some(None));
    }

    #[test]
    fn tails_of_conflicts() {
        let tail = |sql: &'static str| rows(sql).and_then(|(insert, _)| insert.tail());
        let nothing = OnConflict { key: vec!["a".to_owned()], action: ConflictAction::Nothing };
        assert_eq!(tail("insert into t values (1) on conflict (A) do nothing;"), Some(Some(nothing)));
        let update = ConflictAction::Update(vec![("b".to_owned(), "c".to_owned())]);
        let update = OnConflict { key: Vec::new(), action: update };
        assert_eq!(
            tail("upsert into t values (1) ON CONFLICT DO UPDATE SET b = excluded.c"),
            Some(Some(update))
        );
        assert_eq!(tail("insert into t values (1) on conflict do update set b = 1"), None);
        assert_eq!(tail("insert into t values (1) returning a"), None);
    }

    #[test]
    fn what_is_no_row_of_literals_is_left_to_the_parser() {
        for sql in [
            "insert into t values (1+1)",
            "insert into t values (f(1))",
            "insert into t values (1::int8)",
            "insert into t values ('a' || 'b')",
            "insert into t values (1",
            "insert into t values ()",
            "insert into t select 1",
            "select 1",
            "",
        ] {
            assert!(rows(sql).is_none(), "{sql}");
        }
    }

    #[test]
    fn defaults_are_single_values() {
        assert_eq!(single("-1.5"), Some(Given::Number("-1.5".into())));
        assert_eq!(single("'a b'"), Some(Given::Text("a b".into())));
        assert_eq!(single("now()"), Some(Given::Now));
        assert_eq!(single("1 2"), None);
        assert_eq!(single(""), None);
    }
}
