//! HTTP/1.1 by hand over one connection per request: nothing is added, decoded or retried, so that
//! tests see the exact bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

/// `root` with the empty password.
pub(crate) const ROOT: &str = "Basic cm9vdDo=";
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request and reads the whole answer. `Content-Length` is added unless the headers frame the body.
pub(crate) fn exchange(
    port: u16,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut stream = connect(port)?;
    talk(&mut stream, port, method, target, headers, body)
}

/// The same over TLS; `authority` is the PEM file of the certificate to trust.
pub(crate) fn exchange_tls(
    port: u16,
    authority: &Path,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").map_err(io::Error::other)?;
    let session = rustls::ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = rustls::StreamOwned::new(session, connect(port)?);
    talk(&mut stream, port, method, target, headers, body)
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn talk(
    stream: &mut (impl Read + Write),
    port: u16,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    // `transfer-encoding`: the body is in chunks already.
    let is_framed =
        |name: &str| ["content-length", "transfer-encoding"].iter().any(|f| name.eq_ignore_ascii_case(f));
    if !headers.iter().any(|(name, _)| is_framed(name)) {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    // A server may answer (413) and close before it has read everything: the answer counts.
    let sent = stream.write_all(&bytes);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer)
        && answer.is_empty()
    {
        return Err(error);
    }
    if answer.is_empty() {
        sent?;
    }
    parse(method, &answer).ok_or_else(|| io::Error::other("the answer broke off"))
}

/// The value of `Authorization` for a user.
pub(crate) fn basic(user: &str, password: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = "Basic ".to_owned();
    for chunk in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |n, at| (n << 8) | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4_usize {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63] as char;
            out.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

/// Posts SQL as root and takes CSV.
pub(crate) fn sql(port: u16, database: &str, statement: &str) -> io::Result<Reply> {
    let headers = [("authorization".to_owned(), ROOT.to_owned())];
    exchange(port, "POST", &format!("/api/v1/sql?db={database}"), &headers, statement.as_bytes())
}

/// `None` if it is not a complete answer.
fn parse(method: &str, answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let mut body = answer.get(end + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let reply = Reply { status, headers, body: Vec::new() };
    if method == "HEAD" {
        return body.is_empty().then_some(reply);
    }
    if reply.header("transfer-encoding") == Some("chunked") {
        let mut whole = Vec::new();
        loop {
            let line = body.windows(2).position(|w| w == b"\r\n")?;
            let size = usize::from_str_radix(std::str::from_utf8(body.get(..line)?).ok()?, 16).ok()?;
            let begin = line + 2;
            if size == 0 {
                return Some(Reply { body: whole, ..reply });
            }
            whole.extend_from_slice(body.get(begin..begin + size)?);
            body = body.get(begin + size + 2..)?;
        }
    }
    let declared = reply.header("content-length").map_or(Some(body.len()), |l| l.parse().ok())?;
    (declared == body.len()).then(|| Reply { body: body.to_vec(), ..reply })
}

/// Cells of a CSV text as the server writes it (RFC 4180, line ends are `\n`).
pub(crate) fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "not whole lines of CSV: {text}");
    rows
}
