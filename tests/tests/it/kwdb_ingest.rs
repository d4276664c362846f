//! KWDB's ingest endpoints beside others: side by side in one table, with rules and rights, and seen through the other
//! dialects' ports.

use crate::http;
use crate::server::Server;

fn post_as(server: &Server, authorization: &str, target: &str, body: &str) -> (u16, serde_json::Value) {
    let headers = [("authorization".to_owned(), authorization.to_owned())];
    let reply = http::exchange(server.kwdb_port, "POST", target, &headers, body.as_bytes()).unwrap();
    let body = serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{e}: {}", reply.text()));
    (reply.status, body)
}

fn post(server: &Server, target: &str, body: &str) -> serde_json::Value {
    post_as(server, http::ROOT, target, body).1
}

fn ddl(server: &Server, sql: &str) {
    let answer = post(server, "/restapi/ddl?db=plant", sql);
    assert_eq!(answer["code"], 0, "{sql}: {answer}");
}

/// The cells of a query, by rows.
fn rows(server: &Server, database: &str, sql: &str) -> serde_json::Value {
    let answer = post(server, &format!("/restapi/query?db={database}"), sql);
    assert_eq!(answer["code"], 0, "{sql}: {answer}");
    answer["data"].clone()
}

fn start() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    ddl(&server, "create ts database plant");
    (dir, server)
}

#[test]
fn writers_that_make_one_table_together_all_succeed() {
    let (_dir, server) = start();
    let (writers, lines) = (8, 50);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let server = &server;
            scope.spawn(move || {
                // Each has a tag and a field of its own, and longer and longer texts.
                let text: String = (0..lines)
                    .map(|n| {
                        let long = "x".repeat(n * 10 + 1);
                        format!(
                            "m,all=a,t{writer}=v f{writer}={n}i,s=\"{long}\" {}\n",
                            1_704_067_200_000_u64 + n as u64
                        )
                    })
                    .collect();
                let answer = post(server, "/restapi/influxdb?db=plant", &text);
                assert_eq!(
                    (answer["code"].as_i64(), answer["rows"].as_u64()),
                    (Some(0), Some(lines as u64)),
                    "{answer}"
                );
            });
        }
    });
    assert_eq!(rows(&server, "plant", "select count(*) as n from m")[0][0], writers * lines);
    for writer in 0..writers {
        let sql = format!("select count(f{writer}) as n, sum(f{writer}) as s from m where t{writer} = 'v'");
        let found = rows(&server, "plant", &sql);
        assert_eq!(found[0][0], lines, "{writer}");
        assert_eq!(found[0][1].as_f64(), Some((0..lines).sum::<usize>() as f64), "{writer}");
    }
}

#[test]
fn dedup_rules_hold_for_lines() {
    let (_dir, server) = start();
    let line = |fields: &str| {
        let answer = post(&server, "/restapi/influxdb?db=plant", &format!("m,t=a {fields} 1704067200000"));
        assert_eq!((answer["code"].as_i64(), answer["rows"].as_u64()), (Some(0), Some(1)), "{answer}");
    };
    let now = || rows(&server, "plant", "select a, b from m")[0].clone();
    line("a=1i,b=1i");
    line("a=2i");
    assert_eq!(now(), serde_json::json!([2, null]), "override: the new row takes the old one's place whole");
    ddl(&server, "set cluster setting ts.dedup.rule = 'merge'");
    line("b=3i");
    assert_eq!(now(), serde_json::json!([2, 3]), "merge: by column");
    ddl(&server, "set cluster setting ts.dedup.rule = 'discard'");
    line("a=9i,b=9i");
    assert_eq!(now(), serde_json::json!([2, 3]), "discard: the old row stays");
}

#[test]
fn a_row_that_storage_refuses_keeps_no_other_out() {
    let (_dir, server) = start();
    ddl(&server, "create ts database short retentions 10d");
    // Without a time: now. With one: long past the retention.
    let lines: String =
        (0..40)
            .map(|n| {
                if n % 13 == 5 {
                    format!("m,t=d{n} v=1i 1704067200000\n")
                } else {
                    format!("m,t=d{n} v=1i\n")
                }
            })
            .collect();
    let answer = post(&server, "/restapi/influxdb?db=short", &lines);
    assert_eq!((answer["code"].as_i64(), answer["rows"].as_u64()), (Some(-1), Some(37)), "{answer}");
    let said: Vec<&str> = answer["desc"].as_str().unwrap().split_terminator(';').collect();
    let failed: Vec<usize> = (0..said.len()).filter(|n| said[*n] != "success").collect();
    assert_eq!((said.len(), failed), (40, vec![5, 18, 31]), "{said:?}");
    assert_eq!(rows(&server, "short", "select count(*) as n from m")[0][0], 37);
}

#[test]
fn lines_need_the_rights_of_inserts() {
    let (_dir, server) = start();
    post(&server, "/restapi/influxdb?db=plant", "m,t=a v=1i 1704067200000");
    ddl(&server, "create user reader with password 'geheim-1'; grant select on table m to reader");
    let reader = http::basic("reader", "geheim-1");
    for (route, body) in [
        ("influxdb", "m,t=a v=2i"),
        ("telegraf", "m,t=a v=2i"),
        ("influxdb", "other,t=a v=2i"),
        ("opentsdbtelnet", "other 1704067200 2 t=a"),
        ("opentsdbjson", r#"[{"metric":"other","timestamp":1704067200,"value":2,"tags":{"t":"a"}}]"#),
    ] {
        let (_, answer) = post_as(&server, &reader, &format!("/restapi/{route}?db=plant"), body);
        assert_eq!(
            (answer["code"].as_i64(), answer["rows"].as_u64()),
            (Some(-1), Some(0)),
            "{route}: {answer}"
        );
        let said = answer["desc"].as_str().unwrap();
        assert!(said.contains("user reader does not have") && said.contains("privilege"), "{route}: {said}");
    }
    assert_eq!(rows(&server, "plant", "select v from m"), serde_json::json!([[1]]));
}

#[test]
fn rows_are_the_same_through_all_ports() {
    let (_dir, server) = start();
    let answer = post(&server, "/restapi/influxdb?db=plant", "cpu,host=a usage=0.5,n=3i 1704067200000\n");
    assert_eq!(answer["code"], 0, "{answer}");
    // Of KWDB's endpoint through CnosDB's and TDengine's.
    assert_eq!(server.sql("plant", "select host, usage, n from cpu"), "host,usage,n\na,0.5,3\n");
    let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
    let sql = b"select host, usage, n from cpu";
    let reply = http::exchange(server.taos_port, "POST", "/rest/sql/plant", &headers, sql).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["data"], serde_json::json!([["a", 0.5, 3]]), "{answer}");
    // And lines into a table that CnosDB's endpoint made: by its columns, without a generated tag.
    let headers = [("authorization".to_owned(), http::ROOT.to_owned())];
    let line = b"mem,host=a used=1i 1704067200000000000";
    let written = http::exchange(server.port, "POST", "/api/v1/write?db=public", &headers, line).unwrap();
    assert_eq!(written.status, 200);
    let answer = post(&server, "/restapi/influxdb?db=public", "mem,host=b,rack=r used=2i 1704067200000\n");
    assert_eq!(answer["code"], 0, "{answer}");
    assert_eq!(
        server.sql("public", "select host, rack, used from mem order by host"),
        "host,rack,used\na,,1\nb,r,2\n"
    );
}
