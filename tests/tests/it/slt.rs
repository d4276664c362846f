//! SQL of the CnosDB dialect: every file of `slt/cnosdb` against a server of its own.
//!
//! NULL and empty cells of an answer both read `NULL` (CSV cannot tell them apart); errors read
//! `code: message`.

use std::path::{Path, PathBuf};

use sqllogictest::{DB, DBOutput, DefaultColumnType, Record, Runner};

use crate::http;
use crate::server::Server;

const AT_LEAST: usize = 1_000;

#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

struct Http {
    port: u16,
}

impl DB for Http {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let reply = http::sql(self.port, "public", sql).map_err(|e| Refused(e.to_string()))?;
        let text = reply.text();
        if reply.status != 200 {
            let json: serde_json::Value = serde_json::from_str(&text)
                .map_err(|_| Refused(format!("status {} without a JSON body: {text}", reply.status)))?;
            let member = |name: &str| json[name].as_str().unwrap_or("MISSING").to_owned();
            return Err(Refused(format!("{}: {}", member("error_code"), member("error_message"))));
        }
        let mut rows = http::csv(&text);
        if rows.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let header = rows.remove(0);
        if sql.trim_start().get(..6).is_some_and(|w| w.eq_ignore_ascii_case("insert")) {
            assert_eq!(header, ["rows"], "{sql}");
            return Ok(DBOutput::StatementComplete(rows[0][0].parse().unwrap()));
        }
        for cell in rows.iter_mut().flatten().filter(|c| c.is_empty()) {
            "NULL".clone_into(cell);
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; header.len()], rows })
    }
}

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt/cnosdb");
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|x| x == "slt")).collect();
    files.sort();
    files
}

/// Runs all records of a file; gives their number and what failed.
fn run_file(path: &Path) -> (usize, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let port = server.port;
    let mut runner = Runner::new(move || async move { Ok(Http { port }) });
    let records: Vec<Record<DefaultColumnType>> = sqllogictest::parse_file(path).unwrap();
    let (mut count, mut failed) = (0, Vec::new());
    for record in records {
        count += usize::from(matches!(record, Record::Statement { .. } | Record::Query { .. }));
        if let Err(error) = runner.run(record) {
            failed.push(format!("{}", error.display(false)));
        }
    }
    (count, failed)
}

#[test]
fn cnosdb_statements() {
    let mut total = 0;
    let mut failed = Vec::new();
    for path in files() {
        let (count, errors) = run_file(&path);
        total += count;
        failed.extend(errors);
    }
    println!("{total} records of CnosDB's SQL");
    assert!(failed.is_empty(), "{} of {total} records failed:\n{}", failed.len(), failed.join("\n\n"));
    assert!(total >= AT_LEAST, "{total} records, expected {AT_LEAST} or more");
}
