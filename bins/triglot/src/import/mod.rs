//! `triglot import`: line protocol, CSV or Parquet into a running server. Line protocol and CSV may be
//! gzipped.

mod bad;
mod cell;
mod csv_file;
mod lines;
mod parquet_file;
mod send;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use triglot_http::coding::gzip_reader;

use crate::Failure;
use crate::client::{Client, Precision, Protocol, TargetArgs};
use crate::progress::{Progress, Total};
use bad::BadLines;
use cell::{FieldType, Mapping, Role, describe};
use send::{SendOptions, send};

/// Formats of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Line protocol.
    Lp,
    /// CSV with a header line.
    Csv,
    /// Parquet.
    Parquet,
}

/// Loads line protocol, CSV or Parquet into a running server
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  triglot import cpu.lp
  triglot import --table cpu --time-column time --tags host,region cpu.csv.gz
  zstdcat cpu.lp.zst | triglot import --precision ms --db public")]
pub(crate) struct ImportArgs {
    /// File; standard input if absent or `-`
    file: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// Format [default: by the file's ending, else line protocol]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Table (CSV, Parquet)
    #[arg(long)]
    table: Option<String>,
    /// Column with the time (CSV, Parquet)
    #[arg(long, default_value = "time", value_name = "COLUMN")]
    time_column: String,
    /// Columns that are tags, besides those that the table has (CSV, Parquet)
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    tags: Vec<String>,
    /// Types of new columns: BOOLEAN, BIGINT, BIGINT_UNSIGNED, DOUBLE, STRING (CSV, Parquet)
    #[arg(long, value_delimiter = ',', value_name = "COLUMN=TYPE", value_parser = column_type)]
    types: Vec<(String, FieldType)>,
    /// Delimiter of CSV cells; `\t` for tabs
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Unit of timestamps that are numbers
    #[arg(long, value_enum, default_value = "ns")]
    precision: Precision,
    /// Rows in a request
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Connections
    #[arg(short, long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Bad lines after which the import gives up
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    max_bad: u64,
    /// Make the database if it is absent
    #[arg(long)]
    create_db: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

fn column_type(text: &str) -> Result<(String, FieldType), String> {
    let (name, data_type) = text.split_once('=').ok_or("write it like --types usage=DOUBLE")?;
    let data_type = FieldType::parse(data_type).ok_or_else(|| format!("{data_type:?} is not a type"))?;
    Ok((name.to_owned(), data_type))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("a delimiter is one ASCII character".to_owned()),
    }
}

impl ImportArgs {
    fn path(&self) -> Option<&Path> {
        self.file.as_deref().filter(|p| *p != Path::new("-"))
    }

    /// The file's ending in lower case; of `cpu.csv.gz` the one before `.gz`.
    fn ending(&self) -> String {
        let name = self.path().and_then(|p| p.file_name()?.to_str()).unwrap_or_default().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        name.rsplit_once('.').map(|(_, ending)| ending.to_owned()).unwrap_or_default()
    }

    fn format(&self) -> Format {
        self.format.unwrap_or(match self.ending().as_str() {
            "csv" | "tsv" => Format::Csv,
            "parquet" => Format::Parquet,
            _ => Format::Lp,
        })
    }

    fn table(&self) -> Result<&str, Failure> {
        self.table
            .as_deref()
            .ok_or_else(|| Failure::Message("--table is needed for CSV and Parquet".to_owned()))
    }
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let bad = BadLines::new(args.max_bad);
    let rows = import(args, &bad)?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{rows} rows in {seconds:.1} s ({:.0} rows/s), {} bad lines",
        rows as f64 / seconds.max(1e-9),
        bad.count()
    );
    for line in bad.lines() {
        eprintln!("  {line}");
    }
    if bad.too_many() {
        return Err(Failure::Message(format!("gave up after {} bad lines (--max-bad)", bad.count())));
    }
    if bad.count() > 0 {
        return Err(Failure::Message(format!("{} bad lines were left out", bad.count())));
    }
    Ok(())
}

fn import(args: &ImportArgs, bad: &BadLines) -> Result<u64, Failure> {
    let target = args.target.target(Protocol::Cnosdb, args.precision)?;
    let client = Client::new(&target)?;
    client.reach()?;
    if args.create_db {
        client.create_database()?;
    }
    let format = args.format();
    let known = match format {
        Format::Lp => HashMap::new(),
        Format::Csv | Format::Parquet => describe(&client, args.table()?)?,
    };
    let mapping =
        Mapping { time: args.time_column.clone(), tags: args.tags.clone(), types: args.types.clone() };
    let options = |progress| SendOptions {
        target: &target,
        connections: args.connections,
        batch_rows: args.batch as usize,
        bad,
        progress,
    };
    if format == Format::Parquet {
        let opened = parquet_file::open(args.path())?;
        let progress = Progress::new(Total::Rows(opened.rows), args.quiet);
        let parquet = parquet_file::ParquetOptions {
            table: args.table()?,
            mapping: &mapping,
            known: &known,
            precision: args.precision,
        };
        let rows = send(options(&progress), |sink| parquet_file::read(opened, &parquet, sink));
        progress.finish();
        return rows;
    }
    let (input, total) = open(args.path())?;
    let progress = Progress::new(total, args.quiet);
    let rows = if format == Format::Lp {
        send(options(&progress), |sink| lines::read(input, sink))
    } else {
        let csv = csv_options(args, &mapping, &known)?;
        send(options(&progress), |sink| csv_file::read(BufReader::with_capacity(1 << 20, input), &csv, sink))
    };
    progress.finish();
    rows
}

fn csv_options<'a>(
    args: &'a ImportArgs,
    mapping: &'a Mapping,
    known: &'a HashMap<String, Role>,
) -> Result<csv_file::CsvOptions<'a>, Failure> {
    let delimiter = if args.ending() == "tsv" { b'\t' } else { args.delimiter };
    Ok(csv_file::CsvOptions { table: args.table()?, mapping, known, precision: args.precision, delimiter })
}

/// The first bytes of a gzip member (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The input, unpacked if it begins as gzip does. Of a packed file nobody knows how long it will be.
fn open(path: Option<&Path>) -> Result<(Box<dyn Read>, Total), Failure> {
    let (mut input, total): (Box<dyn Read>, Total) = match path {
        None => (Box::new(std::io::stdin().lock()), Total::Unknown),
        Some(path) => {
            let file = File::open(path).map_err(|e| Failure::io(path, e))?;
            let bytes = file.metadata().map_err(|e| Failure::io(path, e))?.len();
            (Box::new(file), Total::Bytes(bytes))
        }
    };
    let mut begin = Vec::new();
    (&mut input).take(GZIP.len() as u64).read_to_end(&mut begin)?;
    let packed = begin == GZIP;
    let whole = std::io::Cursor::new(begin).chain(input);
    if packed { Ok((Box::new(gzip_reader(whole)), Total::Unknown)) } else { Ok((Box::new(whole), total)) }
}
