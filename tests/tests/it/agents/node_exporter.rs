//! Prometheus' node exporter: what it says of this machine goes through a Prometheus into both ports, or is fetched by the server.

use std::collections::{BTreeMap, BTreeSet};

use crate::agents::exporter::Exporter;
use crate::agents::packages::{NODE_EXPORTER, PROMETHEUS, unpack};
use crate::agents::process::{Agent, eventually};
use crate::agents::prometheus::{Prometheus, readers, writer};
use crate::agents::{await_rows, rows_of};
use crate::http;
use crate::server::{Server, free_port};

/// Starts one and waits until it answers; its port.
pub(super) fn start(directory: &std::path::Path) -> Option<(Agent, u16)> {
    let packages = unpack(&NODE_EXPORTER)?;
    let port = free_port();
    let mut command = packages.program("usr/bin/prometheus-node-exporter");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let agent = Agent::start("node-exporter", command, directory);
    eventually("the node exporter answers", &[&agent], || {
        http::exchange(port, "GET", "/metrics", &[], b"").map_err(|error| error.to_string())
    });
    Some((agent, port))
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn what_the_node_exporter_says_is_the_same_through_both_ports() {
    let dir = tempfile::tempdir().unwrap();
    let Some(packages) = unpack(&PROMETHEUS) else { return };
    let Some((exporter, port)) = start(dir.path()) else { return };
    let server = Server::start(&dir.path().join("data"));
    let first = Prometheus::start(&packages, dir.path(), "writes", &writer(&server, "public", port));
    let agents = [&first.agent, &exporter];
    eventually("two scrapes", &agents, || {
        let found = first.at("count_over_time(node_load1[1m]) >= 2", "")?;
        if found[0].is_null() { Err(found.to_string()) } else { Ok(()) }
    });
    let until = first.last_scrape();
    for reader in readers(&packages, dir.path(), &server, "public") {
        for query in [
            // All of its hundreds of series, by their values.
            "{__name__=~\"node_.*\"}",
            "count by (__name__) ({__name__=~\"node_.*\", instance!=\"\"})",
            "sum by (mode) (node_cpu_seconds_total{mode!~\"idle|iowait\"})",
            "node_filesystem_avail_bytes / node_filesystem_size_bytes",
        ] {
            eventually(query, &[&first.agent, &reader.agent], || {
                let (wanted, found) = (first.at(query, &until)?, reader.at(query, &until)?);
                let count = wanted.as_array().unwrap().len();
                if wanted != found {
                    return Err(format!("{count} series, found {}", found.as_array().unwrap().len()));
                }
                Ok(())
            });
        }
        let names = reader.at("count(count by (__name__) ({__name__=~\"node_.*\"}))", &until).unwrap();
        let names: f64 = names[0]["value"][1].as_str().unwrap().parse().unwrap();
        assert!(names > 100.0, "{names} metrics");
    }
}

/// A family of a page in the text format: its type, and its samples as labels and value.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<(BTreeMap<String, String>, f64)>,
}

/// The families of a page of the node exporter whose samples bear the family's name, so no summaries and histograms.
fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in page.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            if let Some(family) = families.get_mut(name) {
                family.samples.push((labels_of(labels), value.parse().unwrap()));
            }
        }
    }
    families.retain(|_, family| ["gauge", "counter", "untyped"].contains(&family.kind.as_str()));
    families
}

/// Labels as `a="x",b="y"}`.
fn labels_of(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let (mut value, mut chars) = (String::new(), rest.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        text = &rest[end + 1..];
    }
    labels
}

/// The server fetches from a node exporter itself, and one of its pages from a server of this test, whose every sample is compared.
#[test]
#[ignore = "needs agents: cargo clients"]
fn the_node_exporter_is_fetched_from() {
    let dir = tempfile::tempdir().unwrap();
    let Some((agent, port)) = start(dir.path()) else { return };
    let page = http::exchange(port, "GET", "/metrics", &[], b"").unwrap().text();
    let families = families(&page);
    assert!(families.len() > 100, "{page}");
    let kept = Exporter::start("text/plain; version=0.0.4; charset=utf-8", move |_| page.clone());
    let urls = [port, kept.port].map(|port| format!("http://127.0.0.1:{port}/metrics"));
    let settings = [
        ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
        ("TRIGLOT_NODE_EXPORTER__URLS", urls[0].as_str()),
        ("TRIGLOT_NODE_EXPORTER__DB", "live"),
        ("TRIGLOT_NODE_EXPORTER__GATHER_DURATION", "1s"),
        ("TRIGLOT_OPEN_METRICS__ENABLED", "true"),
        ("TRIGLOT_OPEN_METRICS__URLS", urls[1].as_str()),
        ("TRIGLOT_OPEN_METRICS__DBS", "kept"),
        ("TRIGLOT_OPEN_METRICS__GATHER_DURATIONS", "1s"),
        ("TRIGLOT_OPEN_METRICS__RESPONSE_TIMEOUTS", "1s"),
        ("TRIGLOT_TDENGINE__SML_AUTO_CREATE_DB", "true"),
    ];
    let server = Server::start_with(&dir.path().join("data"), &settings);
    // Those of the machine do not change while the test runs.
    for (database, names) in [
        ("live", vec!["node_boot_time_seconds", "node_memory_MemTotal_bytes", "node_uname_info"]),
        ("kept", families.keys().map(String::as_str).collect()),
    ] {
        for name in names {
            let family = &families[name];
            await_rows(&server, database, &family.select(name), &family.lines(), &[&agent]);
        }
    }
    // Each fetch is a row.
    eventually("fetches", &[&agent], || {
        let sql = "select count(*) from \"node_boot_time_seconds\"";
        let found = rows_of(&server, "live", sql)?;
        if found[0].parse::<u32>().unwrap() >= 3 { Ok(()) } else { Err(found[0].clone()) }
    });
}

impl Family {
    /// Of labels; one without a text is none.
    fn names(&self) -> BTreeSet<&str> {
        let labels = self.samples.iter().flat_map(|(labels, _)| labels);
        labels.filter(|(_, text)| !text.is_empty()).map(|(name, _)| name.as_str()).collect()
    }

    /// The values of the family, each once however often they were fetched.
    fn select(&self, table: &str) -> String {
        let field = if self.kind == "untyped" { "value" } else { &self.kind };
        let columns = self.names().into_iter().chain([field]).map(|name| format!("\"{name}\""));
        format!("select distinct {} from \"{table}\"", columns.collect::<Vec<_>>().join(", "))
    }

    fn lines(&self) -> Vec<String> {
        let names = self.names();
        let line = |(labels, value): &(BTreeMap<String, String>, f64)| {
            let label = |name: &&str| {
                labels.get(*name).filter(|text| !text.is_empty()).map_or("NULL", String::as_str)
            };
            let cells = names.iter().map(|name| label(name).to_owned()).chain([format!("{value:?}")]);
            cells.collect::<Vec<_>>().join(" | ")
        };
        let mut lines: Vec<String> = self.samples.iter().map(line).collect();
        lines.sort();
        lines
    }
}
