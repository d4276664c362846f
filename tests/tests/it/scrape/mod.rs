//! taosAdapter's agents that fetch pages of metrics, `node_exporter` and `open_metrics`: pages of an exporter of ours become
//! rows that all dialects read. Expectations are sheet `tdengine-http.md` section 8 and what the formats say.

mod exporter;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use triglot_model::{Clock as _, SystemClock};

use self::exporter::{Answer, Exporter, OPEN_METRICS, TEXT, eventually};
use crate::http;
use crate::read_back::{Door, lines, same_everywhere, sample};
use crate::server::Server;

/// Tables that are there, by TDengine's SHOW.
fn tables(server: &Server, database: &str) -> Vec<String> {
    let sql = format!(
        "select stable_name from information_schema.ins_stables where db_name = '{database}' order by stable_name"
    );
    lines(&Door::tdengine(server).rows("", &sql))
}

/// Waits until a query through TDengine's port gives rows.
fn wait_for_rows(server: &Server, database: &str, sql: &str) -> Vec<String> {
    eventually(sql, || {
        // Before the first row there is no table.
        let target = format!("/rest/sql/{database}");
        let text = Door::tdengine(server).post(&target, sql.as_bytes()).text();
        if !text.starts_with("{\"code\":0,") || text.contains("\"rows\":0") {
            return Err(text);
        }
        Ok(lines(&Door::tdengine(server).rows(database, sql)))
    })
}

fn nanoseconds(time: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp_nanos_opt().unwrap()
}

/// A query with names between double quotes, which gives the same through each dialect.
fn check(server: &Server, sql: &str, wanted: &[&str]) {
    let of_taos = sql.replace('"', "`");
    same_everywhere(server, "public", [sql, &of_taos, sql], wanted);
}

fn refused(server: &Server, agent: &str) -> u64 {
    sample(server, &format!("triglot_rows_refused_total{{api=\"{agent}\",dialect=\"tdengine\"}}"))
}

fn scrapes(server: &Server, agent: &str, outcome: &str) -> u64 {
    let labels = format!("{{api=\"{agent}\",dialect=\"tdengine\",outcome=\"{outcome}\"}}");
    sample(server, &format!("triglot_scrapes_total{labels}"))
}

/// All samples have a time, so that every fetch writes the same rows.
const NODE: &str = r#"# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} 1027 1704067200000
http_requests_total{code="400",method="get",empty=""} 3 1704067200000
# TYPE node_load1 gauge
node_load1 0.30000000000000004 1704067200000
# no type
some_value{path="C:\\dir\\\"x\"\n",url="taken"} -1e+300 1704067200000
nothing_yet NaN 1704067200000
no_limit +Inf 1704067200000
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5",service="a"} 4.5 1704067200000
rpc_seconds{quantile="0.99",service="a"} NaN 1704067200000
rpc_seconds_sum{service="a"} 17560473 1704067200000
rpc_seconds_count{service="a"} 2693 1704067200000
# TYPE size_bytes histogram
size_bytes_bucket{le="0.05"} 24 1704067200000
size_bytes_bucket{le="1e6"} 33 1704067200000
size_bytes_bucket{le="+Inf"} 44 1704067200000
size_bytes_sum 53423 1704067200000
size_bytes_count 44 1704067200000
# Parts of one metric, apart from each other.
rpc_seconds{quantile="0.9",service="a"} 9 1704067200000
dotted.name_is_quoted_in_newer_pages 1 1704067200000
"#;

#[test]
fn pages_of_the_older_format_become_rows() {
    // A dot is allowed in quotes only.
    let page = NODE.replace("dotted.name_is_quoted_in_newer_pages", "{\"dotted.name\"}");
    let now = "# TYPE up_now gauge\nup_now 1\n";
    let exporter = Exporter::start(move |path| match path {
        "/metrics" => Answer::Packed(TEXT, page.clone().into_bytes()),
        _ => Answer::Page(TEXT, now.as_bytes().to_vec()),
    });
    let dir = tempfile::tempdir().unwrap();
    // The first URL has no path: it is /metrics.
    let urls = format!("{},{}", exporter.url(""), exporter.url("/now?x=1"));
    let begin = SystemClock.now_ns();
    let server = Server::start_with(
        &dir.path().join("data"),
        &[
            ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
            ("TRIGLOT_NODE_EXPORTER__URLS", &urls),
            ("TRIGLOT_NODE_EXPORTER__DB", "public"),
            ("TRIGLOT_NODE_EXPORTER__GATHER_DURATION", "100ms"),
            ("TRIGLOT_NODE_EXPORTER__TTL", "30"),
        ],
    );
    wait_for_rows(&server, "public", "select * from `dotted_name`");
    let url = exporter.url("/metrics");
    let time = "2024-01-01T00:00:00.000000000Z";
    check(
        &server,
        "select _ts, \"counter\", code, \"method\", url from http_requests_total order by code",
        &[&format!("{time} | 1027.0 | 200 | get | {url}"), &format!("{time} | 3.0 | 400 | get | {url}")],
    );
    check(&server, "select gauge, url from node_load1", &[&format!("0.30000000000000004 | {url}")]);
    check(
        &server,
        "select \"value\", path, exported_url, url from some_value",
        &[&format!("-1e300 | C:\\dir\\\"x\"\n | taken | {url}")],
    );
    check(
        &server,
        "select \"0.5\", \"0.9\", \"sum\", \"count\", service from rpc_seconds",
        &["4.5 | 9.0 | 17560473.0 | 2693.0 | a"],
    );
    check(
        &server,
        "select \"0.05\", \"1e+06\", \"+Inf\", \"sum\", \"count\" from size_bytes",
        &["24.0 | 33.0 | 44.0 | 53423.0 | 44.0"],
    );
    // What JSON has no word for is null there; nothing is lost.
    let (taos, cnosdb) = (Door::tdengine(&server), Door::cnosdb(&server));
    let columns =
        lines(&taos.rows("public", "select `value` from nothing_yet union all select `value` from no_limit"));
    assert_eq!(columns, ["NULL", "NULL"]);
    assert_eq!(lines(&cnosdb.rows("public", "select value from nothing_yet")), ["NaN"]);
    assert_eq!(lines(&cnosdb.rows("public", "select value from no_limit")), ["inf"]);
    assert_eq!(lines(&cnosdb.rows("public", "select \"0.99\" from rpc_seconds")), ["NaN"]);
    // An empty label is none.
    let tags = "select distinct tag_name from information_schema.ins_tags where db_name = 'public' and \
        stable_name = 'http_requests_total' order by tag_name";
    assert_eq!(lines(&taos.rows("", tags)), ["code", "method", "url"]);
    let ttl = "select distinct `ttl` from information_schema.ins_tables where db_name = 'public' and stable_name = 'node_load1'";
    assert_eq!(lines(&taos.rows("", ttl)), ["30"]);

    // Each fetch has a time of its own where the page has none.
    let times = eventually("three fetches", || {
        let rows = wait_for_rows(&server, "public", "select _ts from up_now order by _ts");
        if rows.len() < 3 { Err(format!("{rows:?}")) } else { Ok(rows) }
    });
    for time in times {
        assert!((begin..=SystemClock.now_ns()).contains(&nanoseconds(&time)), "{time}");
    }
    check(&server, "select distinct url from up_now", &[&exporter.url("/now?x=1")]);
    assert_eq!(refused(&server, "node_exporter"), 0);
    assert_eq!(scrapes(&server, "node_exporter", "failed"), 0);
    let head = exporter.heads("/metrics").remove(0);
    for line in [
        "accept: text/plain;version=0.0.4",
        "x-prometheus-scrape-timeout-seconds: 5\r\n",
        "user-agent: triglot/",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(!head.contains("openmetrics") && !head.contains("authorization"), "{head}");
}

const OPEN: &str = r#"# TYPE jobs counter
# UNIT jobs jobs
jobs_total{queue="a"} 17 1704067200.123456789 # {trace_id="KOO5S4vxi0o"} 0.67 1704067199.5
jobs_created{queue="a"} 1704000000.5 1704067200.123456789
# TYPE build info
build_info{version="1.2"} 1 1704067200
# TYPE mode stateset
mode{mode="fast",host="h"} 1 1704067200
mode{mode="slow",host="h"} 0 1704067200
# TYPE sizes gaugehistogram
sizes_bucket{le="1.0"} 4 1704067200
sizes_gsum 5.5 1704067200
sizes_gcount 4 1704067200
# TYPE thing unknown
thing 2 1704067200
# EOF
"#;

#[test]
fn pages_of_openmetrics_become_rows_of_their_own_databases() {
    let exporter = Exporter::start(|path| match path {
        "/old" => Answer::Page(
            TEXT,
            b"# TYPE jobs_total counter\njobs_total{queue=\"b\"} 4 1704067200000\n".to_vec(),
        ),
        _ => Answer::Page(OPEN_METRICS, OPEN.as_bytes().to_vec()),
    });
    let dir = tempfile::tempdir().unwrap();
    // The vendor's file.
    let server = Server::start_with_file(&dir.path().join("data"), |port| {
        format!(
            "[cnosdb]\nlisten = \"127.0.0.1:{port}\"\n[open_metrics]\nenable = true\n\
             dbs = [\"public\", \"Public\", \"later\"]\nurls = [\"{}\", \"{}\", \"{}\"]\n\
             gatherDurationSeconds = [1, 1, 1]\nresponseTimeoutSeconds = [5, 5, 5]\n\
             httpUsernames = [\"\", \"scraper\", \"\"]\nhttpPasswords = [\"\", \"geheim\", \"\"]\n\
             httpBearerTokenStrings = [\"\", \"\", \"abc\"]\n",
            exporter.url("/new"),
            exporter.url("/old"),
            exporter.url("/later"),
        )
    });
    wait_for_rows(&server, "public", "select * from thing");
    wait_for_rows(&server, "public", "select * from jobs_total");
    let url = exporter.url("/new");
    let nano = "2024-01-01T00:00:00.123456789Z";
    check(
        &server,
        "select _ts, \"counter\", created, queue, url from jobs",
        &[&format!("{nano} | 17.0 | 1704000000.5 | a | {url}")],
    );
    check(&server, "select info, version from build", &["1.0 | 1.2"]);
    check(&server, "select fast, slow, host from mode", &["1.0 | 0.0 | h"]);
    check(&server, "select \"1\", \"sum\", \"count\" from sizes", &["4.0 | 5.5 | 4.0"]);
    check(&server, "select \"value\" from thing", &["2.0"]);
    check(&server, "select \"counter\", queue from jobs_total", &["4.0 | b"]);
    // The exemplar has no place, nor has anything that goes into a database that is not there.
    let (samples, exemplars) = (9, 1);
    eventually("the third target's samples are refused", || {
        let count = refused(&server, "open_metrics");
        if count >= samples + exemplars { Ok(()) } else { Err(count.to_string()) }
    });
    assert_eq!(tables(&server, "later"), [""; 0]);
    Door::tdengine(&server).run("", "create database later precision 'ms'");
    let found = wait_for_rows(&server, "later", "select _ts, `counter` from jobs");
    assert_eq!(found, ["2024-01-01T00:00:00.123000000Z | 17.0"], "in the unit of its database");

    let basic = http::basic("scraper", "geheim").to_lowercase();
    let has = |path: &str, line: &str| exporter.heads(path)[0].contains(line);
    assert!(
        has("/old", &format!("authorization: {basic}\r\n")) && has("/later", "authorization: bearer abc\r\n")
    );
    assert!(!has("/new", "authorization"));
    assert!(has("/new", "accept: application/openmetrics-text;version=1.0.0;"));
}

#[test]
fn times_of_the_page_can_be_ignored() {
    // Redirections are followed: there are no credentials that would go with them.
    let exporter = Exporter::start(|path| match path {
        "/moved" => Answer::Page(OPEN_METRICS, OPEN.as_bytes().to_vec()),
        _ => Answer::Status("302 Found", "Location: /moved\r\n".to_owned()),
    });
    let dir = tempfile::tempdir().unwrap();
    let begin = SystemClock.now_ns();
    let server = Server::start_with(
        &dir.path().join("data"),
        &[
            ("TRIGLOT_OPEN_METRICS__ENABLED", "true"),
            ("TRIGLOT_OPEN_METRICS__URLS", &exporter.url("")),
            ("TRIGLOT_OPEN_METRICS__DBS", "public"),
            ("TRIGLOT_OPEN_METRICS__IGNORE_TIMESTAMP", "true"),
        ],
    );
    let found = wait_for_rows(&server, "public", "select _ts from jobs order by _ts");
    assert!((begin..=SystemClock.now_ns()).contains(&nanoseconds(&found[0])), "{found:?}");
    check(&server, "select distinct url from jobs", &[&exporter.url("/metrics")]);
}

/// Pages that cannot be read are refused as a whole, and cost no other target anything.
#[test]
fn bad_targets_harm_no_other() {
    let exporter = Exporter::start(|path| match path {
        "/good" => Answer::Page(TEXT, b"alive 1\n".to_vec()),
        "/malformed" => Answer::Page(TEXT, b"half_read 1\n# TYPE x gauge\nx{ 2\nx 3\n".to_vec()),
        "/cut" => Answer::Page(OPEN_METRICS, b"half_read 1\n".to_vec()),
        "/latin" => Answer::Page(TEXT, b"half_read{a=\"\xe9\"} 1\n".to_vec()),
        "/html" => Answer::Page("text/html", b"<html>\n".to_vec()),
        "/huge" => Answer::Page(TEXT, b"half_read 1\n".repeat(10_000)),
        "/bomb" => Answer::Packed(TEXT, b"half_read 1\n".repeat(10_000)),
        "/broken" => Answer::Status("500 Internal Server Error", String::new()),
        "/away" => Answer::Status("302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n".to_owned()),
        "/drip" => Answer::Drip,
        _ => Answer::Silence,
    });
    // Each once but for the first and those that hang.
    let once =
        ["/malformed", "/cut", "/latin", "/html", "/huge", "/bomb", "/broken", "/away", "/drip", "/silence"];
    let mut urls = vec![exporter.url("/good")];
    urls.extend(once.iter().map(|path| exporter.url(path)));
    urls.push("http://127.0.0.1:1/closed".to_owned());
    let each = |text: &str| vec![text; urls.len() - 1].join(",");
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_with(
        &data,
        &[
            ("TRIGLOT_OPEN_METRICS__ENABLED", "true"),
            ("TRIGLOT_OPEN_METRICS__URLS", &urls.join(",")),
            ("TRIGLOT_OPEN_METRICS__DBS", &format!("public,{}", each("public"))),
            ("TRIGLOT_OPEN_METRICS__GATHER_DURATIONS", &format!("50ms,{}", each("1h"))),
            ("TRIGLOT_OPEN_METRICS__RESPONSE_TIMEOUTS", &format!("5s,{}", each("1s"))),
            ("TRIGLOT_OPEN_METRICS__HTTP_BEARER_TOKEN_STRINGS", &format!("geheim,{}", each("geheim"))),
            ("TRIGLOT_OPEN_METRICS__BODY_LIMIT", "64KiB"),
        ],
    );
    let bad = urls.len() as u64 - 1;
    eventually("all bad targets were asked", || {
        let failed = scrapes(&server, "open_metrics", "failed");
        if failed == bad { Ok(()) } else { Err(failed.to_string()) }
    });
    let before = scrapes(&server, "open_metrics", "ok");
    eventually("the good one goes on", || {
        let now = scrapes(&server, "open_metrics", "ok");
        if now > before + 3 { Ok(()) } else { Err(format!("{before} {now}")) }
    });
    assert_eq!(scrapes(&server, "open_metrics", "failed"), bad);
    assert_eq!(tables(&server, "public"), ["alive"]);
    // /malformed has three lines of samples, /cut, /latin and /html one each; nobody knows what the others had.
    assert_eq!(refused(&server, "open_metrics"), 6);
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    for (path, wanted) in [
        ("/malformed", "line 3: malformed labels"),
        ("/cut", "does not end with # EOF"),
        ("/latin", "byte 13 is not UTF-8"),
        ("/html", "line 1: a metric name is expected"),
        ("/huge", "more than 65536 bytes"),
        ("/bomb", "more than 65536 bytes"),
        ("/broken", "HTTP status 500"),
        ("/away", "not followed with credentials"),
        ("/drip", "timeout"),
        ("/silence", "timeout"),
        ("/closed", "refused"),
    ] {
        let told: Vec<&str> = log.lines().filter(|line| line.contains(&format!("{path}\""))).collect();
        assert!(told.len() == 1 && told[0].contains(wanted), "{path}: {told:?} in\n{log}");
    }
    assert!(!log.contains("geheim"), "{log}");
}

/// Rows that the engine refuses cost only themselves.
#[test]
fn refused_rows_cost_no_others() {
    let (armed, served) = (std::sync::Arc::new(AtomicBool::new(false)), AtomicU32::new(0));
    let ready = std::sync::Arc::clone(&armed);
    let exporter = Exporter::start(move |_| {
        if !ready.load(Ordering::SeqCst) || served.fetch_add(1, Ordering::SeqCst) > 0 {
            return Answer::Status("503 Service Unavailable", String::new());
        }
        let mut page: String = (0..100).map(|n| format!("good_{n}{{a=\"{n}\"}} {n}\n")).collect();
        // A normal table, another type, names and labels that are too many or too long, one label twice.
        page.push_str("normal 1\nother_type{a=\"1\"} 1\nother_type{a=\"2\"} 2\n");
        page.push_str(&format!("{} 1\n", "n".repeat(193)));
        page.push_str(&format!("long_label{{{}=\"1\"}} 1\n", "l".repeat(65)));
        page.push_str("twice{a=\"1\",a=\"2\"} 1\n");
        let labels: Vec<String> = (0..10_000).map(|n| format!("l{n}=\"1\"")).collect();
        page.push_str(&format!("many_labels{{{}}} 1\n", labels.join(",")));
        page.push_str("last_one 7\n");
        Answer::Page(TEXT, page.into_bytes())
    });
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(
        &dir.path().join("data"),
        &[
            ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
            ("TRIGLOT_NODE_EXPORTER__URLS", &exporter.url("")),
            ("TRIGLOT_NODE_EXPORTER__DB", "public"),
            ("TRIGLOT_NODE_EXPORTER__GATHER_DURATION", "50ms"),
        ],
    );
    let taos = Door::tdengine(&server);
    taos.run("public", "create table normal (ts timestamp, v int)");
    taos.run(
        "public",
        "create stable other_type (_ts timestamp, `value` int) tags (a nchar(8), url nchar(64))",
    );
    armed.store(true, Ordering::SeqCst);
    // Its last line is written last.
    wait_for_rows(&server, "public", "select `value` from last_one");
    assert_eq!(refused(&server, "node_exporter"), 7);
    check(&server, "select \"value\" from last_one", &["7.0"]);
    for n in [0, 42, 99] {
        check(&server, &format!("select \"value\", a from good_{n}"), &[&format!("{n}.0 | {n}")]);
    }
    let mut wanted: Vec<String> = (0..100).map(|n| format!("good_{n}")).collect();
    wanted.extend(["last_one".to_owned(), "other_type".to_owned()]);
    wanted.sort();
    assert_eq!(tables(&server, "public"), wanted);
    assert_eq!(scrapes(&server, "node_exporter", "ok"), 1);
}

/// Every family of our own page has a table.
#[test]
fn a_server_scrapes_another() {
    let dir = tempfile::tempdir().unwrap();
    let target = Server::start(&dir.path().join("target"));
    let urls =
        format!("http://localhost:{}/metrics,http://localhost:{}/metrics", target.port, target.taos_port);
    let server = Server::start_with(
        &dir.path().join("data"),
        &[
            ("TRIGLOT_OPEN_METRICS__ENABLED", "true"),
            ("TRIGLOT_OPEN_METRICS__URLS", &urls),
            ("TRIGLOT_OPEN_METRICS__DBS", "public,public"),
            ("TRIGLOT_OPEN_METRICS__GATHER_DURATIONS", "100ms,100ms"),
            ("TRIGLOT_OPEN_METRICS__RESPONSE_TIMEOUTS", "5s,5s"),
        ],
    );
    wait_for_rows(&server, "public", "select gauge from taosadapter_system_cpu_percent");
    let of_build = "select distinct gauge, url from triglot_build_info order by url";
    let found = eventually("both pages are stored", || {
        let found = lines(&Door::tdengine(&server).rows("public", of_build));
        if found.len() < 2 { Err(format!("{found:?}")) } else { Ok(found) }
    });
    let mut wanted: Vec<String> = urls.split(',').map(|url| format!("1.0 | {url}")).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    let door = Door::tdengine(&target);
    let there = tables(&server, "public");
    let page = door.send("GET", "/metrics", &[], b"").text();
    let families: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(families.len() > 10, "{families:?}");
    for family in families {
        let has_samples = page.lines().any(|line| line.starts_with(family));
        assert!(!has_samples || there.iter().any(|name| name == family), "{family} is not in {there:?}");
    }
    assert_eq!((scrapes(&server, "open_metrics", "failed"), refused(&server, "open_metrics")), (0, 0));
}

/// A certificate for clients that vouches for itself, and its key.
fn client_certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["scraper".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The servers' certificates are those that KWDB's port makes.
#[test]
fn certificates_are_looked_at_if_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Server::start_with(&data, &[("TRIGLOT_KWDB__INSECURE", "false")]));
    let file = |name: &str| data.join("certs").join(name).to_str().unwrap().to_owned();
    let secret = || Answer::Page(TEXT, b"secret 1\n".to_vec());
    let exporter = Exporter::start_tls(&file("node.crt"), &file("node.key"), None, move |_| secret());
    // Asks its clients for this certificate.
    let (client, client_key) = client_certificate();
    let [own_cert, own_key] = [("own.crt", client), ("own.key", client_key)].map(|(name, text)| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    });
    let strict =
        Exporter::start_tls(&file("node.crt"), &file("node.key"), Some(&own_cert), move |_| secret());
    let scrape = |name: &str, exporter: &Exporter, more: &[(&str, &str)]| {
        let url = format!("https://localhost:{}/metrics", exporter.port);
        let mut environment = vec![
            ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
            ("TRIGLOT_NODE_EXPORTER__URLS", &*url),
            ("TRIGLOT_NODE_EXPORTER__DB", "public"),
        ];
        environment.extend_from_slice(more);
        let server = Server::start_with(&dir.path().join(name), &environment);
        eventually("the outcome", || {
            let [ok, failed] = ["ok", "failed"].map(|outcome| scrapes(&server, "node_exporter", outcome));
            if ok + failed == 0 { Err(String::new()) } else { Ok(failed == 0) }
        })
    };
    let verify = ("TRIGLOT_NODE_EXPORTER__INSECURE_SKIP_VERIFY", "false");
    let ca = file("ca.crt");
    let trust = ("TRIGLOT_NODE_EXPORTER__CA_CERT_FILE", &*ca);
    let own =
        [("TRIGLOT_NODE_EXPORTER__CERT_FILE", &*own_cert), ("TRIGLOT_NODE_EXPORTER__KEY_FILE", &*own_key)];
    assert!(scrape("skips", &exporter, &[]), "the vendor's default");
    assert!(!scrape("distrusts", &exporter, &[verify]));
    assert!(scrape("trusts", &exporter, &[verify, trust]));
    assert!(!scrape("unknown", &strict, &[verify, trust]));
    assert!(scrape("known", &strict, &[verify, trust, own[0], own[1]]));
}

/// A target that hangs does not keep the server from stopping.
#[test]
fn a_fetch_ends_with_the_server() {
    let exporter = Exporter::start(|_| Answer::Silence);
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(
        &dir.path().join("data"),
        &[
            ("TRIGLOT_NODE_EXPORTER__ENABLED", "true"),
            ("TRIGLOT_NODE_EXPORTER__URLS", &exporter.url("")),
            ("TRIGLOT_NODE_EXPORTER__RESPONSE_TIMEOUT", "10m"),
        ],
    );
    eventually("it is asked", || exporter.heads("/metrics").pop().ok_or_else(String::new));
    let begin = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}
