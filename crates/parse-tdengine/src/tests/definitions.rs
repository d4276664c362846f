//! Databases and tables (sheet section 4).

use super::check;

#[test]
fn databases() {
    check(&[
        ("create database D", "CREATE DATABASE d"),
        (
            "create database if not exists `D` precision 'us' keep 365d,3650d,36500d duration 10",
            "CREATE DATABASE IF NOT EXISTS `D` PRECISION 'us' KEEP 365d, 3650d, 36500d DURATION 10",
        ),
        (
            "create database d wal_retention_period -1 compact_time_range -30d,-1d comp 2",
            "CREATE DATABASE d WAL_RETENTION_PERIOD -1 COMPACT_TIME_RANGE -30d, -1d COMP 2",
        ),
        ("create database d retentions -:7d,1m:21d", "CREATE DATABASE d RETENTIONS -:7d, 1m:21d"),
        ("create database d buffer 1.5", "CREATE DATABASE d BUFFER 1.5"),
        ("create database d nonsense 1", "0x2600 syntax error near \"nonsense 1\""),
        ("create database d buffer 1 buffer 2", "0x2600 syntax error near \"buffer 2\""),
        ("create database d buffer", "0x2601 Incomplete SQL statement"),
        ("alter database d cachemodel 'both' keep 100", "ALTER DATABASE d CACHEMODEL 'both' KEEP 100"),
        ("alter database d", "0x2601 Incomplete SQL statement"),
        ("drop database d", "DROP DATABASE d"),
        ("drop database if exists force d", "DROP DATABASE IF EXISTS d"),
        ("drop database force", "DROP DATABASE force"),
        ("use d;", "USE d"),
        ("flush database d", "FLUSH DATABASE d"),
        ("trim database d bwlimit 10", "TRIM DATABASE d"),
        (
            "compact database d start with '2024-01-01' end with now - 1d",
            "COMPACT DATABASE d START WITH '2024-01-01' END WITH (NOW - 1d)",
        ),
    ]);
}

#[test]
fn tables() {
    check(&[
        ("create table t (ts timestamp, v int)", "CREATE TABLE t (ts TIMESTAMP, v INT)"),
        (
            "create table if not exists d.t (ts timestamp, k bigint unsigned primary key, v double)",
            "CREATE TABLE IF NOT EXISTS d.t (ts TIMESTAMP, k BIGINT UNSIGNED PRIMARY KEY, v DOUBLE)",
        ),
        (
            "create stable s (ts timestamp, v float(10)) tags (g int, n nchar(8) comment 'x')",
            "CREATE STABLE s (ts TIMESTAMP, v FLOAT) TAGS (g INT, n NCHAR(8) COMMENT 'x')",
        ),
        (
            "create table s (ts timestamp, k varchar(5) composite key, b bool encode 'bit-packing' compress 'zstd' \
          level 'medium') tags (j json) comment 'c' ttl 5 sma(b) keep 30d watermark 5s,10s max_delay 1m rollup(sum)",
            "CREATE TABLE s (ts TIMESTAMP, k VARCHAR(5) PRIMARY KEY, b BOOL ENCODE 'bit-packing' COMPRESS 'zstd' \
          LEVEL 'medium') TAGS (j JSON) COMMENT 'c' TTL 5 SMA(b) KEEP 30d WATERMARK 5s, 10s MAX_DELAY 1m ROLLUP(sum)",
        ),
        (
            "create table t (ts timestamp, tags int, value binary(9), `X y` geometry(64), comment numeric, \
          b varbinary(3), c blob, d decimal(5), e integer, f tinyint unsigned, g smallint)",
            "CREATE TABLE t (ts TIMESTAMP, tags INT, value VARCHAR(9), `X y` GEOMETRY(64), comment DECIMAL(10, 0), \
          b VARBINARY(3), c BLOB, d DECIMAL(5, 0), e INT, f TINYINT UNSIGNED, g SMALLINT)",
        ),
        ("create table t (ts timestamp, v int) virtual 0", "CREATE TABLE t (ts TIMESTAMP, v INT)"),
        ("create stable t (ts timestamp, v int) tags (a int) virtual 1", "unsupported: virtual tables"),
        ("create table t (ts timestamp, v varchar)", "0x2600 syntax error near \")\""),
        ("create table t (ts timestamp, v mediumblob)", "0x2600 syntax error near \"mediumblob)\""),
        ("create stable t (ts timestamp, v int)", "0x2601 Incomplete SQL statement"),
        ("create table t ()", "0x2600 syntax error near \")\""),
        ("create table t", "0x2601 Incomplete SQL statement"),
        ("create table a.b.c (ts timestamp, v int)", "0x2600 syntax error near \".c (ts timestamp, v int)\""),
    ]);
}

#[test]
fn child_tables() {
    check(&[
        (
            "create table c using s tags (1, 'x', -2, null, now + 1h)",
            "CREATE TABLE c USING s TAGS (1, 'x', (- 2), NULL, (NOW + 1h))",
        ),
        (
            "create table c using d.s (a, b) tags (1, 2) ttl 3 comment 'x'",
            "CREATE TABLE c USING d.s (a, b) TAGS (1, 2) TTL 3 COMMENT 'x'",
        ),
        (
            "create table if not exists a using s tags (1) ttl using s tags (2) comment 'y' if not exists b using s tags (3)",
            "CREATE TABLE IF NOT EXISTS a USING s TAGS (1) ttl USING s TAGS (2) COMMENT 'y' IF NOT EXISTS b USING s TAGS (3)",
        ),
        (
            "create table if not exists using s (tbname, a) file '/x.csv'",
            "unsupported: CREATE TABLE from a file",
        ),
        ("create table c using s (1)", "0x2600 syntax error near \"1)\""),
        ("create table c using s", "0x2601 Incomplete SQL statement"),
    ]);
}

#[test]
fn dropping() {
    check(&[
        ("drop table t", "DROP TABLE t"),
        ("drop table if exists a, d.b, if exists c", "DROP TABLE IF EXISTS a, d.b, IF EXISTS c"),
        ("drop stable if exists s", "DROP STABLE IF EXISTS s"),
        ("drop stable a, b", "0x2600 syntax error near \", b\""),
        ("drop table", "0x2601 Incomplete SQL statement"),
    ]);
}

#[test]
fn altering_tables() {
    check(&[
        ("alter table t add column c int", "ALTER TABLE t ADD COLUMN c INT"),
        (
            "alter stable d.t add column c double encode 'delta-d'",
            "ALTER STABLE d.t ADD COLUMN c DOUBLE ENCODE 'delta-d'",
        ),
        ("alter table t drop column c", "ALTER TABLE t DROP COLUMN c"),
        ("alter table t modify column c varchar(20)", "ALTER TABLE t MODIFY COLUMN c VARCHAR(20)"),
        ("alter table t modify column c encode 'x'", "unsupported: changing a column's compression"),
        ("alter table t rename column a b", "ALTER TABLE t RENAME COLUMN a b"),
        ("alter table t add tag g int", "ALTER TABLE t ADD TAG g INT"),
        ("alter table t drop tag g", "ALTER TABLE t DROP TAG g"),
        ("alter table t modify tag g nchar(20)", "ALTER TABLE t MODIFY TAG g NCHAR(20)"),
        ("alter table t rename tag a b", "ALTER TABLE t RENAME TAG a b"),
        ("alter table t set tag a = 1, b = 'x'", "ALTER TABLE t SET TAG a = 1, b = 'x'"),
        ("alter table t set tag a = 1, tag tag = null", "ALTER TABLE t SET TAG a = 1, tag = NULL"),
        ("alter table t comment 'x' ttl 3", "ALTER TABLE t COMMENT 'x' TTL 3"),
        ("alter table t keep 10d", "ALTER TABLE t KEEP 10d"),
        ("alter table t nothing", "0x2600 syntax error near \"nothing\""),
        ("alter table t", "0x2601 Incomplete SQL statement"),
    ]);
}
