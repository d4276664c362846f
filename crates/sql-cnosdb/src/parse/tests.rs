use super::*;
use crate::ast::{DatabaseOptions, FieldDef, KeySelection, QName, TableAlteration};
use crate::codec::{Codec, FieldType};
use crate::duration::CnosDuration;
use std::collections::BTreeMap;
use triglot_engine::catalog::{Privilege, TenantDef};
use triglot_engine::{Flow, Gate, Meter, ObjectLimit, Quota, RateLimit, RoleStatement, TenantStatement};
use triglot_model::{Precision, TenantId};

fn ok(sql: &str) -> Stmt {
    parse(sql).unwrap_or_else(|e| panic!("{sql}: {e}")).unwrap_or_else(|| panic!("{sql}: nothing"))
}

fn err(sql: &str) -> String {
    match parse(sql) {
        Err(e) => e.to_string(),
        Ok(s) => panic!("{sql}: {s:?}"),
    }
}

fn table(name: &str) -> QName {
    QName { tenant: None, database: None, table: name.to_owned() }
}

#[test]
fn no_statement_at_all() {
    for sql in ["", "  \n", ";", ";; ;", "-- only\n", "/* only */", " /* a */ ; -- b"] {
        assert!(parse(sql).unwrap().is_none(), "{sql:?}");
    }
}

#[test]
fn comments_and_semicolons_around_one_statement() {
    for sql in ["select 1;", ";;select 1;;", "/* a */ select 1 -- b", "-- a\nselect 1;"] {
        assert!(matches!(ok(sql), Stmt::Query(_)), "{sql}");
    }
}

#[test]
fn two_statements() {
    assert_eq!(err("select 1; select 2"), "Multi-statement not allow, found num:2, sql:select 1; select 2");
    // A fault in any of them comes first.
    assert!(err("select 1; selekt 2").starts_with("sql parser error: "));
}

#[test]
fn queries_of_all_shapes() {
    for sql in [
        "select * from t where a = 1 order by time limit 1 offset 2",
        "with a as (select 1) select * from a",
        "values (1), (2)",
        "(select 1) union all (select 2)",
        "SELECT a FROM \"T\" JOIN u USING (time)",
        "select time_window(time, interval '3 day'), count(*) over (partition by a) from t",
    ] {
        assert!(matches!(ok(sql), Stmt::Query(_)), "{sql}");
    }
    for sql in [
        "explain select 1",
        "explain analyze select 1",
        "EXPLAIN ANALYZE VERBOSE SELECT 1",
        "explain verbose select 1",
    ] {
        assert!(matches!(ok(sql), Stmt::Explain(_)), "{sql}");
    }
}

#[test]
fn create_database_takes_every_option() {
    let sql = "CREATE DATABASE IF NOT EXISTS D WITH TTL='10d' SHARD 2 VNODE_DURATION '1y' REPLICA=3 PRECISION 'ms' \
               MAX_MEMCACHE_SIZE '128MiB' MEMCACHE_PARTITIONS 16 WAL_MAX_FILE_SIZE '300M' WAL_SYNC 'true' \
               STRICT_WRITE 'false' MAX_CACHE_READERS 32";
    let Stmt::CreateDatabase { name, if_not_exists, options } = ok(sql) else { panic!() };
    assert_eq!((name.as_str(), if_not_exists), ("d", true));
    let wanted = DatabaseOptions {
        ttl: CnosDuration::parse("10d"),
        vnode_duration: CnosDuration::parse("1y"),
        precision: Some(Precision::Milli),
        shard: Some(2),
        replica: Some(3),
        max_memcache_size: Some(128 << 20),
        memcache_partitions: Some(16),
        wal_max_file_size: Some(300_000_000),
        wal_sync: Some(true),
        strict_write: Some(false),
        max_cache_readers: Some(32),
    };
    assert_eq!(options, wanted);
    // The form that dump-ddl writes.
    let dump = "create database if not exists \"d\" with precision 'NS' max_memcache_size '128 MiB' memcache_partitions 16 \
                wal_max_file_size '128 MiB' wal_sync 'false' strict_write 'false' max_cache_readers 32 ttl 'INF' shard 1 \
                replica 1 vnode_duration '1year'";
    assert!(matches!(ok(dump), Stmt::CreateDatabase { .. }));
}

#[test]
fn names_keep_their_case_in_quotes_only() {
    for (sql, wanted) in [
        ("create database Abc", "abc"),
        ("create database \"Abc\"", "Abc"),
        ("create database 'Abc'", "Abc"),
        ("create database \"数据\"", "数据"),
    ] {
        assert!(matches!(ok(sql), Stmt::CreateDatabase { name, .. } if name == wanted), "{sql}");
    }
}

#[test]
fn option_errors_are_the_vendors() {
    for (sql, wanted) in [
        ("create database d with precision 's'", "s is not a valid precision, use like 'ms', 'us', 'ns'"),
        ("create database d with ttl 'x'", "x is not a valid duration or duration overflow"),
        ("create database d with shard 0", "shard number should be greater than 0"),
        (
            "alter database d set precision 'ms'",
            "database config is unmodifiable, only can modify database option: TTL, SHARD, VNODE_DURATION, REPLICA",
        ),
        ("create database \"a/b\"", "not supported keyword contains '/': a/b"),
        ("create table \" \" (a double)", "Name cannot be empty or contain only spaces"),
        ("create table t", "Expected field columns when create table"),
        ("create table t (tags(a))", "Expected field columns when create table"),
        ("create table t (a double codec(foo))", "foo is not valid encoding"),
        ("desc t", "Expected table/database, found: t"),
        (
            "create user u with foo='x'",
            "Expected option [password | rsa_public_key | comment | granted_admin], found [foo]",
        ),
    ] {
        assert_eq!(err(sql), format!("sql parser error: {wanted}"), "{sql}");
    }
}

#[test]
fn tables_are_created_and_altered() {
    let sql = "create table if not exists D.\"T\" (a bigint codec(delta), b Bigint Unsigned, c double codec(GORILLA), \
               d boolean, e string, tags(\"X\", y))";
    let Stmt::CreateTable { table, if_not_exists, fields, tags } = ok(sql) else { panic!() };
    assert_eq!(table, QName { tenant: None, database: Some("d".into()), table: "T".into() });
    assert!(if_not_exists);
    assert_eq!(tags, ["X", "y"]);
    let of = |name: &str, ty, codec| FieldDef { name: name.into(), ty, codec };
    assert_eq!(
        fields,
        [
            of("a", FieldType::BigInt, Some(Codec::Delta)),
            of("b", FieldType::BigIntUnsigned, None),
            of("c", FieldType::Double, Some(Codec::Gorilla)),
            of("d", FieldType::Boolean, None),
            of("e", FieldType::String, None),
        ]
    );
    for (sql, wanted) in [
        (
            "alter table t add field f double codec(quantile)",
            TableAlteration::AddField(of("f", FieldType::Double, Some(Codec::Quantile))),
        ),
        ("alter table t add tag g", TableAlteration::AddTag("g".into())),
        ("alter table t drop f", TableAlteration::Drop("f".into())),
        ("alter table t alter f set codec(zstd)", TableAlteration::SetCodec("f".into(), Codec::Zstd)),
        ("alter table t rename column f to \"G\"", TableAlteration::Rename("f".into(), "G".into())),
    ] {
        assert!(matches!(ok(sql), Stmt::AlterTable { change, .. } if change == wanted), "{sql}");
    }
    // TAGS must be last, and tagless tables are allowed.
    assert!(err("create table t (a double, tags(b), c double)").starts_with("sql parser error: "));
    assert!(matches!(ok("create table t (a double)"), Stmt::CreateTable { tags, .. } if tags.is_empty()));
}

#[test]
fn show_and_describe() {
    assert!(matches!(ok("show databases"), Stmt::ShowDatabases));
    assert!(matches!(ok("SHOW TABLES"), Stmt::ShowTables(None)));
    assert!(matches!(ok("show tables on D"), Stmt::ShowTables(Some(d)) if d == "d"));
    assert!(matches!(ok("show queries"), Stmt::ShowQueries));
    assert!(matches!(ok("desc table t"), Stmt::DescribeTable(t) if t == table("t")));
    assert!(matches!(ok("describe database d"), Stmt::DescribeDatabase(d) if d == "d"));
    let Stmt::ShowSeries { table: t, tail } =
        ok("show series on d from t where a = 'x' and time > 1 order by key desc limit 3 offset 2")
    else {
        panic!()
    };
    assert_eq!(t.database.as_deref(), Some("d"));
    assert!(tail.filter.is_some());
    assert_eq!((tail.order, tail.limit, tail.offset), (vec![("key".to_owned(), true)], Some(3), 2));
    let k = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    for (sql, wanted) in [
        ("show tag values from t with key = a", KeySelection::In(k(&["a"]))),
        ("show tag values from t with key = 'a'", KeySelection::In(k(&["a"]))),
        ("show tag values from t with key != \"A\"", KeySelection::NotIn(k(&["A"]))),
        ("show tag values from t with key <> a", KeySelection::NotIn(k(&["a"]))),
        ("show tag values from t with key in (a, b)", KeySelection::In(k(&["a", "b"]))),
        (
            "show tag values from t with key not in (a) order by key, value desc",
            KeySelection::NotIn(k(&["a"])),
        ),
    ] {
        assert!(matches!(ok(sql), Stmt::ShowTagValues { keys, .. } if keys == wanted), "{sql}");
    }
    assert!(matches!(ok("kill query 5"), Stmt::Kill(5)));
    assert!(matches!(ok("KILL 5"), Stmt::Kill(5)));
}

#[test]
fn rows_are_inserted_and_deleted() {
    for (sql, columns) in [
        ("insert into t values (1, now())", None),
        ("insert t (time, \"A\") values (1, 2)", Some(vec!["time".to_owned(), "A".to_owned()])),
        ("insert into table t select * from u", None),
        ("insert into t (select 1)", None),
        ("insert into t (a) (select 1)", Some(vec!["a".to_owned()])),
    ] {
        assert!(matches!(ok(sql), Stmt::Insert { columns: c, .. } if c == columns), "{sql}");
    }
    assert!(matches!(ok("delete from t"), Stmt::Delete { filter: None, .. }));
    assert!(matches!(ok("delete from d.t where time < 1"), Stmt::Delete { filter: Some(_), .. }));
}

#[test]
fn databases_are_dropped_later_and_recovered() {
    assert!(matches!(ok("drop database if exists d after '7d'"),
        Stmt::DropDatabase { if_exists: true, after: Some(a), .. } if a == CnosDuration::parse("7d").unwrap()));
    assert!(matches!(ok("drop database d"), Stmt::DropDatabase { if_exists: false, after: None, .. }));
    assert!(matches!(ok("recover database if exists d"), Stmt::RecoverDatabase { if_exists: true, .. }));
}

#[test]
fn limiters_are_read_part_by_part() {
    let sql = "alter tenant t set _limiter object_config max_users_number = 1 max_databases 3 max_retention_time = 30 \
               http_queries remote_max = 100 remote_initial = 1 remote_refill = 2 remote_interval = 3 local_max = 4 \
               local_initial = 5 coord_data_in local_max 8 remote_max 9 remote_interval 10 remote_refill 11";
    let Stmt::Tenant(TenantStatement::Alter { name, options }) = ok(sql) else { panic!() };
    assert_eq!(name, "t");
    let set: BTreeMap<String, String> = options.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
    let tenant = TenantDef { id: TenantId(1), name, options: set, drop_at_ns: None };
    let rate = |max, initial, refill, interval_ms, local_max, local_initial| RateLimit {
        max,
        initial,
        refill,
        interval_ms,
        local_max,
        local_initial,
    };
    let wanted = Quota {
        objects: [(ObjectLimit::Users, 1), (ObjectLimit::Databases, 3), (ObjectLimit::RetentionDays, 30)]
            .into(),
        rates: [
            (Meter { gate: Gate::Api, flow: Flow::Queries }, rate(100, 1, 2, 3, 4, 5)),
            (Meter { gate: Gate::Store, flow: Flow::BytesIn }, rate(9, 0, 11, 10, 8, 0)),
        ]
        .into(),
    };
    assert_eq!(Quota::of(&tenant), wanted);
    assert!(err("alter tenant t set _limiter").starts_with("sql parser error: Expected"));
    assert_eq!(
        err("alter tenant t set _limiter http_writes remote_max 1 remote_refill 1 local_max 1"),
        "sql parser error: Expected remote_interval of http_writes"
    );
}

#[test]
fn passwords_do_not_show_in_debug() {
    for sql in ["create user u with password='secret'", "alter user u set password='secret'"] {
        let shown = format!("{:?}", ok(sql));
        assert!(shown.contains("*****") && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn rights_are_listed() {
    let Stmt::Role(RoleStatement::Grant { role, rights }) =
        ok("grant read on database \"A\", all on database b to role r")
    else {
        panic!()
    };
    assert_eq!(role, "r");
    assert_eq!(rights, [(Privilege::Read, "A".to_owned()), (Privilege::Full, "b".to_owned())]);
    assert!(matches!(ok("revoke write on database b from r"),
        Stmt::Role(RoleStatement::Revoke { rights, .. }) if rights == [(Privilege::Write, "b".to_owned())]));
}

#[test]
fn sql_that_is_not_served_says_so() {
    for (sql, wanted) in [
        ("use public", "This feature is not implemented: USE public"),
        ("truncate table t", "This feature is not implemented: TRUNCATE TABLE t"),
        ("create view v as select 1", "This feature is not implemented: CREATE VIEW v AS SELECT 1"),
    ] {
        assert_eq!(err(sql), wanted, "{sql}");
    }
    for sql in ["select 1 2 3", "selekt 1", "select 'a", "show tables from", "drop table"] {
        assert!(err(sql).starts_with("sql parser error: "), "{sql}: {}", err(sql));
    }
}

#[test]
fn deep_and_long_statements_do_not_overflow_the_stack() {
    let delete = format!("delete from t where 1{} = 1", " + 1".repeat(MAX_OPERATORS_INLINE));
    assert!(err(&delete).contains("at most 500 are allowed"));
    for many in [",", " ", "(", ";", "a "] {
        let text = format!("select {}", many.repeat(8_000_000 / many.len()));
        assert!(err(&text).contains("at most 1000000 are allowed"), "{many:?}");
    }
    assert!(parse(&format!("select '{}'", ", ".repeat(2_000_000))).is_ok());
    let brackets = format!("select {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(err(&brackets).contains("recursion limit exceeded"));
    let nested = format!("select {} 1", "select (".repeat(10_000));
    assert!(err(&nested).starts_with("sql parser error: "));
    let chain = format!("select 1{}", " + 1".repeat(200_000));
    assert!(err(&chain).starts_with("sql parser error: statement has 200000 operators"));
    let union = format!("select 1{}", " union all select 1".repeat(100_000));
    assert!(err(&union).contains("operators"));
    let minus = format!("select 1{}", " - 1".repeat(1_000_000));
    assert!(err(&minus).starts_with("sql parser error: "));
    let not = format!("select {} true", "not ".repeat(1_000));
    assert!(err(&not).starts_with("sql parser error: "));
    // The longest chain that is let through is dropped on a thread with the usual 2 MiB.
    let longest = format!("select 1{}", " + 1".repeat(MAX_OPERATORS - 1));
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || assert!(matches!(ok(&longest), Stmt::Query(_))))
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn updates_name_columns_and_a_predicate() {
    let Stmt::Update { table: name, assignments, filter } =
        ok("UPDATE d.M SET F = f + 1, \"Tag\" = 'a' WHERE t > 1")
    else {
        panic!()
    };
    assert_eq!(name, QName { database: Some("d".into()), ..table("m") });
    let set: Vec<(String, String)> = assignments.into_iter().map(|(c, v)| (c, v.to_string())).collect();
    assert_eq!(set, [("f".into(), "f + 1".into()), ("Tag".into(), "'a'".to_owned())]);
    assert_eq!(filter.unwrap().to_string(), "t > 1");
    assert!(matches!(ok("update m set f = 1"), Stmt::Update { filter: None, .. }));
    for sql in
        ["update m", "update m set", "update m set f", "update m set f = 1,", "update m set f = 1 where"]
    {
        assert!(err(sql).starts_with("sql parser error: "), "{sql}");
    }
}

#[test]
fn statements_of_clusters_are_read_and_refused() {
    for sql in [
        "compact vnode 1 2",
        "drop vnode 3",
        "move vnode 1 to node 2",
        "copy vnode 1 to node 2",
        "checksum group 7",
    ] {
        assert!(err(sql).starts_with("This feature is not implemented: "), "{sql}: {}", err(sql));
    }
    assert!(err("move vnode 'a'").starts_with("sql parser error: "));
    assert!(matches!(ok("compact database D"), Stmt::CompactDatabase(name) if name == "d"));
}
