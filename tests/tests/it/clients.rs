//! Clients that people have: curl; Python's `influxdb` 5.3 and `requests`, `cnos-connector` with
//! SQLAlchemy and pandas, polars, DuckDB. Their scripts are in `tests/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::server::{Server, profile_dir};

/// Versions that the tests were written with.
const PACKAGES: [&str; 9] = [
    "influxdb==5.3.2",
    "requests==2.32.3",
    "cnos-connector==0.1.9",
    "SQLAlchemy==2.1.9",
    "pandas==3.1.1",
    "polars==2.1.0",
    "duckdb==2.0.0",
    "cramjam==2.14.0",
    "vega-datasets==0.9.0",
];

pub(crate) fn missing(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_err()
}

/// Runs to success and gives standard output.
pub(crate) fn run(command: &mut Command) -> String {
    // A proxy of the environment is not for loopback.
    let output = command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Whether to leave a test out: only where a program is missing on a developer's machine.
pub(crate) fn skip(program: &str) -> bool {
    if !missing(program) {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "{program} is missing in CI");
    eprintln!("SKIPPED: {program} is not installed");
    true
}

#[test]
fn curl_writes_and_queries() {
    if skip("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let base = format!("http://127.0.0.1:{}/api/v1", server.port);
    let curl = |path: &str, extra: &[&str]| {
        let mut command = Command::new("curl");
        // -d labels the body as a form, which must not matter.
        command.args(["-sS", "-u", "root:", "-w", "[%{http_code}]"]).args(extra).arg(format!("{base}{path}"));
        run(&mut command)
    };
    let lines = "air,station=a temp=1.5 1704067200000\nair,station=b temp=2.5 1704067201000";
    assert_eq!(curl("/write?db=public&precision=ms", &["-d", lines]), "[200]");
    let query = "SELECT * FROM air ORDER BY time";
    assert_eq!(
        curl("/sql?db=public", &["-H", "Accept: application/csv", "-d", query]),
        "time,station,temp\n2024-01-01T00:00:00.000000000,a,1.5\n2024-01-01T00:00:01.000000000,b,2.5\n[200]"
    );
    // curl's own Accept is */*, which means CSV; --compressed offers several codings.
    assert_eq!(
        curl("/sql", &["--compressed", "-d", "select temp from air order by 1 limit 1"]),
        "temp\n1.5\n[200]"
    );
    assert_eq!(
        curl("/sql", &["-H", "Accept: application/json", "-d", "select count(*) as n from air"]),
        r#"[{"n":2}][200]"#
    );
    assert_eq!(
        curl("/sql", &["-d", "select * from nope"]),
        r#"{"error_code":"030019","error_message":"Table not found: \"cnosdb.public.nope\""}[422]"#
    );
    // A body from a file, gzipped, in a chunked upload without Content-Length.
    let file = dir.path().join("lines.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&file).unwrap(), Default::default());
    std::io::Write::write_all(&mut encoder, b"air,station=c temp=3.5 1704067202000000000\n").unwrap();
    encoder.finish().unwrap();
    let upload = format!("@{}", file.display());
    let chunked =
        ["-H", "Transfer-Encoding: chunked", "-H", "Content-Encoding: gzip", "--data-binary", &upload];
    assert_eq!(curl("/write", &chunked), "[200]");
    assert_eq!(curl("/sql", &["-d", "select temp from air where station = 'c'"]), "temp\n3.5\n[200]");
}

/// The calls that CnosDB's manual shows for each of its three main routes.
#[test]
fn curl_calls_of_the_manual() {
    if skip("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let base = format!("http://127.0.0.1:{}/api/v1", server.port);
    let curl = |arguments: &[&str], path: &str| {
        run(Command::new("curl").arg("-sS").args(arguments).arg(format!("{base}{path}")))
    };
    let ping: serde_json::Value = serde_json::from_str(&curl(&["-G"], "/ping")).unwrap();
    assert_eq!(ping["status"], "healthy");
    let line = "air,station=XiaoMaiDao visibility=50,temperature=63,pressure=52 1642176000000000000";
    let written =
        curl(&["-i", "-u", "root:", "-XPOST", "-d", line], "/write?tenant=cnosdb&db=public&precision=ns");
    assert!(written.starts_with("HTTP/1.1 200 OK\r\n") && written.ends_with("\r\n\r\n"), "{written}");
    let json = ["-u", "root:", "-H", "Accept: application/json", "-XPOST", "-d", "SELECT * from air limit 1"];
    let row = r#"[{"pressure":52.0,"station":"XiaoMaiDao","temperature":63.0,"time":"2022-01-14T16:00:00","visibility":50.0}]"#;
    for path in ["/sql?tenant=cnosdb&db=public&chunked=true", "/sql?db=public&pretty=true", "/sql"] {
        assert_eq!(curl(&json, path), row);
    }
    let packed = ["--compressed", "-H", "Accept-Encoding: gzip"];
    assert_eq!(curl(&[&packed[..], &json[..]].concat(), "/sql?db=public"), row);
}

/// The calls of the older manual, whose server listens on 31007: the port comes from the vendor's file.
#[test]
fn curl_calls_of_the_manual_of_port_31007() {
    if skip("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = |port: u16| format!("[query]\nauth_enabled = false\n[service]\nhttp_listen_port = {port}\n");
    let server = Server::start_with_file(&dir.path().join("data"), file);
    let base = format!("http://127.0.0.1:{}/api/v1", server.port);
    let curl = |arguments: &[&str], path: &str| {
        run(Command::new("curl").arg("-sS").args(arguments).arg(format!("{base}{path}")))
    };
    assert!(curl(&["-G"], "/ping").contains("\"status\":\"healthy\""));
    let json = ["-i", "-u", "root:", "-H", "Accept: application/json", "-XPOST"];
    let ok = |body: &str, path: &str| {
        let answer = curl(&[&json[..], &["-d", body]].concat(), path);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        body.to_owned()
    };
    assert_eq!(ok("CREATE DATABASE example WITH TTL 'INF' PRECISION 'ns'", "/sql?db=public"), "");
    assert_eq!(ok("t1,foo=a,bar=b v=1 3", "/write?db=example"), "");
    let row = r#"[{"bar":"b","foo":"a","time":"1970-01-01T00:00:00.000000003","v":1.0}]"#;
    assert_eq!(ok("SELECT * FROM t1", "/sql?db=example"), row);
    assert_eq!(ok("SELECT * FROM t1;", "/sql?tenant=cnosdb&db=example&pretty=true&chunked=false"), row);
    let formats = [
        ("application/csv", "time,bar,foo,v\n1970-01-01T00:00:00.000000003,b,a,1.0\n"),
        ("application/nd-json", &format!("{}\n", row.trim_matches(['[', ']']))),
    ];
    for (accept, expected) in formats {
        let accept = format!("Accept: {accept}");
        let answer =
            curl(&["-u", "root:", "-H", &accept, "-XPOST", "-d", "SELECT * FROM t1"], "/sql?db=example");
        assert_eq!(answer, expected);
    }
    assert_eq!(ok("DROP DATABASE example", "/sql?db=public"), "");
}

/// A virtual environment under `target` with [`PACKAGES`], made on first use.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| match venv("test-venv", &PACKAGES) {
        Some(python) => python,
        None => panic!("{PACKAGES:?} cannot be installed"),
    })
}

/// The Python of a virtual environment of this name under `target`, made on first use. None (only on
/// a developer's machine): the packages cannot be had.
pub(crate) fn venv(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let dir = profile_dir().parent().unwrap().join(name);
    // Several checkouts may share one, by a link; `venv` refuses links.
    let dir = std::fs::canonicalize(&dir).unwrap_or(dir);
    let python = dir.join("bin/python");
    // Written last: what is not in it may not be there.
    let done = dir.join("installed.txt");
    let installed = std::fs::read_to_string(&done).unwrap_or_default();
    if packages.iter().all(|package| installed.lines().any(|line| line == *package)) {
        return Some(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet"]).args(packages);
    if !install.status().unwrap().success() {
        assert!(std::env::var_os("CI").is_none(), "{packages:?} cannot be installed in CI");
        eprintln!("SKIPPED: {packages:?} cannot be installed");
        return None;
    }
    std::fs::write(done, packages.join("\n")).unwrap();
    Some(python)
}

const SCRIPT: &str = r#"
import csv, io, json, sys
import requests
from influxdb import InfluxDBClient

port = int(sys.argv[1])
for gzip in (False, True):
    client = InfluxDBClient("127.0.0.1", port, "root", "", "public", path="api/v1", gzip=gzip)
    k = int(gzip)
    points = [
        {"measurement": "cpu", "tags": {"host": "h %d" % k, "region": "a,b=c"}, "time": 1704067200000 + k,
         "fields": {"load": 0.5 + k, "cores": 4 + k, "on": True, "note": 'say "hi"'}},
    ]
    from influxdb.line_protocol import make_lines
    lines = make_lines({"points": points}, precision="ms")
    assert client.write(lines, {"db": "public", "precision": "ms"}, 200, "line") is True
    # A refused write comes up as the client's error with our text.
    from influxdb.exceptions import InfluxDBClientError
    try:
        client.write(['cpu cores="text" 1'], {"db": "public"}, 200, "line")
    except InfluxDBClientError as error:
        assert error.code == 422, error.code
        assert "050014" in str(error), error
    else:
        raise AssertionError("a type clash was accepted")

url = "http://127.0.0.1:%d/api/v1/sql" % port
def ask(accept, sql):
    answer = requests.post(url, params={"db": "public", "pretty": "true"}, data=sql, auth=("root", ""),
                           headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-encoding"] == "gzip", answer.headers
    return answer
rows = ask("application/json", "select * from cpu order by time").json()
print(json.dumps(rows, sort_keys=True))
text = ask("application/csv", "select time, host, region, load, cores, note from cpu order by time").text
print(json.dumps(list(csv.reader(io.StringIO(text)))))
"#;

fn check_python(server: &Server, script: &Path) {
    let port = server.port.to_string();
    let output = run(Command::new(python()).arg(script).arg(port));
    let mut lines = output.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let row = |at: u64, load: f64, cores: u64| {
        serde_json::json!({
            "time": format!("2024-01-01T00:00:00{}", if at == 0 { "" } else { ".001" }),
            "host": format!("h {at}"), "region": "a,b=c", "load": load, "cores": cores, "on": true,
            "note": "say \"hi\"",
        })
    };
    assert_eq!(lines.next().unwrap(), serde_json::json!([row(0, 0.5, 4), row(1, 1.5, 5)]));
    assert_eq!(
        lines.next().unwrap(),
        serde_json::json!([
            ["time", "host", "region", "load", "cores", "note"],
            ["2024-01-01T00:00:00.000000000", "h 0", "a,b=c", "0.5", "4", "say \"hi\""],
            ["2024-01-01T00:00:00.001000000", "h 1", "a,b=c", "1.5", "5", "say \"hi\""],
        ])
    );
}

#[test]
fn influxdb_python_writes_and_requests_reads() {
    if skip("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let script = dir.path().join("client.py");
    std::fs::write(&script, SCRIPT).unwrap();
    check_python(&server, &script);
}

/// Runs a script of `tests/clients` with the server's port; it checks for itself.
fn script(name: &str, server: &Server, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name);
    let mut command = Command::new(python());
    assert_eq!(run(command.arg(path).arg(server.port.to_string()).args(arguments)), "ok\n");
}

#[test]
fn cnos_connector_sqlalchemy_and_pandas_work_unchanged() {
    if skip("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    script("connector.py", &Server::start(&dir.path().join("data")), &[]);
}

#[test]
fn every_coding_is_what_others_understand_by_it() {
    if skip("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    script("codings.py", &Server::start(&dir.path().join("data")), &[]);
}

#[test]
fn polars_and_duckdb_read_answers_and_exports() {
    if skip("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let lines: Vec<String> = (0..100)
        .map(|n| {
            let time = 1_704_067_200_000_000_000_u64 + n * 1_000_000_000;
            format!(
                "readings,host=h{} f={},i={n}i,s=\"say \\\"{n}\\\", twice\nor more\" {time}",
                n % 4,
                n as f64 / 2.0
            )
        })
        .collect();
    let file = dir.path().join("readings.lp.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&file).unwrap(), Default::default());
    std::io::Write::write_all(&mut encoder, lines.join("\n").as_bytes()).unwrap();
    encoder.finish().unwrap();
    let url = format!("http://127.0.0.1:{}", server.port);
    let triglot = || Command::new(profile_dir().join("triglot"));
    run(triglot().args(["import", "--quiet", "--url", &url]).arg(&file));
    let exported = dir.path().join("readings.parquet");
    run(triglot().args(["export", "--quiet", "--table", "readings", "--url", &url]).arg(&exported));
    script("files.py", &server, &[exported.to_str().unwrap()]);
}
