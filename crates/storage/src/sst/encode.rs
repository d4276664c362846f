//! Encoding sorted batches as Parquet, without I/O.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef, UInt8Type};
use arrow::row::OwnedRow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use object_store::path::Path;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use triglot_model::RowOp;

use super::checksum::{chunk_range, encode_sums, page_ranges, seal_tail, tail_placeholder};
use super::runs::RunIndex;
use super::{FileMeta, SstError, SstWriteOptions, keys};
use crate::TimeRange;
use crate::merge::{composite_rows, key_slices};
use crate::physical::{OP, SET, SID, TIME, column_name};

/// A file being encoded. Finished bytes are taken out as they come.
pub(super) struct Encoder {
    path: Path,
    options: SstWriteOptions,
    schema: SchemaRef,
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    groups: usize,
    /// Bytes taken out of the file's buffer so far.
    taken: u64,
    sums: Vec<u32>,
    runs: RunIndex,
    time: TimeRange,
    last: Option<(u32, i64, Option<OwnedRow>)>,
    has_ops: bool,
    duplicates: bool,
}

impl Encoder {
    pub(super) fn new(path: &Path, schema: &SchemaRef, options: SstWriteOptions) -> Result<Self, SstError> {
        let failed = |e| SstError::encode(path, e);
        let properties = Arc::new(properties(schema, &options).map_err(failed)?);
        let parquet_schema = ArrowSchemaConverter::new().convert(schema).map_err(failed)?;
        let file = SerializedFileWriter::new(Vec::new(), parquet_schema.root_schema_ptr(), properties)
            .map_err(failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(schema));
        Ok(Self {
            path: path.clone(),
            options,
            schema: Arc::clone(schema),
            file,
            factory,
            group: Vec::new(),
            group_rows: 0,
            groups: 0,
            taken: 0,
            sums: Vec::new(),
            runs: RunIndex::default(),
            time: TimeRange { start: i64::MAX, end: i64::MIN },
            last: None,
            has_ops: false,
            duplicates: false,
        })
    }

    /// Encodes the next rows.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), SstError> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(SstError::SchemaChange {
                path: self.path.clone(),
                table: self.options.table.id,
                row: self.runs.rows(),
            });
        }
        self.check_keys(batch)?;
        self.note_operations(batch);
        let limit = self.options.row_group_rows.max(1);
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = (limit - self.group_rows).min(batch.num_rows() - at);
            self.encode(&batch.slice(at, rows)).map_err(|e| SstError::encode(&self.path, e))?;
            at += rows;
            if self.group_rows == limit {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Takes the bytes that are finished, if they are at least `least`.
    pub(super) fn take(&mut self, least: usize) -> Option<Vec<u8>> {
        let buffer = self.file.inner_mut();
        if buffer.len() < least.max(1) {
            return None;
        }
        self.taken += buffer.len() as u64;
        Some(std::mem::take(buffer))
    }

    /// Ends the file: its last bytes, and what the manifest is to know.
    pub(super) fn finish(mut self) -> Result<(Vec<u8>, FileMeta), SstError> {
        self.end_group()?;
        let in_buffer = self.file.inner().len();
        let data_end = self.taken + in_buffer as u64;
        self.append_keys(data_end);
        let failed = |e| SstError::encode(&self.path, e);
        self.file.finish().map_err(failed)?;
        self.file.flush().map_err(|e| failed(e.into()))?;
        let mut bytes = std::mem::take(self.file.inner_mut());
        let sealed = bytes.get_mut(in_buffer..).is_some_and(seal_tail);
        if !sealed {
            return Err(failed(ParquetError::General("the footer has no tail mark".to_owned())));
        }
        let sids = self.runs.sids();
        let meta = FileMeta {
            file_id: self.options.file_id,
            table: self.options.table.id,
            rows: self.runs.rows(),
            bytes: self.taken + bytes.len() as u64,
            sid_min: sids.first().copied().unwrap_or(0),
            sid_max: sids.last().copied().unwrap_or(0),
            time: self.time,
            seq_min: self.options.seq_min,
            seq_max: self.options.seq_max,
            has_ops: self.has_ops,
            has_duplicate_keys: self.duplicates,
            level: self.options.level,
            bucket_start: self.options.bucket_start,
        };
        Ok((bytes, meta))
    }

    fn append_keys(&mut self, data_end: u64) {
        let mut rows = Vec::new();
        if self.has_ops {
            rows.push("ops");
        }
        if self.duplicates {
            rows.push("duplicates");
        }
        let rows = if rows.is_empty() { keys::PLAIN.to_owned() } else { rows.join(",") };
        let options = &self.options;
        let pairs = [
            (keys::FORMAT, keys::FORMAT_1.to_owned()),
            (keys::TABLE, options.table.id.to_string()),
            (keys::SCHEMA_VERSION, options.table.version.to_string()),
            (keys::SEQ_MIN, options.seq_min.to_string()),
            (keys::SEQ_MAX, options.seq_max.to_string()),
            (keys::ROWS, rows),
            (keys::RUNS, BASE64.encode(self.runs.encode())),
            (keys::PAGES, encode_sums(&self.sums)),
            (keys::TAIL, tail_placeholder(data_end)),
        ];
        for (key, value) in pairs {
            self.file.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
    }

    /// Checks the order and gathers run index, time range and duplicates.
    fn check_keys(&mut self, batch: &RecordBatch) -> Result<(), SstError> {
        let (sids, times) = key_slices(batch)?;
        let ck = match self.options.table.composite_key() {
            Some(ck) => Some(composite_rows(batch, ck.id)?),
            None => None,
        };
        let first_row = self.runs.rows();
        let unsorted =
            |row: usize| SstError::Unsorted { path: self.path.clone(), row: first_row + row as u64 };
        for row in 0..sids.len() {
            let key = (sids[row], times[row]);
            let before = match row.checked_sub(1) {
                Some(before) => Some((sids[before], times[before])),
                None => self.last.as_ref().map(|(sid, time, _)| (*sid, *time)),
            };
            self.time = TimeRange { start: self.time.start.min(key.1), end: self.time.end.max(key.1) };
            if before < Some(key) {
                continue;
            }
            let order = match (&ck, row.checked_sub(1), &self.last) {
                _ if before > Some(key) => return Err(unsorted(row)),
                (None, _, _) => std::cmp::Ordering::Equal,
                (Some(ck), Some(before), _) => ck.row(before).cmp(&ck.row(row)),
                (Some(ck), None, Some((_, _, Some(last)))) => last.row().cmp(&ck.row(row)),
                (Some(_), None, _) => std::cmp::Ordering::Less,
            };
            match order {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.duplicates = true,
                std::cmp::Ordering::Greater => return Err(unsorted(row)),
            }
        }
        if !self.runs.push(sids) {
            return Err(unsorted(0));
        }
        if let (Some(sid), Some(time)) = (sids.last(), times.last()) {
            self.last = Some((*sid, *time, ck.map(|ck| ck.row(sids.len() - 1).owned())));
        }
        Ok(())
    }

    fn note_operations(&mut self, batch: &RecordBatch) {
        let ops = batch.column_by_name(OP).and_then(|ops| ops.as_primitive_opt::<UInt8Type>());
        let sets = batch.column_by_name(SET);
        self.has_ops |= ops.is_some_and(|ops| ops.values().iter().any(|code| *code != RowOp::Merge.code()))
            || sets.is_some_and(|sets| sets.null_count() < sets.len());
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.group.is_empty() {
            self.group = self.factory.create_column_writers(self.groups)?;
        }
        let mut writers = self.group.iter_mut();
        for (field, array) in self.schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array)? {
                if let Some(writer) = writers.next() {
                    writer.write(&leaf)?;
                }
            }
        }
        self.group_rows += batch.num_rows();
        Ok(())
    }

    /// Ends the row group and sums its pages.
    fn end_group(&mut self) -> Result<(), SstError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        let sums = self.close_group().map_err(|e| SstError::encode(&self.path, e))?;
        self.sums.extend(sums);
        self.group_rows = 0;
        self.groups += 1;
        Ok(())
    }

    fn close_group(&mut self) -> Result<Vec<u32>, ParquetError> {
        let lost = || ParquetError::General("the encoder lost track of its pages".to_owned());
        let mut row_group = self.file.next_row_group()?;
        // Sizes of each column's data pages; their final places are known when the chunk is.
        let mut sizes: Vec<Vec<u64>> = Vec::with_capacity(self.group.len());
        for writer in std::mem::take(&mut self.group) {
            let chunk = writer.close()?;
            let index = chunk.close().offset_index.as_ref().ok_or_else(lost)?;
            sizes.push(index.page_locations().iter().map(|p| p.compressed_page_size as u64).collect());
            chunk.append_to_row_group(&mut row_group)?;
        }
        let metadata = row_group.close()?;
        self.file.flush()?; // the file writer has a buffer of its own
        let mut sums = Vec::new();
        for (column, sizes) in sizes.iter().enumerate() {
            let chunk = chunk_range(&metadata, column).ok_or_else(lost)?;
            let mut start = chunk.end.checked_sub(sizes.iter().sum()).ok_or_else(lost)?;
            let starts = sizes.iter().map(|size| {
                let page = start;
                start += size;
                page
            });
            for page in page_ranges(chunk, starts) {
                let range = (page.start - self.taken) as usize..(page.end - self.taken) as usize;
                sums.push(crc32c::crc32c(self.file.inner().get(range).ok_or_else(lost)?));
            }
        }
        Ok(sums)
    }

    /// Rows encoded so far.
    pub(super) fn rows(&self) -> u64 {
        self.runs.rows()
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("path", &self.path)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

/// Encodings by type, measured in performance.md section 2: deltas for integers and times, split
/// bytes for floats, dictionaries for text, ZSTD over all. Version 2 pages measured no smaller and
/// no faster than version 1. Pages of 4 Ki rows instead of 8 Ki save a narrow read of ten columns a
/// tenth of its time, and make files 3 % and footers 80 % larger.
fn properties(schema: &Schema, options: &SstWriteOptions) -> Result<WriterProperties, ParquetError> {
    let mut sorting = vec![sorting(schema, SID), sorting(schema, TIME)];
    if let Some(ck) = options.table.composite_key() {
        sorting.push(self::sorting(schema, &column_name(ck.id)));
    }
    let mut builder = WriterProperties::builder()
        .set_created_by("triglot".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(options.zstd_level)?))
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(options.page_rows.max(1))
        .set_write_batch_size(options.page_rows.clamp(1, 1024))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(sorting.into_iter().flatten().collect()));
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        if field.name() == SID || field.name() == TIME {
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
        }
        builder = match field.data_type() {
            DataType::Utf8 | DataType::Binary | DataType::Utf8View | DataType::BinaryView => builder
                .set_column_dictionary_enabled(path.clone(), true)
                .set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY),
            DataType::Boolean => builder.set_column_encoding(path, Encoding::RLE),
            DataType::Float32 | DataType::Float64 => {
                builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
            }
            // Wide decimals are fixed-length byte arrays.
            DataType::Decimal128(precision, _) if *precision > 18 => {
                builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
            }
            _ => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        };
    }
    Ok(builder.build())
}

fn sorting(schema: &Schema, name: &str) -> Option<SortingColumn> {
    let column_idx = i32::try_from(schema.index_of(name).ok()?).ok()?;
    Some(SortingColumn { column_idx, descending: false, nulls_first: true })
}
