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
        let target = format!("/api/v1/sql?tenant={}", tenant.replace(' ', "%20"));
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

/// Tenant by tenant: the statements, run by root.
const MADE_IN: [(&str, &[&str]); 2] = [
    (
        "cnosdb",
        &[
            "create tenant t1 with drop_after='1m'",
            "create tenant \"T 2\" with comment='a, b'",
            "create user u1",
            "create user \"U'2\"",
            "create database d with memcache_partitions 16",
            "create role r1 inherit member",
            "create role r2",
            "grant read on database d to r1",
            "grant all on database d to r2",
            "grant write on database public to r2",
            "alter tenant cnosdb add user u1 as member",
            "alter tenant cnosdb add user \"U'2\" as r2",
            "alter tenant t1 add user u1 as owner",
            "alter tenant t1 set _limiter object_config max_databases=2 max_retention_time=40 \
             http_queries remote_max=9 remote_initial=8 remote_refill=7 remote_interval=60000 local_max=6 local_initial=5",
        ],
    ),
    (
        "t1",
        &[
            "create database public with ttl '40d' memcache_partitions 1",
            "create role r1 inherit owner",
            "alter tenant t1 add user \"U'2\" as r1",
            "create table public.m (f double, tags(h))",
        ],
    ),
];

/// The form is that of the sheet's example; the limiter stands last so that it does not hold up the rest.
const TENANTS: &str = r#"-- Dump Global Object
create tenant if not exists "T 2" with comment='a, b';
create tenant if not exists "t1" with drop_after='1m';
create user "U'2" with must_change_password=false, granted_admin=false;
create user "u1" with must_change_password=false, granted_admin=false;
-- Dump Tenant T 2 Object
\change_tenant T 2
-- Dump Tenant cnosdb Object
\change_tenant cnosdb
create database if not exists "d" with precision 'NS' max_memcache_size '128 MiB' memcache_partitions 16 wal_max_file_size '128 MiB' wal_sync 'false' strict_write 'false' max_cache_readers 32 ttl 'INF' shard 1 replica 1 vnode_duration '1year';
create role "r1" inherit member;
grant Read on database "d" to "r1";
create role "r2";
grant All on database "d" to "r2";
grant Write on database "public" to "r2";
alter tenant "cnosdb" add user "U'2" as "r2";
alter tenant "cnosdb" add user "u1" as "member";
-- Dump Tenant t1 Object
\change_tenant t1
create database if not exists "public" with precision 'NS' max_memcache_size '128 MiB' memcache_partitions 1 wal_max_file_size '128 MiB' wal_sync 'false' strict_write 'false' max_cache_readers 32 ttl '1month 9days 13h 26m 24s' shard 1 replica 1 vnode_duration '1year';
create role "r1" inherit owner;
alter tenant "t1" add user "U'2" as "r1";
alter tenant "t1" add user "u1" as "owner";
create table "public"."m" ("f" DOUBLE, tags ("h"));
alter tenant "t1" set _limiter object_config max_databases=2 max_retention_time=40 http_queries remote_max=9 remote_initial=8 remote_refill=7 remote_interval=60000 local_max=6 local_initial=5;
"#;

#[test]
fn tenants_roles_grants_and_limits_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("first"));
    for (tenant, statements) in MADE_IN {
        replay(&server, &format!("\\change_tenant {tenant}\n{}", statements.join("\n")));
    }
    let script = dump(&server, "");
    assert_eq!(script, TENANTS);
    let second = Server::start(&dir.path().join("second"));
    replay(&second, &script);
    assert_eq!(dump(&second, ""), TENANTS);
    // What the script says in words is in force.
    let privileges = "select * from information_schema.database_privileges order by 2, 4";
    assert_eq!(second.sql("public", privileges), server.sql("public", privileges));
    let tenants = "select * from cluster_schema.tenants order by 1";
    assert_eq!(second.sql("public", tenants), server.sql("public", tenants));
}
