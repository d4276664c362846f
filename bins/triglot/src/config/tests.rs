use std::path::Path;

use super::*;

fn overrides(environment: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> Overrides {
    let own = |s: &&str| (*s).to_owned();
    Overrides {
        environment: environment.iter().map(|(k, v)| (own(k), own(v))).collect(),
        flags: flags.iter().map(|(s, k, v)| (own(s), own(k), own(v))).collect(),
        vendor_flags: Vec::new(),
    }
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("triglot.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn load_text(text: &str) -> Result<Config, String> {
    let (_dir, path) = file(text);
    load(Some(&path), &Overrides::default())
        .map_err(|e| e.to_string().replace(&format!("{}", path.display()), "FILE"))
}

#[test]
fn the_example_file_is_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.example.toml");
    let given = load(Some(&path), &Overrides::default()).unwrap();
    assert_eq!(given, Config::default());
    // Every key stands in it, so that it documents all of them.
    let text: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let all = toml::Table::try_from(Config::default()).unwrap();
    for (section, keys) in &all {
        let written = text.get(section).and_then(|v| v.as_table()).unwrap_or_else(|| panic!("[{section}]"));
        for key in keys.as_table().unwrap().keys() {
            assert!(written.contains_key(key), "{section}.{key} is missing in the example");
        }
    }
}

#[test]
fn flags_beat_environment_beats_file_beats_defaults() {
    let (_dir, path) =
        file("[cnosdb]\nlisten = \"127.0.0.1:1\"\n[wal]\nmode = \"os\"\n[storage]\nshards = 3\n");
    let env =
        [("TRIGLOT_CNOSDB__LISTEN", "127.0.0.1:2"), ("TRIGLOT_WAL__MODE", "interval"), ("HOME", "/root")];
    let flags = [("cnosdb", "listen", "127.0.0.1:3")];
    let config = load(Some(&path), &overrides(&env, &flags)).unwrap();
    assert_eq!(config.cnosdb.listen, "127.0.0.1:3");
    assert_eq!(config.wal.mode, WalMode::Interval);
    assert_eq!(config.storage.shards, 3);
    assert_eq!(config.log, Config::default().log);
}

#[test]
fn variables_take_the_type_of_their_key() {
    let env = [
        ("TRIGLOT_AUTH__ROOT_PASSWORD", "12345"),
        ("TRIGLOT_AUTH__ALLOW_DEFAULT_CREDENTIALS", "true"),
        ("TRIGLOT_STORAGE__SHARDS", "4"),
        ("TRIGLOT_STORAGE__FLUSH_BYTES", "64MiB"),
        ("TRIGLOT_MEMORY__TOTAL", "1GiB"),
    ];
    let config = load(None, &overrides(&env, &[])).unwrap();
    assert_eq!(config.auth.root_password, "12345");
    assert!(config.auth.allow_default_credentials);
    assert_eq!(config.storage.shards, 4);
    assert_eq!(config.storage_options().flush_bytes, 64 << 20);
    assert_eq!(config.memory_shares(), triglot_model::MemoryShares::of(1 << 30));
    let short = load(None, &overrides(&[("TRIGLOT_ROOT_PASSWORD", "s")], &[])).unwrap();
    assert_eq!(short.auth.root_password, "s");
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    for (text, wanted) in [
        (
            "[cnosdb]\n# x\nlisen = \"a\"\n",
            "FILE:3: there is no key cnosdb.lisen; did you mean cnosdb.listen?",
        ),
        ("[storge]\n", "FILE:1: there is no section [storge]; did you mean [storage]?"),
        (
            "[server]\nroot_password = \"x\"\n",
            "FILE:2: there is no key server.root_password; did you mean auth.root_password?",
        ),
        ("[server]\nzzz = 1\n", "FILE:2: there is no key server.zzz"),
        ("wal = 1\n", "FILE:1: \"wal\" is a section; write [wal] and its keys below"),
    ] {
        assert_eq!(load_text(text).unwrap_err(), wanted);
    }
    let env = overrides(&[("TRIGLOT_WAL__MODUS", "os")], &[]);
    assert_eq!(
        load(None, &env).unwrap_err().to_string(),
        "TRIGLOT_WAL__MODUS: there is no key wal.modus; did you mean wal.mode?"
    );
}

#[test]
fn bad_values_name_their_key() {
    for (text, part) in [
        ("[storage]\nflush_bytes = \"12 parsecs\"\n", "\"12 parsecs\" is not a size"),
        ("[wal]\nmode = \"sometimes\"\n", "sometimes"),
        ("[storage]\nshards = \"many\"\n", "[storage]: "),
        ("[server]\nkeep_alive = 30\n", "is not a duration"),
        ("[server]\ntls_key = \"k.pem\"\n", "server.tls_certificate: is missing"),
        ("[cnosdb]\nlisten = \"nowhere\"\n", "cnosdb.listen: "),
        ("[cnosdb]\nauth_error_status = 403\n", "neither 401 nor 422"),
        (
            "[cnosdb]\nenabled = false\n[tdengine]\nenabled = false\n[kwdb]\nenabled = false\n",
            "no dialect is enabled",
        ),
        ("[tdengine]\nauth_error_status = 403\n", "tdengine.auth_error_status: 403 is neither 401 nor 200"),
        ("[tdengine]\nrestful_row_limit = -2\n", "tdengine.restful_row_limit: must be -1"),
        ("[tdengine]\ntimezone = \"Mars/Base\"\n", "tdengine.timezone: \"Mars/Base\" is not a time zone"),
        ("[kwdb]\nwire = \"both\"\n", "both"),
        ("[kwdb]\nbody_limit = \"0B\"\n", "kwdb.body_limit: must be above 0"),
        ("[kwdb]\ncertificate_names = [\"a b\"]\n", "kwdb.certificate_names: \"a b\" is neither"),
        ("[storage]\nmax_tables = 0\n", "storage.max_tables: must be above 0"),
        ("[log\n", "FILE: "),
        (
            "[opentsdb_telnet]\nenabled = true\ndbs = [\"a\"]\n",
            "opentsdb_telnet.dbs: 1 databases for 4 addresses in listen: each needs one",
        ),
        ("[collectd]\nenabled = true\nworker = 0\n", "collectd.worker: must be at least 1"),
        ("[collectd]\nenabled = true\nuser = \"\"\n", "collectd.user: must not be empty"),
        ("[statsd]\nprotocol = \"sctp\"\n", "[statsd]: "),
        ("[statsd]\nenabled = true\ngather_interval = \"0s\"\n", "statsd.gather_interval: must be above 0"),
        (
            "[statsd]\nenabled = true\nprotocol = \"udp6\"\n",
            "statsd.listen: \"127.0.0.1:6044\" is no address",
        ),
    ] {
        let error = load_text(text).unwrap_err();
        assert!(error.contains(part), "{text:?} gave {error:?}, not {part:?}");
    }
    let env = overrides(&[("TRIGLOT_STORAGE__SHARDS", "many")], &[]);
    assert_eq!(
        load(None, &env).unwrap_err().to_string(),
        "TRIGLOT_STORAGE__SHARDS: \"many\" is not a whole number"
    );
}

#[test]
fn secrets_are_masked_and_the_rest_reads_back() {
    let config = load(None, &overrides(&[("TRIGLOT_ROOT_PASSWORD", "geheim")], &[])).unwrap();
    let shown = config.shown().unwrap();
    assert!(!shown.contains("geheim"), "{shown}");
    assert!(shown.contains("root_password = \"*****\""), "{shown}");
    let mut back: Config = toml::from_str(&shown).unwrap();
    back.auth.root_password = "geheim".to_owned();
    assert_eq!(back, config);
}

#[test]
fn a_listener_is_public_unless_all_its_addresses_are_loopback() {
    let public = |listen: &str| {
        let config = load(None, &overrides(&[("TRIGLOT_CNOSDB__LISTEN", listen)], &[])).unwrap();
        config.listeners().unwrap().into_iter().any(|l| l.is_public())
    };
    assert!(!public("127.0.0.1:8902"));
    assert!(!public("[::1]:8902"));
    assert!(public("0.0.0.0:8902"));
    assert!(public(":8902"));
    assert!(public("192.0.2.1:8902"));
}

#[test]
fn assignments_need_section_key_and_value() {
    let mut overrides = Overrides::default();
    overrides.assignment("wal.mode=os").unwrap();
    assert_eq!(load(None, &overrides).unwrap().wal.mode, WalMode::Os);
    for bad in ["wal", "wal.mode", "mode=os"] {
        assert!(Overrides::default().assignment(bad).is_err(), "{bad}");
    }
}

/// The vendor's sample file, shortened: what it says is carried over, and what is not is told.
const CNOSDB_CONF: &str = r#"
[global]
node_id = 1001
cluster_name = "cluster_xxx"
store_metrics = true
[deployment]
mode = "singleton"
[meta]
service_addr = ["127.0.0.1:8901"]
report_time_interval = "30s"
[query]
max_server_connections = 500
query_sql_limit = "32M"
write_sql_limit = 1000000
auth_enabled = false
[storage]
path = "/var/lib/cnosdb/data"
compact_trigger_cold_duration = "1h"
[wal]
path = "/var/lib/cnosdb/wal"
max_file_size = "128M"
sync = true
[cache]
max_buffer_size = "256M"
[log]
level = "warn"
path = "/var/log/cnosdb"
[service]
http_listen_port = 31007
grpc_listen_port = 8903
[trace]
auto_generate_span = false
"#;

#[test]
fn a_configuration_of_cnosdb_is_understood() {
    let config = load_text(CNOSDB_CONF).unwrap();
    assert_eq!(config.server.data_dir, "/var/lib/cnosdb/data");
    assert_eq!(config.server.max_connections, 500);
    assert_eq!(config.cnosdb.listen, "127.0.0.1:31007");
    assert!(!config.cnosdb.auth_enabled);
    assert_eq!((config.cnosdb.query_sql_limit.0, config.cnosdb.write_sql_limit.0), (32 << 20, 1_000_000));
    assert_eq!(config.storage.compaction_cold, units::Span::seconds(3600));
    assert_eq!(config.storage.flush_bytes.0, 256 << 20);
    assert_eq!((config.wal.mode, config.wal.segment_bytes.0), (WalMode::Always, 128 << 20));
    assert_eq!(config.log.level, "warn");
    assert_eq!(
        config.ignored,
        [
            "trace",
            "global.cluster_name",
            "global.store_metrics",
            "deployment.mode",
            "meta.service_addr",
            "meta.report_time_interval",
            "wal.path",
            "log.path",
            "service.grpc_listen_port"
        ]
    );
}

#[test]
fn our_settings_win_over_the_vendors_and_variables_over_both() {
    let (_dir, path) = file(&format!("{CNOSDB_CONF}\n[cnosdb]\nlisten = \"127.0.0.1:1\"\n"));
    let config = load(Some(&path), &Overrides::default()).unwrap();
    assert_eq!(config.cnosdb.listen, "127.0.0.1:1");
    let variables = [("CNOSDB_SERVICE_HTTP_LISTEN_PORT", "2"), ("CNOSDB_QUERY_AUTH_ENABLED", "true")];
    let config = load(Some(&path), &overrides(&variables, &[])).unwrap();
    assert_eq!(config.cnosdb.listen, "127.0.0.1:2");
    assert!(config.cnosdb.auth_enabled);
    let both = [variables[0], ("TRIGLOT_CNOSDB__LISTEN", "127.0.0.1:3")];
    assert_eq!(load(Some(&path), &overrides(&both, &[])).unwrap().cnosdb.listen, "127.0.0.1:3");
    let wrong = [("CNOSDB_QUERY_AUTH_ENABLED", "yes")];
    let error = load(None, &overrides(&wrong, &[])).unwrap_err().to_string();
    assert!(error.contains("cnosdb.auth_enabled") && error.contains("\"yes\""), "{error}");
}

#[test]
fn slips_in_a_configuration_of_cnosdb_are_still_told() {
    let error = load_text("[query]\nauth_enable = true\n").unwrap_err();
    assert!(error.starts_with("FILE:2: there is no key query.auth_enable"), "{error}");
}

#[test]
fn taosadapters_settings_are_understood_and_ours_win() {
    let (_dir, path) = file("port = 6051\nhttpCodeServerError = true\n[pool]\nmaxConnect = 3\nmaxIdle = 1\n");
    let config = load(Some(&path), &Overrides::default()).unwrap();
    assert_eq!(config.tdengine.listen, "127.0.0.1:6051");
    assert!(config.tdengine.http_code_server_error);
    assert_eq!(config.tdengine.pool_max_connect, 3);
    assert_eq!(config.ignored, ["pool.maxIdle"]);
    let variables = [("TAOS_ADAPTER_POOL_MAX_CONNECT", "4"), ("TAOS_ADAPTER_PORT", "6052")];
    let mut all = overrides(&variables, &[]);
    assert_eq!(load(Some(&path), &all).unwrap().tdengine.pool_max_connect, 4);
    all.vendor_flags = vec![("pool.maxConnect".to_owned(), "5".to_owned())];
    let config = load(Some(&path), &all).unwrap();
    assert_eq!((config.tdengine.pool_max_connect, config.tdengine.listen.as_str()), (5, "127.0.0.1:6052"));
    let slip = load_text("[pool]\nmaxConect = 3\n").unwrap_err();
    assert!(slip.starts_with("FILE:1: there is no section [pool]"), "{slip}");
}

/// As in the vendor's manual, with values that are not the defaults.
const AGENTS: &str = r#"
[opentsdb_telnet]
enable = true
maxTCPConnections = 10
tcpKeepAlive = true
dbs = ["a", "b"]
ports = [7046, 7047]
user = "writer"
password = "geheim-1"
batchSize = 100
flushInterval = "2s"
ttl = 30
[collectd]
enable = true
port = 7045
db = "c"
worker = 3
[statsd]
enable = true
port = 7044
db = "s"
worker = 4
gatherInterval = "7s"
protocol = "udp"
maxTCPConnections = 20
allowPendingMessages = 500
deleteCounters = false
deleteTimings = false
"#;

#[test]
fn the_vendors_agents_are_understood() {
    let config = load_text(AGENTS).unwrap();
    let telnet = &config.opentsdb_telnet;
    assert!(telnet.enabled && telnet.tcp_keep_alive);
    assert_eq!(
        (telnet.listen.join(" "), telnet.dbs.join(" ")),
        ("127.0.0.1:7046 127.0.0.1:7047".into(), "a b".into())
    );
    assert_eq!((telnet.max_tcp_connections, telnet.batch_size, telnet.ttl), (10, 100, 30));
    assert_eq!(telnet.flush_interval, units::Span::seconds(2));
    assert_eq!((telnet.user.as_str(), telnet.password.as_str()), ("writer", "geheim-1"));
    let collectd = &config.collectd;
    assert_eq!((collectd.listen.as_str(), collectd.db.as_str(), collectd.worker), ("127.0.0.1:7045", "c", 3));
    let statsd = &config.statsd;
    assert_eq!(
        (statsd.listen.as_str(), statsd.protocol, statsd.worker),
        ("127.0.0.1:7044", Protocol::Udp, 4)
    );
    assert_eq!((statsd.gather_interval, statsd.allow_pending_messages), (units::Span::seconds(7), 500));
    assert!(!statsd.delete_counters && statsd.delete_gauges && statsd.delete_sets && !statsd.delete_timings);
    assert!(config.ignored.is_empty(), "{:?}", config.ignored);
    assert_eq!(config.agent_listeners().unwrap().len(), 3);
    assert!(!config.shown().unwrap().contains("geheim"));
    // Off unless enabled; lists of variables have commas.
    assert!(Config::default().agent_listeners().unwrap().is_empty());
    let variables = [
        ("TAOS_ADAPTER_OPENTSDB_TELNET_ENABLE", "true"),
        ("TAOS_ADAPTER_OPENTSDB_TELNET_PORTS", "1,2"),
        ("TAOS_ADAPTER_OPENTSDB_TELNET_DBS", "x,y"),
        ("TAOS_ADAPTER_OPENTSDB_TELNET_MAX_TCP_CONNECTIONS", "9"),
        ("TAOS_ADAPTER_STATSD_PORT", "3"),
    ];
    let config = load(None, &overrides(&variables, &[])).unwrap();
    assert_eq!(config.opentsdb_telnet.listen, ["127.0.0.1:1", "127.0.0.1:2"]);
    assert_eq!(
        (config.opentsdb_telnet.max_tcp_connections, config.statsd.listen.as_str()),
        (9, "127.0.0.1:3")
    );
}
