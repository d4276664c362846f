//! rsyslog's omelasticsearch: bulks into a table that the address names, and into the one of the index.

use crate::agents::everywhere;
use crate::agents::packages::{RSYSLOG, unpack};
use crate::agents::process::{Agent, eventually};
use crate::server::Server;

const LINES: &str = "first line\nsecond \"quoted\" line\nünïcode \\ backslash\nlast line\n";

fn configuration(home: &str, modules: &str, port: u16) -> String {
    let action = |server: &str, errors: &str| {
        format!(
            "action(type=\"omelasticsearch\" server=\"http://127.0.0.1:{port}{server}\" uid=\"root\" pwd=\"\" template=\"document\" \
             bulkmode=\"on\" searchIndex=\"by_index\" searchType=\"\" errorFile=\"{home}/{errors}\")\n"
        )
    };
    let table = "/api/v1/es/_bulk?table=by_table&tag_columns=app,severity";
    format!(
        r#"global(workDirectory="{home}")
module(load="{modules}/omelasticsearch.so")
module(load="{modules}/imfile.so")
template(name="document" type="list" option.json="on") {{
  constant(value="{{\"time\":\"") property(name="timereported" dateFormat="rfc3339")
  constant(value="\",\"app\":\"") property(name="programname")
  constant(value="\",\"severity\":\"") property(name="syslogseverity-text")
  constant(value="\",\"message\":\"") property(name="msg")
  constant(value="\"}}")
}}
input(type="imfile" file="{home}/in.log" tag="shop:" severity="warning" addMetadata="off")
{}{}"#,
        action(table, "table.err"),
        action("/api/v1/es", "index.err")
    )
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn omelasticsearch_of_rsyslog() {
    let Some(packages) = unpack(&RSYSLOG) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let modules = packages.directory.join("usr/lib/x86_64-linux-gnu/rsyslog");
    let home = dir.path().to_string_lossy().into_owned();
    let file = dir.path().join("rsyslog.conf");
    std::fs::write(&file, configuration(&home, &modules.to_string_lossy(), server.port)).unwrap();
    std::fs::write(dir.path().join("in.log"), LINES).unwrap();
    let mut command = packages.program("usr/sbin/rsyslogd");
    command.args(["-n", "-iNONE", "-M"]).arg(&modules).arg("-f").arg(&file);
    let mut agent = Agent::start("rsyslog", command, dir.path());
    for table in ["by_table", "by_index"] {
        eventually(table, &[&agent], || {
            let sql =
                format!("select count(*) as n from information_schema.tables where table_name = '{table}'");
            if server.sql("public", &sql) != "n\n1\n" {
                return Err(format!("there is no {table}"));
            }
            match server.sql("public", &format!("select count(*) as n from {table}")) {
                n if n == "n\n4\n" => Ok(()),
                n => Err(n),
            }
        });
        let sql = format!("select \"app\", \"severity\", \"message\" from \"{table}\" order by \"time\"");
        let mut found = everywhere(&server, "public", &sql);
        found.sort();
        assert_eq!(
            found,
            [
                "shop | warning | first line",
                "shop | warning | last line",
                "shop | warning | second \"quoted\" line",
                "shop | warning | ünïcode \\ backslash",
            ]
        );
    }
    agent.stop();
    for errors in ["table.err", "index.err"] {
        let text = std::fs::read_to_string(dir.path().join(errors)).unwrap_or_default();
        assert_eq!(text, "", "{errors}");
    }
}
