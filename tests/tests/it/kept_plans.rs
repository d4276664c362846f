//! Plans that are kept for TDengine's queries: which queries share one, that each is answered as if it had been planned
//! as a whole, and that nothing of a user, a zone, a database or an older table comes out of another one's plan.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use chrono_tz::Tz;
use futures::TryStreamExt;
use triglot_disk::RealDisk;
use triglot_engine::auth::Peer;
use triglot_engine::{Engine, EngineOptions, QueryLanguage, Session};
use triglot_sql_tdengine::{Answer, Context, language, run};

/// 2024-01-01 00:00:00 UTC.
const T0: i64 = 1_704_067_200_000;

struct Node {
    engine: Engine,
    language: Arc<QueryLanguage>,
    _dir: tempfile::TempDir,
}

/// Who asks, where and in which zone.
#[derive(Clone, Copy)]
struct Asker {
    user: &'static str,
    password: &'static str,
    database: &'static str,
    zone: Tz,
}

const ROOT: Asker = Asker { user: "root", password: "taosdata", database: "d", zone: Tz::UTC };
const ANN: Asker = Asker { user: "ann", password: "Abc123!_xyz", ..ROOT };

type Answered = Result<Vec<String>, u16>;

impl Node {
    /// Two super tables of the same columns in databases of milliseconds and of nanoseconds: `k` in three children
    /// of `st`, one of them with NULLs.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
        let engine = Engine::open(EngineOptions::new(disk)).await.unwrap();
        let language = language(&engine).unwrap();
        let node = Self { engine, language, _dir: dir };
        for (database, unit, per_ms) in [("d", "ms", 1), ("n", "ns", 1_000_000)] {
            node.must(ROOT, &format!("create database {database} precision '{unit}' keep 36500d")).await;
            let columns = "(ts timestamp, k int, v double) tags (host varchar(16), g int)";
            node.must(ROOT, &format!("create table {database}.st {columns}")).await;
            for (child, g) in [("d0", "1"), ("d1", "2"), ("d2", "NULL")] {
                let tags = format!("('h_{child}', {g})");
                node.must(ROOT, &format!("create table {database}.{child} using {database}.st tags {tags}"))
                    .await;
                let rows: Vec<String> = (0..40).map(|i| row(child, i, per_ms)).collect();
                node.must(ROOT, &format!("insert into {database}.{child} values {}", rows.join(" "))).await;
            }
        }
        node
    }

    async fn context(&self, asker: Asker, language: &Arc<QueryLanguage>) -> Context {
        let auth = self.engine.auth();
        let verified = auth.verify_or_default(asker.user, asker.password, "taosdata", Peer::Loopback).await;
        let session = self.engine.session(verified.unwrap(), "cnosdb", asker.database).unwrap();
        Context {
            session: session.with_language(language),
            has_database: !asker.database.is_empty(),
            zone: asker.zone,
            client: "127.0.0.1".to_owned(),
            application: String::new(),
            request_id: 1,
        }
    }

    async fn answer(&self, asker: Asker, language: &Arc<QueryLanguage>, sql: &str) -> Answered {
        match run(&self.engine, &self.context(asker, language).await, sql).await {
            Ok(Answer::Rows(rows)) => {
                let names = rows.columns.iter().map(|c| format!("{}:{:?}", c.name, c.ty)).collect::<Vec<_>>();
                let batches: Vec<RecordBatch> = rows.stream.try_collect().await.map_err(|_| 0_u16)?;
                let mut lines = vec![names.join(" ")];
                lines.extend(batches.iter().flat_map(|b| (0..b.num_rows()).map(|at| line(b, at))));
                Ok(lines)
            }
            Ok(Answer::Affected(_)) => Ok(Vec::new()),
            Err(error) => Err(error.code),
        }
    }

    /// As the server answers.
    async fn ask(&self, asker: Asker, sql: &str) -> Answered {
        self.answer(asker, &self.language, sql).await
    }

    /// As it answers when nothing is kept.
    async fn ask_fresh(&self, asker: Asker, sql: &str) -> Answered {
        self.answer(asker, &language(&self.engine).unwrap(), sql).await
    }

    async fn must(&self, asker: Asker, sql: &str) -> Vec<String> {
        self.ask(asker, sql).await.unwrap_or_else(|code| panic!("{code:#06x} for {sql}"))
    }

    /// Asks, checks the answer, and tells whether the query's shape was a new one.
    async fn is_new(&self, asker: Asker, sql: &str) -> bool {
        let before = self.kept().await;
        let (found, fresh) = (self.ask(asker, sql).await, self.ask_fresh(asker, sql).await);
        assert_eq!(sorted(found), sorted(fresh), "{sql}");
        self.kept().await > before
    }

    async fn kept(&self) -> usize {
        let session: Session = self.context(ROOT, &self.language).await.session;
        self.engine.query_session(&session).kept_shapes()
    }
}

fn row(child: &str, i: i64, per_ms: i64) -> String {
    let offset = i64::from(child.as_bytes()[1] - b'0');
    let k = if child == "d2" && i % 3 == 0 { "NULL".to_owned() } else { ((i * 7 + offset) % 11).to_string() };
    format!("({}, {k}, {})", (T0 + i * 30_000 + offset) * per_ms, i % 9)
}

fn line(batch: &RecordBatch, at: usize) -> String {
    let cells = batch.columns().iter().map(|c| array_value_to_string(c, at).unwrap());
    cells.collect::<Vec<_>>().join(" ")
}

/// Slices come in any order.
fn sorted(answered: Answered) -> Answered {
    answered.map(|mut lines| {
        lines.sort();
        lines
    })
}

/// `$h` is a host, `$t` and `$u` are times, `$g` is a number.
const SHARED: &[&str] = &[
    "select _wstart, max(k), count(*) from st where host = '$h' and ts >= $t and ts < $u interval(1m) order by _wstart",
    "select _wstart, max(k) from st where host in ('$h', 'h_d2') and ts >= '$t' and '$u' > ts interval(1h) order by 1",
    "select * from st where k > 4 and ts between $t and $u and host in ('$h')",
    "select ts, k from st where (tbname = 'd0' or tbname = 'd1') and host = '$h' order by ts desc limit 3",
    "select ts, v + 1 from st where tbname in ('d0', '$h') and (k is null or k < 5) order by ts",
    "select count(k), sum(v) from st where host = '$h' and v > 1 and ts > NOW - 36500d",
    "select last(k), last_row(v) from d1 where ts < $u",
    "select first(ts), avg(v) from d2 where ts >= $t and ts <= $u and ts < today() + 1d",
    "select s.ts, s.k from st s where s.g = $g and s.ts < $u order by s.ts limit 4",
    "select g, max(k), sum(v) from st where g >= $g and ts > $t group by g order by g",
    "select host, max(v) from st where g <> $g and ts > $t partition by host order by host",
    "select distinct k from d0 where ts >= $t and ts < $u order by k",
    "select _wstart, count(*) from d0 where ts >= $t and ts < $u session(ts, 45s)",
    "select _wstart, _wend, count(*) from d1 where ts >= $t state_window(case when k > 5 then 1 else 0 end)",
    "select ts, diff(k) from d0 where ts >= $t and ts < $u",
    "select ts, top(k, 3) from d1 where ts >= $t",
    "select _irowts, interp(v) from d0 where ts >= $t range('2024-01-01T00:00:00Z', '2024-01-01T00:05:00Z') every(1m) fill(prev)",
    "select count(*) from st where host like 'h%1' and ts >= $t",
];

/// Queries that are planned for each request.
const PLANNED: &[&str] = &[
    "select now(), k from d0 where ts = $t",
    "select k, today() from d0 where ts = $t",
    "select timezone(), k from d0 where ts = $t",
    "select user(), database(), k from d0 where ts = $t",
    "select count(*) from d0 where ts < $t and k > 3 and v < now()",
    "select _qstart, _qend, count(*) from d0 where ts >= $t and ts < $u interval(1m)",
    "select _wstart, sum(k) from d0 where ts >= $t and ts < $u interval(1m) fill(value, 0)",
    "select _wstart, count(*) from d0 where ts >= $t and ts < $u interval(1m, auto)",
    "select count(*) from st where host = '$h' group by tbname",
    "select g, count(*) from st where g >= 1 and ts > $t group by g order by g",
    "select distinct host from st where host = '$h'",
    "select * from (select ts, k from d0 where ts > $t) where k > 3",
    "select k from d0 where ts > $t union all select k from d1 where ts > $t",
    "select a.k from d0 a join d1 b on a.ts = b.ts where a.ts > $t",
    "select count(*) from w where ts > $t",
];

fn filled(sql: &str, host: &str, from: i64, to: i64, number: i64) -> String {
    let at = |minute: i64| (T0 + minute * 60_000).to_string();
    let quoted = |minute: i64| format!("'2024-01-01T00:{minute:02}:00Z'");
    let sql = sql.replace("'$t'", &quoted(from)).replace("'$u'", &quoted(to)).replace("$h", host);
    sql.replace("$t", &at(from)).replace("$u", &at(to)).replace("$g", &number.to_string())
}

#[tokio::test]
async fn queries_that_differ_in_times_and_tags_share_a_plan() {
    let node = Node::start().await;
    for sql in SHARED {
        assert!(node.is_new(ROOT, &filled(sql, "h_d1", 2, 7, 1)).await, "{sql}");
        for (host, from, to, number) in [("h_d0", 1, 5, 2), ("h_d2", 0, 19, 3), ("none", 4, 4, 1)] {
            assert!(!node.is_new(ROOT, &filled(sql, host, from, to, number)).await, "{sql}");
        }
        // More hosts than the plan was made for; other words for a time.
        let wide = filled(sql, "h_d1', 'h_d0', 'h_d2", 2, 7, 2).replace("'$t'", "0");
        if sql.contains("in (") {
            assert!(!node.is_new(ROOT, &wide).await, "{sql}");
        }
    }
    assert_eq!(node.kept().await, SHARED.len());
}

#[tokio::test]
async fn what_a_request_has_to_itself_is_not_kept() {
    let node = Node::start().await;
    node.must(ROOT, "create view w as select * from d0").await;
    for sql in PLANNED {
        for (from, to) in [(2, 7), (3, 8)] {
            let sql = filled(sql, "h_d1", from, to, 1);
            let answer = if sql.contains("now()") || sql.contains("timezone") {
                node.must(ROOT, &sql).await;
                false
            } else {
                node.is_new(ROOT, &sql).await
            };
            assert!(!answer, "{sql}");
        }
    }
    assert_eq!(node.kept().await, 0);
}

#[tokio::test]
async fn other_constants_are_other_shapes() {
    let node = Node::start().await;
    let select = |rest: &str| format!("select _wstart, count(*) from d0 where ts >= {T0} {rest}");
    for rest in [
        "interval(1m)",
        "interval(2m)",
        "interval(1m) limit 2",
        "interval(1m) limit 3",
        "interval(1m, 10s)",
        "interval(1m) sliding(30s)",
        "and k > 3 interval(1m)",
        "and k > 4 interval(1m)",
        "and host = 'h_d0' interval(1m)",
        "interval(1m) having(count(*) > 1)",
        "session(ts, 31s)",
        "session(ts, 32s)",
        "interval(1d)",
    ] {
        let rest = rest.replace("having(count(*) > 1)", "having count(*) > 1");
        assert!(node.is_new(ROOT, &select(&rest)).await, "{rest}");
        assert!(!node.is_new(ROOT, &select(&rest)).await, "{rest}");
    }
    // The same text where days begin elsewhere, in a database of another precision, and over another table.
    let days = select("interval(1d)");
    assert!(node.is_new(Asker { zone: Tz::Asia__Shanghai, ..ROOT }, &days).await);
    assert!(node.is_new(Asker { database: "n", ..ROOT }, &days).await);
    assert!(node.is_new(ROOT, &days.replace("d0", "d1")).await);
    assert!(!node.is_new(Asker { zone: Tz::Asia__Shanghai, ..ROOT }, &days).await);
    // A tag's value and a bound of time may say the same in other words, a text in the select list may not.
    assert!(node.is_new(ROOT, "select 'a', k from d0 where ts = 1704067200000").await);
    assert!(node.is_new(ROOT, "select 'b', k from d0 where ts = 1704067200000").await);
}

/// Conditions that mention values and that the optimizer partly turns into conditions over tags or time.
#[tokio::test]
async fn conditions_that_stay_in_a_plan_are_not_lost_from_its_scan() {
    let node = Node::start().await;
    for sql in [
        "select count(*) from st where ((host = '$h' and k > 3) or (host = '$h' and k < 1)) and ts >= $t",
        "select count(*) from st where host = '$h' and (g = $g or (k > 1 and false))",
        "select count(*) from st where (ts > $t and k is null) or (ts > $t and k = 3)",
        "select count(*) from st where ts >= $t and (ts < $u or k > 100)",
        "select host, count(*) from st where k = g and host > '$h' and ts <= $u partition by host",
    ] {
        for (host, from, to, number) in
            [("h_d1", 2, 7, 1), ("h_d0", 1, 19, 2), ("h_d2", 9, 4, 3), ("h_d1", 0, 12, 2)]
        {
            node.is_new(ROOT, &filled(sql, host, from, to, number)).await;
        }
    }
}

#[tokio::test]
async fn rights_are_checked_for_each_request() {
    let node = Node::start().await;
    let sql = format!("select count(*) from st where ts >= {T0} and host = 'h_d0'");
    node.must(ROOT, &sql).await;
    node.must(ROOT, &format!("create user ann pass '{}'", ANN.password)).await;
    assert_eq!(node.ask(ANN, &sql).await, node.ask_fresh(ANN, &sql).await);
    assert!(node.ask(ANN, &sql).await.is_err());
    node.must(ROOT, "grant read on d to ann").await;
    assert_eq!(node.must(ANN, &sql).await, node.must(ROOT, &sql).await);
    node.must(ROOT, "revoke read on d from ann").await;
    assert!(node.ask(ANN, &sql).await.is_err());
}

#[tokio::test]
async fn altered_and_dropped_tables_are_planned_anew() {
    let node = Node::start().await;
    let all = format!("select * from st where ts = {T0} and host = 'h_d0'");
    let child = format!("select * from d0 where ts = {T0}");
    for sql in [&all, &child] {
        assert!(node.is_new(ROOT, sql).await);
    }
    for change in [
        "alter table st add column extra int",
        "alter table st drop column v",
        "alter table st add tag room varchar(8)",
    ] {
        node.must(ROOT, change).await;
        for sql in [&all, &child] {
            assert!(node.is_new(ROOT, sql).await, "{change}: {sql}");
            assert!(!node.is_new(ROOT, sql).await, "{change}: {sql}");
        }
    }
    // A tag's new value, rows that come and go, a view that takes the name: no plan is asked.
    node.must(ROOT, "alter table d0 set tag host = 'moved'").await;
    assert_eq!(node.must(ROOT, &all).await.len(), 1);
    assert_eq!(node.must(ROOT, &all.replace("h_d0", "moved")).await.len(), 2);
    node.must(ROOT, &format!("delete from d0 where ts = {T0}")).await;
    assert_eq!(node.must(ROOT, &child).await.len(), 1);
    node.must(ROOT, "drop table d0").await;
    assert_eq!(node.ask(ROOT, &child).await, Err(0x2603));
    node.must(ROOT, "create table d0 (ts timestamp, other int)").await;
    node.must(ROOT, &format!("insert into d0 values ({T0}, 5)")).await;
    assert_eq!(node.must(ROOT, &child).await.last().map(String::as_str), Some("2024-01-01T00:00:00 5"));
}
