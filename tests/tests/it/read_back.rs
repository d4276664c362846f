//! One way to ask each dialect for rows and to get cells that compare across dialects, whatever was written through whichever
//! port: `Door::kwdb(&server).rows("db", "select …")`. A door sends any other request too, over TLS where the server speaks it.

use std::path::{Path, PathBuf};

use triglot_parse_json::{JsonError, Kind, Reader};

use crate::http::{self, ROOT, Reply};
use crate::server::Server;

/// A cell; none = NULL. Whole numbers and texts are as they are written, floats as Rust's `{:?}` (`1.0`, `1e16`, `NaN`), times
/// `2024-01-01T00:00:00.000000001Z`, booleans `true` and `false`, JSON and bytes as the dialect writes them.
pub(crate) type Cell = Option<String>;
/// Cells by rows, in the order of the answer.
pub(crate) type Rows = Vec<Vec<Cell>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Cnosdb,
    Tdengine,
    Kwdb,
}

/// A listener, and as whom it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    dialect: Dialect,
    port: u16,
    authorization: String,
    /// The certificate to trust; none = plain HTTP.
    authority: Option<PathBuf>,
}

impl Door {
    pub(crate) fn cnosdb(server: &Server) -> Self {
        Self::new(Dialect::Cnosdb, server.port, ROOT.to_owned())
    }

    pub(crate) fn tdengine(server: &Server) -> Self {
        Self::new(Dialect::Tdengine, server.taos_port, http::basic("root", "taosdata"))
    }

    pub(crate) fn kwdb(server: &Server) -> Self {
        Self::new(Dialect::Kwdb, server.kwdb_port, ROOT.to_owned())
    }

    pub(crate) fn all(server: &Server) -> [Self; 3] {
        [Self::cnosdb(server), Self::tdengine(server), Self::kwdb(server)]
    }

    fn new(dialect: Dialect, port: u16, authorization: String) -> Self {
        Self { dialect, port, authorization, authority: None }
    }

    /// The same over TLS; `authority` is the PEM file of the certificate to trust.
    pub(crate) fn over_tls(self, authority: &Path) -> Self {
        Self { authority: Some(authority.to_owned()), ..self }
    }

    /// The same as somebody else than root.
    pub(crate) fn with_user(self, user: &str, password: &str) -> Self {
        Self { authorization: http::basic(user, password), ..self }
    }

    /// Sends a request with the door's credentials, and these headers.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let own = [("authorization", self.authorization.as_str())];
        let all = own.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let headers: Vec<(String, String)> = all.collect();
        let reply = match &self.authority {
            Some(file) => http::exchange_tls(self.port, file, method, target, &headers, body),
            None => http::exchange(self.port, method, target, &headers, body),
        };
        reply.unwrap_or_else(|error| panic!("{:?} {method} {target}: {error}", self.dialect))
    }

    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Reply {
        self.send("POST", target, &[], body)
    }

    /// A statement that changes something and must succeed.
    pub(crate) fn run(&self, database: &str, sql: &str) {
        let (target, is_good): (String, fn(&str) -> bool) = match self.dialect {
            Dialect::Cnosdb => (format!("/api/v1/sql?db={database}"), |_| true),
            Dialect::Tdengine => (rest_sql(database), |text| text.starts_with("{\"code\":0,")),
            Dialect::Kwdb => (restapi("ddl", database), |text| text.starts_with("{\"code\":0,")),
        };
        let reply = self.post(&target, sql.as_bytes());
        let text = reply.text();
        assert!(reply.status == 200 && is_good(&text), "{:?} {sql}: {} {text}", self.dialect, reply.status);
    }

    /// The rows of a query that must succeed. It is to say in which order.
    pub(crate) fn rows(&self, database: &str, sql: &str) -> Rows {
        match self.dialect {
            Dialect::Cnosdb => self.cnosdb_rows(database, sql),
            Dialect::Tdengine => self.json_rows(&rest_sql(database), sql),
            Dialect::Kwdb => self.json_rows(&restapi("query", database), sql),
        }
    }

    /// Asks as CSV, which has the order of columns, NaN and infinities, and as JSON, which tells NULL from an empty text and
    /// numbers from texts.
    fn cnosdb_rows(&self, database: &str, sql: &str) -> Rows {
        let ask = |accept| {
            let target = format!("/api/v1/sql?db={database}");
            let reply = self.send("POST", &target, &[("accept", accept)], sql.as_bytes());
            assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
            reply.text()
        };
        let mut table = http::csv(&ask("text/csv")).into_iter();
        let names = table.next().unwrap();
        let objects = objects(&ask("application/json")).unwrap();
        let table: Vec<_> = table.collect();
        assert_eq!(table.len(), objects.len(), "{sql}: rows changed between two reads");
        let row = |(texts, members): (Vec<String>, Vec<(String, Value)>)| {
            let of_name =
                |name: &String| members.iter().find(|member| member.0 == *name).map(|m| m.1.clone());
            let cell = |(name, text): (&String, String)| match of_name(name) {
                Some(value) => Some(value.neutral()),
                None if text.is_empty() => None,
                // JSON has no word for these.
                None => Some(float(&text)),
            };
            names.iter().zip(texts).map(cell).collect()
        };
        table.into_iter().zip(objects).map(row).collect()
    }

    /// TDengine's and KWDB's answers have the same members.
    fn json_rows(&self, target: &str, sql: &str) -> Rows {
        let text = self.post(target, sql.as_bytes()).text();
        let answer = Answer::read(&text).unwrap_or_else(|e| panic!("{sql}: {e}: {text}"));
        assert_eq!(answer.code, "0", "{sql}: {text}");
        let row = |cells: Vec<Value>| -> Vec<Cell> {
            assert_eq!(cells.len(), answer.types.len(), "{sql}: {text}");
            cells.into_iter().zip(&answer.types).map(|(value, ty)| value.of_type(ty)).collect()
        };
        answer.data.into_iter().map(row).collect()
    }
}

/// The same rows through all three dialects, each asked in its own words: CnosDB's, TDengine's, KWDB's.
pub(crate) fn same_everywhere(server: &Server, database: &str, sql: [&str; 3], wanted: &[&str]) {
    for (door, sql) in Door::all(server).iter().zip(sql) {
        assert_eq!(lines(&door.rows(database, sql)), wanted, "{:?}: {sql}", door.dialect);
    }
}

/// Rows as `a | NULL | 1.5`.
pub(crate) fn lines(rows: &Rows) -> Vec<String> {
    let line = |row: &Vec<Cell>| {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        cells.join(" | ")
    };
    rows.iter().map(line).collect()
}

/// A sample of `/metrics` by its name with labels, 0 if there is none.
pub(crate) fn sample(server: &Server, name: &str) -> u64 {
    let text = http::exchange(server.port, "GET", "/metrics", &[], b"").unwrap().text();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.map_or(0, |value| value.parse().unwrap())
}

fn rest_sql(database: &str) -> String {
    if database.is_empty() { "/rest/sql".to_owned() } else { format!("/rest/sql/{database}") }
}

fn restapi(route: &str, database: &str) -> String {
    if database.is_empty() { format!("/restapi/{route}") } else { format!("/restapi/{route}?db={database}") }
}

/// A value of JSON as far as cells need it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Null,
    Text(String),
    /// A number or a boolean, or an array or an object as it stands.
    Other(String),
}

impl Value {
    fn read(reader: &mut Reader<'_>, source: &str) -> Result<Self, JsonError> {
        let kind = reader.kind()?;
        let begin = reader.offset();
        if kind == Kind::Scalar && source[begin..].starts_with('"') {
            return Ok(Self::Text(reader.text()?.into_owned()));
        }
        // As it stands: a number is not to be rounded.
        reader.skip()?;
        let text = &source[begin..reader.offset()];
        Ok(if text == "null" { Self::Null } else { Self::Other(text.to_owned()) })
    }

    /// As CnosDB's JSON writes it: times are texts without a zone, floats have a point or an exponent.
    fn neutral(self) -> String {
        match self {
            Self::Text(text) => {
                let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f");
                time.map_or(text, |time| instant(time.and_utc()))
            }
            Self::Other(text)
                if text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) =>
            {
                if text.contains(['.', 'e', 'E']) { float(&text) } else { text }
            }
            Self::Other(text) => text,
            Self::Null => String::new(),
        }
    }

    /// With the name of its column's type.
    fn of_type(self, ty: &str) -> Cell {
        let text = match self {
            Self::Null => return None,
            Self::Text(text) | Self::Other(text) => text,
        };
        Some(match ty {
            "TIMESTAMP" | "TIMESTAMPTZ" => {
                let time =
                    chrono::DateTime::parse_from_rfc3339(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
                instant(time.to_utc())
            }
            "FLOAT" | "DOUBLE" | "FLOAT4" | "FLOAT8" => float(&text),
            _ => text,
        })
    }
}

fn instant(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

fn float(text: &str) -> String {
    let value: f64 = text.parse().unwrap_or_else(|e| panic!("{text:?} is no float: {e}"));
    format!("{value:?}")
}

/// An array of objects; no rows are no text at all.
fn objects(text: &str) -> Result<Vec<Vec<(String, Value)>>, JsonError> {
    let mut out = Vec::new();
    if text.is_empty() {
        return Ok(out);
    }
    Reader::new(text).array(|reader| {
        let mut members = Vec::new();
        reader.object(|reader, name| {
            members.push((name.into_owned(), Value::read(reader, text)?));
            Ok::<_, JsonError>(())
        })?;
        out.push(members);
        Ok::<_, JsonError>(())
    })?;
    Ok(out)
}

#[derive(Debug, Default)]
struct Answer {
    code: String,
    types: Vec<String>,
    data: Vec<Vec<Value>>,
}

impl Answer {
    fn read(text: &str) -> Result<Self, JsonError> {
        let mut answer = Self::default();
        Reader::new(text).object(|reader, name| {
            match &*name {
                "code" => answer.code = reader.scalar()?.into_text().into_owned(),
                "column_meta" => reader.array(|reader| {
                    let mut parts = Vec::new();
                    reader.array(|reader| {
                        parts.push(reader.scalar()?.into_text().into_owned());
                        Ok::<_, JsonError>(())
                    })?;
                    answer.types.push(parts[1].clone());
                    Ok::<_, JsonError>(())
                })?,
                "data" => reader.array(|reader| {
                    let mut row = Vec::new();
                    reader.array(|reader| {
                        row.push(Value::read(reader, text)?);
                        Ok::<_, JsonError>(())
                    })?;
                    answer.data.push(row);
                    Ok::<_, JsonError>(())
                })?,
                _ => reader.skip()?,
            }
            Ok::<_, JsonError>(())
        })?;
        Ok(answer)
    }
}

#[test]
fn cells_are_the_same_whoever_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let lines = "cell,h=a f=1,g=0.30000000000000004,i=-9223372036854775808i,u=7u,b=t,s=\"2024-01-01\" 1\n\
                 cell,h=b f=1e16,s=\"\" 1700000000000000001\n";
    let reply = Door::cnosdb(&server).post("/api/v1/write?db=public", lines.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let rows = [
        "1970-01-01T00:00:00.000000001Z | a | 1.0 | 0.30000000000000004 | -9223372036854775808 | true | 2024-01-01",
        "2023-11-14T22:13:20.000000001Z | b | 1e16 | NULL | NULL | NULL | ",
    ];
    let sql = "select time, h, f, g, i, b, s from cell order by time";
    same_everywhere(
        &server,
        "public",
        [sql, "select `time`, h, f, g, i, b, s from cell order by `time`", sql],
        &rows,
    );
    // A float that has no name in JSON.
    assert_eq!(
        Door::cnosdb(&server).rows("public", "select cast('NaN' as double) as x")[0][0].as_deref(),
        Some("NaN")
    );
    assert!(Door::kwdb(&server).rows("public", "select f from cell where h = 'none'").is_empty());
    assert!(Door::cnosdb(&server).rows("public", "select f from cell where h = 'none'").is_empty());
    assert_eq!(sample(&server, "triglot_rows_written_total{api=\"write\",dialect=\"cnosdb\"}"), 2);
}

#[test]
fn doors_open_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_with(&data, &[("TRIGLOT_KWDB__INSECURE", "false")]);
    let door = Door::kwdb(&server).over_tls(&data.join("certs/ca.crt"));
    assert_eq!(door.rows("", "select 1 as a"), [[Some("1".to_owned())]]);
    door.run("", "create user reader with password 'geheim-1'");
    let reader = door.with_user("reader", "geheim-1");
    assert_eq!(reader.rows("", "select 2 as a"), [[Some("2".to_owned())]]);
}
