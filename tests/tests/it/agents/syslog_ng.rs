//! syslog-ng: `http()` with newline-delimited JSON, and `elasticsearch-http()`, whose workers send several batches with the
//! same second at a time.

use std::fmt::Write;

use crate::agents::everywhere;
use crate::agents::packages::{SYSLOG_NG, unpack};
use crate::agents::process::{Agent, eventually};
use crate::server::Server;

const LINES: usize = 60;

fn configuration(home: &str, scl: &str, port: u16) -> String {
    let bulk = format!("http://127.0.0.1:{port}/api/v1/es/_bulk");
    format!(
        r#"@version: 3.38
@include "{scl}/elasticsearch/elastic-http.conf"
source files {{ file("{home}/in.log" flags(no-parse) follow-freq(1)); }};
destination ndjson {{
  http(
    url("{bulk}?table=by_lines&log_type=ndjson&time_column=date&tag_columns=app")
    method("POST") user("root") password("") headers("Content-Type: application/x-ndjson")
    body('$(format-json --scope none date="${{ISODATE}}" app="shop" message="${{MESSAGE}}")')
    delimiter("\n") batch-lines(7) batch-timeout(200)
  );
}};
destination elastic {{
  elasticsearch-http(
    url("{bulk}?table=by_bulk&time_column=date&tag_columns=app") index("unused") type("") user("root")
    template('$(format-json --scope none date="${{ISODATE}}" app="shop" message="${{MESSAGE}}")')
    workers(4) batch-lines(7) batch-timeout(200)
  );
}};
log {{ source(files); destination(ndjson); destination(elastic); }};
"#
    )
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn http_and_elasticsearch_http_of_syslog_ng() {
    let Some(packages) = unpack(&SYSLOG_NG) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let home = dir.path().to_string_lossy().into_owned();
    let scl = packages.directory.join("usr/share/syslog-ng/include/scl");
    let file = dir.path().join("syslog-ng.conf");
    std::fs::write(&file, configuration(&home, &scl.to_string_lossy(), server.port)).unwrap();
    let mut text = String::new();
    for n in 0..LINES {
        writeln!(text, "line {n:02} says \"grüß dich\"").unwrap();
    }
    std::fs::write(dir.path().join("in.log"), text).unwrap();
    let mut command = packages.program("usr/sbin/syslog-ng");
    command.args(["-F", "-e", "--no-caps", "--module-path"]);
    command.arg(packages.directory.join("usr/lib/syslog-ng/3.38")).arg("--cfgfile").arg(&file);
    for (option, name) in [("--persist-file", "persist"), ("--pidfile", "pid"), ("--control", "control")] {
        command.arg(option).arg(dir.path().join(name));
    }
    let mut agent = Agent::start("syslog-ng", command, dir.path());
    let wanted: Vec<String> = (0..LINES).map(|n| format!("shop | line {n:02} says \"grüß dich\"")).collect();
    for table in ["by_lines", "by_bulk"] {
        eventually(table, &[&agent], || {
            let sql =
                format!("select count(*) as n from information_schema.tables where table_name = '{table}'");
            if server.sql("public", &sql) != "n\n1\n" {
                return Err("there is no table".to_owned());
            }
            match server.sql("public", &format!("select count(*) as n from {table}")) {
                n if n == format!("n\n{LINES}\n") => Ok(()),
                n => Err(n),
            }
        });
        let sql = format!("select \"app\", \"message\" from \"{table}\" order by \"message\"");
        assert_eq!(everywhere(&server, "public", &sql), wanted, "{table}");
    }
    agent.stop();
}
