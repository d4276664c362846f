//! `cargo xtask`: work that takes more than one command of cargo. No dependencies, so that it is there at once.

use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask clients [PART]   real agents (Prometheus, vmagent, collectd, rsyslog ...) against the server;
                             PART: only tests with this in the name

  cargo xtask clients
  cargo xtask clients collectd
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["clients"] => clients(""),
        ["clients", part] => clients(part),
        ["--help" | "-h" | "help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the server and the tests as `cargo test --workspace` does, and runs the tests that need agents.
fn clients(part: &str) -> ExitCode {
    let filter = format!("agents::{part}");
    let build = ["build", "--workspace", "--locked", "--bins", "--test", "it"];
    let test = ["test", "--workspace", "--locked", "--test", "it", "--"];
    let agents = ["--ignored", "--test-threads=2", &filter];
    if cargo(&build) && cargo(&[&test[..], &agents[..]].concat()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether a command of cargo ends well; it says itself what goes wrong.
fn cargo(arguments: &[&str]) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(arguments).status();
    status.is_ok_and(|status| status.success())
}
