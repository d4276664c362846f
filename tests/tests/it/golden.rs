//! Requests and their exact answers, from the files of `golden/cnosdb` and `golden/tdengine`.
//!
//! A file is a list of cases that run in order against one server of their own:
//!
//! ```text
//! === what is shown [where it is written]
//! POST /api/v1/sql
//! authorization: Basic cm9vdDo=
//!
//! select 1 as a
//! ---
//! 200
//! content-type: text/csv
//!
//! a
//! 1
//!
//! ===
//! ```
//!
//! The line break before `---` and `===` belongs to the separator, so a body that ends in one is
//! followed by an empty line. `content-encoding: gzip` compresses the request's body and
//! decompresses the answer's. Lines that begin with `@` say what text cannot:
//! `@hex` (request: the body is hexadecimal), `@raw` (request: leave the body as it is whatever its
//! coding), `@pad n` (request: n times `x` behind the body), `@contains` (answer: every line of the body occurs somewhere in the answer), `@absent h`
//! (answer: without this header).
//!
//! `<number>` in a wanted body stands for any digits (times taken). `@twice` (request) sends it again and
//! compares the second answer. Of TDengine's listener `authorization: root` is short for root's header.
//!
//! Lines `TRIGLOT_…=…` before the first case configure the file's server.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::http;
use crate::server::Server;

#[derive(Debug, Default)]
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    marks: Vec<String>,
    body: String,
}

#[derive(Debug)]
struct Case {
    title: String,
    request: Message,
    answer: Message,
}

fn message(lines: &[&str]) -> Message {
    let mut out = Message { first: lines.first().unwrap().to_string(), ..Message::default() };
    let mut rest = lines.get(1..).unwrap().iter();
    for line in rest.by_ref().take_while(|l| !l.is_empty()) {
        match line.strip_prefix('@') {
            Some(mark) => out.marks.push(mark.to_owned()),
            None => {
                let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line}"));
                out.headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
    out.body = rest.copied().collect::<Vec<_>>().join("\n");
    out
}

fn cases(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.split('\n').collect();
    let starts: Vec<usize> =
        lines.iter().enumerate().filter(|(_, l)| l.starts_with("===")).map(|(at, _)| at).collect();
    let case = |pair: &[usize]| {
        let title = lines[pair[0]].trim_start_matches('=').trim().to_owned();
        assert!(title.contains('['), "{}: {title:?} names no source", path.display());
        let of = &lines[pair[0] + 1..pair[1]];
        let middle = of.iter().position(|l| *l == "---").unwrap_or_else(|| panic!("{title}: no ---"));
        Case { title, request: message(&of[..middle]), answer: message(&of[middle + 1..]) }
    };
    starts.windows(2).map(case).collect()
}

/// What a file says of its server's configuration.
fn configuration(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let before = text.lines().take_while(|l| !l.starts_with("==="));
    before.filter_map(|l| l.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn body_of(request: &Message) -> Vec<u8> {
    let marked = |mark: &str| request.marks.iter().any(|m| m == mark);
    if marked("hex") {
        let digits: Vec<char> = request.body.chars().filter(|c| !c.is_whitespace()).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
        return digits.chunks(2).map(byte).collect();
    }
    let gzip = request.headers.iter().any(|(n, v)| n == "content-encoding" && v == "gzip");
    if gzip && !marked("raw") {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(request.body.as_bytes()).unwrap();
        return encoder.finish().unwrap();
    }
    let mut body = request.body.clone().into_bytes();
    for bytes in request.marks.iter().filter_map(|m| m.strip_prefix("pad ")) {
        body.resize(body.len() + bytes.parse::<usize>().unwrap(), b'x');
    }
    body
}

/// What of the answer is not as wanted.
fn differences(case: &Case, port: u16) -> Vec<String> {
    let request = &case.request;
    let (method, target) = request.first.split_once(' ').unwrap();
    let mut headers = request.headers.clone();
    for (name, value) in &mut headers {
        if name == "authorization" && value == "root" {
            *value = http::basic("root", "taosdata");
        }
    }
    let send = || http::exchange(port, method, target, &headers, &body_of(request)).unwrap();
    let mut reply = send();
    if request.marks.iter().any(|m| m == "twice") {
        reply = send();
    }
    let mut out = Vec::new();
    if reply.status.to_string() != case.answer.first {
        out.push(format!("status {} instead of {}", reply.status, case.answer.first));
    }
    for (name, value) in &case.answer.headers {
        if reply.header(name) != Some(value) {
            out.push(format!("{name}: {:?} instead of {value:?}", reply.header(name)));
        }
    }
    for name in case.answer.marks.iter().filter_map(|m| m.strip_prefix("absent ")) {
        if let Some(value) = reply.header(name) {
            out.push(format!("{name}: {value} instead of none"));
        }
    }
    let body = if reply.header("content-encoding") == Some("gzip") {
        let mut text = String::new();
        // Chunked results are several members.
        flate2::read::MultiGzDecoder::new(reply.body.as_slice()).read_to_string(&mut text).unwrap();
        text
    } else {
        reply.text()
    };
    if case.answer.marks.iter().any(|m| m == "contains") {
        let absent = case.answer.body.lines().filter(|l| !body.contains(*l));
        out.extend(absent.map(|l| format!("{l:?} is not in {body:?}")));
    } else if !is_like(&case.answer.body, &body) {
        out.push(format!("body {body:?}\n  instead of {:?}", case.answer.body));
    }
    out
}

/// Whether a body is as wanted, whatever the digits that stand for `<number>`.
fn is_like(wanted: &str, body: &str) -> bool {
    let mut rest = body;
    for (at, part) in wanted.split("<number>").enumerate() {
        if at > 0 {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if digits == 0 {
                return false;
            }
            rest = &rest[digits..];
        }
        match rest.strip_prefix(part) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn cnosdb_answers() {
    answers("cnosdb", |server| server.port, 200);
}

#[test]
fn tdengine_answers() {
    answers("tdengine", |server| server.taos_port, 10);
}

/// Runs the files of a directory, each against a server of its own.
fn answers(dialect: &str, port: fn(&Server) -> u16, at_least: usize) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(dialect);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut total, mut failed) = (0, Vec::new());
    for path in files.iter().filter(|p| p.extension().is_some_and(|x| x == "http")) {
        let data = tempfile::tempdir().unwrap();
        let environment = configuration(path);
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let server = Server::start_with(&data.path().join("data"), &environment);
        for case in cases(path) {
            total += 1;
            let found = differences(&case, port(&server));
            if !found.is_empty() {
                let file = path.file_name().unwrap().to_string_lossy();
                failed.push(format!("{file}: {}\n  {}", case.title, found.join("\n  ")));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {total} cases failed:\n{}", failed.len(), failed.join("\n\n"));
    assert!(total >= at_least, "{total} cases, expected {at_least} or more");
}
