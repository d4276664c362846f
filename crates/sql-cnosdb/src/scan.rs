//! A scanner for `INSERT … VALUES` with literals only.
//!
//! Whatever it does not know (expressions, casts, a second statement, odd quoting) makes it give
//! up with `None`, and the statement goes the way of all others, errors included.

pub use triglot_parse_sql::literals::Literal;
use triglot_parse_sql::literals::Scanner;

use crate::ast::QName;

/// An `INSERT` of literals.
#[derive(Clone, Debug, PartialEq)]
pub struct LiteralInsert<'a> {
    /// The table.
    pub table: QName,
    /// The column list, if one was written.
    pub columns: Option<Vec<String>>,
    /// All literals, row after row.
    pub values: Vec<Literal<'a>>,
    /// Where each row ends in `values`.
    pub row_ends: Vec<usize>,
}

/// Scans `sql`; none if it is anything but one `INSERT … VALUES` of literals.
pub fn scan_insert(sql: &str) -> Option<LiteralInsert<'_>> {
    let mut s = Scanner::new(sql);
    s.keyword("INSERT")?;
    let _ = s.keyword("INTO");
    let _ = s.keyword("TABLE");
    let table = table(&mut s)?;
    let columns = if s.peek()? == b'(' { Some(s.names()?) } else { None };
    s.keyword("VALUES")?;
    let mut insert = LiteralInsert { table, columns, values: Vec::new(), row_ends: Vec::new() };
    loop {
        s.byte(b'(')?;
        loop {
            insert.values.push(s.literal()?);
            if s.byte(b',').is_none() {
                break;
            }
        }
        s.byte(b')')?;
        insert.row_ends.push(insert.values.len());
        if s.byte(b',').is_none() {
            break;
        }
    }
    s.at_end().then_some(insert)
}

fn table(s: &mut Scanner<'_>) -> Option<QName> {
    let mut parts = s.path()?;
    let table = parts.pop()?;
    let database = parts.pop();
    Some(QName { tenant: parts.pop(), database, table })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_all_kinds() {
        let sql = "insert INTO table \"D\".M (TIME, \"tA\", f) -- c\n VALUES (1, 'it''s', -1.5e-3), /* x */ (+2,NULL,.5) , (3,'',TrUe);; ";
        let insert = scan_insert(sql).unwrap();
        assert_eq!(insert.table, QName { tenant: None, database: Some("D".into()), table: "m".into() });
        assert_eq!(insert.columns, Some(vec!["time".into(), "tA".into(), "f".into()]));
        assert_eq!(insert.row_ends, [3, 6, 9]);
        assert_eq!(
            insert.values,
            [
                Literal::Number("1"),
                Literal::Text("it's".into()),
                Literal::Number("-1.5e-3"),
                Literal::Number("+2"),
                Literal::Null,
                Literal::Number(".5"),
                Literal::Number("3"),
                Literal::Text("".into()),
                Literal::Bool(true),
            ]
        );
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for sql in [
            "insert into t values (1+1)",
            "insert into t values (now())",
            "insert into t values (1), (2); select 1",
            "insert into t select 1",
            "insert into t values (1",
            "insert into t values (timestamp '2020-01-01')",
            "insert into t values (x'00')",
            "insert into t values (1a)",
            "insert into t values (1e)",
            "insert into t values ()",
            "insert into t values ('a)",
            "insert into t values (N'a')",
            "insert into a.b.c.d values (1)",
            "select 1",
            "",
        ] {
            assert_eq!(scan_insert(sql), None, "{sql}");
        }
    }
}
