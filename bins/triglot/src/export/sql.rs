//! Names in statements.

/// `a.b` or `a` as it is meant in SQL: each part in double quotes. A text that has quotes already is
/// taken as it is.
pub(super) fn quoted(table: &str) -> String {
    if table.contains('"') {
        return table.to_owned();
    }
    let parts: Vec<String> = table.split('.').map(|part| format!("\"{part}\"")).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_quoted_once() {
        assert_eq!(quoted("cpu"), "\"cpu\"");
        assert_eq!(quoted("public.Cpu x"), "\"public\".\"Cpu x\"");
        assert_eq!(quoted("\"a.b\""), "\"a.b\"");
    }
}
