use std::path::Path;
use std::process::Output;

use crate::server::{Server, run, text};

fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn bench_loads_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let url = server.url.as_str();
    let report = ok(run(&[
        "bench", "--url", url, "--hosts", "10", "--rows", "12345", "--batch", "1000", "--json", "--db",
        "bench",
    ]));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((report["rows"].as_u64(), report["requests"].as_u64()), (Some(12_345), Some(13)));
    assert!(report["rows_per_second"].as_f64().unwrap() > 0.0);
    let count = server.sql("SELECT count(usage_user) AS n, count(DISTINCT hostname) AS h FROM bench.cpu");
    assert_eq!(count, "n,h\n12345,10\n");
    // The same bytes through a file are the same rows.
    let file = dir.path().join("cpu.lp");
    let file = file.to_str().unwrap();
    ok(run(&["bench", "--hosts", "10", "--rows", "12345", "--file", file, "--quiet"]));
    let again =
        ok(run(&["bench", "--url", url, "--input", file, "--batch", "5000", "--db", "bench", "--preload"]));
    assert!(again.starts_with("rows        12345\nrequests    3 "), "{again}");
    assert_eq!(server.sql("SELECT count(usage_user) AS n FROM bench.cpu"), "n\n12345\n");
}

#[test]
fn import_and_export_go_round() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let server = Server::start(&dir.path().join("data"));
    let url = server.url.as_str();
    let lines = "m,t=a,u=x\\ y f=1.5,i=-3i,s=\"q \\\"z\\\"\",b=true 1000\nm,t=a f=oops 2000\nm,t=b f=2,n=18446744073709551615u 3000\nm,t=b f=3i 4000\n";
    std::fs::write(path("m.lp"), lines).unwrap();
    let imported = run(&["import", "--url", url, &path("m.lp")]);
    let said = text(&imported.stderr);
    assert_eq!(imported.status.code(), Some(1), "{said}");
    assert!(said.contains("2 rows in") && said.contains("2 bad lines"), "{said}");
    assert!(said.contains("  line 2: invalid field value: 'oops'"), "{said}");
    assert!(said.contains("  line 4: HTTP 422 050014"), "{said}");

    let before = server.sql("SELECT * FROM m ORDER BY time");
    ok(run(&["export", "--url", url, "--table", "m", &path("m.parquet")]));
    ok(run(&["export", "--url", url, "--query", "SELECT * FROM m ORDER BY time", &path("m.csv")]));
    assert_eq!(std::fs::read_to_string(path("m.csv")).unwrap(), before);
    for (database, file) in [("p", "m.parquet"), ("c", "m.csv")] {
        ok(run(&[
            "import",
            "--url",
            url,
            "--db",
            database,
            "--create-db",
            "--table",
            "m",
            "--tags",
            "t,u",
            "--types",
            "f=DOUBLE,n=BIGINT_UNSIGNED",
            &path(file),
        ]));
        let columns = "SELECT time, t, u, f, i, s, b, n FROM {}.m ORDER BY time";
        let of = |db: &str| server.sql(&columns.replace("{}", db));
        assert_eq!(of(database), of("public"), "{file}");
    }
}

fn damage(dir: &Path) {
    let record = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).max().unwrap();
    let mut bytes = std::fs::read(&record).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&record, bytes).unwrap();
}

#[test]
fn repair_tells_what_would_be_lost_and_changes_nothing_without_apply() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let mut server = Server::start(dir.path());
    assert_eq!(run(&["repair", "--data-dir", data]).status.code(), Some(1), "the server runs");
    server.sql("CREATE DATABASE later");
    // Killed: an orderly stop writes a checkpoint, behind which older records do not matter.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(ok(run(&["repair", "--data-dir", data])).ends_with("no damage found\n"));

    damage(&dir.path().join("catalog/log"));
    let found = run(&["repair", "--data-dir", data]);
    assert_eq!(found.status.code(), Some(1));
    assert!(text(&found.stdout).contains("lost: catalog/log/"), "{}", text(&found.stdout));
    let applied = ok(run(&["repair", "--data-dir", data, "--apply"]));
    assert!(applied.contains("moved to catalog/damaged/"), "{applied}");
    assert!(ok(run(&["repair", "--data-dir", data])).ends_with("no damage found\n"));
    let again = Server::start(dir.path());
    assert!(!again.sql("SHOW DATABASES").contains("later"));
}
