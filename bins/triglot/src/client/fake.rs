//! A server for tests: answers what a function says and keeps what was written.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{Precision, Protocol, Target, TargetArgs};

type Answer = dyn Fn(&str, &str) -> (u16, String) + Send + Sync;

pub(crate) struct Fake {
    pub(crate) url: String,
    /// Bodies of requests that were answered with 200, in order.
    pub(crate) taken: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// `answer(path with query, body)` gives status and body.
    pub(crate) fn start(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (answer, kept): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&taken));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                std::thread::spawn(move || connection(stream, &*answer, &kept));
            }
        });
        Self { url, taken }
    }

    pub(crate) fn target(&self) -> Target {
        self.args().target(Protocol::Cnosdb, Precision::Ns).unwrap()
    }

    pub(crate) fn args(&self) -> TargetArgs {
        TargetArgs {
            url: self.url.clone(),
            db: "public".to_owned(),
            tenant: "cnosdb".to_owned(),
            user: "root".to_owned(),
            password: String::new(),
            cacert: None,
            insecure: false,
            timeout: 30,
        }
    }
}

fn connection(stream: TcpStream, answer: &Answer, taken: &Mutex<Vec<String>>) {
    let mut out = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let length = head
            .iter()
            .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
        let mut body = vec![0; length.map_or(0, |l| l.trim().parse().unwrap())];
        input.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let path = head[0].split(' ').nth(1).unwrap();
        let (status, text) = answer(path, &body);
        if status == 200 {
            taken.lock().unwrap().push(body);
        }
        // In one piece: small ones wait for each other's acknowledgements.
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        out.write_all(answer.as_bytes()).unwrap();
    }
}
