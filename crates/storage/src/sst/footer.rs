//! Fetching, checking and parsing the tail of a data file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use parquet::file::statistics::Statistics;

use super::checksum::{PageSum, decode_sums, find_damage, tail_is_intact, tail_start};
use super::runs::RunIndex;
use super::{SstError, keys};
use crate::TimeRange;
use crate::physical::{SET, TIME};

/// Bytes fetched at first: the tail of most files.
const FIRST_FETCH: u64 = 64 << 10;
/// Length of the footer's length and the magic number at the end.
const TRAILER: usize = 8;

/// All that is known about a file without reading pages.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) path: Path,
    /// Metadata, with text columns to be read as views.
    pub(super) arrow: ArrowReaderMetadata,
    pub(super) runs: RunIndex,
    pages: Vec<PageSum>,
    /// Parquet column by name.
    pub(super) columns: HashMap<String, usize>,
    pub(super) time_column: usize,
    pub(super) time: TimeRange,
    /// Whether every row is a plain `Merge` and no key comes twice.
    pub(super) plain: bool,
    tail_bytes: usize,
}

impl Footer {
    /// Reads and checks the tail of a file.
    pub(super) async fn load(store: &dyn ObjectStore, path: &Path) -> Result<Self, SstError> {
        let (size, tail_start, tail) = fetch_tail(store, path).await?;
        let place = || format!("offset {tail_start} (page indexes and footer)");
        if !tail_is_intact(&tail) {
            return Err(SstError::damaged(path, place(), "the checksum is wrong"));
        }
        let tail_bytes = tail.len();
        let metadata = parse(size, tail_start, tail).map_err(|e| SstError::damaged(path, place(), e))?;
        Self::from_metadata(path, metadata, tail_bytes).map_err(|problem| problem.about(path, place()))
    }

    fn from_metadata(path: &Path, metadata: ParquetMetaData, tail_bytes: usize) -> Result<Self, Problem> {
        let pairs = metadata.file_metadata().key_value_metadata();
        let key = |name: &'static str| {
            pairs
                .and_then(|pairs| pairs.iter().find(|pair| pair.key == name))
                .and_then(|pair| pair.value.as_deref())
                .ok_or_else(|| Problem::Damage(format!("key {name} is missing")))
        };
        let format = key(keys::FORMAT)?;
        if format != keys::FORMAT_1 {
            return Err(Problem::Format(format.to_owned()));
        }
        let runs = BASE64.decode(key(keys::RUNS)?).ok().and_then(|bytes| RunIndex::decode(&bytes));
        let runs = runs.ok_or_else(|| Problem::Damage(format!("key {} is not a run index", keys::RUNS)))?;
        if u64::try_from(metadata.file_metadata().num_rows()) != Ok(runs.rows()) {
            return Err(Problem::Damage("the run index counts other rows than the footer".to_owned()));
        }
        let pages = decode_sums(key(keys::PAGES)?, &metadata)
            .ok_or_else(|| Problem::Damage(format!("key {} does not fit the pages", keys::PAGES)))?;
        let plain = key(keys::ROWS)? == keys::PLAIN;
        let columns: HashMap<String, usize> = metadata
            .file_metadata()
            .schema_descr()
            .columns()
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name().to_owned(), at))
            .collect();
        let time_column =
            *columns.get(TIME).ok_or_else(|| Problem::Damage(format!("column {TIME} is missing")))?;
        let time = time_range(&metadata, time_column)
            .ok_or_else(|| Problem::Damage(format!("column {TIME} has no statistics")))?;
        let arrow = with_views(metadata).map_err(|e| Problem::Damage(e.to_string()))?;
        Ok(Self { path: path.clone(), arrow, runs, pages, columns, time_column, time, plain, tail_bytes })
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.arrow.metadata()
    }

    /// Heap bytes, about.
    pub(super) fn memory_size(&self) -> usize {
        let columns = self.columns.len();
        self.metadata().memory_size()
            + self.runs.memory_size()
            + self.pages.len() * size_of::<PageSum>()
            + columns * 400
            + size_of::<Self>()
    }

    /// Bytes of page indexes and footer on disk.
    pub(super) fn tail_bytes(&self) -> usize {
        self.tail_bytes
    }

    /// Checks fetched pages against their checksums.
    pub(super) fn verify(&self, start: u64, bytes: &[u8]) -> Result<(), SstError> {
        let Some((offset, page)) = find_damage(&self.pages, start, bytes) else { return Ok(()) };
        let name = |column: u32| {
            let schema = self.metadata().file_metadata().schema_descr_ptr();
            schema.columns().get(column as usize).map_or_else(String::new, |c| c.name().to_owned())
        };
        let (place, reason) = match page {
            Some(p) => (
                format!("offset {offset} (column {}, row group {})", name(p.column), p.row_group),
                "the page's checksum is wrong",
            ),
            None => (format!("offset {offset}"), "pages do not begin and end where the footer says"),
        };
        Err(SstError::damaged(&self.path, place, reason))
    }
}

/// What is wrong with a parsed footer.
enum Problem {
    Damage(String),
    Format(String),
}

impl Problem {
    fn about(self, path: &Path, place: String) -> SstError {
        match self {
            Self::Damage(reason) => SstError::damaged(path, place, reason),
            Self::Format(found) => SstError::Format { path: path.clone(), found },
        }
    }
}

/// File size, offset of the tail, tail.
async fn fetch_tail(store: &dyn ObjectStore, path: &Path) -> Result<(u64, u64, Bytes), SstError> {
    let failed = |e| SstError::store(path, e);
    let options = GetOptions { range: Some(GetRange::Suffix(FIRST_FETCH)), ..GetOptions::default() };
    let got = store.get_opts(path, options).await.map_err(failed)?;
    let size = got.meta.size;
    let last = got.bytes().await.map_err(failed)?;
    let damaged = |reason: &str| SstError::damaged(path, format!("offset {size} (end of file)"), reason);
    let mut have = size.saturating_sub(last.len() as u64)..size;
    let mut bytes = last;
    let footer = footer_length(&bytes).ok_or_else(|| damaged("it does not end like a Parquet file"))?;
    let footer_start =
        size.checked_sub(footer).ok_or_else(|| damaged("the footer is longer than the file"))?;
    for step in 0..2 {
        let wanted = if step == 0 {
            footer_start
        } else {
            let start = tail_start(&bytes).ok_or_else(|| damaged("the footer has no tail mark"))?;
            if start > footer_start {
                return Err(damaged("the tail mark points behind the footer's start"));
            }
            bytes = bytes.slice(bytes.len().saturating_sub((size - start) as usize)..);
            have.start = size - bytes.len() as u64;
            start
        };
        if wanted < have.start {
            let more = store.get_range(path, wanted..have.start).await.map_err(failed)?;
            bytes = Bytes::from([more.as_ref(), bytes.as_ref()].concat());
            have.start = wanted;
        }
    }
    Ok((size, have.start, bytes))
}

/// Length of footer and trailer, from the last bytes of a file.
fn footer_length(last: &[u8]) -> Option<u64> {
    let trailer = last.get(last.len().checked_sub(TRAILER)?..)?;
    let (length, magic) = trailer.split_first_chunk::<4>()?;
    (magic == b"PAR1").then(|| u64::from(u32::from_le_bytes(*length)) + TRAILER as u64)
}

fn parse(size: u64, start: u64, tail: Bytes) -> Result<ParquetMetaData, String> {
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)
        .map_err(|e| e.to_string())?
        .with_page_index_policy(PageIndexPolicy::Optional);
    decoder.push_range(start..size, tail).map_err(|e| e.to_string())?;
    match decoder.try_decode().map_err(|e| e.to_string())? {
        DecodeResult::Data(metadata) if metadata.offset_index().is_some() => Ok(metadata),
        DecodeResult::Data(_) => Err("there is no page index".to_owned()),
        DecodeResult::NeedsData(_) | DecodeResult::Finished => {
            Err("it points before its own start".to_owned())
        }
    }
}

/// The reader's metadata, with text and binary columns (not `__set`) as views.
fn with_views(metadata: ParquetMetaData) -> parquet::errors::Result<ArrowReaderMetadata> {
    let stored = parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None)?;
    let fields: Vec<Field> = stored
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
            DataType::Binary if field.name() != SET => {
                field.as_ref().clone().with_data_type(DataType::BinaryView)
            }
            _ => field.as_ref().clone(),
        })
        .collect();
    let options =
        ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::new(metadata), options)
}

fn time_range(metadata: &ParquetMetaData, column: usize) -> Option<TimeRange> {
    let mut all: Option<TimeRange> = None;
    for group in 0..metadata.num_row_groups() {
        let range = group_time(metadata, group, column)?;
        all = Some(all.map_or(range, |all| all.union(&range)));
    }
    all
}

/// The time range of one row group.
pub(super) fn group_time(metadata: &ParquetMetaData, group: usize, column: usize) -> Option<TimeRange> {
    match metadata.row_groups().get(group)?.columns().get(column)?.statistics()? {
        Statistics::Int64(times) => Some(TimeRange { start: *times.min_opt()?, end: *times.max_opt()? }),
        _ => None,
    }
}
