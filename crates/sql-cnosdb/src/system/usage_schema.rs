//! `usage_schema`: who used how much since the start. The figures of requests are counted by whoever
//! serves the dialect ([`UsageSource`]), those of the store by the engine.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, TimestampNanosecondArray, UInt64Array};
use triglot_engine::Flow;
use triglot_engine::catalog::MemberRole;

use super::{Columns, View};

/// One request counter of one user: a row of the table with the counter's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUsage {
    /// The tenant's name.
    pub tenant: String,
    /// The user's name.
    pub user: String,
    /// The database's name; empty if there was none.
    pub database: String,
    /// The API.
    pub api: &'static str,
    /// The count.
    pub value: u64,
}

/// Where the figures of requests come from.
pub trait UsageSource: fmt::Debug + Send + Sync {
    /// The rows of one of [`API_TABLES`].
    fn usage(&self, table: &str) -> Vec<ApiUsage>;

    /// The address that requests came to, and the number of the node: tags of all rows.
    fn node(&self) -> (String, String);
}

/// Tables about requests. Durations are sums in milliseconds.
pub const API_TABLES: [&str; 8] = [
    "http_data_in",
    "http_data_out",
    "http_flow",
    "http_queries",
    "http_query_duration",
    "http_response_time",
    "http_write_duration",
    "http_writes",
];

/// Tables about the store.
const STORE_TABLES: [(&str, Flow); 4] = [
    ("coord_data_in", Flow::BytesIn),
    ("coord_data_out", Flow::BytesOut),
    ("coord_queries", Flow::Queries),
    ("coord_writes", Flow::Writes),
];

const API_TAGS: [&str; 6] = ["api", "database", "host", "node_id", "tenant", "user"];
const STORE_TAGS: [&str; 3] = ["database", "node_id", "tenant"];
const VALUE: &str = "value";

/// The names of all tables, sorted.
pub(crate) fn table_names() -> Vec<&'static str> {
    let store = STORE_TABLES.iter().map(|(name, _)| *name);
    let mut names: Vec<_> = API_TABLES.into_iter().chain(store).collect();
    names.sort_unstable();
    names
}

/// The tags of a table; none if there is no such table.
pub(crate) fn tags_of(table: &str) -> Option<&'static [&'static str]> {
    if API_TABLES.contains(&table) {
        return Some(&API_TAGS);
    }
    STORE_TABLES.iter().any(|(name, _)| *name == table).then_some(&STORE_TAGS)
}

/// The columns of a table; none if there is no such table. Administrators and the owners of the system
/// tenant see all rows, others those of their tenant, and those without a role that reads it their own.
pub(super) fn columns(view: &View<'_>, source: &dyn UsageSource, table: &str) -> Option<Columns> {
    let tags = tags_of(table)?;
    let (host, node) = source.node();
    let mut rows: Vec<(Vec<String>, u64)> = Vec::new();
    match STORE_TABLES.iter().find(|(name, _)| *name == table) {
        Some((_, flow)) => {
            for (key, traffic) in view.engine.traffic() {
                if visible(view, &key.tenant, None) {
                    rows.push((vec![key.database, node.clone(), key.tenant], traffic.of(*flow)));
                }
            }
        }
        None => {
            for usage in source.usage(table) {
                if visible(view, &usage.tenant, Some(&usage.user)) {
                    let ApiUsage { tenant, user, database, api, value } = usage;
                    let row = vec![api.to_owned(), database, host.clone(), node.clone(), tenant, user];
                    rows.push((row, value));
                }
            }
        }
    }
    let now = view.engine.clock().now_ns();
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![now; rows.len()]));
    let mut columns: Columns = vec![("time", time)];
    for (at, tag) in tags.iter().enumerate() {
        let texts = rows.iter().map(|(row, _)| row.get(at).filter(|text| !text.is_empty()));
        columns.push((tag, Arc::new(texts.collect::<StringArray>())));
    }
    columns.push((VALUE, Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, value)| *value)))));
    Some(columns)
}

fn visible(view: &View<'_>, tenant: &str, user: Option<&str>) -> bool {
    if view.is_admin() || (view.is_owner() && view.is_system_tenant()) {
        return true;
    }
    let reads_all = view.is_owner() || matches!(view.role(), Some(MemberRole::System(_)));
    let is_own = user.is_some_and(|user| user == view.session.principal.name);
    tenant == view.session.tenant_name && (reads_all || is_own)
}
