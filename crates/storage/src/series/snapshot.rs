//! Snapshot files of the series index, format v1. **Frozen** (M-4): golden files in `golden/`.
//!
//! A part is an Arrow IPC *file* that any Arrow tool opens. One record batch, one row per series by
//! ascending sid:
//!
//! | column | type | |
//! |---|---|---|
//! | `sid` | UInt32, non-null | |
//! | `child` | LargeUtf8 | NULL unless the identity is the child name |
//! | `c<id>` … | Dictionary(UInt32, LargeUtf8) | one per tag that a series of the part has, ascending id |
//!
//! Schema metadata: `triglot.series` = `1` (the format), `triglot.from` and `triglot.next`: the part
//! says everything about sids in `from..next`; those without a row were removed. A full snapshot has
//! `from` = 0; further parts continue where the last one ended.
//!
//! Footer metadata: `triglot.body` = `<bytes> <crc32c as 8 hex digits>`: how much of the file comes
//! before the end-of-stream mark, and its checksum. The reader takes nothing else from the footer
//! and reads the body as a stream, so that every byte it believes is covered.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, LargeStringArray, LargeStringBuilder, RecordBatch, UInt32Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::error::ArrowError;
use arrow_ipc::reader::{StreamDecoder, read_footer_length};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_ipc::{MetadataVersion, root_as_footer};
use bytes::Bytes;
use triglot_model::{ColumnId, IdentityRule, Sid};

use super::tag::TagColumn;
use super::{SeriesError, SeriesIndex, SeriesKey};
use crate::physical::{column_id, column_name};

const FORMAT_KEY: &str = "triglot.series";
const FORMAT: &str = "1";
const FROM_KEY: &str = "triglot.from";
const NEXT_KEY: &str = "triglot.next";
const BODY_KEY: &str = "triglot.body";
const SID: &str = "sid";
const CHILD: &str = "child";
/// An Arrow file starts with `ARROW1\0\0`; what follows is a stream.
const STREAM_START: usize = 8;
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

impl SeriesIndex {
    /// A snapshot of everything.
    pub fn encode_full(&self) -> Result<Bytes, SeriesError> {
        self.encode_from(0)
    }

    /// A part that continues snapshots which were complete when [`Self::next_sid`] was `watermark`
    /// and [`Self::epoch`] was `epoch`: the series made since. None if tags were changed or series
    /// removed since, so that only a full snapshot says it all.
    pub fn encode_since(&self, watermark: u32, epoch: u64) -> Result<Option<Bytes>, SeriesError> {
        if epoch != self.epoch() || watermark > self.next_sid() {
            return Ok(None);
        }
        self.encode_from(watermark).map(Some)
    }

    /// The index that these parts describe, in the order in which they were made. No part = empty.
    ///
    /// Fails with [`SeriesError::Snapshot`] on anything damaged, missing or contradictory.
    pub fn load(rule: IdentityRule, parts: &[Bytes]) -> Result<Self, SeriesError> {
        let mut index = Self::new(rule);
        for (part, bytes) in parts.iter().enumerate() {
            load_part(&mut index, bytes).map_err(|e| e.in_part(part))?;
        }
        Ok(index)
    }

    fn encode_from(&self, from: u32) -> Result<Bytes, SeriesError> {
        let sids: Vec<u32> = self.live.range(from..self.next_sid()).collect();
        let mut fields =
            vec![Field::new(SID, DataType::UInt32, false), Field::new(CHILD, DataType::LargeUtf8, true)];
        let mut children = LargeStringBuilder::new();
        for sid in &sids {
            children.append_option(self.children.names.get(self.children.numbers.get(*sid)).and_then(text));
        }
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(UInt32Array::from(sids.clone())), Arc::new(children.finish())];
        for (id, tag) in &self.tags {
            if let Some(values) = dictionary_of(tag, &sids)? {
                fields.push(Field::new(column_name(*id), values.data_type().clone(), true));
                arrays.push(values);
            }
        }
        let metadata = HashMap::from([
            (FORMAT_KEY.to_owned(), FORMAT.to_owned()),
            (FROM_KEY.to_owned(), from.to_string()),
            (NEXT_KEY.to_owned(), self.next_sid().to_string()),
        ]);
        let schema = Arc::new(Schema::new(fields).with_metadata(metadata));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        // Alignment 8 puts the stream right behind the magic, whatever Arrow's default becomes.
        let options = IpcWriteOptions::try_new(STREAM_START, false, MetadataVersion::V5)?;
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options)?;
        writer.write(&batch)?;
        let body = writer.get_ref();
        let sum = format!("{} {:08x}", body.len(), crc32c::crc32c(body));
        writer.write_metadata(BODY_KEY, sum);
        Ok(Bytes::from(writer.into_inner()?))
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The tag's values for these series, with a dictionary of just what they use in order of first
/// use; none if all are NULL.
fn dictionary_of(tag: &TagColumn, sids: &[u32]) -> Result<Option<ArrayRef>, SeriesError> {
    let mut renumbered: Vec<Option<u32>> = vec![None; tag.dictionary().len()];
    let mut values = LargeStringBuilder::new();
    let mut used = 0;
    let mut keys = Vec::with_capacity(sids.len());
    for code in tag.codes().gather(sids) {
        let Some(value) = tag.dictionary().values().get(code).and_then(text) else {
            keys.push(None);
            continue;
        };
        let Some(slot) = renumbered.get_mut(code as usize) else { continue };
        keys.push(Some(*slot.get_or_insert_with(|| {
            values.append_value(value);
            used += 1;
            used - 1
        })));
    }
    if used == 0 {
        return Ok(None);
    }
    let array = DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(keys), Arc::new(values.finish()))?;
    Ok(Some(Arc::new(array)))
}

/// Why one part cannot be read, before the part's number is known.
#[derive(Debug)]
enum Fault {
    Damage(String),
    Format(String),
}

impl Fault {
    fn in_part(self, part: usize) -> SeriesError {
        match self {
            Self::Damage(reason) => SeriesError::Snapshot { part, reason },
            Self::Format(found) => SeriesError::SnapshotFormat { part, found },
        }
    }
}

impl From<ArrowError> for Fault {
    fn from(error: ArrowError) -> Self {
        Self::Damage(error.to_string())
    }
}

impl From<SeriesError> for Fault {
    fn from(error: SeriesError) -> Self {
        Self::Damage(error.to_string())
    }
}

fn damage<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Damage(reason.into()))
}

fn load_part(index: &mut SeriesIndex, bytes: &Bytes) -> Result<(), Fault> {
    let body = checked_body(bytes)?;
    // Arrow's reader panics on some malformed messages. Accidents end at the checksum; bytes made
    // to pass it must not end the node either.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_stream(body)));
    let Ok(decoded) = decoded else { return damage("malformed Arrow stream") };
    let (schema, batches) = decoded?;
    let format = schema.metadata().get(FORMAT_KEY).map_or("", String::as_str);
    if format != FORMAT {
        return Err(Fault::Format(format.to_owned()));
    }
    let number = |key: &str| -> Result<u32, Fault> {
        let value = schema.metadata().get(key).and_then(|v| v.parse().ok());
        value.ok_or_else(|| Fault::Damage(format!("metadata {key} is missing or no number")))
    };
    let (from, next) = (number(FROM_KEY)?, number(NEXT_KEY)?);
    if from != index.next_sid() || next < from {
        return damage(format!("covers sids {from}..{next}, expected to start at {}", index.next_sid()));
    }
    for batch in &batches {
        load_batch(index, batch, next)?;
    }
    index.reserve_sids(next);
    Ok(())
}

/// The schema and batches of a stream. Slices one aligned copy, so it believes no length beyond it.
fn decode_stream(body: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    // The mark comes after the checked bytes; only with it the decoder hands out a last message
    // that has no body.
    for mut buffer in [Buffer::from(&*body), Buffer::from(&END_OF_STREAM)] {
        while let Some(batch) = decoder.decode(&mut buffer)? {
            batches.push(batch);
        }
    }
    decoder.finish()?;
    let schema = decoder.schema().ok_or_else(|| ArrowError::IpcError("no schema".to_owned()))?;
    Ok((schema, batches))
}

/// The stream inside the file, if its checksum is right.
fn checked_body(bytes: &Bytes) -> Result<Bytes, Fault> {
    let malformed = || Fault::Damage("not an Arrow file, or cut short".to_owned());
    let (rest, trailer) = bytes.split_last_chunk::<10>().ok_or_else(malformed)?;
    let footer_len = read_footer_length(*trailer)?;
    let start = rest.len().checked_sub(footer_len).ok_or_else(malformed)?;
    let footer = rest.get(start..).and_then(|f| root_as_footer(f).ok()).ok_or_else(malformed)?;
    let mut metadata = footer.custom_metadata().into_iter().flatten();
    let Some(sum) = metadata.find(|kv| kv.key() == Some(BODY_KEY)).and_then(|kv| kv.value()) else {
        return damage(format!("footer metadata {BODY_KEY} is missing"));
    };
    let parsed = sum
        .split_once(' ')
        .and_then(|(len, crc)| Some((len.parse::<usize>().ok()?, u32::from_str_radix(crc, 16).ok()?)));
    let Some((len, crc)) = parsed else { return damage(format!("footer metadata {BODY_KEY} is malformed")) };
    match bytes.get(..len) {
        Some(body) if len >= STREAM_START && crc32c::crc32c(body) == crc => {
            Ok(bytes.slice(STREAM_START..len))
        }
        _ => damage("checksum mismatch"),
    }
}

/// A tag column of a part, and the code in the index of each of its dictionary's values.
struct TagPart<'a> {
    column: ColumnId,
    keys: &'a UInt32Array,
    values: &'a LargeStringArray,
}

impl<'a> TagPart<'a> {
    fn of(name: &str, array: &'a ArrayRef) -> Result<Self, Fault> {
        let dictionary = array.as_dictionary_opt::<UInt32Type>();
        let values = dictionary.and_then(|d| d.values().as_string_opt::<i64>());
        match (column_id(name), dictionary, values) {
            (Some(column), Some(dictionary), Some(values)) => {
                Ok(Self { column, keys: dictionary.keys(), values })
            }
            _ => damage(format!("column {name} of type {} is no tag", array.data_type())),
        }
    }

    fn value(&self, row: usize) -> Option<&'a str> {
        let at = if self.keys.is_valid(row) { self.keys.value(row) as usize } else { return None };
        (at < self.values.len() && self.values.is_valid(at)).then(|| self.values.value(at))
    }
}

fn load_batch(index: &mut SeriesIndex, batch: &RecordBatch, next: u32) -> Result<(), Fault> {
    let schema = batch.schema();
    let [sid_field, child_field, tag_fields @ ..] = schema.fields().as_ref() else {
        return damage("lacks the columns sid and child");
    };
    let [sids, children, tags @ ..] = batch.columns() else {
        return damage("lacks the columns sid and child");
    };
    if sid_field.name() != SID || child_field.name() != CHILD {
        return damage("does not start with the columns sid and child");
    }
    let (Some(sids), Some(children)) =
        (sids.as_primitive_opt::<UInt32Type>(), children.as_string_opt::<i64>())
    else {
        return damage("columns sid and child have wrong types");
    };
    let tags: Vec<TagPart<'_>> = tag_fields
        .iter()
        .zip(tags)
        .map(|(f, array)| TagPart::of(f.name(), array))
        .collect::<Result<_, _>>()?;
    if !tags.is_sorted_by(|a, b| a.column < b.column) {
        return damage("tag columns are not in ascending order");
    }
    for row in 0..batch.num_rows() {
        let sid = sids.value(row);
        if sids.is_null(row) || sid < index.next_sid() || sid >= next {
            return damage(format!("row {row} has sid {sid}, not in {}..{next}", index.next_sid()));
        }
        let child = children.is_valid(row).then(|| children.value(row).into());
        let tags = tags.iter().filter_map(|t| Some((t.column, t.value(row)?.into()))).collect();
        index.insert_with_sid(Sid(sid), &SeriesKey { child, tags })?;
    }
    Ok(())
}
