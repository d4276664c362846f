//! The node as the one server of a cluster: dnodes, mnodes, vgroups, variables, queries.

use triglot_model::DatabaseDef;

use super::columns::Column;
use super::{SERVER_VERSION, View};
use crate::lower::OptionsOf;

/// The name under which the vendor's native clients would find the server.
const ENDPOINT: &str = "localhost:6030";
/// The lowest number of a vgroup.
const FIRST_VGROUP: i32 = 2;

/// A vgroup: its number, its database and how many tables it has.
struct Vgroup {
    id: i32,
    database: String,
    tables: i32,
}

/// The numbers of a database's vgroups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vgroups {
    first: i32,
    count: i32,
}

impl Vgroups {
    /// The vgroup that a table is in: by its name.
    pub(super) fn of(self, table: &str) -> i32 {
        self.first + bucket(table, self.count)
    }
}

impl View<'_> {
    /// The vgroups of a database.
    pub(super) fn vgroups_of(&self, database: &DatabaseDef) -> Vgroups {
        let mut first = FIRST_VGROUP;
        for other in self.catalog.databases(self.session.tenant) {
            let count = vgroup_count(other);
            if other.id == database.id {
                return Vgroups { first, count };
            }
            first += count;
        }
        Vgroups { first, count: vgroup_count(database) }
    }

    fn vgroups(&self) -> Vec<Vgroup> {
        let mut found = Vec::new();
        for database in self.databases() {
            let Vgroups { first, count } = self.vgroups_of(&database);
            let total = i32::try_from(self.table_count(&database)).unwrap_or(i32::MAX);
            for at in 0..count {
                // Spread evenly: counting by name would read all of them.
                let tables = total / count + i32::from(at < total % count);
                found.push(Vgroup { id: first + at, database: database.name.clone(), tables });
            }
        }
        found
    }

    pub(super) fn ins_vgroups(&self) -> Vec<Column> {
        let groups = self.vgroups();
        let none = || groups.iter().map(|_| None);
        let no_text = || groups.iter().map(|_| None::<&str>);
        vec![
            Column::int("vgroup_id", groups.iter().map(|g| Some(g.id))),
            Column::text("db_name", 64, groups.iter().map(|g| Some(&g.database))),
            Column::int("tables", groups.iter().map(|g| Some(g.tables))),
            Column::small("v1_dnode", groups.iter().map(|_| Some(1))),
            Column::text("v1_status", 9, groups.iter().map(|_| Some("leader"))),
            Column::small("v2_dnode", none()),
            Column::text("v2_status", 9, no_text()),
            Column::small("v3_dnode", none()),
            Column::text("v3_status", 9, no_text()),
            Column::small("v4_dnode", none()),
            Column::text("v4_status", 9, no_text()),
            Column::int("cacheload", groups.iter().map(|_| Some(0))),
            Column::int("cacheelements", groups.iter().map(|_| Some(0))),
            Column::tiny("tsma", groups.iter().map(|_| Some(0))),
        ]
    }

    pub(super) fn ins_vnodes(&self) -> Vec<Column> {
        let groups = self.vgroups();
        let started = self.started_ms();
        vec![
            Column::int("dnode_id", groups.iter().map(|_| Some(1))),
            Column::int("vgroup_id", groups.iter().map(|g| Some(g.id))),
            Column::text("db_name", 64, groups.iter().map(|g| Some(&g.database))),
            Column::text("status", 9, groups.iter().map(|_| Some("leader"))),
            Column::time("role_time", groups.iter().map(|_| started)),
            Column::time("start_time", groups.iter().map(|_| started)),
            Column::boolean("restored", groups.iter().map(|_| Some(true))),
        ]
    }

    pub(super) fn ins_dnodes(&self) -> Vec<Column> {
        let vnodes = i16::try_from(self.vgroups().len()).unwrap_or(i16::MAX);
        let started = self.started_ms();
        vec![
            Column::int("id", [Some(1)]),
            Column::text("endpoint", 134, [Some(ENDPOINT)]),
            Column::small("vnodes", [Some(vnodes)]),
            Column::small("support_vnodes", [Some(vnodes.max(64))]),
            Column::text("status", 10, [Some("ready")]),
            Column::time("create_time", [started]),
            Column::time("reboot_time", [started]),
            Column::text("note", 256, [Some("")]),
        ]
    }

    pub(super) fn ins_mnodes(&self) -> Vec<Column> {
        let started = self.started_ms();
        vec![
            Column::int("id", [Some(1)]),
            Column::text("endpoint", 134, [Some(ENDPOINT)]),
            Column::text("role", 12, [Some("leader")]),
            Column::text("status", 9, [Some("ready")]),
            Column::time("create_time", [started]),
            Column::time("role_time", [started]),
        ]
    }

    pub(super) fn ins_cluster(&self) -> Vec<Column> {
        let started = self.started_ms();
        let now = self.engine.clock().now_ns().div_euclid(1_000_000);
        let uptime = started.map(|started| (now - started) / 1000);
        vec![
            Column::big("id", [started]),
            Column::text("name", 134, [Some("triglot")]),
            Column::int("uptime", [uptime.and_then(|s| i32::try_from(s).ok())]),
            Column::time("create_time", [started]),
            Column::text("version", 10, [Some(SERVER_VERSION)]),
            Column::time("expire_time", [None]),
        ]
    }

    /// The views of all databases.
    pub(super) fn ins_views(&self) -> Vec<Column> {
        let mut rows: Vec<(String, String, String)> = Vec::new();
        for database in self.databases() {
            let views = self.engine.views(self.session, &database.name).unwrap_or_default();
            rows.extend(views.into_iter().map(|(name, text)| (name, database.name.clone(), text)));
        }
        let none = || rows.iter().map(|_| None);
        vec![
            Column::text("view_name", 192, rows.iter().map(|r| Some(&r.0))),
            Column::text("db_name", 64, rows.iter().map(|r| Some(&r.1))),
            Column::text("effective_user", 24, rows.iter().map(|_| Some("root"))),
            Column::time("create_time", none()),
            Column::text("type", 21, rows.iter().map(|_| Some("NORMAL"))),
            Column::text("query_sql", 65_517, rows.iter().map(|r| Some(&r.2))),
            Column::text("parameters", 2048, rows.iter().map(|_| None::<&str>)),
            Column::text("default_values", 2048, rows.iter().map(|_| None::<&str>)),
            Column::text("target_table", 192, rows.iter().map(|_| None::<&str>)),
        ]
    }

    pub(super) fn ins_configs(&self) -> Vec<Column> {
        let rows = variables();
        vec![
            Column::text("name", 32, rows.iter().map(|r| Some(r.0))),
            Column::text("value", 64, rows.iter().map(|r| Some(r.1.as_str()))),
        ]
    }

    pub(super) fn ins_dnode_variables(&self) -> Vec<Column> {
        let rows = variables();
        vec![
            Column::int("dnode_id", rows.iter().map(|_| Some(1))),
            Column::text("name", 32, rows.iter().map(|r| Some(r.0))),
            Column::text("value", 64, rows.iter().map(|r| Some(r.1.as_str()))),
            Column::text("scope", 8, rows.iter().map(|r| Some(r.2))),
            Column::text("info", 64, rows.iter().map(|_| Some(""))),
        ]
    }

    pub(super) fn perf_queries(&self) -> Vec<Column> {
        let queries = self.engine.queries(self.session);
        let now = self.engine.clock().now_ns();
        let started = |q: &triglot_engine::query::QueryRecord| q.start_ns;
        vec![
            Column::text("kill_id", 26, queries.iter().map(|q| Some(format!("1:{}", q.id)))),
            Column::big("query_id", queries.iter().map(|q| i64::try_from(q.id).ok())),
            Column::int("conn_id", queries.iter().map(|_| Some(1))),
            Column::text("app", 24, queries.iter().map(|_| Some("rest"))),
            Column::int("pid", queries.iter().map(|_| Some(0))),
            Column::text("user", 24, queries.iter().map(|q| Some(q.info.user.as_str()))),
            Column::text("end_point", 47, queries.iter().map(|_| Some(""))),
            Column::time("create_time", queries.iter().map(|q| Some(started(q).div_euclid(1_000_000)))),
            Column::big("exec_usec", queries.iter().map(|q| Some((now - started(q)) / 1000))),
            Column::boolean("stable_query", queries.iter().map(|_| Some(false))),
            Column::boolean("sub_query", queries.iter().map(|_| Some(false))),
            Column::int("sub_num", queries.iter().map(|_| Some(0))),
            Column::text("sub_status", 1000, queries.iter().map(|_| Some(""))),
            Column::text("sql", 2048, queries.iter().map(|q| Some(q.info.text.as_str()))),
        ]
    }
}

fn vgroup_count(database: &DatabaseDef) -> i32 {
    i32::try_from(OptionsOf(database).number("vgroups")).unwrap_or(1).max(1)
}

/// FNV-1a of a name, in `count` buckets.
fn bucket(name: &str, count: i32) -> i32 {
    let hash = name.bytes().fold(0x811C_9DC5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    i32::try_from(hash % count.unsigned_abs().max(1)).unwrap_or(0)
}

/// Settings that tools look at: name, value, scope.
pub(super) fn variables() -> Vec<(&'static str, String, &'static str)> {
    let text = |name, value: &str, scope| (name, value.to_owned(), scope);
    vec![
        text("statusInterval", "1", "server"),
        text("timezone", "UTC (UTC, +0000)", "both"),
        text("locale", "en_US.UTF-8", "both"),
        text("charset", "UTF-8", "both"),
        text("version", SERVER_VERSION, "both"),
        text("keepColumnName", "0", "client"),
        text("countAlwaysReturnValue", "1", "both"),
        text("maxSQLLength", "1048576", "client"),
    ]
}
