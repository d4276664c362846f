//! The DDL script (sheet section 11): its text, and that it makes what it tells.

use crate::http::{self, ROOT};
use crate::server::Server;

fn dump(server: &Server, parameters: &str) -> String {
    let headers = [("authorization".to_owned(), ROOT.to_owned())];
    let target = format!("/api/v1/dump/sql/ddl{parameters}");
    let reply = http::exchange(server.port, "GET", &target, &headers, b"").unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

/// Runs a script as the vendor's client does: a line is a comment, a command or a statement.
fn replay(server: &Server, script: &str) {
    let mut tenant = "cnosdb";
    for line in script.lines().filter(|l| !l.starts_with("--")) {
        if let Some(name) = line.strip_prefix("\\change_tenant ") {
            tenant = name;
            continue;
        }
        let headers = [("authorization".to_owned(), ROOT.to_owned())];
        let target = format!("/api/v1/sql?tenant={tenant}");
        let reply = http::exchange(server.port, "POST", &target, &headers, line.as_bytes()).unwrap();
        assert_eq!(reply.status, 200, "{line}: {}", reply.text());
    }
}

const MADE: [&str; 8] = [
    "create user u1 with comment='it''s c', password='secret'",
    "create user a2 with granted_admin=true",
    "create database d with memcache_partitions 16 ttl '10d' strict_write 'true'",
    "create database \"B b\" with precision 'ms' memcache_partitions 4",
    "create table d.m (v double codec(gorilla), n bigint, tags(h))",
    "create table plain (\"Q\"\"q\" string codec(zstd))",
    "create external table d.e (a bigint not null, year bigint) stored as csv with header row \
        partitioned by (year) location 'file:///nowhere/x/'",
    "create external table d.f (a decimal(9, 2)) stored as ndjson compression type gzip location '/nowhere/f.json.gz'",
];

/// From the sheet's example, object by object.
const SCRIPT: &str = r#"-- Dump Global Object
create user "a2" with must_change_password=false, granted_admin=true;
create user "u1" with comment='it''s c', must_change_password=false, granted_admin=false;
-- Dump Tenant cnosdb Object
\change_tenant cnosdb
create database if not exists "B b" with precision 'MS' max_memcache_size '128 MiB' memcache_partitions 4 wal_max_file_size '128 MiB' wal_sync 'false' strict_write 'false' max_cache_readers 32 ttl 'INF' shard 1 replica 1 vnode_duration '1year';
create database if not exists "d" with precision 'NS' max_memcache_size '128 MiB' memcache_partitions 16 wal_max_file_size '128 MiB' wal_sync 'false' strict_write 'true' max_cache_readers 32 ttl '10days' shard 1 replica 1 vnode_duration '1year';
create table "d"."m" ("v" DOUBLE CODEC(GORILLA), "n" BIGINT, tags ("h"));
create table "public"."plain" ("Q""q" STRING CODEC(ZSTD));
create external table "d"."e" ("a" BIGINT NOT NULL, "year" BIGINT) stored as CSV with header row delimiter ',' partitioned by ("year") location 'file:///nowhere/x/';
create external table "d"."f" ("a" DECIMAL(9, 2)) stored as JSON compression type GZIP location '/nowhere/f.json.gz';
"#;

#[test]
fn the_script_makes_the_same_catalog_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("first"));
    for statement in MADE {
        server.sql("public", statement);
    }
    let script = dump(&server, "");
    assert_eq!(script, SCRIPT);
    let (_, tenant) = SCRIPT.split_once("-- Dump Tenant").unwrap();
    assert_eq!(dump(&server, "?tenant=cnosdb"), format!("-- Dump Tenant{tenant}"));
    let second = Server::start(&dir.path().join("second"));
    replay(&second, &script);
    assert_eq!(dump(&second, ""), SCRIPT);
}
