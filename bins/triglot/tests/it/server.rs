//! A triglot process on a free port with a directory of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_triglot");
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary without the caller's own configuration.
pub(crate) fn triglot(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("TRIGLOT_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    triglot(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Bound and let go: another process may take it in between, which then fails the test loudly.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_on("127.0.0.1", data, &[])
    }

    /// Starts on a free port of `host` and waits until it is ready.
    pub(crate) fn start_on(host: &str, data: &Path, environment: &[(&str, &str)]) -> Self {
        let tls = environment.iter().any(|(name, _)| *name == "TRIGLOT_SERVER__TLS_CERTIFICATE");
        let scheme = if tls { "https" } else { "http" };
        let port = free_port();
        let mut command = triglot(&["serve", "--log-format", "text"]);
        command.arg("--data-dir").arg(data).env("TRIGLOT_CNOSDB__LISTEN", format!("{host}:{port}"));
        command.env("TRIGLOT_TDENGINE__LISTEN", "127.0.0.1:0").env("TRIGLOT_KWDB__LISTEN", "127.0.0.1:0");
        command.env("TRIGLOT_MEMORY__TOTAL", "512MiB").envs(environment.iter().copied());
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut server = Self { child, url: format!("{scheme}://127.0.0.1:{port}"), port };
        let begin = Instant::now();
        while server.get("/health/ready").is_none_or(|(status, _)| status != 200) {
            if server.child.try_wait().unwrap().is_some() || begin.elapsed() > PATIENCE {
                let _ = server.child.kill();
                panic!("not ready: {}", server.stderr());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Standard error to its end: only of a process that has ended.
    pub(crate) fn stderr(&mut self) -> String {
        let mut out = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut out).unwrap();
        out
    }

    /// The first lines of standard error.
    pub(crate) fn start_lines(&mut self, count: usize) -> Vec<String> {
        let lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        lines.take(count).map(|l| l.unwrap()).collect()
    }

    fn agent() -> ureq::Agent {
        // The certificate of the tests is nobody's.
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        config.tls_config(tls).build().new_agent()
    }

    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut response = Self::agent().get(format!("{}{path}", self.url)).call().ok()?;
        Some((response.status().as_u16(), response.body_mut().read_to_string().unwrap()))
    }

    /// A statement or a write as root with this password.
    pub(crate) fn post_as(&self, password: &str, path: &str, body: &str) -> (u16, String) {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("root:{password}"));
        let mut response = Self::agent()
            .post(format!("{}{path}", self.url))
            .header("authorization", format!("Basic {pair}"))
            .send(body)
            .unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    pub(crate) fn sql(&self, statement: &str) -> String {
        let (status, body) = self.post_as("", "/api/v1/sql", statement);
        assert_eq!(status, 200, "{statement}: {body}");
        body
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// SIGTERM; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < PATIENCE, "does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves its server running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
