//! Names of result columns: alias, column name, or the expression's source text.

use triglot_parse_tdengine::ast::{Expr, ExprKind, Ident, Span};

/// The longest name in bytes.
const MAX_NAME: usize = 64;

/// The name of a result column (sheet section 7, "Column naming").
pub(super) fn of_item(text: &str, expr: &Expr, alias: Option<&Ident>) -> String {
    match (alias, &expr.kind) {
        (Some(alias), _) => cut(alias.name.clone()),
        (None, ExprKind::Column { name, .. }) => cut(name.name.clone()),
        (None, _) => cut(source_text(text, expr.span)),
    }
}

/// The name of one of the columns that `f(*)` and `f(a, b)` become.
pub(super) fn of_call(function: &str, column: &str) -> String {
    cut(format!("{function}({column})"))
}

/// What stands at `span`, with letters outside of quotes in lower case.
pub(super) fn source_text(text: &str, span: Span) -> String {
    let range = span.start as usize..span.end as usize;
    folded(text.get(range).unwrap_or_default().trim())
}

fn folded(text: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    text.chars()
        .map(|c| match quote {
            Some(open) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' && open != '`' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
                c
            }
            None => {
                if matches!(c, '\'' | '"' | '`') {
                    quote = Some(c);
                }
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// At most [`MAX_NAME`] bytes, whole characters.
fn cut(mut name: String) -> String {
    if name.len() > MAX_NAME {
        let end = (0..=MAX_NAME).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// Names for a plan's columns, which must differ: the first of equal ones keeps its name.
#[derive(Debug, Default)]
pub(super) struct UniqueNames {
    taken: std::collections::HashSet<String>,
    /// The number that the last of several equal names got: a select list may repeat one thousands of times.
    numbers: std::collections::HashMap<String, u32>,
}

impl UniqueNames {
    /// `name`, or a name made of it that was not given out before.
    pub(super) fn take(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        if self.taken.insert(candidate.clone()) {
            return candidate;
        }
        let number = self.numbers.entry(name.to_owned()).or_insert(1);
        while !self.taken.insert(candidate.clone()) {
            *number = number.saturating_add(1);
            candidate = format!("{name}#{number}");
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_outside_of_quotes() {
        assert_eq!(folded("SUM(C1) + 'It''s A' || `Q`"), "sum(c1) + 'It''s A' || `Q`");
        assert_eq!(folded(r"CONCAT('A\'B', X)"), r"concat('A\'B', x)");
    }

    #[test]
    fn names_are_cut_at_64_bytes_of_whole_characters() {
        assert_eq!(cut("a".repeat(70)).len(), 64);
        assert_eq!(cut(format!("{}é", "a".repeat(63))), "a".repeat(63));
    }

    #[test]
    fn equal_names_become_different_ones() {
        let mut names = UniqueNames::default();
        assert_eq!([names.take("a"), names.take("a"), names.take("a#2")], ["a", "a#2", "a#2#2"]);
        assert_eq!([names.take("a"), names.take("b"), names.take("a")], ["a#3", "b", "a#4"]);
    }
}
