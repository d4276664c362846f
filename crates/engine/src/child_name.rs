//! The name of the child table that a series without one gets.

use md5::{Digest, Md5};
use triglot_model::{ColumnId, IdentityRule, TableDef, hex};
use triglot_storage::SeriesKey;

/// `t_` + lower-case hex MD5 of `table,k1=v1,k2=v2…` with tags ordered by key: TDengine's schemaless
/// rule, so that a row written through any dialect lands in the child table that TDengine's own
/// schemaless writers would choose.
pub(crate) fn schemaless(table: &TableDef, tags: &[(ColumnId, Box<str>)]) -> String {
    let mut named: Vec<(&str, &str)> = tags
        .iter()
        .filter_map(|(id, value)| Some((table.column_by_id(*id)?.name.as_str(), &**value)))
        .collect();
    named.sort_unstable();
    let mut text = table.name.clone();
    for (key, value) in named {
        text.extend([",", key, "=", value]);
    }
    md5_child_name(text.as_bytes())
}

/// `t_` + lower-case hex MD5 of `text`: how TDengine names child tables that nobody named.
pub fn md5_child_name(text: &[u8]) -> String {
    format!("t_{}", hex::encode(&Md5::digest(text)))
}

/// The child table that a series of any table is to readers who know tables by child names: by its own
/// name, else that of a table without tags, else [`schemaless`].
pub(crate) fn of_series(table: &TableDef, series: &SeriesKey) -> String {
    match &series.child {
        Some(name) if table.identity == IdentityRule::ChildName => name.to_string(),
        _ if table.tags().next().is_none() => table.name.clone(),
        _ => schemaless(table, &series.tags),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use triglot_model::{ColumnDef, ColumnKind, ColumnType, DatabaseId, RewriteRule, TableId};

    use super::*;

    fn name(table: &str, tags: &[(&str, &str)]) -> String {
        let columns = tags.iter().zip(0..).map(|((name, _), id)| ColumnDef {
            id: ColumnId(id),
            name: (*name).to_owned(),
            ty: ColumnType::TEXT,
            kind: ColumnKind::Tag,
            declared: None,
            codec: None,
        });
        let def = TableDef {
            id: TableId(1),
            database: DatabaseId(1),
            name: table.to_owned(),
            version: 1,
            identity: IdentityRule::ChildName,
            rewrite: RewriteRule::Merge,
            columns: columns.collect(),
            next_column_id: ColumnId(9),
            options: BTreeMap::new(),
        };
        let values: Vec<_> = tags.iter().zip(0..).map(|((_, v), id)| (ColumnId(id), Box::from(*v))).collect();
        schemaless(&def, &values)
    }

    /// The vectors of TDengine's own tests (tdengine-http.md section 5.4).
    #[test]
    fn vendor_vectors() {
        assert_eq!(name("measurement", &[("host", "host1")]), "t_1e2f01eda79dc691cf0e7e3f3730d43b");
        assert_eq!(
            name("stable", &[("t2", "t2"), ("t1", "t1"), ("t3", "t3")]),
            "t_0799064f5487946e5d22164a822acfc8"
        );
    }
}
