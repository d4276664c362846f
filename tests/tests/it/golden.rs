//! Requests and their exact answers, from the files of `golden/cnosdb`, `golden/tdengine` and `golden/kwdb`.
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
//! coding), `@chunked` (request: the body in chunks, without a length), `@to d` (request: to that dialect's listener, as
//! root, over plain HTTP), `@pad n` (request: n times `x` behind the body), `@contains` (answer: every line of the body occurs somewhere in the answer), `@absent h`
//! (answer: without this header).
//!
//! `<number>` in a wanted body stands for any digits (times taken), `<word>` for letters, digits and `-`; what
//! `<word:name>` stands for takes the place of `$name` in the cases behind it. `@twice` (request) sends it again and
//! compares the second answer. Of TDengine's and KWDB's listeners `authorization: root` is short for root's header.
//!
//! Lines `TRIGLOT_…=…` before the first case configure the file's server, `CONFIG=name` gives it that file of the directory. KWDB's listener is asked over TLS, with the
//! certificate that the server made, where they say `TRIGLOT_KWDB__INSECURE=false`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::http::{self, Reply};
use crate::read_back::Door;
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

/// A body in chunks of up to 100 bytes.
fn chunks(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(100) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Where the cases of a file go, and what they learned.
struct Peer {
    port: u16,
    /// What `authorization: root` stands for.
    root: String,
    /// The certificate to trust, none = plain HTTP.
    authority: Option<PathBuf>,
    /// The server's listeners by their dialects.
    doors: [(&'static str, Door); 3],
    words: BTreeMap<String, String>,
}

impl Peer {
    fn new(server: &Server, port: u16, root: String) -> Self {
        let doors = [
            ("cnosdb", Door::cnosdb(server)),
            ("tdengine", Door::tdengine(server)),
            ("kwdb", Door::kwdb(server)),
        ];
        Self { port, root, authority: None, doors, words: BTreeMap::new() }
    }

    /// A text with what was learned in the place of the names.
    fn filled(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("${name}"), word))
    }

    fn send(&self, request: &Message) -> Reply {
        let (method, target) = request.first.split_once(' ').unwrap();
        let mut headers = request.headers.clone();
        for (name, value) in &mut headers {
            *value = self.filled(value);
            if name == "authorization" && value == "root" {
                *value = self.root.clone();
            }
        }
        let mut body =
            if self.words.is_empty() { body_of(request) } else { self.filled(&request.body).into_bytes() };
        if request.marks.iter().any(|m| m == "chunked") {
            headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
            body = chunks(&body);
        }
        if let Some(dialect) = request.marks.iter().find_map(|m| m.strip_prefix("to ")) {
            let door = self.doors.iter().find(|(name, _)| *name == dialect);
            let others: Vec<(&str, &str)> = headers
                .iter()
                .filter(|(name, _)| name != "authorization")
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            return door
                .unwrap_or_else(|| panic!("{dialect} is none"))
                .1
                .send(method, target, &others, &body);
        }
        match &self.authority {
            Some(file) => http::exchange_tls(self.port, file, method, target, &headers, &body).unwrap(),
            None => http::exchange(self.port, method, target, &headers, &body).unwrap(),
        }
    }
}

/// What of the answer is not as wanted.
fn differences(case: &Case, peer: &mut Peer) -> Vec<String> {
    let request = &case.request;
    let send = || peer.send(request);
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
        return out;
    }
    let wanted = peer.filled(&case.answer.body);
    match likeness(&wanted, &body) {
        Some(words) => peer.words.extend(words),
        None => out.push(format!("body {body:?}\n  instead of {wanted:?}")),
    }
    out
}

/// Whether a body is as wanted, whatever stands for `<number>` and `<word>`; the words that have names.
fn likeness(wanted: &str, body: &str) -> Option<Vec<(String, String)>> {
    let (mut wanted, mut rest, mut words) = (wanted, body, Vec::new());
    loop {
        let next =
            ["<number>", "<word>", "<word:"].iter().filter_map(|open| Some((wanted.find(open)?, *open)));
        let Some((at, open)) = next.min() else { return (wanted == rest).then_some(words) };
        rest = rest.strip_prefix(&wanted[..at])?;
        wanted = &wanted[at + open.len()..];
        let is_part = |c: char| match open {
            "<number>" => c.is_ascii_digit(),
            _ => c.is_ascii_alphanumeric() || c == '-',
        };
        let (word, behind) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        if word.is_empty() {
            return None;
        }
        if open == "<word:" {
            let (name, after) = wanted.split_once('>')?;
            words.push((name.to_owned(), word.to_owned()));
            wanted = after;
        }
        rest = behind;
    }
}

#[test]
fn placeholders_stand_for_what_they_say() {
    let word = |name: &str, word: &str| (name.to_owned(), word.to_owned());
    assert_eq!(likeness("a", "a"), Some(Vec::new()));
    assert_eq!(likeness("t=<number>.", "t=12."), Some(Vec::new()));
    assert_eq!(likeness("t=<number>", "t=x"), None);
    assert_eq!(likeness("t=<number>", "t=1 "), None);
    assert_eq!(likeness("<word:a> <word> <number>", "x-1 y 2"), Some(vec![word("a", "x-1")]));
}

#[test]
fn cnosdb_answers() {
    answers("cnosdb", |server, _| Peer::new(server, server.port, http::ROOT.to_owned()), 200);
}

#[test]
fn tdengine_answers() {
    let root = http::basic("root", "taosdata");
    answers("tdengine", |server, _| Peer::new(server, server.taos_port, root.clone()), 10);
}

#[test]
fn kwdb_answers() {
    let peer = |server: &Server, file: &File| {
        let is_secure = file.settings.iter().any(|(k, v)| k == "TRIGLOT_KWDB__INSECURE" && v == "false");
        let authority = is_secure.then(|| file.data.join("certs/ca.crt"));
        Peer { authority, ..Peer::new(server, server.kwdb_port, http::ROOT.to_owned()) }
    };
    answers("kwdb", peer, 10);
}

/// A file's server.
struct File {
    settings: Vec<(String, String)>,
    data: PathBuf,
}

/// Runs the files of a directory, each against a server of its own.
fn answers(dialect: &str, peer: impl Fn(&Server, &File) -> Peer, at_least: usize) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(dialect);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut total, mut failed) = (0, Vec::new());
    for path in files.iter().filter(|p| p.extension().is_some_and(|x| x == "http")) {
        let data = tempfile::tempdir().unwrap();
        let file = File { settings: configuration(path), data: data.path().join("data") };
        let (files, environment): (Vec<_>, Vec<_>) =
            file.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).partition(|(k, _)| *k == "CONFIG");
        let config = files.first().map(|(_, name)| dir.join(name));
        let server = Server::start_configured(&file.data, config.as_deref(), &environment);
        let mut peer = peer(&server, &file);
        for case in cases(path) {
            total += 1;
            let found = differences(&case, &mut peer);
            if !found.is_empty() {
                let file = path.file_name().unwrap().to_string_lossy();
                failed.push(format!("{file}: {}\n  {}", case.title, found.join("\n  ")));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {total} cases failed:\n{}", failed.len(), failed.join("\n\n"));
    assert!(total >= at_least, "{total} cases, expected {at_least} or more");
}
