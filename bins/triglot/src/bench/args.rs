//! Options of `triglot bench`.

use std::path::PathBuf;

use clap::Args;

use crate::client::{Precision, Protocol, TargetArgs};
use crate::tsbs;

/// Generates and sends the TSBS "cpu-only" load and tells how fast the server took it
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  triglot bench --hosts 100 --rows 1000000
  triglot bench --hosts 4000 --rows 2880000 --file cpu.lp
  triglot bench --input cpu.lp --protocol influx1 --url http://127.0.0.1:8086 --db bench")]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Whose write route is spoken
    #[arg(long, value_enum, default_value = "cnosdb")]
    pub(crate) protocol: Protocol,
    /// Unit of the timestamps
    #[arg(long, value_enum, default_value = "ns")]
    pub(crate) precision: Precision,
    /// Hosts (series)
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hosts: u32,
    /// Rows to send
    #[arg(long, conflicts_with = "duration", value_name = "N")]
    pub(crate) rows: Option<u64>,
    /// Time span of the data, a row per host every 10 s [default: 1h, unless --rows]
    #[arg(long, value_name = "SPAN")]
    pub(crate) duration: Option<crate::config::units::Span>,
    /// Time of the first rows, seconds since 1970
    #[arg(long, default_value_t = tsbs::DEFAULT_START, value_name = "SECONDS")]
    pub(crate) start: i64,
    /// Seed; the same seed gives the same bytes
    #[arg(long, default_value_t = 123)]
    pub(crate) seed: u64,
    /// Rows in a request
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch: u32,
    /// Connections, each with one request under way
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// Make all batches before the clock starts
    #[arg(long)]
    pub(crate) preload: bool,
    /// Write the line protocol to a file (`-` = standard output) and send nothing
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) file: Option<PathBuf>,
    /// Send this file instead of generating
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Data of this length if neither rows nor duration are given.
const DEFAULT_SECONDS: u64 = 3600;

impl BenchArgs {
    /// Rows to generate.
    pub(crate) fn row_count(&self) -> u64 {
        let seconds = self.duration.map_or(DEFAULT_SECONDS, |d| d.0.as_secs());
        let steps = seconds / tsbs::INTERVAL.unsigned_abs();
        self.rows.unwrap_or_else(|| steps.saturating_mul(u64::from(self.hosts)))
    }

    pub(crate) fn load(&self) -> tsbs::Load {
        tsbs::Load {
            hosts: self.hosts as usize,
            start: self.start,
            units_per_second: self.precision.per_second(),
            seed: self.seed,
        }
    }
}
