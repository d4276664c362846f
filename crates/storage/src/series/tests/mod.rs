//! Tests of the series index: rules, readers, snapshots, and a model that all must agree with.

mod identity;
mod model;
mod readers;
mod scale;
mod snapshots;

use arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use arrow::datatypes::UInt32Type;
use roaring::RoaringBitmap;
use triglot_model::ColumnId;

use super::SeriesKey;

const HOST: ColumnId = ColumnId(1);
const REGION: ColumnId = ColumnId(2);
const RACK: ColumnId = ColumnId(300);

fn tags(tags: &[(ColumnId, &str)]) -> SeriesKey {
    SeriesKey::new(None, tags.iter().copied())
}

fn child(name: &str, tags: &[(ColumnId, &str)]) -> SeriesKey {
    SeriesKey::new(Some(name), tags.iter().copied())
}

fn strings(array: &StringViewArray) -> Vec<Option<String>> {
    array.iter().map(|v| v.map(str::to_owned)).collect()
}

fn sids(batch: &RecordBatch) -> Vec<u32> {
    batch.column(0).as_primitive::<UInt32Type>().values().to_vec()
}

fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let array = batch.column_by_name(name).unwrap();
    assert!(array.to_data().validate_full().is_ok());
    strings(array.as_string_view())
}

fn set(sids: &[u32]) -> RoaringBitmap {
    sids.iter().copied().collect()
}
