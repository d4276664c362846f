//! Prometheus: one scrapes and writes to both ports (`remote_write`), a second, empty one for each port answers PromQL out of
//! what the server has (`remote_read`), and must say what the first says.

use std::path::Path;

use serde_json::Value;

use crate::agents::everywhere;
use crate::agents::exporter::{Exporter, OPEN_METRICS};
use crate::agents::packages::{PROMETHEUS, Unpacked, unpack};
use crate::agents::process::{Agent, eventually, signal};
use crate::http;
use crate::read_back::{Door, Rows, sample};
use crate::server::{Server, free_port};

pub(super) struct Prometheus {
    pub(super) agent: Agent,
    port: u16,
}

impl Prometheus {
    /// Starts with the text of a configuration and waits until it answers.
    pub(super) fn start(packages: &Unpacked, directory: &Path, name: &str, configuration: &str) -> Self {
        let home = directory.join(name);
        std::fs::create_dir_all(&home).unwrap();
        let file = home.join("prometheus.yml");
        std::fs::write(&file, configuration).unwrap();
        let port = free_port();
        let mut command = packages.program("usr/bin/prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", home.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--enable-feature=exemplar-storage").current_dir(&home);
        let agent = Agent::start(name, command, directory);
        eventually("Prometheus is ready", &[&agent], || {
            match http::exchange(port, "GET", "/-/ready", &[], b"") {
                Ok(reply) if reply.status == 200 => Ok(()),
                Ok(reply) => Err(reply.text()),
                Err(error) => Err(error.to_string()),
            }
        });
        Self { agent, port }
    }

    /// `data` of an answer of its API, without any warning.
    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let target = format!("/api/v1/{path}?{}", pairs.join("&"));
        let reply = http::exchange(self.port, "GET", &target, &[], b"").map_err(|e| e.to_string())?;
        let mut answer: Value = serde_json::from_slice(&reply.body).map_err(|e| e.to_string())?;
        if answer["status"] != "success" || answer.get("warnings").is_some() {
            return Err(format!("{parameters:?}: {answer}"));
        }
        let mut data = answer["data"].take();
        let series = if data.is_array() { Some(&mut data) } else { data.get_mut("result") };
        if let Some(Value::Array(series)) = series {
            // Their order is not said.
            series.sort_by_key(Value::to_string);
        }
        Ok(data)
    }

    /// The result of an instant query.
    pub(super) fn at(&self, query: &str, time: &str) -> Result<Value, String> {
        Ok(self.ask("query", &[("query", query), ("time", time)])?["result"].take())
    }

    /// Now.
    fn instant(&self, query: &str) -> Result<Value, String> {
        Ok(self.ask("query", &[("query", query)])?["result"].take())
    }

    /// How many samples it sent again, to each of its servers. Its log says it once a minute only.
    fn retried(&self) -> [f64; 2] {
        let page = http::exchange(self.port, "GET", "/metrics", &[], b"").unwrap().text();
        let mut counters = page
            .lines()
            .filter(|line| line.starts_with("prometheus_remote_storage_samples_retried_total{"))
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap());
        [(); 2].map(|()| counters.next().unwrap_or(0.0))
    }

    /// When the job was scraped last, in seconds with a fraction, as text.
    pub(super) fn last_scrape(&self) -> String {
        let times = self.instant("timestamp(up)").unwrap();
        times[0]["value"][1].as_str().unwrap_or_else(|| panic!("no scrape yet: {times}")).to_owned()
    }
}

/// The samples of one series of a range vector: milliseconds and text.
pub(super) fn samples(series: &Value) -> Vec<(i64, String)> {
    let values = series["values"].as_array().unwrap();
    let milliseconds = |time: &Value| (time.as_f64().unwrap() * 1000.0).round() as i64;
    values.iter().map(|pair| (milliseconds(&pair[0]), pair[1].as_str().unwrap().to_owned())).collect()
}

fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The configuration of a Prometheus that scrapes a target each second and writes to both ports.
pub(super) fn writer(server: &Server, database: &str, target: u16) -> String {
    let remote = |url: &str, password: &str| {
        format!(
            "  - url: {url}\n    basic_auth: {{username: root, password: '{password}'}}\n    send_exemplars: true\n    \
             remote_timeout: 2s\n    queue_config: {{batch_send_deadline: 200ms, min_backoff: 50ms, max_backoff: 200ms}}\n"
        )
    };
    let (taos, cnosdb) = urls(server, database, "write");
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{replica: 'r 1'}}}}\n\
         scrape_configs:\n  - job_name: demo\n    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n\
         remote_write:\n{}{}",
        remote(&taos, "taosdata"),
        remote(&cnosdb, "")
    )
}

fn urls(server: &Server, database: &str, verb: &str) -> (String, String) {
    (
        format!("http://127.0.0.1:{}/prometheus/v1/remote_{verb}/{database}", server.taos_port),
        format!("http://127.0.0.1:{}/api/v1/prom/{verb}?db={database}", server.port),
    )
}

/// Two empty ones, which read from TDengine's and from CnosDB's port.
pub(super) fn readers(
    packages: &Unpacked,
    directory: &Path,
    server: &Server,
    database: &str,
) -> [Prometheus; 2] {
    let (taos, cnosdb) = urls(server, database, "read");
    [("reads-taos", taos, "taosdata"), ("reads-cnosdb", cnosdb, "")].map(|(name, url, password)| {
        // With the writer's external labels it asks for them, and takes them off again.
        let configuration = format!(
            "global: {{external_labels: {{replica: 'r 1'}}}}\n\
             remote_read:\n  - url: {url}\n    basic_auth: {{username: root, password: '{password}'}}\n    read_recent: true\n"
        );
        Prometheus::start(packages, directory, name, &configuration)
    })
}

fn page(n: u64) -> String {
    format!(
        r##"# HELP demo_requests Requests.
# TYPE demo_requests counter
demo_requests_total{{method="get",path="/a b",text="q\"uote\\back\nline é 李 {{}},="}} {get} # {{trace_id="abc"}} 0.5
demo_requests_total{{method="post",path="/c",text=""}} {post}
# TYPE demo_temperature_celsius gauge
# UNIT demo_temperature_celsius celsius
demo_temperature_celsius{{room="x"}} 0.30000000000000004
demo_temperature_celsius{{room="y"}} -1.7976931348623157e308
demo_temperature_celsius{{room="z"}} 5e-324
# TYPE demo_special gauge
demo_special{{kind="nan"}} NaN
demo_special{{kind="inf"}} +Inf
demo_special{{kind="minus"}} -Inf
# TYPE demo_seconds histogram
demo_seconds_bucket{{le="0.1"}} {n}
demo_seconds_bucket{{le="1.0"}} {get}
demo_seconds_bucket{{le="+Inf"}} {count}
demo_seconds_sum {post}.5
demo_seconds_count {count}
# EOF
"##,
        get = 7 * n,
        post = 3 * n,
        count = 10 * n
    )
}

/// Queries of which both readers must know the answer.
const QUERIES: [&str; 19] = [
    "up",
    "demo_temperature_celsius",
    "demo_requests_total",
    "rate(demo_requests_total[8s])",
    "sum by (method) (increase(demo_requests_total[10s]))",
    "histogram_quantile(0.9, rate(demo_seconds_bucket[10s]))",
    "demo_seconds_sum / demo_seconds_count",
    "{__name__=~\"demo_(requests_total|temperature_celsius)\"}",
    "{__name__=~\"demo_t.*\", room!=\"x\"}",
    "demo_requests_total{method=~\"po.*\"}",
    // Anchored: this is nobody.
    "demo_requests_total{method=~\"po\"}",
    "demo_requests_total{method!~\"po.*\"}",
    "demo_requests_total{text=\"\"}",
    "demo_requests_total{text!=\"\", nosuch=\"\"}",
    "demo_requests_total{nosuch=~\".+\"}",
    "demo_nosuch",
    // Every metric; those with this label are the special ones.
    "{job=\"demo\", kind=\"\"}",
    "absent(demo_nosuch{a=\"b\"})",
    "max_over_time(demo_seconds_count[30s]) - min_over_time(demo_seconds_count[30s])",
];

#[test]
#[ignore = "needs agents: cargo clients"]
fn a_second_prometheus_reads_what_the_first_wrote() {
    let Some(packages) = unpack(&PROMETHEUS) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let exporter = Exporter::start(OPEN_METRICS, page);
    let first = Prometheus::start(&packages, dir.path(), "writes", &writer(&server, "public", exporter.port));
    let [taos, cnosdb] = readers(&packages, dir.path(), &server, "public");
    eventually("enough scrapes", &[&first.agent], || match exporter.scrapes() {
        12.. => Ok(()),
        n => Err(format!("{n} scrapes")),
    });
    let until = first.last_scrape();
    for (reader, name) in [(&taos, "TDengine's port"), (&cnosdb, "CnosDB's port")] {
        let same = |query: &str| same_answers(&first, reader, &until, query);
        let agents = [&first.agent, &reader.agent];
        for query in QUERIES {
            eventually(&format!("{query} through {name}"), &agents, || same(query));
        }
    }
    eventually("special values", &[&first.agent], || same_answers(&first, &cnosdb, &until, "demo_special"));
    // TDengine's table has NULL for NaN and infinities, by the vendor's rule: such series are not there, and no older value is.
    assert_eq!(taos.at("demo_special", &until).unwrap(), Value::Array(Vec::new()));
    check_rows(&first, &server, &until);
    // Exemplars have no place in a table: they are counted.
    for refused in ["{api=\"prometheus\",dialect=\"tdengine\"}", "{api=\"prom_write\",dialect=\"cnosdb\"}"] {
        eventually("exemplars are counted", &[&first.agent], || {
            let name = format!("triglot_rows_refused_total{refused}");
            if sample(&server, &name) > 0 { Ok(()) } else { Err(name) }
        });
    }
    // A target that is gone: its series end at once, through the readers too.
    drop(exporter);
    eventually("the target is down", &[&first.agent], || {
        let found = first.instant("demo_temperature_celsius")?;
        if found == Value::Array(Vec::new()) { Ok(()) } else { Err(found.to_string()) }
    });
    let after = first.last_scrape();
    for reader in [&taos, &cnosdb] {
        for query in ["demo_temperature_celsius", "up", "demo_requests_total"] {
            eventually(query, &[&first.agent, &reader.agent], || same_answers(&first, reader, &after, query));
        }
    }
}

/// Whether the reader says what the writer says: at a time, over a range, and of which series there are.
fn same_answers(first: &Prometheus, reader: &Prometheus, until: &str, query: &str) -> Result<(), String> {
    let end: f64 = until.parse().unwrap();
    let start = format!("{:.3}", end - 10.0);
    let range = [("query", query), ("start", start.as_str()), ("end", until), ("step", "1.7")];
    let mut asked = vec![("query", vec![("query", query), ("time", until)]), ("query_range", range.to_vec())];
    if !query.contains('(') && !query.contains('/') {
        asked.push(("series", vec![("match[]", query), ("start", &start), ("end", until)]));
    }
    for (path, parameters) in asked {
        let (wanted, found) = (first.ask(path, &parameters)?, reader.ask(path, &parameters)?);
        if found != wanted {
            return Err(format!("{path}: wanted {wanted}\nfound {found}"));
        }
    }
    Ok(())
}

/// The samples of a counter in the first Prometheus, and the rows that each port made of them, through every dialect.
fn check_rows(first: &Prometheus, server: &Server, until: &str) {
    let series = first.at("demo_requests_total[1h]", until).unwrap();
    let mut wanted: Vec<(i64, String, String, String)> = Vec::new();
    for series in series.as_array().unwrap() {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or("NULL").to_owned();
        for (time, value) in samples(series) {
            wanted.push((time, label("method"), label("path"), value));
        }
    }
    wanted.sort();
    assert!(wanted.len() >= 20, "{wanted:?}");
    let shown = |(time, method, path, value): &(i64, String, String, String)| {
        format!(
            "{} | {method} | {path} | r 1 | {:?}",
            chrono::DateTime::from_timestamp_millis(*time).unwrap().format("%Y-%m-%dT%H:%M:%S%.9fZ"),
            value.parse::<f64>().unwrap()
        )
    };
    let wanted: Vec<String> = wanted.iter().map(shown).collect();
    // Series end with a NaN once the target is gone.
    let cnosdb = everywhere(
        server,
        "public",
        "select \"time\", \"method\", \"path\", \"replica\", \"value\" from \"demo_requests_total\" \
         where \"value\" < 1000000000 order by \"time\", \"method\"",
    );
    assert!(cnosdb.starts_with(&wanted), "wanted {wanted:#?}\nfound {cnosdb:#?}");
    let text = everywhere(
        server,
        "public",
        "select \"text\" from \"demo_requests_total\" where \"method\" = 'get' limit 1",
    );
    assert_eq!(text, ["q\"uote\\back\nline é 李 {},="]);
    // TDengine's labels are one JSON tag.
    let [of_cnosdb, of_taos, of_kwdb] = Door::all(server).map(|door| {
        let sql = "select ts, v, labels from metrics where v is not null order by ts";
        labelled(door.rows("public", sql), wanted.len())
    });
    assert_eq!(of_taos, wanted);
    assert_eq!(of_cnosdb, wanted);
    assert_eq!(of_kwdb, wanted);
}

/// Rows of `metrics` that are samples of the counter, the first `limit` of them, as [`check_rows`] writes them.
fn labelled(rows: Rows, limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let text = |at: usize| row[at].as_deref().unwrap_or("NULL");
            let labels: Value = serde_json::from_str(text(2)).unwrap_or_else(|e| panic!("{row:?}: {e}"));
            let label = |name: &str| labels[name].as_str().unwrap_or("NULL").to_owned();
            (label("__name__") == "demo_requests_total").then(|| {
                format!(
                    "{} | {} | {} | {} | {}",
                    text(0),
                    label("method"),
                    label("path"),
                    label("replica"),
                    text(1)
                )
            })
        })
        .collect();
    lines.sort();
    lines.truncate(limit);
    lines
}

/// The server stands still for longer than Prometheus waits: it sends again what the server has in its sockets already.
#[test]
#[ignore = "needs agents: cargo clients"]
fn batches_that_are_sent_again_change_nothing() {
    let Some(packages) = unpack(&PROMETHEUS) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let exporter = Exporter::start(OPEN_METRICS, page);
    let first = Prometheus::start(&packages, dir.path(), "writes", &writer(&server, "public", exporter.port));
    let stored = |dialect: &str| sample(&server, &format!("triglot_rows_written_total{dialect}"));
    let both = ["{api=\"prometheus\",dialect=\"tdengine\"}", "{api=\"prom_write\",dialect=\"cnosdb\"}"];
    eventually("both ports take samples", &[&first.agent], || {
        if both.iter().all(|dialect| stored(dialect) > 0) { Ok(()) } else { Err("no rows yet".to_owned()) }
    });
    signal(server.pid(), "STOP");
    let before = exporter.scrapes();
    eventually("requests time out", &[&first.agent], || {
        let retried = first.retried();
        let is_done = retried.iter().all(|samples| *samples > 0.0) && exporter.scrapes() >= before + 5;
        if is_done { Ok(()) } else { Err(format!("retried: {retried:?}")) }
    });
    signal(server.pid(), "CONT");
    let until = first.last_scrape();
    let series = first.at("{job=\"demo\",__name__!~\"demo_special|scrape_.*\"}[1h]", &until).unwrap();
    let mut wanted = 0;
    for series in series.as_array().unwrap() {
        wanted += samples(series).len();
    }
    let end = (until.parse::<f64>().unwrap() * 1000.0).round() as i64;
    let counted = |door: &Door, sql: &str| {
        let rows = door.rows("public", sql);
        rows[0][0].as_deref().unwrap_or("0").parse::<usize>().unwrap()
    };
    let end = chrono::DateTime::from_timestamp_millis(end).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let names = series.as_array().unwrap().iter().map(|s| s["metric"]["__name__"].as_str().unwrap());
    let names: std::collections::BTreeSet<&str> = names.collect();
    eventually("all samples are there, once", &[&first.agent], || {
        let taos = format!(
            "select count(v) from metrics where ts <= '{end}' and labels->'__name__' nmatch '^(demo_special|scrape_.*)$'"
        );
        let taos = counted(&Door::tdengine(&server), &taos);
        let table = |name: &&str| {
            let sql = format!("select count(*) from \"{name}\" where time <= '{end}'");
            counted(&Door::cnosdb(&server), &sql)
        };
        let cnosdb: usize = names.iter().map(table).sum();
        if (taos, cnosdb) == (wanted, wanted) {
            Ok(())
        } else {
            Err(format!("wanted {wanted}, TDengine's {taos}, CnosDB's {cnosdb}"))
        }
    });
}
