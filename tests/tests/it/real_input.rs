//! The main job on real input, from outside: two days of TSBS "cpu-only" for 100 hosts, and the public
//! data sets of PyPI's `vega_datasets` (hourly temperatures, daily weather, stock prices, power,
//! employment; 1990 to 2017), as line protocol to `/api/v1/write` of the real binary. Counts, sums,
//! groups and single rows are DuckDB's over the same CSV and lines: while all rows are in memory,
//! after `kill -9`, after a flush, after a client has repeated a part, and after `kill -9` again.
//!
//! `TRIGLOT_TEST_DAYS` changes the days of TSBS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::answers::{self, Answers};
use crate::clients::{python, run, skip};
use crate::crash::data_files;
use crate::http::{self, ROOT};
use crate::server::{Server, profile_dir};

const HOSTS: u64 = 100;
const DAYS: u64 = 2;
/// TSBS's, a row of each host every ten seconds.
const ROWS_A_DAY: u64 = HOSTS * 24 * 360;

/// Nothing is flushed unless it is told to be.
const SETTINGS: [(&str, &str); 4] = [
    ("TRIGLOT_MEMORY__TOTAL", "3GiB"),
    ("TRIGLOT_STORAGE__FLUSH_BYTES", "3GiB"),
    ("TRIGLOT_STORAGE__FLUSH_INTERVAL", "1d"),
    ("TRIGLOT_STORAGE__SHARDS", "2"),
];

fn days() -> u64 {
    std::env::var("TRIGLOT_TEST_DAYS").map_or(DAYS, |days| days.parse().unwrap())
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("real_input")
}

/// What the test works with.
struct Job {
    begin: Instant,
    dir: tempfile::TempDir,
    server: Server,
}

impl Job {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// This test is long: it says where it is (`cargo test -- --nocapture`).
    fn say(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.begin.elapsed().as_secs_f64());
    }

    fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = Server::start_with(&self.path("data"), &SETTINGS);
        self.say("killed with -9, started again");
    }

    fn write(&self, lines: &str) {
        let headers = [("authorization".to_owned(), ROOT.to_owned())];
        let reply =
            http::exchange(self.server.port, "POST", "/api/v1/write?db=public", &headers, lines.as_bytes());
        let reply = reply.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// Sends a file of lines in requests of 5,000 lines over two connections.
    fn send(&self, file: &Path) {
        let url = format!("http://127.0.0.1:{}", self.server.port);
        run(triglot().args(["bench", "--quiet", "--url", &url, "--input"]).arg(file));
    }

    /// Asks all queries.
    fn check(&self, wanted: &Answers, when: &str) {
        let queries = answers::queries(&sources().join("queries.sql"));
        assert!(
            queries.keys().eq(wanted.keys()),
            "{:?}, DuckDB answered {:?}",
            queries.keys(),
            wanted.keys()
        );
        let mut wrong = Vec::new();
        for (name, query) in &queries {
            let found = http::csv(&self.server.sql("public", query));
            if let Some(difference) = answers::difference(&found[1..], &wanted[name]) {
                wrong.push(format!("{name}: {difference}"));
            }
        }
        assert!(wrong.is_empty(), "{when}:\n{}", wrong.join("\n"));
        self.say(&format!("{} answers are right: {when}", queries.len()));
    }

    fn files(&self) -> usize {
        data_files(&self.path("data"))
    }
}

fn triglot() -> Command {
    Command::new(profile_dir().join("triglot"))
}

/// The first lines of a file, as many as a request of a client.
fn first_lines(file: &Path, count: usize) -> String {
    use std::io::BufRead;
    let reader = std::io::BufReader::new(std::fs::File::open(file).unwrap());
    reader.lines().take(count).map(|line| line.unwrap() + "\n").collect()
}

#[test]
fn real_input_is_answered_like_duckdb_answers() {
    if skip("python3") {
        return;
    }
    let begin = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let reference = || {
        let mut command = Command::new(python());
        command.arg(sources().join("reference.py"));
        command
    };
    let server = Server::start_with(&dir.path().join("data"), &SETTINGS);
    let mut job = Job { begin, dir, server };
    let (cpu, vega) = (job.path("cpu.lp"), job.path("vega.lp"));
    let days = days();
    let generate = ["bench", "--quiet", "--hosts", &HOSTS.to_string(), "--duration", &format!("{days}d")];
    run(triglot().args(generate).arg("--file").arg(&cpu));
    run(reference().arg("lines").arg(job.dir.path()));
    job.say("lines are made");
    let answering = std::thread::spawn({
        let mut command = reference();
        command.arg("answers").arg(job.dir.path()).arg(&cpu).arg(sources().join("queries.sql"));
        move || run(&mut command)
    });
    job.send(&cpu);
    let vega_lines = std::fs::read_to_string(&vega).unwrap();
    job.write(&vega_lines);
    job.say(&format!("{} rows are written", ROWS_A_DAY * days + vega_lines.lines().count() as u64));
    answering.join().unwrap();
    let wanted = answers::read(&job.path("answers.json"));
    job.say("DuckDB has answered");
    // The reference itself, from what is known of the generator.
    assert_eq!(wanted["all rows"][0][0], Some((ROWS_A_DAY * days).to_string()));
    assert_eq!(wanted["by host and hour"].len() as u64, HOSTS * 24 * days);

    job.check(&wanted, "all rows in memory");
    assert_eq!(job.files(), 0, "something was flushed too early");
    job.kill_and_restart();
    job.check(&wanted, "all rows from the log");
    assert_eq!(job.files(), 0, "something was flushed too early");
    job.server.sql("public", "compact database public");
    job.say("flushed");
    assert!(job.files() > 0, "nothing was flushed");
    job.check(&wanted, "all rows in files");
    // A client that did not get an answer sends again, which must change nothing.
    job.write(&first_lines(&cpu, 5_000));
    job.write(&vega_lines);
    job.check(&wanted, "a part in memory again");
    job.kill_and_restart();
    job.check(&wanted, "files, and a part from the log");
    job.server.sql("public", "compact database public");
    job.check(&wanted, "merged");
    job.kill_and_restart();
    job.check(&wanted, "after the last kill");
}
