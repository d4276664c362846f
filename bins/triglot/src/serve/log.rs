//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::Failure;
use crate::config::{Log, LogFormat};

/// Starts logging; whether lines are JSON.
pub(super) fn init(log: &Log) -> Result<bool, Failure> {
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    // The HTTP library tells of its workers at every start; what concerns people is in our own lines.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{}", log.level))
        .map_err(|e| Failure::doing("log.level", e))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false);
    let started = if json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
    started.map_err(|e| Failure::doing("logging", e))?;
    Ok(json)
}
