//! Every configuration key, its type and its default. `docs/config.example.toml` says the same in
//! TOML; a test compares the two.

use serde::{Deserialize, Serialize};
use triglot_dialect_cnosdb::config::BulkItems;
use triglot_dialect_tdengine::config::InputJsonOptions;

use super::agents::{Collectd, OpentsdbTelnet, Statsd};
use super::scrape::{NodeExporter, OpenMetrics};
use super::units::{ByteSize, MemorySize, Span};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) wal: Wal,
    pub(crate) memory: Memory,
    pub(crate) query: Query,
    pub(crate) auth: Auth,
    pub(crate) log: Log,
    pub(crate) cnosdb: Cnosdb,
    pub(crate) tdengine: Tdengine,
    /// `[input_json]`, with the rules of `/input_json` on TDengine's port.
    pub(crate) input_json: InputJsonOptions,
    pub(crate) kwdb: Kwdb,
    pub(crate) opentsdb_telnet: OpentsdbTelnet,
    pub(crate) collectd: Collectd,
    pub(crate) statsd: Statsd,
    pub(crate) node_exporter: NodeExporter,
    pub(crate) open_metrics: OpenMetrics,
    /// Settings of other products that were given and count for nothing here.
    #[serde(skip)]
    pub(crate) ignored: Vec<String>,
}

/// `[server]`: the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Directory of everything that is stored.
    pub(crate) data_dir: String,
    /// PEM file with the certificate chain, leaf first; empty = plain HTTP.
    pub(crate) tls_certificate: String,
    /// PEM file with the private key.
    pub(crate) tls_key: String,
    /// Threads that serve connections, 0 = one a core.
    pub(crate) workers: usize,
    /// Connections at a time on one listener; further ones wait to be accepted.
    pub(crate) max_connections: usize,
    /// How long an idle connection is kept.
    pub(crate) keep_alive: Span,
    /// How long running requests may take to end after SIGTERM.
    pub(crate) shutdown_timeout: Span,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data_dir: "triglot-data".to_owned(),
            tls_certificate: String::new(),
            tls_key: String::new(),
            workers: 0,
            max_connections: 10_240,
            keep_alive: Span::seconds(75),
            shutdown_timeout: Span::seconds(30),
        }
    }
}

/// `[storage]`: memtables, files and the limits on tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storage {
    /// Shards, 0 = one a core, at most 8. Fixed when the data directory is made.
    pub(crate) shards: u16,
    /// A shard flushes when its memtables hold this much.
    pub(crate) flush_bytes: ByteSize,
    /// A shard flushes when its oldest unflushed row is this old.
    pub(crate) flush_interval: Span,
    /// How long a write waits for memory before it is refused as busy.
    pub(crate) max_stall: Span,
    /// How often retention, compaction and sweeps look for work.
    pub(crate) background_interval: Span,
    /// Files of similar size side by side that start a compaction.
    pub(crate) compaction_trigger_files: usize,
    /// Files in one compaction, at most.
    pub(crate) compaction_max_inputs: usize,
    /// Size of the inputs of one compaction, at most.
    pub(crate) compaction_max_bytes: ByteSize,
    /// A bucket that got no new file for so long is merged into one file.
    pub(crate) compaction_cold: Span,
    /// Columns of one table, time and tags included.
    pub(crate) max_columns: usize,
    /// Bytes of a database, table or column name.
    pub(crate) max_name_bytes: ByteSize,
    /// Bytes of one tag value.
    pub(crate) max_tag_bytes: ByteSize,
    /// Bytes of one string or binary value.
    pub(crate) max_value_bytes: ByteSize,
    /// Series on the node, about 200 bytes of memory each.
    pub(crate) max_series: usize,
    /// Tables on the node.
    pub(crate) max_tables: usize,
    /// Distinct time buckets that one request may write to in one table.
    pub(crate) max_buckets_per_request: usize,
    /// Directories whose files every user may name in external tables and COPY, besides
    /// `external` in the data directory. Administrators may name any path.
    pub(crate) external_dirs: Vec<String>,
}

impl Default for Storage {
    fn default() -> Self {
        let storage = triglot_storage::StorageOptions::default();
        let limits = storage.limits;
        Self {
            shards: 0,
            flush_bytes: ByteSize(storage.flush_bytes),
            flush_interval: Span(storage.flush_interval),
            max_stall: Span(storage.max_stall),
            background_interval: Span(storage.background_interval),
            compaction_trigger_files: storage.compaction.trigger_files,
            compaction_max_inputs: storage.compaction.max_inputs,
            compaction_max_bytes: ByteSize(storage.compaction.max_bytes),
            compaction_cold: Span::seconds(storage.compaction.cold_seconds),
            max_columns: limits.max_columns,
            max_name_bytes: ByteSize(limits.max_name_bytes as u64),
            max_tag_bytes: ByteSize(limits.max_tag_bytes as u64),
            max_value_bytes: ByteSize(limits.max_value_bytes as u64),
            max_series: limits.max_series,
            max_tables: limits.max_tables,
            max_buckets_per_request: limits.max_buckets_per_request,
            external_dirs: Vec::new(),
        }
    }
}

/// When the write-ahead log is fsynced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WalMode {
    /// Before every success is answered.
    Always,
    /// Every `interval`.
    Interval,
    /// When the operating system likes.
    Os,
}

/// `[wal]`: the write-ahead log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wal {
    /// When it is fsynced.
    pub(crate) mode: WalMode,
    /// Time between fsyncs in mode `interval`.
    pub(crate) interval: Span,
    /// Size of a segment file.
    pub(crate) segment_bytes: ByteSize,
    /// Freed segments that are kept for reuse.
    pub(crate) recycle_max: usize,
    /// Compress large batches with LZ4.
    pub(crate) lz4: bool,
}

impl Default for Wal {
    fn default() -> Self {
        let wal = triglot_storage::wal::WalOptions::default();
        Self {
            mode: WalMode::Always,
            interval: Span(std::time::Duration::from_millis(100)),
            segment_bytes: ByteSize(wal.segment_bytes),
            recycle_max: wal.recycle_max,
            lz4: wal.lz4,
        }
    }
}

/// `[memory]`: the one budget, split by [`triglot_model::MemoryShares`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Memory {
    /// A size, or a share of the memory of the machine or its control group.
    pub(crate) total: MemorySize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { total: MemorySize::Share(60) }
    }
}

/// `[query]`: limits of queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Query {
    /// Threads of queries, flushes and compactions, 0 = one a core.
    pub(crate) threads: usize,
    /// Queries at a time; one more is refused as busy.
    pub(crate) max_concurrent: usize,
    /// How long a query may take, 0 = no limit.
    pub(crate) timeout: Span,
    /// Disk space that all queries together may spill to, 0 = none: they fail instead.
    pub(crate) max_spill_bytes: ByteSize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            threads: 0,
            max_concurrent: 64,
            timeout: Span::seconds(300),
            max_spill_bytes: ByteSize(20 << 30),
        }
    }
}

/// `[auth]`: credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Auth {
    /// Password that user root has from the start on; empty = not set here. Better given as
    /// `TRIGLOT_ROOT_PASSWORD`.
    pub(crate) root_password: String,
    /// Serve other than loopback addresses although root still has the vendors' default password.
    pub(crate) allow_default_credentials: bool,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`: what is written to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives like `info,triglot_storage=debug`.
    pub(crate) level: String,
    /// How it is written.
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// `[cnosdb]`: CnosDB's HTTP port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cnosdb {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Address and port.
    pub(crate) listen: String,
    /// Whether passwords are compared. `false` is the vendor's default and holds for loopback peers only.
    pub(crate) auth_enabled: bool,
    /// HTTP status of failed logins: 401 as in the vendor's manual, or 422 as its server answers.
    pub(crate) auth_error_status: u16,
    /// What `items` of an answer to `_bulk` holds: `object` as Elasticsearch answers, `string` as the vendor.
    pub(crate) bulk_items: BulkItems,
    /// The `node_id` of metrics.
    pub(crate) node_id: u64,
    /// Body limit of `/api/v1/sql` and the Prometheus routes.
    pub(crate) query_sql_limit: ByteSize,
    /// Body limit of the write routes.
    pub(crate) write_sql_limit: ByteSize,
}

impl Default for Cnosdb {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:8902".to_owned(),
            auth_enabled: true,
            auth_error_status: 401,
            bulk_items: BulkItems::Object,
            node_id: 1001,
            query_sql_limit: ByteSize(16 << 20),
            write_sql_limit: ByteSize(160 << 20),
        }
    }
}

/// `[tdengine]`: taosAdapter's HTTP port. Names are the vendor's in our spelling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tdengine {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Address and port.
    pub(crate) listen: String,
    /// Number of this server in the numbers of requests, 0 to 255.
    pub(crate) instance_id: u8,
    /// HTTP status of failed logins on `/rest/sql`: 401 as in the vendor's manual, or 200 as its server
    /// answers.
    pub(crate) auth_error_status: u16,
    /// HTTP statuses of their own for errors of the engine, instead of 200.
    pub(crate) http_code_server_error: bool,
    /// Whether line protocol, OpenTSDB and Prometheus make a database that does not exist.
    pub(crate) sml_auto_create_db: bool,
    /// Rows of one answer, -1 = all.
    pub(crate) restful_row_limit: i64,
    /// The server's time zone, empty = the machine's.
    pub(crate) timezone: String,
    /// Body limit of all routes.
    pub(crate) body_limit: ByteSize,
    /// Patterns of statements that are refused; inserts never are.
    pub(crate) reject_query_sql_regex: Vec<String>,
    /// Requests of one user at a time, 0 = no limit; how long and how many may wait (0 = no limit).
    pub(crate) pool_max_connect: usize,
    pub(crate) pool_wait_timeout: Span,
    pub(crate) pool_max_wait: usize,
    /// Whether queries of one user are limited: at a time (0 = no limit), waiting time, waiting ones.
    pub(crate) query_limit_enable: bool,
    pub(crate) query_limit: usize,
    pub(crate) query_wait_timeout: Span,
    pub(crate) query_max_wait: usize,
    /// `user=limit:wait seconds:waiting` of users with limits of their own.
    pub(crate) query_limit_users: Vec<String>,
    /// Queries that are not limited, and patterns of such.
    pub(crate) exclude_query_limit_sql: Vec<String>,
    pub(crate) exclude_query_limit_sql_regex: Vec<String>,
    /// Percent of the machine's memory in this process from which on queries, or all requests, are
    /// refused, and how often that is looked at.
    pub(crate) pause_query_memory_threshold: u8,
    pub(crate) pause_all_memory_threshold: u8,
    pub(crate) monitor_interval: Span,
    /// Which pages of other origins may ask, with which headers.
    pub(crate) cors_allow_all_origins: bool,
    pub(crate) cors_allow_origins: Vec<String>,
    pub(crate) cors_allow_headers: Vec<String>,
    pub(crate) cors_expose_headers: Vec<String>,
    pub(crate) cors_allow_credentials: bool,
    /// Directory of recordings (`/record_sql`), empty = `records` in the data directory.
    pub(crate) record_dir: String,
}

impl Default for Tdengine {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:6041".to_owned(),
            instance_id: 32,
            auth_error_status: 401,
            http_code_server_error: false,
            sml_auto_create_db: false,
            restful_row_limit: -1,
            timezone: String::new(),
            body_limit: ByteSize(64 << 20),
            reject_query_sql_regex: Vec::new(),
            pool_max_connect: 0,
            pool_wait_timeout: Span::seconds(60),
            pool_max_wait: 0,
            query_limit_enable: false,
            query_limit: 0,
            query_wait_timeout: Span::seconds(900),
            query_max_wait: 0,
            query_limit_users: Vec::new(),
            exclude_query_limit_sql: Vec::new(),
            exclude_query_limit_sql_regex: Vec::new(),
            pause_query_memory_threshold: 70,
            pause_all_memory_threshold: 80,
            monitor_interval: Span::seconds(3),
            cors_allow_all_origins: true,
            cors_allow_origins: Vec::new(),
            cors_allow_headers: Vec::new(),
            cors_expose_headers: Vec::new(),
            cors_allow_credentials: false,
            record_dir: String::new(),
        }
    }
}

/// Which of two descriptions of KWDB's API answers follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wire {
    /// The published manual.
    Manual,
    /// The vendor's server.
    Server,
}

/// `[kwdb]`: KWDB's HTTP port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Kwdb {
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Address and port.
    pub(crate) listen: String,
    /// Whose answers: those of the published manual, or those of the vendor's server.
    pub(crate) wire: Wire,
    /// Plain HTTP instead of TLS.
    pub(crate) insecure: bool,
    /// Directory of `ca.crt`, `node.crt`, `node.key` (and `ui.crt`, `ui.key`, which are preferred), empty = `certs` in
    /// the data directory. Made at the first start if there are none. `server.tls_certificate` takes their place.
    pub(crate) certs_dir: String,
    /// Further host names and addresses in the certificate that is made.
    pub(crate) certificate_names: Vec<String>,
    /// Body limit of all routes.
    pub(crate) body_limit: ByteSize,
    /// A query's answer is cut between rows at this size, 0 = never.
    pub(crate) response_limit: ByteSize,
    /// Connections at a time, 0 = no limit; requests on further ones are answered 503.
    pub(crate) max_connections: usize,
    /// Token sessions at a time, 0 = no limit; further log-ins are answered 503.
    pub(crate) max_sessions: usize,
}

impl Default for Kwdb {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:8080".to_owned(),
            wire: Wire::Manual,
            insecure: false,
            certs_dir: String::new(),
            certificate_names: Vec::new(),
            body_limit: ByteSize(64 << 20),
            response_limit: ByteSize(5 << 20),
            max_connections: 150,
            max_sessions: 100,
        }
    }
}

/// Keys whose values are not shown, but for defaults.
pub(crate) const SECRETS: [(&str, &str); 15] = [
    ("auth", "root_password"),
    ("opentsdb_telnet", "password"),
    ("opentsdb_telnet", "token"),
    ("collectd", "password"),
    ("collectd", "token"),
    ("statsd", "password"),
    ("statsd", "token"),
    ("node_exporter", "password"),
    ("node_exporter", "token"),
    ("node_exporter", "http_password"),
    ("node_exporter", "http_bearer_token_string"),
    ("open_metrics", "password"),
    ("open_metrics", "token"),
    ("open_metrics", "http_passwords"),
    ("open_metrics", "http_bearer_token_strings"),
];
