//! How fast the writers are: `cargo test --workspace --lib -- --ignored --nocapture writers_in_mb`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringViewArray, TimestampNanosecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;

use super::{Format, Writer};

const ROWS: usize = 8_192;
const BATCHES: usize = 200;

/// Rows as they come from a scan: one series after the other, measured values of three kinds.
fn batch() -> RecordBatch {
    let mut bits = 7u64;
    let mut random = move || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bits >> 33
    };
    let rows = 0..ROWS as i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "time",
            Arc::new(TimestampNanosecondArray::from_iter_values(
                rows.map(|n| 1_704_067_200_000_000_000 + n * 10_000_000_000),
            )),
        ),
        (
            "host",
            Arc::new(StringViewArray::from_iter_values((0..ROWS).map(|n| format!("host_{}", n / 2_000)))),
        ),
        ("region", Arc::new(StringViewArray::from_iter_values((0..ROWS).map(|_| "eu-central-1")))),
        (
            "decimals",
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(|_| (random() % 10_000) as f64 / 100.0))),
        ),
        ("digits", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|n| (n as f64).sqrt() / 7.0)))),
        ("whole", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|n| (n % 101) as f64)))),
        ("count", Arc::new(Int64Array::from_iter_values(0..ROWS as i64))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect())
        .unwrap()
}

#[test]
#[ignore = "measures; the bar is 150 MB/s in a release build"]
fn writers_in_mb_per_second() {
    let batch = batch();
    for format in [Format::Csv, Format::Tsv, Format::Json, Format::NdJson] {
        let mut writer = Writer::new(format, batch.schema(), false);
        let (mut bytes, mut out) = (0, Vec::new());
        let begin = Instant::now();
        for _ in 0..BATCHES {
            out.clear();
            writer.write(&batch, &mut out).unwrap();
            bytes += out.len();
        }
        let seconds = begin.elapsed().as_secs_f64();
        let mb = bytes as f64 / 1e6;
        println!("{format:?}: {mb:.0} MB in {seconds:.2} s, {:.0} MB/s", mb / seconds);
    }
}
