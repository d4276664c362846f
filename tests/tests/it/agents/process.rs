//! An agent in the foreground: its log is kept for failures, and it is gone when its test is.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts `command` with its log in `directory`.
    pub(crate) fn start(name: &str, mut command: Command, directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        let out = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks it to end and waits until it has, so that what it held back is sent.
    pub(crate) fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        let begin = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "the agent does not end: {}", self.log());
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name.
pub(crate) fn signal(pid: u32, name: &str) {
    // The shell's own kill: the program is not everywhere.
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Tries until it succeeds; if it never does, fails with what the last try said and with the agents' logs.
pub(crate) fn eventually<T>(
    what: &str,
    agents: &[&Agent],
    mut attempt: impl FnMut() -> Result<T, String>,
) -> T {
    let begin = Instant::now();
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(_) if begin.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(last) => {
                let mut text = format!("{what}: {last}");
                for agent in agents {
                    let log = agent.log();
                    let lines: Vec<&str> = log.lines().rev().take(30).collect();
                    let _ = write!(text, "\n--- {}", agent.log.display());
                    lines.into_iter().rev().for_each(|line| text.extend(["\n", line]));
                }
                panic!("{text}");
            }
        }
    }
}
