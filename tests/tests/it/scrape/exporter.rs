//! An exporter that answers as a test says: whole pages, broken ones, or nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

/// Older pages, and OpenMetrics'.
pub(super) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is answered.
pub(super) enum Answer {
    /// A page of this `Content-Type`.
    Page(&'static str, Vec<u8>),
    /// The same, packed.
    Packed(&'static str, Vec<u8>),
    /// A status with further headers, and no body.
    Status(&'static str, String),
    /// The head of an answer, then a byte now and then.
    Drip,
    /// Nothing, as long as the client waits.
    Silence,
}

/// A connection, with TLS or without.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// Listens until it is dropped; each request is answered on a thread of its own.
pub(super) struct Exporter {
    pub(super) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

impl Exporter {
    /// `answer` is given the path of a request.
    pub(super) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(answer, |stream, talk| talk(stream))
    }

    /// The same over TLS, with PEM files; `clients` holds the certificate that clients' ones must go back to.
    pub(super) fn start_tls(
        certificate: &str,
        key: &str,
        clients: Option<&str>,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        Self::listen(answer, move |stream, talk| {
            let session = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            let mut stream = rustls::StreamOwned::new(session, stream.try_clone()?);
            talk(&mut stream)?;
            stream.conn.send_close_notify();
            stream.flush()
        })
    }

    fn listen(
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(
            &mut TcpStream,
            &mut dyn FnMut(&mut dyn Stream) -> std::io::Result<()>,
        ) -> std::io::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heads, is_over) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (Arc::clone(&heads), Arc::clone(&is_over));
        let (answer, wrap) = (Arc::new(answer), Arc::new(wrap));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().filter_map(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, over) = (Arc::clone(&seen), Arc::clone(&over));
                let (answer, wrap) = (Arc::clone(&answer), Arc::clone(&wrap));
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                    // A client that goes away in between is part of some tests.
                    wrap(&mut stream, &mut |stream| serve(stream, &seen, &over, &*answer))
                });
            }
        });
        Self { port, heads, is_over }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The heads of the requests to a path until now, in lower case.
    pub(super) fn heads(&self, path: &str) -> Vec<String> {
        let begin = format!("get {path} ");
        self.heads.lock().unwrap().iter().filter(|head| head.starts_with(&begin)).cloned().collect()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    stream: &mut dyn Stream,
    seen: &Mutex<Vec<String>>,
    over: &AtomicBool,
    answer: &(impl Fn(&str) -> Answer + ?Sized),
) -> std::io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..length]);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(head);
    let closes = "Connection: close\r\n";
    match answer(&path) {
        Answer::Page(kind, body) => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{closes}\r\n"
            )?;
            stream.write_all(&body)
        }
        Answer::Packed(kind, body) => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&body)?;
            let body = encoder.finish()?;
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n")?;
            write!(stream, "Content-Length: {}\r\n{closes}\r\n", body.len())?;
            stream.write_all(&body)
        }
        Answer::Status(status, headers) => {
            write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n{closes}\r\n")
        }
        Answer::Drip => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: {TEXT}\r\nContent-Length: 100000\r\n{closes}\r\n"
            )?;
            while !over.load(Ordering::Relaxed) {
                stream.write_all(b"#")?;
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        // Until the client closes.
        Answer::Silence => stream.read(&mut piece).map(drop),
    }
}

/// Waits until `look` finds something.
pub(super) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
