//! Settings that a user of taosAdapter brings along: the keys of `taosadapter.toml`, variables
//! `TAOS_ADAPTER_KEY`, and flags of the keys' names.

use std::ffi::OsString;

use toml::{Table, Value};

use super::vendor::{Goes, Section, Vendor};

/// taosAdapter 3.3.
pub(super) const VENDOR: Vendor = Vendor {
    settings: &SETTINGS,
    // Interfaces and agents that this server does not have.
    whole_sections: &["influxdb", "opentsdb", "prometheus", "uploadKeeper", "register"],
    listener: "tdengine",
    port: "6041",
    prefix: "TAOS_ADAPTER_",
    variable,
};

const fn to(key: &'static str) -> Goes {
    Goes::To("tdengine", key)
}

/// Every setting that the vendor documents but for the interfaces above. `log.level` is ours, too.
const SETTINGS: [Section; 15] = [
    (
        "",
        &[
            ("port", Goes::Port),
            ("instanceId", to("instance_id")),
            ("logLevel", Goes::To("log", "level")),
            ("httpCodeServerError", to("http_code_server_error")),
            ("restfulRowLimit", to("restful_row_limit")),
            ("rejectQuerySqlRegex", to("reject_query_sql_regex")),
            ("debug", Goes::Nowhere),
            ("taosConfigDir", Goes::Nowhere),
            ("smlAutoCreateDB", to("sml_auto_create_db")),
            ("maxSyncConcurrentLimit", Goes::Nowhere),
            ("maxAsyncConcurrentLimit", Goes::Nowhere),
        ],
    ),
    (
        "cors",
        &[
            ("allowAllOrigins", to("cors_allow_all_origins")),
            ("allowOrigins", to("cors_allow_origins")),
            ("allowHeaders", to("cors_allow_headers")),
            ("exposeHeaders", to("cors_expose_headers")),
            ("allowCredentials", to("cors_allow_credentials")),
            ("allowWebSockets", Goes::Nowhere),
        ],
    ),
    (
        "pool",
        &[
            ("maxConnect", to("pool_max_connect")),
            ("waitTimeout", Goes::Seconds("tdengine", "pool_wait_timeout")),
            ("maxWait", to("pool_max_wait")),
            ("maxIdle", Goes::Nowhere),
            ("idleTimeout", Goes::Nowhere),
        ],
    ),
    (
        "ssl",
        &[
            ("enable", Goes::Tls),
            ("certFile", Goes::To("server", "tls_certificate")),
            ("keyFile", Goes::To("server", "tls_key")),
        ],
    ),
    (
        "log",
        &[
            ("path", Goes::Nowhere),
            ("rotationCount", Goes::Nowhere),
            ("rotationTime", Goes::Nowhere),
            ("rotationSize", Goes::Nowhere),
            ("keepDays", Goes::Nowhere),
            ("compress", Goes::Nowhere),
            ("reservedDiskSize", Goes::Nowhere),
            ("enableRecordHttpSql", Goes::Nowhere),
            ("sqlRotationCount", Goes::Nowhere),
            ("sqlRotationTime", Goes::Nowhere),
            ("sqlRotationSize", Goes::Nowhere),
            ("enableSqlToCsvLogging", Goes::Nowhere),
            ("enableStmtToCsvLogging", Goes::Nowhere),
        ],
    ),
    (
        "monitor",
        &[
            ("disable", Goes::Nowhere),
            ("collectDuration", Goes::Seconds("tdengine", "monitor_interval")),
            ("incgroup", Goes::Nowhere),
            ("identity", Goes::Nowhere),
            ("pauseQueryMemoryThreshold", to("pause_query_memory_threshold")),
            ("pauseAllMemoryThreshold", to("pause_all_memory_threshold")),
        ],
    ),
    (
        "request.default",
        &[
            ("queryLimit", to("query_limit")),
            ("queryWaitTimeout", Goes::Seconds("tdengine", "query_wait_timeout")),
            ("queryMaxWait", to("query_max_wait")),
        ],
    ),
    // `users` is put there by `take_users`.
    ("request.users", &[("all", to("query_limit_users"))]),
    (
        "request",
        &[
            ("queryLimitEnable", to("query_limit_enable")),
            ("excludeQueryLimitSql", to("exclude_query_limit_sql")),
            ("excludeQueryLimitSqlRegex", to("exclude_query_limit_sql_regex")),
        ],
    ),
    // Its rules are ours, too; they know both spellings of their keys.
    ("input_json", &[("enable", Goes::To("input_json", "enable"))]),
    (
        "opentsdb_telnet",
        &[
            ("enable", Goes::To("opentsdb_telnet", "enabled")),
            ("ports", Goes::Ports("opentsdb_telnet", "listen")),
            ("dbs", Goes::To("opentsdb_telnet", "dbs")),
            ("user", Goes::To("opentsdb_telnet", "user")),
            ("password", Goes::To("opentsdb_telnet", "password")),
            ("token", Goes::To("opentsdb_telnet", "token")),
            ("ttl", Goes::To("opentsdb_telnet", "ttl")),
            ("batchSize", Goes::To("opentsdb_telnet", "batch_size")),
            ("flushInterval", Goes::Seconds("opentsdb_telnet", "flush_interval")),
            ("maxTCPConnections", Goes::To("opentsdb_telnet", "max_tcp_connections")),
            ("tcpKeepAlive", Goes::To("opentsdb_telnet", "tcp_keep_alive")),
        ],
    ),
    (
        "collectd",
        &[
            ("enable", Goes::To("collectd", "enabled")),
            ("port", Goes::PortOf("collectd", "listen")),
            ("db", Goes::To("collectd", "db")),
            ("user", Goes::To("collectd", "user")),
            ("password", Goes::To("collectd", "password")),
            ("token", Goes::To("collectd", "token")),
            ("ttl", Goes::To("collectd", "ttl")),
            ("worker", Goes::To("collectd", "worker")),
        ],
    ),
    (
        "statsd",
        &[
            ("enable", Goes::To("statsd", "enabled")),
            ("port", Goes::PortOf("statsd", "listen")),
            ("protocol", Goes::To("statsd", "protocol")),
            ("db", Goes::To("statsd", "db")),
            ("user", Goes::To("statsd", "user")),
            ("password", Goes::To("statsd", "password")),
            ("token", Goes::To("statsd", "token")),
            ("ttl", Goes::To("statsd", "ttl")),
            ("worker", Goes::To("statsd", "worker")),
            ("gatherInterval", Goes::Seconds("statsd", "gather_interval")),
            ("maxTCPConnections", Goes::To("statsd", "max_tcp_connections")),
            ("tcpKeepAlive", Goes::To("statsd", "tcp_keep_alive")),
            ("allowPendingMessages", Goes::To("statsd", "allow_pending_messages")),
            ("deleteCounters", Goes::To("statsd", "delete_counters")),
            ("deleteGauges", Goes::To("statsd", "delete_gauges")),
            ("deleteSets", Goes::To("statsd", "delete_sets")),
            ("deleteTimings", Goes::To("statsd", "delete_timings")),
        ],
    ),
    (
        "node_exporter",
        &[
            ("enable", Goes::To("node_exporter", "enabled")),
            ("urls", Goes::List("node_exporter", "urls", "")),
            ("db", Goes::To("node_exporter", "db")),
            ("user", Goes::To("node_exporter", "user")),
            ("password", Goes::To("node_exporter", "password")),
            ("token", Goes::To("node_exporter", "token")),
            ("ttl", Goes::To("node_exporter", "ttl")),
            ("gatherDuration", Goes::Seconds("node_exporter", "gather_duration")),
            ("responseTimeout", Goes::Seconds("node_exporter", "response_timeout")),
            ("httpUsername", Goes::To("node_exporter", "http_username")),
            ("httpPassword", Goes::To("node_exporter", "http_password")),
            ("httpBearerTokenString", Goes::To("node_exporter", "http_bearer_token_string")),
            ("caCertFile", Goes::To("node_exporter", "ca_cert_file")),
            ("certFile", Goes::To("node_exporter", "cert_file")),
            ("keyFile", Goes::To("node_exporter", "key_file")),
            ("insecureSkipVerify", Goes::To("node_exporter", "insecure_skip_verify")),
        ],
    ),
    (
        "open_metrics",
        &[
            ("enable", Goes::To("open_metrics", "enabled")),
            ("urls", Goes::List("open_metrics", "urls", "")),
            ("dbs", Goes::List("open_metrics", "dbs", "")),
            ("user", Goes::To("open_metrics", "user")),
            ("password", Goes::To("open_metrics", "password")),
            ("token", Goes::To("open_metrics", "token")),
            ("ttl", Goes::To("open_metrics", "ttl")),
            ("gatherDurationSeconds", Goes::List("open_metrics", "gather_durations", "s")),
            ("responseTimeoutSeconds", Goes::List("open_metrics", "response_timeouts", "s")),
            ("httpUsernames", Goes::List("open_metrics", "http_usernames", "")),
            ("httpPasswords", Goes::List("open_metrics", "http_passwords", "")),
            ("httpBearerTokenStrings", Goes::List("open_metrics", "http_bearer_token_strings", "")),
            ("caCertFiles", Goes::List("open_metrics", "ca_cert_files", "")),
            ("certFiles", Goes::List("open_metrics", "cert_files", "")),
            ("keyFiles", Goes::List("open_metrics", "key_files", "")),
            ("insecureSkipVerify", Goes::To("open_metrics", "insecure_skip_verify")),
            ("ignoreTimestamp", Goes::To("open_metrics", "ignore_timestamp")),
        ],
    ),
];

/// Writes the tables `[request.users.NAME]` as our list of limits.
pub(super) fn fold_users(table: &mut Table) {
    let request = table.get_mut("request").and_then(Value::as_table_mut);
    let Some(users) = request.and_then(|r| r.get_mut("users")).and_then(Value::as_table_mut) else { return };
    let limits: Vec<Value> = users
        .iter()
        .filter_map(|(user, limits)| {
            let limits = limits.as_table()?;
            let number = |key: &str| limits.get(key).and_then(Value::as_integer);
            let limit = number("queryLimit").unwrap_or(0);
            let (wait, waiting) =
                (number("queryWaitTimeout").unwrap_or(900), number("queryMaxWait").unwrap_or(0));
            Some(Value::String(format!("{user}={limit}:{wait}:{waiting}")))
        })
        .collect();
    *users = Table::from_iter([("all".to_owned(), Value::Array(limits))]);
}

/// `pool.maxConnect` is `POOL_MAX_CONNECT`, with three names that are older than the rule.
fn variable(section: &str, key: &str) -> String {
    match (section, key) {
        ("", "taosConfigDir") => return "TAOS_CONFIG_FILE".to_owned(),
        ("cors", "allowOrigins") => return "ALLOW_ORIGINS".to_owned(),
        ("cors", "allowHeaders") => return "ALLOW_HEADERS".to_owned(),
        ("cors", "exposeHeaders") => return "EXPOSE_HEADERS".to_owned(),
        _ => {}
    }
    let full = if section.is_empty() { key.to_owned() } else { format!("{section}_{key}").replace('.', "_") };
    let (mut name, mut last) = (String::new(), '_');
    let mut characters = full.chars().peekable();
    while let Some(c) = characters.next() {
        // A hump: the first letter of a word, also behind an abbreviation (`maxTCPConnections`).
        let ends_abbreviation =
            last.is_ascii_uppercase() && characters.peek().is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && last != '_' && (!last.is_ascii_uppercase() || ends_abbreviation) {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
        last = c;
    }
    name
}

/// Takes taosAdapter's flags out of a command line: `--pool.maxConnect 5`, `--port=6041`, `-P 6041`; a flag
/// without a value is `true`. The arguments without them, and name and text of each.
pub(crate) fn take_flags(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<(String, String)>) {
    let (mut rest, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let name = if name == "-P" { "port" } else { name.strip_prefix("--").unwrap_or_default() };
        if VENDOR.of_name(name).is_none() {
            rest.push(argument);
            continue;
        }
        let name = name.to_owned();
        let follows = |next: &OsString| !next.to_string_lossy().starts_with('-');
        let value = value.or_else(|| arguments.next_if(follows)?.into_string().ok());
        flags.push((name, value.unwrap_or_else(|| "true".to_owned())));
    }
    (rest, flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::vendor::Carried;

    fn text(carried: &Carried) -> Vec<String> {
        carried.settings.iter().map(|(s, k, v)| format!("{s}.{k}={v}")).collect()
    }

    #[test]
    fn a_file_is_carried_over() {
        let mut table: Table = r#"
            debug = true
            port = 6051
            logLevel = "warn"
            httpCodeServerError = true
            rejectQuerySqlRegex = ["(?i)^drop"]
            [cors]
            allowAllOrigins = false
            [pool]
            maxConnect = 8
            waitTimeout = 30
            maxIdle = 4
            [ssl]
            enable = false
            certFile = "a.pem"
            [log]
            path = "/var/log/taos"
            [monitor]
            collectDuration = "5s"
            pauseAllMemoryThreshold = 90
            [influxdb]
            enable = true
            [request]
            queryLimitEnable = true
            [request.default]
            queryLimit = 2
            queryWaitTimeout = 10
            [request.users.alice]
            queryLimit = 5
            queryMaxWait = 3
        "#
        .parse()
        .unwrap();
        fold_users(&mut table);
        let carried = Carried::take_from(&VENDOR, &mut table);
        assert_eq!(
            text(&carried),
            [
                "log.level=\"warn\"",
                "tdengine.http_code_server_error=true",
                "tdengine.reject_query_sql_regex=[\"(?i)^drop\"]",
                "tdengine.cors_allow_all_origins=false",
                "tdengine.pool_max_connect=8",
                "tdengine.pool_wait_timeout=\"30s\"",
                "tdengine.monitor_interval=\"5s\"",
                "tdengine.pause_all_memory_threshold=90",
                "tdengine.query_limit=2",
                "tdengine.query_wait_timeout=\"10s\"",
                "tdengine.query_limit_users=[\"alice=5:900:3\"]",
                "tdengine.query_limit_enable=true",
                "tdengine.listen=\"127.0.0.1:6051\"",
            ]
        );
        assert_eq!(carried.ignored, ["influxdb", "debug", "pool.maxIdle", "log.path"]);
        assert!(table.is_empty(), "{table}");
    }

    #[test]
    fn scrapers_are_carried_over() {
        let mut table: Table = r#"
            [node_exporter]
            enable = true
            urls = ["http://localhost:9100"]
            gatherDuration = "5s"
            httpPassword = ""
            insecureSkipVerify = false
            [open_metrics]
            enable = true
            dbs = ["a", "b"]
            urls = ["http://x", "http://y"]
            gatherDurationSeconds = [5, 10]
            responseTimeoutSeconds = [5, 5]
            ignoreTimestamp = true
        "#
        .parse()
        .unwrap();
        let carried = Carried::take_from(&VENDOR, &mut table);
        assert_eq!(
            text(&carried),
            [
                "node_exporter.enabled=true",
                "node_exporter.urls=[\"http://localhost:9100\"]",
                "node_exporter.gather_duration=\"5s\"",
                "node_exporter.http_password=\"\"",
                "node_exporter.insecure_skip_verify=false",
                "open_metrics.enabled=true",
                "open_metrics.urls=[\"http://x\", \"http://y\"]",
                "open_metrics.dbs=[\"a\", \"b\"]",
                "open_metrics.gather_durations=[\"5s\", \"10s\"]",
                "open_metrics.response_timeouts=[\"5s\", \"5s\"]",
                "open_metrics.ignore_timestamp=true",
            ]
        );
        assert!(carried.ignored.is_empty() && table.is_empty(), "{table}");
        let variables = [
            ("TAOS_ADAPTER_OPEN_METRICS_GATHER_DURATION_SECONDS", "5 10"),
            ("TAOS_ADAPTER_OPEN_METRICS_URLS", "http://x http://y"),
            ("TAOS_ADAPTER_NODE_EXPORTER_CA_CERT_FILE", "ca.pem"),
            ("TAOS_ADAPTER_NODE_EXPORTER_HTTP_BEARER_TOKEN_STRING", "t"),
        ];
        let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(
            text(&Carried::from_environment(&VENDOR, &variables)),
            [
                "node_exporter.ca_cert_file=\"ca.pem\"",
                "node_exporter.http_bearer_token_string=\"t\"",
                "open_metrics.gather_durations=\"5s,10s\"",
                "open_metrics.urls=\"http://x,http://y\"",
            ]
        );
    }

    #[test]
    fn variables_are_named_by_the_vendors_rule() {
        for (section, key, wanted) in [
            ("", "port", "PORT"),
            ("", "httpCodeServerError", "HTTP_CODE_SERVER_ERROR"),
            ("", "smlAutoCreateDB", "SML_AUTO_CREATE_DB"),
            ("pool", "maxConnect", "POOL_MAX_CONNECT"),
            ("cors", "allowAllOrigins", "CORS_ALLOW_ALL_ORIGINS"),
            ("cors", "allowOrigins", "ALLOW_ORIGINS"),
            ("request.default", "queryLimit", "REQUEST_DEFAULT_QUERY_LIMIT"),
            ("opentsdb_telnet", "maxTCPConnections", "OPENTSDB_TELNET_MAX_TCP_CONNECTIONS"),
            ("opentsdb_telnet", "tcpKeepAlive", "OPENTSDB_TELNET_TCP_KEEP_ALIVE"),
        ] {
            assert_eq!(variable(section, key), wanted);
        }
        let variables = [
            ("TAOS_ADAPTER_PORT", "7"),
            ("TAOS_ADAPTER_POOL_WAIT_TIMEOUT", "5"),
            ("TAOS_ADAPTER_DEBUG", "false"),
            ("TAOS_ADAPTER_Expose_Headers", "X-A"),
            ("TAOS_ADAPTER_NOPE", "1"),
        ];
        let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let carried = Carried::from_environment(&VENDOR, &variables);
        assert_eq!(
            text(&carried),
            [
                "tdengine.cors_expose_headers=\"X-A\"",
                "tdengine.pool_wait_timeout=\"5s\"",
                "tdengine.listen=\"127.0.0.1:7\"",
            ]
        );
        assert_eq!(carried.ignored, ["TAOS_ADAPTER_DEBUG", "TAOS_ADAPTER_NOPE"]);
    }

    #[test]
    fn flags_are_taken_out_of_the_command_line() {
        let words =
            "serve --data-dir d -P 6051 --pool.maxConnect=5 --debug --httpCodeServerError true --log-level x";
        let (rest, flags) = take_flags(words.split(' ').map(OsString::from).collect());
        assert_eq!(rest, ["serve", "--data-dir", "d", "--log-level", "x"]);
        let wanted =
            [("port", "6051"), ("pool.maxConnect", "5"), ("debug", "true"), ("httpCodeServerError", "true")];
        assert_eq!(flags, wanted.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
