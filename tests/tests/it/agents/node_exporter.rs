//! Prometheus' node exporter: what it says of this machine goes through a Prometheus into both ports.

use crate::agents::packages::{NODE_EXPORTER, PROMETHEUS, unpack};
use crate::agents::process::{Agent, eventually};
use crate::agents::prometheus::{Prometheus, readers, writer};
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
