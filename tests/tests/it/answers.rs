//! Answers of another engine to the queries of a file, and how ours are compared with them.

use std::collections::BTreeMap;
use std::path::Path;

/// Sums of doubles depend on their order.
const TOLERANCE: f64 = 1e-6;

/// Rows by the name of the query, cells as text or NULL.
pub(crate) type Answers = BTreeMap<String, Vec<Vec<Option<String>>>>;

/// The queries of a file by name: each stands behind a line `-- NAME`. What comes before the first
/// blank line is the file's comment.
pub(crate) fn queries(file: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    let part = |part: &str| {
        let (name, query) = part.split_once('\n').unwrap();
        (name.to_owned(), query.trim().trim_end_matches(';').to_owned())
    };
    let (_comment, rest) = text.split_once("\n\n").unwrap();
    format!("\n{rest}").split("\n-- ").skip(1).map(part).collect()
}

/// What the reference script left in `file`.
pub(crate) fn read(file: &Path) -> Answers {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn same(found: &str, wanted: Option<&str>) -> bool {
    // The data has no empty text.
    let Some(wanted) = wanted else { return found.is_empty() };
    if found == wanted {
        return true;
    }
    match (found.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= TOLERANCE * b.abs().max(1.0),
        _ => false,
    }
}

/// What differs between the answers of one query; none = they agree.
pub(crate) fn difference(found: &[Vec<String>], wanted: &[Vec<Option<String>>]) -> Option<String> {
    if found.len() != wanted.len() {
        return Some(format!("{} rows, DuckDB has {}", found.len(), wanted.len()));
    }
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let agree = found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted.as_deref()));
        if !agree {
            return Some(format!("row {at}: {found:?}, DuckDB has {wanted:?}"));
        }
    }
    None
}

#[test]
fn differences_are_found() {
    let cell = |text: &str| Some(text.to_owned());
    let row = |text: &str| vec![text.to_owned()];
    assert_eq!(difference(&[row("1.0000001")], &[vec![cell("1")]]), None);
    assert_eq!(difference(&[row("")], &[vec![None]]), None);
    for (found, wanted) in [("1.001", cell("1")), ("a", cell("b")), ("", cell("0")), ("0", None)] {
        assert!(difference(&[row(found)], &[vec![wanted]]).is_some(), "{found}");
    }
    assert!(difference(&[], &[vec![None]]).is_some());
}
