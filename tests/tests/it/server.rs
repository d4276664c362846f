//! The real binary on a free port of loopback.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::http::{self, Reply};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    /// Of the CnosDB dialect.
    pub(crate) port: u16,
    /// Of the TDengine dialect.
    pub(crate) taos_port: u16,
    /// Of the KWDB dialect, which is insecure unless a test says otherwise.
    pub(crate) kwdb_port: u16,
}

/// `target/<profile>`: this test runs as `target/<profile>/deps/it-…`.
pub(crate) fn profile_dir() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

fn binary() -> PathBuf {
    let path = profile_dir().join("triglot");
    assert!(path.exists(), "{} is missing: run `cargo build` (or `cargo test --workspace`)", path.display());
    path
}

/// One that no other test of this process got, below those that the system gives to connections, which would
/// otherwise take it before the server does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let at = std::process::id() * 500 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(12_000 + at % 19_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// `triglot serve` without anything from this environment.
fn command() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("TRIGLOT_")) {
        command.env_remove(name);
    }
    command.args(["serve", "--log-format", "text"]).env("TRIGLOT_KWDB__INSECURE", "true");
    command
}

impl Server {
    /// Starts on `data` and waits until the server says that it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with more of the configuration, as variables of the environment.
    pub(crate) fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_configured(data, None, environment)
    }

    /// The same with a configuration file.
    pub(crate) fn start_configured(data: &Path, file: Option<&Path>, environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = command();
        if let Some(file) = file {
            command.arg("--config").arg(file);
        }
        command.args(["--data-dir"]).arg(data);
        command.env("TRIGLOT_CNOSDB__LISTEN", format!("127.0.0.1:{port}"));
        command.env("TRIGLOT_MEMORY__TOTAL", "512MiB").envs(environment.iter().copied());
        Self::run(command, port, data)
    }

    /// Starts with a vendor's configuration file, whose text is made of the port.
    pub(crate) fn start_with_file(data: &Path, text: impl Fn(u16) -> String) -> Self {
        let port = free_port();
        let file = data.with_extension("conf");
        std::fs::write(&file, text(port)).unwrap();
        let mut command = command();
        command.arg("--config").arg(&file).arg("--data-dir").arg(data);
        Self::run(command, port, data)
    }

    fn run(mut command: Command, port: u16, data: &Path) -> Self {
        let (taos_port, kwdb_port) = (free_port(), free_port());
        command.env("TRIGLOT_TDENGINE__LISTEN", format!("127.0.0.1:{taos_port}"));
        command.env("TRIGLOT_KWDB__LISTEN", format!("127.0.0.1:{kwdb_port}"));
        // A file: nobody reads a pipe while the server runs.
        let log = data.with_extension("log");
        let child =
            command.stderr(std::fs::File::create(&log).unwrap()).stdout(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, port, taos_port, kwdb_port };
        let begin = Instant::now();
        while !server.is_ready() {
            if server.child.try_wait().unwrap().is_some() || begin.elapsed() > PATIENCE {
                let _ = server.child.kill();
                let mut text = String::new();
                std::fs::File::open(&log).unwrap().read_to_string(&mut text).unwrap();
                panic!("the server is not ready: {text}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn is_ready(&self) -> bool {
        http::exchange(self.port, "GET", "/health/ready", &[], b"").is_ok_and(|r| r.status == 200)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory of the process now; forgets the most that it had until now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
        self.status("VmRSS:")
    }

    /// The most memory that the process had since [`Self::resident_bytes`].
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    }

    /// SIGTERM, and waits until the process has ended; its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < PATIENCE, "does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A statement that must succeed; its CSV.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let reply: Reply = http::sql(self.port, database, statement).unwrap();
        assert_eq!(reply.status, 200, "{statement}: {}", reply.text());
        reply.text()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
