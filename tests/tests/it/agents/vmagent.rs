//! vmagent: samples that are pushed to it with times of their own, and what it scrapes, are written to both ports.

use std::path::Path;

use crate::agents::everywhere;
use crate::agents::exporter::Exporter;
use crate::agents::packages::{Unpacked, VICTORIA, unpack};
use crate::agents::process::{Agent, eventually};
use crate::http;
use crate::read_back::{Door, lines};
use crate::server::{Server, free_port};

fn start(packages: &Unpacked, directory: &Path, server: &Server, target: u16) -> (Agent, u16) {
    let (port, scrapes) = (free_port(), directory.join("scrape.yml"));
    let jobs = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: demo\n    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
    );
    std::fs::write(&scrapes, jobs).unwrap();
    let mut command = packages.program("usr/bin/vmagent");
    command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
    command.arg(format!("-promscrape.config={}", scrapes.display()));
    command.arg(format!("-remoteWrite.tmpDataPath={}", directory.join("vmagent").display()));
    let taos = format!("http://127.0.0.1:{}/prometheus/v1/remote_write/public", server.taos_port);
    let cnosdb = format!("http://127.0.0.1:{}/api/v1/prom/write?db=public", server.port);
    command.args([format!("-remoteWrite.url={taos}"), format!("-remoteWrite.url={cnosdb}")]);
    // An empty password needs its quotes: without, vmagent takes the first for both.
    command
        .args(["-remoteWrite.basicAuth.username=root,root", "-remoteWrite.basicAuth.password=taosdata,\"\""]);
    let agent = Agent::start("vmagent", command, directory);
    eventually("vmagent is ready", &[&agent], || match http::exchange(port, "GET", "/health", &[], b"") {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(reply.text()),
        Err(error) => Err(error.to_string()),
    });
    (agent, port)
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn vmagent_writes_to_both_ports() {
    let Some(packages) = unpack(&VICTORIA) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let exporter = Exporter::start("text/plain; version=0.0.4", |n| {
        format!("# TYPE demo_total counter\ndemo_total{{a=\"b c\"}} {}\n", 5 * n)
    });
    let (agent, port) = start(&packages, dir.path(), &server, exporter.port);
    let pushed = "room_temperature{room=\"x\"} 20.5 1700000000000\n\
                  room_temperature{room=\"x\"} 0.30000000000000004 1700000001000\n\
                  room_temperature{room=\"y \\\"z\\\"\"} -1e100 1700000000000\n";
    let reply = http::exchange(port, "POST", "/api/v1/import/prometheus", &[], pushed.as_bytes()).unwrap();
    assert!([200, 204].contains(&reply.status), "{}", reply.text());
    let [_, taos, _] = Door::all(&server);
    let wanted = [
        "2023-11-14T22:13:20.000000000Z | x | 20.5",
        "2023-11-14T22:13:20.000000000Z | y \"z\" | -1e100",
        "2023-11-14T22:13:21.000000000Z | x | 0.30000000000000004",
    ];
    let count = |sql: &str| -> Result<usize, String> {
        // The table is made with the first sample.
        let reply = taos.post("/rest/sql/public", sql.as_bytes()).text();
        let answer: serde_json::Value = serde_json::from_str(&reply).map_err(|e| e.to_string())?;
        answer["data"][0][0].as_u64().map(|n| n as usize).ok_or(reply)
    };
    let at_least = |sql: &str, wanted: usize| {
        eventually(sql, &[&agent], || match count(sql)? {
            n if n >= wanted => Ok(()),
            n => Err(format!("{n} rows")),
        });
    };
    at_least("select count(*) from room_temperature", 3);
    at_least("select count(*) from metrics where labels->'__name__' = 'room_temperature'", 3);
    let sql = "select \"time\", \"room\", \"value\" from \"room_temperature\" order by \"time\", \"room\"";
    assert_eq!(everywhere(&server, "public", sql), wanted);
    let sql = "select ts, labels->'room', v from metrics where labels->'__name__' = 'room_temperature' order by ts, tbname";
    let mut found = lines(&taos.rows("public", sql));
    found.sort();
    let unquoted: Vec<String> = found.iter().map(|line| line.replace("\\\"", "\"")).collect();
    let bare = |line: &String| line.replace("| \"", "| ").replace("\" |", " |");
    assert_eq!(unquoted.iter().map(bare).collect::<Vec<_>>(), wanted.map(|line| line.replace("\" |", " |")));

    // What it scrapes: multiples of five, one after the other.
    at_least("select count(*) from demo_total", 5);
    at_least("select count(*) from metrics where labels->'__name__' = 'demo_total'", 5);
    let values = everywhere(
        &server,
        "public",
        "select \"a\", \"job\", \"value\" from \"demo_total\" order by \"time\" limit 5",
    );
    let n: f64 = values[0].rsplit(' ').next().unwrap().parse().unwrap();
    let wanted: Vec<String> =
        (0..5).map(|at| format!("b c | demo | {:?}", n + 5.0 * f64::from(at))).collect();
    assert_eq!(values, wanted);
}
