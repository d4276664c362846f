//! The nearest name, for messages.

/// The candidate that is fewest edits away, if that is few enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let allowed = ((name.chars().count() + 1) / 3).clamp(1, 3);
    candidates.map(|c| (distance(name, c), c)).filter(|(d, _)| *d <= allowed).min().map(|(_, c)| c.to_owned())
}

/// Levenshtein's distance, a swap of neighbours counting as one edit.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (previous[j] + usize::from(x != y)).min(previous[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let keys = ["listen", "enabled", "flush_bytes", "flush_interval"];
        for (typed, meant) in [
            ("lisen", Some("listen")),
            ("enabeld", Some("enabled")),
            ("flush_byte", Some("flush_bytes")),
            ("flush_intervall", Some("flush_interval")),
            ("password", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, keys.into_iter()).as_deref(), meant, "{typed}");
        }
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
