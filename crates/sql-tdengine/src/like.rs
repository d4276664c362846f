//! LIKE where no column is scanned, of SHOW and LIKE_IN_SET: `%` and `_`, case-sensitive, `\%` and `\_` are the characters themselves.

/// Whether all of `text` has the form of `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern = parts(pattern);
    let text: Vec<char> = text.chars().collect();
    // The place behind the last `%`, and where the text went on from there.
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(Part::Any) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(Part::One) => (p, t) = (p + 1, t + 1),
            Some(Part::Char(c)) if text.get(t) == Some(c) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after, from)) => {
                    (p, t) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|part| matches!(part, Part::Any)))
}

enum Part {
    Any,
    One,
    Char(char),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => match chars.next_if(|next| matches!(next, '%' | '_' | '\\')) {
                Some(escaped) => Part::Char(escaped),
                None => Part::Char(c),
            },
            c => Part::Char(c),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("d%", "d1001", true),
            ("d%1", "d1001", true),
            ("d_", "d1", true),
            ("d_", "d10", false),
            ("%", "", true),
            ("", "", true),
            ("", "a", false),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("D%", "d1", false),
            ("%a%b%", "xxaxxbxx", true),
            ("%a%b%", "xxbxxaxx", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
