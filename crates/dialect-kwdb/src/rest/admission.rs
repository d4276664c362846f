//! Which statements an endpoint takes, by their words (sheet sections 6.1 to 6.3). What a statement means and who may
//! run it is decided later.

/// The words that make a statement one for `ddl`, wherever they stand.
const DDL_WORDS: [&str; 8] = ["create", "drop", "delete", "use", "alter", "update", "grant", "revoke"];

/// What `query` refuses by the first word.
const NOT_FOR_QUERY: [&str; 6] = ["insert", "set", "drop", "alter", "delete", "update"];

/// The words of a text: runs of letters, digits and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn begins_with(text: &str, wanted: &[&str]) -> bool {
    let mut found = words(text);
    wanted.iter().all(|word| found.next().is_some_and(|f| f.eq_ignore_ascii_case(word)))
}

/// Whether `ddl` takes a statement. `SET CLUSTER SETTING` has no endpoint at the vendor's.
pub(super) fn is_for_ddl(text: &str) -> bool {
    if begins_with(text, &["set", "cluster", "setting"]) {
        return true;
    }
    let mut is_ddl = false;
    let mut before = "";
    for word in words(text) {
        if before.eq_ignore_ascii_case("show") && word.eq_ignore_ascii_case("create") {
            return false;
        }
        is_ddl |= DDL_WORDS.iter().any(|wanted| word.eq_ignore_ascii_case(wanted));
        before = word;
    }
    is_ddl
}

/// Whether `insert` takes a statement.
pub(super) fn is_for_insert(text: &str) -> bool {
    begins_with(text, &["insert", "into"])
}

/// The word for which `query` refuses a statement.
pub(super) fn not_for_query(text: &str) -> Option<&'static str> {
    if begins_with(text, &["create"]) {
        return Some("create");
    }
    NOT_FOR_QUERY.into_iter().find(|word| begins_with(text, &[word]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ddl_takes_statements_by_words_anywhere() {
        for text in [
            "CREATE TS DATABASE d",
            "drop table t",
            "DELETE FROM t",
            "use d",
            "alter table t add c int",
            "UPDATE t SET a=1",
            "GRANT select ON t TO u",
            "revoke all on t from u",
            "insert into use values (1)",
            "SET CLUSTER SETTING ts.dedup.rule = 'merge'",
        ] {
            assert!(is_for_ddl(text), "{text}");
        }
        for text in [
            "select 1",
            "show create table t",
            "SHOW  CREATE DATABASE d",
            "insert into t values (1)",
            "set x = 1",
            "truncate t",
            "comment on table t is 'x'",
            "explain select 1",
            "select created, used from updates",
        ] {
            assert!(!is_for_ddl(text), "{text}");
        }
    }

    #[test]
    fn insert_takes_inserts_only() {
        assert!(is_for_insert("INSERT  INTO t VALUES (1)") && is_for_insert("insert into t(a) values (1)"));
        for text in ["insert without schema into t", "upsert into t", "select 1", "", "inserted into"] {
            assert!(!is_for_insert(text), "{text}");
        }
    }

    #[test]
    fn query_refuses_by_the_first_word() {
        for (text, word) in [
            ("CREATE TABLE t", Some("create")),
            ("Insert into t", Some("insert")),
            ("set x", Some("set")),
            ("drop x", Some("drop")),
            ("alter x", Some("alter")),
            ("delete from x", Some("delete")),
            ("update x", Some("update")),
            ("select 1", None),
            ("show create table t", None),
            ("settings", None),
            ("with x as (select 1) select * from x", None),
        ] {
            assert_eq!(not_for_query(text), word, "{text}");
        }
    }
}
