//! SQL of the dialects: every file of `slt/cnosdb`, `slt/tdengine` and `slt/kwdb` against a server of its own.
//!
//! CnosDB: NULL and empty cells of an answer both read `NULL` (CSV cannot tell them apart); errors read
//! `code: message`. The servers compare no passwords (the vendor's default), so that records can
//! speak as any user.
//!
//! A line of a record's SQL may be a directive, as in the vendor's corpus; it holds until the end of the
//! file or until it is given again: `--#TENANT = t`, `--#DATABASE = d`, `--#USER_NAME = u`,
//! `--#SORT = true` (rows are sorted before they are compared).

use std::path::{Path, PathBuf};

use serde_json::Value;
use sqllogictest::{DB, DBOutput, DefaultColumnType, Record, Runner};

use crate::http;
use crate::server::Server;

#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// One client of CnosDB: who speaks, and where.
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
            let json: Value = serde_json::from_str(&answer)
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
fn run_file<D: DB<ColumnType = DefaultColumnType> + Send + 'static>(
    path: &Path,
    connect: impl Fn() -> D + Clone,
) -> (usize, Vec<String>) {
    let mut runner = Runner::new(move || {
        let client = connect();
        async move { Ok(client) }
    });
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

/// Runs every file of a directory against a server of its own. `TRIGLOT_SLT` picks files by a part of their
/// names, for work on one of them.
fn run_all<D: DB<ColumnType = DefaultColumnType> + Send + 'static>(
    dialect: &str,
    environment: &[(&str, &str)],
    connect: fn(&Server) -> D,
    at_least: usize,
) {
    let picked = std::env::var("TRIGLOT_SLT").unwrap_or_default();
    let (mut total, mut failed) = (0, Vec::new());
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("slt").join(dialect)) {
        if !path.to_string_lossy().contains(&picked) {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let server = std::sync::Arc::new(Server::start_with(&dir.path().join("data"), environment));
        let (count, errors) = run_file(&path, {
            let server = std::sync::Arc::clone(&server);
            move || connect(&server)
        });
        total += count;
        failed.extend(errors);
    }
    println!("{total} records of {dialect}'s SQL");
    assert!(failed.is_empty(), "{} of {total} records failed:\n{}", failed.len(), failed.join("\n\n"));
    let at_least = if picked.is_empty() { at_least } else { 1 };
    assert!(total >= at_least, "{total} records, expected {at_least} or more");
}

#[test]
fn cnosdb_statements() {
    let trusting = [("TRIGLOT_CNOSDB__AUTH_ENABLED", "false")];
    run_all("cnosdb", &trusting, |server| Http::new(server.port), 1_000);
}

#[test]
fn kwdb_statements() {
    run_all("kwdb", &[], |server| Kw::new(server.kwdb_port), 1_300);
}

#[test]
fn tdengine_statements() {
    run_all("tdengine", &[], |server| Taos::new(server.taos_port), 1_400);
}

/// One client of TDengine's `/rest/sql`. NULL reads `NULL`, JSON objects and arrays as JSON; text, numbers,
/// booleans and times as they stand in the answer, empty text as `(empty)`. Errors read
/// `0xCODE (decimal): text`.
///
/// Directives: `--#DATABASE = d` (in the path; empty = none), `--#TZ = zone` (`conn_tz`), `--#USER_NAME = u`
/// with `--#PASSWORD = p`, `--#SORT = true`, `--#COLUMNS = true` (a query's first row is then its column
/// names, the second one its types as `TYPE(length)`).
struct Taos {
    port: u16,
    given: Directives,
}

impl Taos {
    fn new(port: u16) -> Self {
        Self { port, given: Directives::of_root("taosdata") }
    }

    fn target(&self) -> String {
        let Directives { database, zone, .. } = &self.given;
        let database = if database.is_empty() { String::new() } else { format!("/{database}") };
        let zone = if zone.is_empty() { String::new() } else { format!("?conn_tz={zone}") };
        format!("/rest/sql{database}{zone}")
    }
}

/// What the directives in the records of a JSON dialect have said so far.
struct Directives {
    database: String,
    zone: String,
    user: String,
    password: String,
    sort: bool,
    columns: bool,
}

impl Directives {
    fn of_root(password: &str) -> Self {
        let (database, zone) = Default::default();
        Self {
            database,
            zone,
            user: "root".to_owned(),
            password: password.to_owned(),
            sort: false,
            columns: false,
        }
    }

    /// Obeys the directives in a record; gives the statement without them.
    fn obey(&mut self, sql: &str) -> Result<String, Refused> {
        let mut statement = Vec::new();
        for line in sql.lines() {
            let Some(directive) = line.trim().strip_prefix("--#") else {
                statement.push(line);
                continue;
            };
            let malformed = || Refused(format!("not a directive: --#{directive}"));
            let (name, value) = directive.split_once('=').ok_or_else(malformed)?;
            let value = value.trim();
            match name.trim() {
                "DATABASE" => value.clone_into(&mut self.database),
                "TZ" => value.clone_into(&mut self.zone),
                "USER_NAME" => value.clone_into(&mut self.user),
                "PASSWORD" => value.clone_into(&mut self.password),
                "SORT" => self.sort = value.parse().map_err(|_| malformed())?,
                "COLUMNS" => self.columns = value.parse().map_err(|_| malformed())?,
                _ => return Err(malformed()),
            }
        }
        Ok(statement.join("\n"))
    }

    /// The answer to a statement, as text and as JSON.
    fn post(&self, port: u16, target: &str, sql: &str) -> Result<(String, Value), Refused> {
        let headers = [("authorization".to_owned(), http::basic(&self.user, &self.password))];
        let reply = http::exchange(port, "POST", target, &headers, sql.as_bytes())
            .map_err(|e| Refused(e.to_string()))?;
        let json = serde_json::from_slice(&reply.body)
            .map_err(|e| Refused(format!("status {}, {e}: {}", reply.status, reply.text())))?;
        Ok((reply.text(), json))
    }

    /// The rows of an answer, each cell as `cell` shows it.
    fn rows(
        &self,
        sql: &str,
        meta: &[Value],
        answer: &str,
        cell: impl Fn(&Value) -> String,
    ) -> DBOutput<DefaultColumnType> {
        // As they stand: serde_json's doubles may be off by their last bit.
        let exact: Value = serde_json::from_str(&numbers_as_text(answer)).unwrap();
        let mut rows: Vec<Vec<String>> =
            array(&exact["data"]).iter().map(|row| array(row).iter().map(&cell).collect()).collect();
        assert_eq!(shown(&exact["rows"]), rows.len().to_string(), "{sql}");
        if self.sort {
            rows.sort();
        }
        if self.columns {
            rows.insert(0, meta.iter().map(|c| shown(&c[0])).collect());
            rows.insert(1, meta.iter().map(|c| format!("{}({})", shown(&c[1]), c[2])).collect());
        }
        DBOutput::Rows { types: vec![DefaultColumnType::Any; meta.len()], rows }
    }
}

fn array(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The same JSON with its numbers as strings.
fn numbers_as_text(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 5 / 4);
    let (mut quoted, mut escaped, mut number) = (false, false, false);
    for c in json.chars() {
        let digit =
            !quoted && (c.is_ascii_digit() || c == '-' || number && matches!(c, '.' | 'e' | 'E' | '+'));
        if digit != number {
            out.push('"');
            number = digit;
        }
        out.push(c);
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

impl DB for Taos {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let sql = self.given.obey(sql)?;
        let (answer, json) = self.given.post(self.port, &self.target(), &sql)?;
        let code = json["code"].as_u64().ok_or_else(|| Refused(format!("no code: {answer}")))?;
        if code != 0 {
            return Err(Refused(format!("{code:#06x} ({code}): {}", shown(&json["desc"]))));
        }
        let meta = array(&json["column_meta"]);
        if meta == [serde_json::json!(["affected_rows", "INT", 4])] {
            return Ok(DBOutput::StatementComplete(json["data"][0][0].as_u64().unwrap()));
        }
        Ok(self.given.rows(&sql, &meta, &answer, shown))
    }
}

/// One client of KWDB's `/restapi/`, in the manual's face. A statement goes to the endpoint that takes it: `insert` for
/// INSERT, `ddl` for what it admits, `query` for the rest. NULL reads `NULL`, empty text `(empty)`, line feeds in cells
/// `\n`; other cells as they stand in the answer. Errors read as `desc` has them.
///
/// Directives: `--#DATABASE = d` (empty = none given), `--#TZ = zone`, `--#USER_NAME = u` with `--#PASSWORD = p`,
/// `--#SORT = true`, `--#COLUMNS = true` (a query's first row is then its column names, the second one its types as
/// `TYPE(length)`).
struct Kw {
    port: u16,
    given: Directives,
}

impl Kw {
    fn new(port: u16) -> Self {
        Self { port, given: Directives::of_root("") }
    }

    fn target(&self, sql: &str) -> String {
        let begins = sql.trim_start().trim_start_matches('(');
        let first: String = begins.chars().take_while(char::is_ascii_alphabetic).collect();
        let endpoint = match first.to_ascii_lowercase().as_str() {
            "insert" => "insert",
            "create" | "drop" | "delete" | "use" | "alter" | "update" | "grant" | "revoke" | "set" => "ddl",
            _ => "query",
        };
        let (database, zone) = (escaped(&self.given.database), escaped(&self.given.zone));
        let parameters = [("db", database), ("tz", zone)];
        let given: Vec<String> =
            parameters.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k}={v}")).collect();
        format!("/restapi/{endpoint}?{}", given.join("&"))
    }
}

/// For the query part of a URL.
fn escaped(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~".contains(b);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl DB for Kw {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let sql = self.given.obey(sql)?;
        let (answer, json) = self.given.post(self.port, &self.target(&sql), &sql)?;
        if json["code"] != 0 {
            let text = match &json["desc"] {
                Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join("; "),
                one => shown(one),
            };
            return Err(Refused(text));
        }
        let Value::Array(meta) = &json["column_meta"] else {
            return Ok(DBOutput::StatementComplete(json["rows"].as_u64().unwrap_or(0)));
        };
        Ok(self.given.rows(&sql, meta, &answer, |cell| shown(cell).replace('\n', "\\n")))
    }
}
