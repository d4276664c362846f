//! `/input_json`: what it wrote through every dialect, hostile bodies, batches that fail in the middle, and what of the
//! configuration is refused at the start.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::read_back::{Door, lines, same_everywhere, sample};
use crate::server::{Server, profile_dir};

const REFUSED: &str = "triglot_rows_refused_total{api=\"input_json\",dialect=\"tdengine\"}";
const WRITTEN: &str = "triglot_rows_written_total{api=\"input_json\",dialect=\"tdengine\"}";

/// A server with the rules of the golden cases, and the database and the super table that they name.
fn start() -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/tdengine/input_json.toml");
    let server = Server::start_configured(&dir.path().join("data"), Some(&rules), &[]);
    let taos = Door::tdengine(&server);
    taos.run("", "create database d keep 36500");
    taos.run(
        "d",
        "create stable meters (ts timestamp, current float, voltage int, phase float, note nchar(100)) \
         tags (location varchar(32), groupid int)",
    );
    (server, dir)
}

fn post(server: &Server, endpoint: &str, body: &str) -> (u16, String) {
    let reply = Door::tdengine(server).post(&format!("/input_json/v1/{endpoint}"), body.as_bytes());
    (reply.status, reply.text())
}

fn written(rows: usize) -> (u16, String) {
    (200, format!("{{\"code\":0,\"desc\":\"\",\"affected\":{rows}}}"))
}

#[test]
fn every_dialect_reads_what_was_written() {
    let (server, _dir) = start();
    let body = r#"{"time": "2025-11-04 09:24:13.123",
        "Los Angeles": {"group_1": {"d_001": {"current": 10.5, "voltage": 220, "phase": 30}}},
        "Zürich": {"group_2": {"d_002": {"current": -0.25, "voltage": -2147483647, "phase": null}}}}"#;
    // Sent again it changes nothing.
    for _ in 0..2 {
        assert_eq!(post(&server, "grouped", body), written(2));
    }
    let wanted = [
        "2025-11-04T09:24:13.123000000Z | 10.5 | 220 | 30.0 | NULL | Los Angeles | 1",
        "2025-11-04T09:24:13.123000000Z | -0.25 | -2147483647 | NULL | NULL | Zürich | 2",
    ];
    let sql = "select ts, current, voltage, phase, note, location, groupid from meters order by groupid";
    let quoted = sql.replace("current", "\"current\"");
    same_everywhere(&server, "d", [sql, &sql.replace("current", "`current`"), &quoted], &wanted);
    assert_eq!((sample(&server, WRITTEN), sample(&server, REFUSED)), (4, 0));
}

#[test]
fn hostile_bodies_are_refused_as_a_whole() {
    let (server, _dir) = start();
    let record = |rest: &str| format!("{{\"t\":1704067200000,{rest}}}");
    let good = record("\"current\":1");
    let wide: String = (0..10_000).fold(String::new(), |mut out, n| {
        write!(out, "\"m{n}\":{n},").unwrap();
        out
    });
    // Members that no rule names are passed over, however many there are.
    assert_eq!(
        post(&server, "fixed_names-1", &format!("[{}]", record(&format!("{wide}\"current\":1")))),
        written(1)
    );
    let deep = format!("\"x\":{}{},\"current\":1", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status, part) in [
        (format!("[{good},{}]", record(&deep)), 400, "nested too deeply"),
        (format!("[{good},{}", record("\"current\":2")), 400, "invalid JSON: offset"),
        (format!("[{good},7]"), 400, "record 1 is not an object"),
        (format!("[{good},{}]", record("\"current\":Infinity")), 400, "invalid JSON"),
        (format!("[{good},{}]", record("\"current\":1,\"current\":1")), 400, "is there twice"),
        (
            format!("[{good},{}]", record("\"current\":99999999999999999999999999999999999999999")),
            400,
            "\"code\":534",
        ),
        (format!("[{good},{}]", record(&format!("\"current\":{}", "9".repeat(10_000)))), 400, "\"code\":534"),
        (format!("[{good},{}]", record("\"current\":\"\\ud800\"")), 400, "malformed escape"),
        (format!("[{good},{}]", record("\"current\":{\"a\":1}")), 400, "\"code\":534"),
        ("{\"t\":9223372036854775808}".to_owned(), 400, "an array is expected"),
        ("[{\"t\":9223372036854775808,\"current\":1}]".to_owned(), 400, "is not a whole number"),
        ("[{\"t\":9223372036854775807,\"current\":1}]".to_owned(), 400, "is out of range"),
        ("[{\"t\":NaN,\"current\":1}]".to_owned(), 400, "invalid JSON"),
    ] {
        let (found, text) = post(&server, "fixed_names-1", &body);
        let short = &body[..body.len().min(200)];
        assert!(found == status && text.contains(part), "{short}: {found} {}", &text[..text.len().min(500)]);
    }
    let rows = Door::tdengine(&server).rows("d", "select count(*) from meters");
    assert_eq!(lines(&rows), ["1"], "one row was good, and no other batch left any");
    assert!(sample(&server, REFUSED) >= 13);
    // Work without an end, and values without an end.
    let (status, text) = post(&server, "endless", "{\"n\":0}");
    assert!(status == 400 && text.contains("the limit of levels"), "{status} {text}");
    let (status, text) =
        post(&server, "grouped", &format!("{{\"a\":{}{}}}", "{\"b\":".repeat(50_000), "}".repeat(50_000)));
    assert!(status == 400 && text.contains("nested too deeply"), "{status} {text}");
}

/// Statements are at most 1 MiB: of a batch of several the ones before the failure stay, as at the vendor's, and the
/// batch without its fault repeats them without harm.
#[test]
fn a_batch_that_fails_in_the_middle_can_be_sent_again() {
    let (server, _dir) = start();
    let batch = |last: &str| {
        let mut body = String::from("[");
        for n in 0..40_000u32 {
            let time = 1_704_067_200_000u64 + u64::from(n);
            let value = if n == 39_999 { last } else { "1.5" };
            write!(body, "{}{{\"t\":{time},\"current\":{value}}}", if n == 0 { "" } else { "," }).unwrap();
        }
        body + "]"
    };
    let (status, text) = post(&server, "fixed_names-1", &batch("\"x\""));
    assert!(status == 400 && text.starts_with("{\"code\":534,"), "{status} {text}");
    let count = || lines(&Door::tdengine(&server).rows("d", "select count(*) from meters"))[0].clone();
    let before: u64 = count().parse().unwrap();
    assert!(before > 0 && before < 40_000, "{before} rows of the statements before");
    // What stays and what is refused is counted.
    assert_eq!((sample(&server, WRITTEN), sample(&server, REFUSED)), (before, 40_000 - before));
    assert_eq!(post(&server, "fixed_names-1", &batch("2.5")), written(40_000));
    assert_eq!(count(), "40000");
    let last =
        Door::kwdb(&server).rows("d", "select \"current\" from meters where ts = '2024-01-01 00:00:39.999'");
    assert_eq!(lines(&last), ["2.5"]);
}

#[test]
fn rules_that_cannot_be_used_stop_the_start() {
    let rule = "[input_json]\nenable = false\n[[input_json.rules]]\nendpoint = \"e\"\ndb = \"d\"\nsuperTable = \"s\"\nsubTable = \"t\"\n";
    for (more, part) in [
        (
            "fields = [{key = \"a\"}]\ndbKey = \"d\"\n",
            "input_json.rules: rule \"e\": db and db_key exclude each other",
        ),
        ("fields = []\n", "input_json.rules: rule \"e\": fields is missing"),
        ("fields = [{key = \"a\"}]\ntransformation = \"a.[\"\n", "rule \"e\": transformation: offset 3: "),
        ("fields = [{key = \"a\", optinal = true}]\n", "optinal"),
        ("fields = [{key = \"a\"}]\ntimekey = \"t\"\n", "timekey"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("taosadapter.toml");
        std::fs::write(&file, format!("{rule}{more}")).unwrap();
        let output = Command::new(profile_dir().join("triglot"))
            .args(["serve", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("-c")
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(part), "{more}: {text}");
    }
}
