//! SQL of the CnosDB dialect: every file of `slt/cnosdb` against a server of its own.
//!
//! NULL and empty cells of an answer both read `NULL` (CSV cannot tell them apart); errors read
//! `code: message`. The servers compare no passwords (the vendor's default), so that records can
//! speak as any user.
//!
//! A line of a record's SQL may be a directive, as in the vendor's corpus; it holds until the end of the
//! file or until it is given again: `--#TENANT = t`, `--#DATABASE = d`, `--#USER_NAME = u`,
//! `--#SORT = true` (rows are sorted before they are compared).

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

/// One client: who speaks, and where.
struct Http {
    port: u16,
    tenant: String,
    database: String,
    user: String,
    sort: bool,
}

impl Http {
    fn new(port: u16) -> Self {
        let [tenant, database, user] = ["cnosdb", "public", "root"].map(str::to_owned);
        Self { port, tenant, database, user, sort: false }
    }

    /// Obeys the directives in a record.
    fn obey(&mut self, sql: &str) -> Result<(), Refused> {
        for line in sql.lines().filter_map(|l| l.trim().strip_prefix("--#")) {
            let malformed = || Refused(format!("not a directive: --#{line}"));
            let (name, value) = line.split_once('=').ok_or_else(malformed)?;
            let value = value.trim();
            match name.trim() {
                "TENANT" => value.clone_into(&mut self.tenant),
                "DATABASE" => value.clone_into(&mut self.database),
                "USER_NAME" => value.clone_into(&mut self.user),
                "SORT" => self.sort = value.parse().map_err(|_| malformed())?,
                _ => return Err(malformed()),
            }
        }
        Ok(())
    }
}

impl DB for Http {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        self.obey(sql)?;
        let target = format!("/api/v1/sql?tenant={}&db={}", self.tenant, self.database);
        let headers = [("authorization".to_owned(), http::basic(&self.user, ""))];
        let reply = http::exchange(self.port, "POST", &target, &headers, sql.as_bytes())
            .map_err(|e| Refused(e.to_string()))?;
        let answer = reply.text();
        if reply.status != 200 {
            let json: serde_json::Value = serde_json::from_str(&answer)
                .map_err(|_| Refused(format!("status {} without a JSON body: {answer}", reply.status)))?;
            let member = |name: &str| json[name].as_str().unwrap_or("MISSING").to_owned();
            return Err(Refused(format!("{}: {}", member("error_code"), member("error_message"))));
        }
        let mut rows = http::csv(&answer);
        if rows.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let header = rows.remove(0);
        let text =
            sql.lines().skip_while(|l| l.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
        if text.trim_start().get(..6).is_some_and(|w| w.eq_ignore_ascii_case("insert")) {
            assert_eq!(header, ["rows"], "{sql}");
            return Ok(DBOutput::StatementComplete(rows[0][0].parse().unwrap()));
        }
        for cell in rows.iter_mut().flatten().filter(|c| c.is_empty()) {
            "NULL".clone_into(cell);
        }
        if self.sort {
            rows.sort();
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; header.len()], rows })
    }
}

/// The `.slt` files below `dir`, sorted.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|x| x == "slt") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Runs all records of a file; gives their number and what failed.
fn run_file(path: &Path) -> (usize, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir.path().join("data"), &[("TRIGLOT_CNOSDB__AUTH_ENABLED", "false")]);
    let port = server.port;
    let mut runner = Runner::new(move || async move { Ok(Http::new(port)) });
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
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("slt/cnosdb")) {
        let (count, errors) = run_file(&path);
        total += count;
        failed.extend(errors);
    }
    println!("{total} records of CnosDB's SQL");
    assert!(failed.is_empty(), "{} of {total} records failed:\n{}", failed.len(), failed.join("\n\n"));
    assert!(total >= AT_LEAST, "{total} records, expected {AT_LEAST} or more");
}
