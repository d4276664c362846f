//! The `triglot` binary: server and tools.

mod bench;
mod cli;
mod client;
mod config;
mod csv;
mod export;
mod failure;
mod import;
mod progress;
mod repair;
mod serve;
mod tsbs;

use std::process::ExitCode;

use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(std::env::args_os().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("triglot: {failure}");
            ExitCode::FAILURE
        }
    }
}
