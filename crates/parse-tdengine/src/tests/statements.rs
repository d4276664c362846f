//! SHOW, users, rights, views and what is refused (sheet sections 6 and 11 to 13).

use super::check;

#[test]
fn show() {
    check(&[
        ("show databases", "SHOW DATABASES"),
        ("show user databases", "SHOW USER DATABASES"),
        ("show system databases", "SHOW SYSTEM DATABASES"),
        ("show tables", "SHOW TABLES"),
        ("show d.tables like 'a%'", "SHOW d.TABLES LIKE 'a%'"),
        ("show normal tables", "SHOW NORMAL TABLES"),
        ("show child d.tables", "SHOW CHILD d.TABLES"),
        ("show normal.tables", "SHOW normal.TABLES"),
        ("show tables from d like 'x'", "SHOW d.TABLES LIKE 'x'"),
        ("show stables", "SHOW STABLES"),
        ("show `D`.stables like 'x'", "SHOW `D`.STABLES LIKE 'x'"),
        ("show create database d", "SHOW CREATE DATABASE d"),
        ("show create table d.t", "SHOW CREATE TABLE d.t"),
        ("show create stable t", "SHOW CREATE STABLE t"),
        ("show create view v", "SHOW CREATE VIEW v"),
        ("show tags from c", "SHOW TAGS FROM c"),
        ("show tags from c from d", "SHOW TAGS FROM d.c"),
        ("show table tags from s", "SHOW TABLE TAGS FROM s"),
        ("show table tags a, b from s from d", "SHOW TABLE TAGS a, b FROM d.s"),
        ("show indexes from t from d", "SHOW INDEXES FROM d.t"),
        ("show indexes from d.t", "SHOW INDEXES FROM d.t"),
        ("show table distributed d.t", "SHOW TABLE DISTRIBUTED d.t"),
        ("show vgroups", "SHOW VGROUPS"),
        ("show d.vgroups", "SHOW d.VGROUPS"),
        ("show d.alive", "SHOW d.ALIVE"),
        ("show alive", "SHOW ALIVE"),
        ("show cluster alive", "SHOW CLUSTER ALIVE"),
        ("show variables", "SHOW VARIABLES"),
        ("show cluster variables", "SHOW VARIABLES"),
        ("show local variables like 'd%'", "SHOW LOCAL VARIABLES LIKE 'd%'"),
        ("show dnode 1 variables", "SHOW DNODE 1 VARIABLES"),
        ("show dnodes", "SHOW rows of ins_dnodes"),
        ("show mnodes", "SHOW rows of ins_mnodes"),
        ("show qnodes", "SHOW rows of ins_qnodes"),
        ("show snodes", "SHOW rows of ins_snodes"),
        ("show vnodes on dnode 1", "SHOW rows of ins_vnodes"),
        ("show cluster", "SHOW rows of ins_cluster"),
        ("show users", "SHOW rows of ins_users"),
        ("show user privileges", "SHOW rows of ins_user_privileges"),
        ("show grants", "SHOW rows of ins_grants"),
        ("show grants full", "SHOW rows of ins_grants"),
        ("show licences", "SHOW rows of ins_grants"),
        ("show functions", "SHOW rows of ins_functions"),
        ("show topics", "SHOW rows of ins_topics"),
        ("show subscriptions", "SHOW rows of ins_subscriptions"),
        ("show streams", "SHOW rows of ins_streams"),
        ("show d.views", "SHOW rows of ins_views"),
        ("show connections", "SHOW rows of perf_connections"),
        ("show queries", "SHOW rows of perf_queries"),
        ("show consumers", "SHOW rows of perf_consumers"),
        ("show transactions", "SHOW rows of perf_trans"),
        ("show apps", "SHOW rows of perf_apps"),
        ("show compacts", "SHOW rows of ins_compacts"),
        ("show d.tsmas", "SHOW rows of ins_tsmas"),
        ("show d.disk_info", "SHOW rows of ins_disk_usage"),
        ("show", "0x2601 Incomplete SQL statement"),
        ("show nonsense", "0x2600 syntax error near \"nonsense\""),
        ("show child stables", "0x2600 syntax error near \"stables\""),
        ("show tags", "0x2600 syntax error near \"tags\""),
        ("describe d.t", "DESCRIBE d.t"),
        ("desc t", "DESCRIBE t"),
        ("desc table", "DESCRIBE table"),
    ]);
}

#[test]
fn users_and_rights() {
    check(&[
        ("create user u pass 'abcABC123'", "CREATE USER u PASS 'abcABC123'"),
        (
            "create user u pass 'p' createdb 1 sysinfo 0 enable 1 host '1.2.3.4', '::1' is_import 1",
            "CREATE USER u PASS 'p' CREATEDB 1 SYSINFO 0 ENABLE 1 HOST '1.2.3.4', '::1' IS_IMPORT 1",
        ),
        ("create user u", "0x2601 Incomplete SQL statement"),
        ("create user u pass 'p' sysinfo 2", "0x2600 syntax error near \"2\""),
        ("create user `` pass 'p'", "0x0352 Invalid user format"),
        ("alter user u pass 'q'", "ALTER USER u PASS 'q'"),
        ("alter user u enable 0", "ALTER USER u ENABLE 0"),
        ("alter user u add host '10.0.0.0/8'", "ALTER USER u ADD HOST '10.0.0.0/8'"),
        ("alter user u drop host 'a', 'b'", "ALTER USER u DROP HOST 'a', 'b'"),
        ("drop user u", "DROP USER u"),
        ("drop user if exists u", "DROP USER IF EXISTS u"),
        ("grant all on *.* to u", "GRANT ALL ON *.* TO u"),
        ("grant read, write on d.* to u", "GRANT READ, WRITE ON d.* TO u"),
        ("grant alter on d.t to u", "GRANT ALTER ON d.t TO u"),
        (
            "grant read on d.t with g > 1 and h = 'x' to u",
            "GRANT READ ON d.t WITH ((g > 1) AND (h = 'x')) TO u",
        ),
        ("grant subscribe on topic1 to u", "GRANT SUBSCRIBE ON topic1.* TO u"),
        ("revoke write on d.* from u", "REVOKE WRITE ON d.* FROM u"),
        ("revoke write on d.* to u", "0x2600 syntax error near \"to u\""),
        ("grant fly on d.* to u", "0x2600 syntax error near \"fly on d.* to u\""),
    ]);
}

#[test]
fn delete_views_and_the_rest() {
    check(&[
        ("delete from t", "DELETE FROM t"),
        (
            "delete from d.t where ts >= 1 and ts < '2024-01-01';",
            "DELETE FROM d.t WHERE ((ts >= 1) AND (ts < '2024-01-01'))",
        ),
        ("create view v as select * from t", "CREATE VIEW v AS SELECT * FROM t"),
        ("create or replace view d.v as select a  from t ;", "CREATE OR REPLACE VIEW d.v AS SELECT a FROM t"),
        ("drop view if exists v", "DROP VIEW IF EXISTS v"),
        ("create index I on d.s (a)", "CREATE INDEX i ON d.s (a)"),
        ("create index if not exists d.i on d.s(a, b)", "CREATE INDEX IF NOT EXISTS d.i ON d.s (a, b)"),
        ("drop index d.i", "DROP INDEX d.i"),
        ("drop index if exists i", "DROP INDEX IF EXISTS i"),
        ("kill query '1a:2'", "KILL QUERY '1a:2'"),
        ("kill query 7", "0x2600 syntax error near \"7\""),
        ("kill connection 5", "KILL CONNECTION 1"),
        ("kill connection '1a'", "KILL CONNECTION 1"),
        ("kill transaction 5", "KILL TRANSACTION 1"),
        ("drop topic if exists force t", "DROP TOPIC IF EXISTS t"),
        ("drop topic force", "DROP TOPIC force"),
        ("drop stream s", "DROP STREAM s"),
        ("drop function if exists f", "DROP FUNCTION IF EXISTS f"),
        ("drop index d.i", "DROP INDEX d.i"),
        ("drop tsma i", "DROP TSMA i"),
        ("drop topic", "0x2601 Incomplete SQL statement"),
        ("create account a pass 'p' dbs 1", "SHOW ACCOUNTS"),
        ("alter account a dbs 1", "SHOW ACCOUNTS"),
        ("show accounts", "SHOW ACCOUNTS"),
        ("reset query cache", "RESET QUERY CACHE"),
        ("alter local 'debugflag' '131'", "RESET QUERY CACHE"),
        ("alter local 'resetlog'", "RESET QUERY CACHE"),
        ("alter dnode 1 'debugflag' '131'", "ALTER DNODE 1 'k'"),
        ("alter all dnodes 'debugflag' '131'", "RESET QUERY CACHE"),
    ]);
}

#[test]
fn what_is_known_and_refused() {
    for (sql, what) in [
        ("create stream s into t as select _wstart, count(*) from x interval(1m)", "STREAM"),
        ("create stream if not exists s trigger at_once into t as select 1", "STREAM"),
        ("pause stream s", "STREAM"),
        ("create topic t as select * from x", "TOPIC"),
        ("create tsma a on t function(count(x)) interval(1m)", "TSMA"),
        ("create recursive tsma a on d.b interval(1h)", "TSMA"),
        ("create sma index i on t function(max(a)) interval(1m)", "INDEX"),
        ("create function f as '/x.so' outputtype int", "UDF"),
        ("create or replace aggregate function f as '/x.so'", "UDF"),
        ("create dnode 'host:6030'", "DNODE"),
        ("drop mnode on dnode 1", "MNODE"),
        ("balance vgroup", "VGROUP"),
        ("split vgroup 1", "VGROUP"),
        ("redistribute vgroup 3 dnode 1", "VGROUP"),
        ("create vtable v (ts timestamp)", "virtual tables"),
    ] {
        assert_eq!(super::canonical(sql), format!("unsupported: {what}"), "{sql}");
    }
}
