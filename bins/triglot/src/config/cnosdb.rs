//! Settings that a user of CnosDB brings along: the sections and keys of `cnosdb.conf`, and variables
//! `CNOSDB_SECTION_KEY`.

use super::vendor::{Goes, Section, Vendor};

/// CnosDB.
pub(super) const VENDOR: Vendor = Vendor {
    settings: &SETTINGS,
    whole_sections: &["trace"],
    listener: "cnosdb",
    port: "8902",
    prefix: "CNOSDB_",
    variable: |section, key| format!("{}_{key}", section.replace('.', "_")),
};

/// Every setting that CnosDB 2.4 documents. `log.level` is ours, too, and means the same.
const SETTINGS: [Section; 11] = [
    (
        "global",
        &[
            ("node_id", Goes::To("cnosdb", "node_id")),
            ("host", Goes::Host),
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
            ("http_listen_port", Goes::Port),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::vendor::Carried;
    use toml::Table;

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
        let carried = Carried::take_from(&VENDOR, &mut table);
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
        assert_eq!(text(&Carried::take_from(&VENDOR, &mut table)), ["cnosdb.listen=\"127.0.0.1:31007\""]);
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
        let carried = Carried::from_environment(&VENDOR, &variables);
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
