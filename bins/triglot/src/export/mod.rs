//! `triglot export`: a table or a query's rows from a running server.

mod parquet_file;
mod schema;
mod sql;
mod tail;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::Failure;
use crate::client::{Client, Precision, Protocol, TargetArgs};
use crate::progress::{Progress, Total};
use parquet_file::Spool;

/// Formats of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CSV with a header line.
    Csv,
    /// Parquet, zstd.
    Parquet,
}

/// Writes a table or a query's rows from a running server to CSV or Parquet
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  triglot export --table cpu cpu.parquet
  triglot export --table cpu --format csv
  triglot export --query 'SELECT * FROM cpu LIMIT 10' cpu.csv")]
pub(crate) struct ExportArgs {
    /// File; standard output if absent or `-`
    file: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// Table, `name` or `database.name`
    #[arg(long, required_unless_present = "query", conflicts_with = "query")]
    table: Option<String>,
    /// Query
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// Format [default: by the file's ending, else CSV]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

impl ExportArgs {
    fn path(&self) -> Option<&Path> {
        self.file.as_deref().filter(|p| *p != Path::new("-"))
    }

    fn format(&self) -> Format {
        let parquet =
            self.path().and_then(Path::extension).is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        self.format.unwrap_or(if parquet { Format::Parquet } else { Format::Csv })
    }
}

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let target = args.target.target(Protocol::Cnosdb, Precision::Ns)?;
    let client = Client::new(&target)?;
    let progress = Progress::new(Total::Unknown, args.quiet);
    let rows = export(args, &client, &progress);
    progress.finish();
    match rows {
        Ok(rows) => {
            if !args.quiet {
                eprintln!("{rows} rows");
            }
            Ok(())
        }
        Err(failure) => {
            // Half a file would pass for a whole one. There is nothing more to do if it stays.
            if let Some(path) = args.path() {
                let _ = std::fs::remove_file(path);
            }
            Err(failure)
        }
    }
}

fn export(args: &ExportArgs, client: &Client, progress: &Progress) -> Result<u64, Failure> {
    let table = args.table.as_deref().map(sql::quoted);
    let statement = match (&table, &args.query) {
        (Some(table), _) => format!("SELECT * FROM {table}"),
        (None, query) => query.clone().unwrap_or_default(),
    };
    match (args.format(), &table) {
        (Format::Csv, _) => {
            let answer = client.sql(&statement, "text/csv")?;
            tail::copy_csv(answer, &mut output(args.path())?, progress)
        }
        (Format::Parquet, Some(table)) => {
            let schema = schema::of_table(client, table)?;
            let answer = client.sql(&statement, "application/nd-json")?;
            parquet_file::from_ndjson(answer, &schema, output(args.path())?, progress)
        }
        (Format::Parquet, None) => {
            let spool = Spool::beside(args.path().unwrap_or(Path::new("triglot-export")));
            let answer = client.sql(&statement, "text/csv")?;
            tail::copy_csv(answer, &mut spool.create()?, progress)?;
            parquet_file::from_csv(&spool, output(args.path())?, progress)
        }
    }
}

fn output(path: Option<&Path>) -> Result<Box<dyn Write + Send>, Failure> {
    Ok(match path {
        Some(path) => {
            Box::new(BufWriter::with_capacity(1 << 20, File::create(path).map_err(|e| Failure::io(path, e))?))
        }
        None => Box::new(BufWriter::with_capacity(1 << 16, io::stdout())),
    })
}
