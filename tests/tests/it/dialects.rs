//! One store, several dialects: what one writes, the others read.

use serde_json::Value;

use crate::http;
use crate::server::Server;

/// The `data` of an answer of `/rest/sql`.
fn taos(server: &Server, database: &str, sql: &str) -> Value {
    let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
    let target = if database.is_empty() { "/rest/sql".to_owned() } else { format!("/rest/sql/{database}") };
    let reply = http::exchange(server.taos_port, "POST", &target, &headers, sql.as_bytes()).unwrap();
    let json: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(json["code"], 0, "{sql}: {json}");
    json["data"].clone()
}

#[test]
fn line_protocol_reads_through_rest_sql() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let lines = "cpu,host=a,region=x usage=1.5,n=1i 1700000000000000001\n\
                 cpu,host=b usage=2.5,n=2i 1700000000000000002\n\
                 plain v=true 1700000000000000003\n";
    let headers = [("authorization".to_owned(), http::basic("root", ""))];
    let reply =
        http::exchange(server.port, "POST", "/api/v1/write?db=public", &headers, lines.as_bytes()).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let rows = taos(&server, "public", "select time, host, region, `usage`, n from cpu order by time");
    let expected = serde_json::json!([
        ["2023-11-14T22:13:20.000000001Z", "a", "x", 1.5, 1],
        ["2023-11-14T22:13:20.000000002Z", "b", null, 2.5, 2],
    ]);
    assert_eq!(rows, expected);
    // A table with tags is a super table; its series have the names that schemaless writers would give.
    assert_eq!(taos(&server, "public", "show stables"), serde_json::json!([["cpu"]]));
    let children =
        taos(&server, "public", "select tbname, count(*) from cpu partition by tbname order by tbname");
    let names: Vec<&str> = children.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    assert!(names.len() == 2 && names.iter().all(|n| n.len() == 34 && n.starts_with("t_")), "{names:?}");
    let one = format!("select host from cpu where tbname = '{}'", names[0]);
    assert_eq!(taos(&server, "public", &one).as_array().unwrap().len(), 1);
    // These names are no tables of their own, and its tags cannot be given: they are what tells its series apart.
    let refused = |sql: &str| {
        let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
        let reply =
            http::exchange(server.taos_port, "POST", "/rest/sql/public", &headers, sql.as_bytes()).unwrap();
        serde_json::from_slice::<Value>(&reply.body).unwrap()["code"].clone()
    };
    assert_eq!(refused(&format!("insert into {} values (now, 1.5, 2)", names[0])), 0x2603);
    assert_eq!(refused("insert into c using cpu tags ('c', 'x') values (now, 1.5, 2)"), 0x0100);
    assert_eq!(refused("insert into cpu (tbname, time, `usage`) values ('c', now, 1.5)"), 0x0100);
    assert_eq!(refused("create table c using cpu tags ('c', 'x')"), 0x022f);
    assert_eq!(taos(&server, "public", "select tbname, v from plain"), serde_json::json!([["plain", true]]));
    assert_eq!(
        taos(&server, "public", "insert into plain values ('2023-11-14T22:13:21Z', false)"),
        serde_json::json!([[1]])
    );
    assert_eq!(server.sql("public", "SELECT count(*) FROM plain").lines().last(), Some("2"));
}

#[test]
fn a_super_table_reads_through_api_v1_sql() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    taos(&server, "", "create database power");
    taos(
        &server,
        "power",
        "create stable meters (ts timestamp, v int, c float) tags (g int, loc varchar(16))",
    );
    taos(
        &server,
        "power",
        "insert into d1 using meters tags (1, 'SF') values ('2024-01-01 00:00:00', 220, 1.5) \
         d2 using meters tags (2, null) values ('2024-01-01 00:00:00', 230, null) ('2024-01-01 00:00:01', 231, 2.5)",
    );
    let csv = server.sql("power", "SELECT ts, v, c, g, loc FROM meters ORDER BY v");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "ts,v,c,g,loc",
            "2024-01-01T00:00:00.000000000,220,1.5,1,SF",
            "2024-01-01T00:00:00.000000000,230,,2,",
            "2024-01-01T00:00:01.000000000,231,2.5,2,",
        ]
    );
    let sum = server.sql("power", "SELECT g, sum(v) FROM meters WHERE g > 1 GROUP BY g");
    assert_eq!(sum.lines().last(), Some("2,461"));
    // A child table reads as a table of its own, without tags.
    assert_eq!(
        server.sql("power", "SELECT * FROM d1").lines().last(),
        Some("2024-01-01T00:00:00.000000000,220,1.5")
    );
    // Written by the other dialect, too: the row lands in a child table of the schemaless rule.
    server.sql("power", "INSERT INTO meters (ts, g, v) VALUES ('2024-01-01T00:00:02', 3, 5)");
    assert_eq!(taos(&server, "power", "select count(*) from d2"), serde_json::json!([[2]]));
    let new = "select v, g from meters where ts >= '2024-01-01 00:00:02' and tbname like 't\\_%'";
    assert_eq!(taos(&server, "power", new), serde_json::json!([[5, 3]]));
}
