//! Settings that a user of CnosDB brings along: the sections and keys of `cnosdb.conf`, and variables
//! `CNOSDB_SECTION_KEY`. What has a counterpart is carried over, the rest is accepted and told.

use toml::{Table, Value};

/// Where a setting of CnosDB goes.
#[derive(Clone, Copy, Debug)]
enum Goes {
    /// To a key of ours, its value as it is.
    To(&'static str, &'static str),
    /// `wal.sync`: to `wal.mode`.
    WalMode,
    /// Gigabytes, to `memory.total`.
    Memory,
    /// A host or a port, to `cnosdb.listen`.
    Listen,
    /// Nowhere: one node of triglot has no such thing, or no need to be told.
    Nowhere,
}

/// Every setting that CnosDB 2.4 documents. `log.level` is ours, too, and means the same.
const SETTINGS: [(&str, &[(&str, Goes)]); 11] = [
    (
        "global",
        &[
            ("node_id", Goes::To("cnosdb", "node_id")),
            ("host", Goes::Listen),
            ("cluster_name", Goes::Nowhere),
            ("store_metrics", Goes::Nowhere),
            ("pre_create_bucket", Goes::Nowhere),
        ],
    ),
    (
        "deployment",
        &[("mode", Goes::Nowhere), ("cpu", Goes::To("query", "threads")), ("memory", Goes::Memory)],
    ),
    (
        "meta",
        &[
            ("service_addr", Goes::Nowhere),
            ("report_time_interval", Goes::Nowhere),
            ("usage_schema_cache_size", Goes::Nowhere),
            ("cluster_schema_cache_size", Goes::Nowhere),
            ("system_database_replica", Goes::Nowhere),
        ],
    ),
    (
        "query",
        &[
            ("max_server_connections", Goes::To("server", "max_connections")),
            ("query_sql_limit", Goes::To("cnosdb", "query_sql_limit")),
            ("write_sql_limit", Goes::To("cnosdb", "write_sql_limit")),
            ("auth_enabled", Goes::To("cnosdb", "auth_enabled")),
            ("read_timeout", Goes::Nowhere),
            ("write_timeout", Goes::Nowhere),
            ("stream_trigger_cpu", Goes::Nowhere),
            ("stream_executor_cpu", Goes::Nowhere),
            ("sql_record_timeout", Goes::Nowhere),
        ],
    ),
    (
        "storage",
        &[
            ("path", Goes::To("server", "data_dir")),
            ("compact_trigger_file_num", Goes::To("storage", "compaction_trigger_files")),
            ("compact_trigger_cold_duration", Goes::To("storage", "compaction_cold")),
            ("max_compact_size", Goes::To("storage", "compaction_max_bytes")),
            ("max_summary_size", Goes::Nowhere),
            ("base_file_size", Goes::Nowhere),
            ("flush_req_channel_cap", Goes::Nowhere),
            ("max_cached_readers", Goes::Nowhere),
            ("max_level", Goes::Nowhere),
            ("max_concurrent_compaction", Goes::Nowhere),
            ("strict_write", Goes::Nowhere),
            ("reserve_space", Goes::Nowhere),
            ("copyinto_trigger_flush_size", Goes::Nowhere),
            ("max_datablock_size", Goes::Nowhere),
            ("index_cache_capacity", Goes::Nowhere),
            ("tsm_meta_compress", Goes::Nowhere),
        ],
    ),
    (
        "wal",
        &[
            ("sync", Goes::WalMode),
            ("max_file_size", Goes::To("wal", "segment_bytes")),
            ("path", Goes::Nowhere),
            ("wal_req_channel_cap", Goes::Nowhere),
            ("compress", Goes::Nowhere),
        ],
    ),
    ("cache", &[("max_buffer_size", Goes::To("storage", "flush_bytes")), ("partition", Goes::Nowhere)]),
    (
        "log",
        &[
            ("path", Goes::Nowhere),
            ("max_file_count", Goes::Nowhere),
            ("file_rotation", Goes::Nowhere),
            ("tokio_trace", Goes::Nowhere),
        ],
    ),
    (
        "service",
        &[
            ("http_listen_port", Goes::Listen),
            ("grpc_listen_port", Goes::Nowhere),
            ("grpc_enable_gzip", Goes::Nowhere),
            ("flight_rpc_listen_port", Goes::Nowhere),
            ("tcp_listen_port", Goes::Nowhere),
            ("enable_report", Goes::Nowhere),
            ("jaeger_rpc_listen_port", Goes::Nowhere),
        ],
    ),
    (
        "cluster",
        &[
            ("raft_logs_to_keep", Goes::Nowhere),
            ("snapshot_holding_time", Goes::Nowhere),
            ("trigger_snapshot_interval", Goes::Nowhere),
            ("lmdb_max_map_size", Goes::Nowhere),
            ("heartbeat_interval", Goes::Nowhere),
            ("send_append_entries_timeout", Goes::Nowhere),
            ("install_snapshot_timeout", Goes::Nowhere),
        ],
    ),
    // A section within a section; its variables are CNOSDB_SECURITY_TLS_CONFIG_….
    (
        "security.tls_config",
        &[
            ("certificate", Goes::To("server", "tls_certificate")),
            ("private_key", Goes::To("server", "tls_key")),
        ],
    ),
];

/// Sections of which nothing is carried over, whatever they hold.
const WHOLE_SECTIONS: [&str; 1] = ["trace"];

const PREFIX: &str = "CNOSDB_";

/// Settings in our words.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Carried {
    /// `section`, `key`, value: keys of ours.
    pub(super) settings: Vec<(&'static str, &'static str, Value)>,
    /// Names of settings that count for nothing here.
    pub(super) ignored: Vec<String>,
    host: Option<String>,
    port: Option<String>,
}

impl Carried {
    /// Takes the vendor's settings out of a file, and leaves ours.
    pub(super) fn take_from(table: &mut Table) -> Self {
        let mut carried = Self::default();
        for section in WHOLE_SECTIONS {
            if table.remove(section).is_some() {
                carried.ignored.push(section.to_owned());
            }
        }
        for (name, keys) in SETTINGS {
            let Some(section) = section_of(table, name) else { continue };
            for (key, goes) in keys {
                if let Some(value) = section.remove(*key) {
                    carried.add(*goes, &format!("{name}.{key}"), value);
                }
            }
        }
        remove_empty(table);
        carried.finish()
    }

    /// The vendor's variables of the environment. Variables of no known setting are told as ignored.
    pub(super) fn from_environment(variables: &[(String, String)]) -> Self {
        let mut carried = Self::default();
        let mut ours: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        ours.sort();
        for (name, text) in ours {
            match setting_of_variable(name) {
                Some(goes) => carried.add(goes, name, Value::String(text.clone())),
                None => carried.ignored.push(name.clone()),
            }
        }
        carried.finish()
    }

    fn add(&mut self, goes: Goes, name: &str, value: Value) {
        let text = match &value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        match goes {
            Goes::To(section, key) => self.settings.push((section, key, value)),
            Goes::WalMode => {
                // Not synced by the vendor means: when the operating system likes. It is told at the start.
                let mode = if text == "true" { "always" } else { "os" };
                self.settings.push(("wal", "mode", Value::String(mode.to_owned())));
            }
            Goes::Memory => self.settings.push(("memory", "total", Value::String(format!("{text}GiB")))),
            Goes::Listen if name.to_ascii_lowercase().ends_with("host") => self.host = Some(text),
            Goes::Listen => self.port = Some(text),
            Goes::Nowhere => self.ignored.push(name.to_owned()),
        }
    }

    /// The vendor listens on every address. Here it is the host that the file names, which by default
    /// is 127.0.0.1: a server is not opened to others by a port number.
    fn finish(mut self) -> Self {
        let (host, port) = (self.host.take(), self.port.take());
        if host.is_some() || port.is_some() {
            let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let listen = format!("{host}:{}", port.as_deref().unwrap_or("8902"));
            self.settings.push(("cnosdb", "listen", Value::String(listen)));
        }
        self
    }
}

/// A section, or a section within a section.
fn section_of<'t>(table: &'t mut Table, name: &str) -> Option<&'t mut Table> {
    let mut found = table;
    for part in name.split('.') {
        found = found.get_mut(part)?.as_table_mut()?;
    }
    Some(found)
}

/// Removes the vendor's sections of which nothing is left, so that what is left is ours or a mistake.
fn remove_empty(table: &mut Table) {
    for (name, _) in SETTINGS {
        let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
        if let Some(section) = table.get_mut(outer).and_then(Value::as_table_mut) {
            if section.get(inner).and_then(Value::as_table).is_some_and(Table::is_empty) {
                section.remove(inner);
            }
            if section.is_empty() {
                table.remove(outer);
            }
        }
    }
}

fn setting_of_variable(name: &str) -> Option<Goes> {
    let is_it = |section: &str, key: &str| {
        let setting = format!("{PREFIX}{}_{key}", section.replace('.', "_"));
        setting.eq_ignore_ascii_case(name)
    };
    if is_it("log", "level") {
        return Some(Goes::To("log", "level"));
    }
    SETTINGS
        .iter()
        .find_map(|(section, keys)| keys.iter().find(|(key, _)| is_it(section, key)).map(|(_, goes)| *goes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(carried: &Carried) -> Vec<String> {
        carried.settings.iter().map(|(s, k, v)| format!("{s}.{k}={v}")).collect()
    }

    #[test]
    fn a_file_is_carried_over() {
        let mut table: Table = r#"
            [global]
            node_id = 7
            host = "10.0.0.5"
            cluster_name = "c"
            [query]
            auth_enabled = true
            query_sql_limit = "32M"
            threads = 3
            [storage]
            path = "/var/lib/cnosdb/data"
            max_level = 4
            [wal]
            sync = false
            path = "/var/lib/cnosdb/wal"
            [service]
            http_listen_port = 31007
            [security.tls_config]
            certificate = "a.pem"
            private_key = "b.pem"
            [trace.log]
            path = "x"
        "#
        .parse()
        .unwrap();
        let carried = Carried::take_from(&mut table);
        assert_eq!(
            text(&carried),
            [
                "cnosdb.node_id=7",
                "cnosdb.query_sql_limit=\"32M\"",
                "cnosdb.auth_enabled=true",
                "server.data_dir=\"/var/lib/cnosdb/data\"",
                "wal.mode=\"os\"",
                "server.tls_certificate=\"a.pem\"",
                "server.tls_key=\"b.pem\"",
                "cnosdb.listen=\"10.0.0.5:31007\"",
            ]
        );
        assert_eq!(carried.ignored, ["trace", "global.cluster_name", "storage.max_level", "wal.path"]);
        // What is left is ours.
        assert_eq!(table.to_string().trim(), "[query]\nthreads = 3");
    }

    #[test]
    fn a_port_alone_opens_nothing_to_others() {
        let mut table: Table = "[service]\nhttp_listen_port = 31007".parse().unwrap();
        assert_eq!(text(&Carried::take_from(&mut table)), ["cnosdb.listen=\"127.0.0.1:31007\""]);
    }

    #[test]
    fn variables_are_carried_over() {
        let variables = [
            ("CNOSDB_QUERY_AUTH_ENABLED", "true"),
            ("CNOSDB_SECURITY_TLS_CONFIG_CERTIFICATE", "a.pem"),
            ("CNOSDB_DEPLOYMENT_MEMORY", "4"),
            ("CNOSDB_CACHE_PARTITION", "8"),
            ("CNOSDB_QUERY_NOPE", "1"),
            ("CNOSDB_LOG_LEVEL", "warn"),
            ("PATH", "/bin"),
        ];
        let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let carried = Carried::from_environment(&variables);
        assert_eq!(
            text(&carried),
            [
                "memory.total=\"4GiB\"",
                "log.level=\"warn\"",
                "cnosdb.auth_enabled=\"true\"",
                "server.tls_certificate=\"a.pem\"",
            ]
        );
        assert_eq!(carried.ignored, ["CNOSDB_CACHE_PARTITION", "CNOSDB_QUERY_NOPE"]);
    }
}
