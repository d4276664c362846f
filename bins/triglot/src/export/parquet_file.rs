//! Rows to Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::schema;
use super::tail::{ERROR_BEGIN, answer_error};
use crate::Failure;
use crate::progress::Progress;

/// Rows in a batch.
const BATCH_ROWS: usize = 8192;

/// A Parquet file being written.
pub(super) struct Output<W: Write + Send> {
    writer: ArrowWriter<W>,
    rows: u64,
}

impl<W: Write + Send> Output<W> {
    fn new(out: W, schema: &SchemaRef) -> Result<Self, Failure> {
        let zstd = ZstdLevel::try_new(3).map_err(failed)?;
        let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(zstd));
        for field in schema.fields() {
            // Integers and times of a series differ little from row to row.
            if field.data_type().is_integer() || field.data_type().is_temporal() {
                let path = ColumnPath::from(field.name().as_str());
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
        }
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties.build())).map_err(failed)?;
        Ok(Self { writer, rows: 0 })
    }

    fn batch(&mut self, batch: &RecordBatch, progress: &Progress) -> Result<(), Failure> {
        self.writer.write(batch).map_err(failed)?;
        self.rows += batch.num_rows() as u64;
        progress.add(0, batch.num_rows() as u64);
        Ok(())
    }

    fn close(self) -> Result<u64, Failure> {
        self.writer.close().map_err(failed)?;
        Ok(self.rows)
    }
}

fn failed(error: parquet::errors::ParquetError) -> Failure {
    Failure::doing("Parquet", error)
}

/// Rows as NDJSON, whose types are known: NULL and empty text stay apart.
pub(super) fn from_ndjson(
    answer: impl Read,
    schema: &SchemaRef,
    out: impl Write + Send,
    progress: &Progress,
) -> Result<u64, Failure> {
    let unreadable = |e: arrow::error::ArrowError| Failure::doing("the answer", e);
    let builder = ReaderBuilder::new(schema.clone()).with_batch_size(BATCH_ROWS);
    let mut decoder = builder.build_decoder().map_err(unreadable)?;
    let mut output = Output::new(out, schema)?;
    let mut answer = BufReader::with_capacity(1 << 20, answer);
    let mut line = Vec::new();
    loop {
        line.clear();
        if answer.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.starts_with(ERROR_BEGIN) {
            return Err(answer_error(&line));
        }
        progress.add(line.len() as u64, 0);
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            let used = decoder.decode(rest).map_err(unreadable)?;
            rest = rest.get(used..).unwrap_or_default();
            if used == 0 {
                // The batch is full.
                if let Some(batch) = decoder.flush().map_err(unreadable)? {
                    output.batch(&batch, progress)?;
                }
            }
        }
    }
    while let Some(batch) = decoder.flush().map_err(unreadable)? {
        output.batch(&batch, progress)?;
    }
    output.close()
}

/// A file beside the output that goes away with this value.
pub(super) struct Spool(PathBuf);

impl Spool {
    pub(super) fn beside(output: &Path) -> Self {
        let mut name = output.as_os_str().to_owned();
        name.push(".spool");
        Self(PathBuf::from(name))
    }

    pub(super) fn create(&self) -> Result<BufWriter<File>, Failure> {
        Ok(BufWriter::with_capacity(1 << 20, File::create(&self.0).map_err(|e| Failure::io(&self.0, e))?))
    }

    fn open(&self) -> Result<BufReader<File>, Failure> {
        Ok(BufReader::with_capacity(1 << 20, File::open(&self.0).map_err(|e| Failure::io(&self.0, e))?))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Nothing hangs on it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Rows as CSV, whose types have to be found out by reading all of them first.
pub(super) fn from_csv(spool: &Spool, out: impl Write + Send, progress: &Progress) -> Result<u64, Failure> {
    let unreadable = |e: arrow::error::ArrowError| Failure::doing("the answer", e);
    let mut csv = spool.open()?;
    let schema = schema::of_csv(&mut csv)?;
    csv.rewind()?;
    let reader = arrow::csv::ReaderBuilder::new(schema.clone())
        .with_header(true)
        .with_batch_size(BATCH_ROWS)
        .build_buffered(csv)
        .map_err(unreadable)?;
    let mut output = Output::new(out, &schema)?;
    for batch in reader {
        output.batch(&batch.map_err(unreadable)?, progress)?;
    }
    output.close()
}
