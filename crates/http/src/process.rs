//! `process_*` metrics from `/proc/self`, under the names that every Prometheus client uses.

use std::fmt::Write as _;

/// What `/proc/self` tells; a system without it simply has no `process_*` metrics.
#[derive(Debug, Default, PartialEq)]
struct Process {
    cpu_seconds: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
    threads: u64,
    start_seconds: f64,
}

/// What this process uses at present.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor time since the start, in seconds.
    pub cpu_seconds: f64,
    /// Memory in bytes.
    pub resident_bytes: u64,
}

/// What this process uses; none on a system without `/proc`.
pub fn usage() -> Option<Usage> {
    let process = parse_stat(&std::fs::read_to_string("/proc/self/stat").ok()?, 0.0)?;
    Some(Usage { cpu_seconds: process.cpu_seconds, resident_bytes: process.resident_bytes })
}

/// Clock ticks a second: 100 on every Linux that Rust's std supports.
const TICKS: f64 = 100.0;
/// The page size assumed for `rss` (x86-64 and the usual arm64 kernels).
const PAGE: u64 = 4096;

/// Appends the metrics in the text exposition format.
pub(crate) fn write_text(out: &mut String) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    let boot = std::fs::read_to_string("/proc/stat").ok().and_then(|s| boot_time(&s)).unwrap_or(0.0);
    let Some(p) = parse_stat(&stat, boot) else { return };
    let mut one = |name: &str, kind: &str, help: &str, value: f64| {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    one(
        "process_cpu_seconds_total",
        "counter",
        "Total user and system CPU time spent in seconds.",
        p.cpu_seconds,
    );
    one("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", p.virtual_bytes as f64);
    one("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", p.resident_bytes as f64);
    one("process_threads", "gauge", "Number of OS threads in the process.", p.threads as f64);
    one(
        "process_start_time_seconds",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
        p.start_seconds,
    );
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        one("process_open_fds", "gauge", "Number of open file descriptors.", entries.count() as f64);
    }
    if let Some(max) = std::fs::read_to_string("/proc/self/limits").ok().and_then(|s| max_fds(&s)) {
        one("process_max_fds", "gauge", "Maximum number of open file descriptors.", max);
    }
}

/// Fields of `/proc/self/stat` behind the command name, which may itself hold blanks and brackets.
fn parse_stat(stat: &str, boot_seconds: f64) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // `rest` begins with field 3 (state) of proc_pid_stat(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        cpu_seconds: (number(14)? + number(15)?) as f64 / TICKS,
        threads: number(20)?,
        start_seconds: boot_seconds + number(22)? as f64 / TICKS,
        virtual_bytes: number(23)?,
        resident_bytes: number(24)? * PAGE,
    })
}

fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_fds(limits: &str) -> Option<f64> {
    limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"))?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_pid_stat() {
        let stat =
            "7 (a) b) R 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 1000 8192 3 18446744073709551615";
        let p = parse_stat(stat, 100.0).unwrap();
        assert_eq!(
            p,
            Process {
                cpu_seconds: 2.0,
                virtual_bytes: 8192,
                resident_bytes: 3 * 4096,
                threads: 9,
                start_seconds: 110.0
            }
        );
        assert_eq!(parse_stat("nothing", 0.0), None);
    }
}
