use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt32Type};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseId, ErrorKind, GeomEncoding, IdentityRule,
    LengthUnit, Precision, RewriteRule, RowOp, TableDef, TableId,
};

use super::*;
use crate::TimeRange;
use crate::physical::{OP, SET, SID, TIME, column_name, key_fields};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn table(ck: Option<ColumnId>) -> Arc<TableDef> {
    let column = |id, name: &str, ty, kind| ColumnDef {
        id: ColumnId(id),
        name: name.to_owned(),
        ty,
        kind,
        declared: None,
        codec: None,
    };
    let mut columns = vec![column(0, "time", ColumnType::Ts(Precision::Nano), ColumnKind::Time)];
    if let Some(ck) = ck {
        columns.push(column(ck.0, "k", ColumnType::I64, ColumnKind::CompositeKey));
    }
    Arc::new(TableDef {
        id: TableId(7),
        database: DatabaseId(1),
        name: "t".to_owned(),
        version: 3,
        identity: IdentityRule::AllTags,
        rewrite: RewriteRule::Merge,
        columns,
        next_column_id: ColumnId(100),
        options: BTreeMap::new(),
    })
}

fn options() -> SstWriteOptions {
    SstWriteOptions {
        file_id: 42,
        bucket_start: -5,
        seq_min: 10,
        seq_max: 20,
        level: 1,
        ..SstWriteOptions::new(table(None))
    }
}

fn batch(sids: Vec<u32>, times: Vec<i64>, columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let mut fields: Vec<Field> = key_fields().into();
    let mut arrays: Vec<ArrayRef> =
        vec![Arc::new(UInt32Array::from(sids)), Arc::new(Int64Array::from(times))];
    for (name, array) in columns {
        fields.push(Field::new(name, array.data_type().clone(), name != OP));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

struct Files {
    store: Arc<dyn ObjectStore>,
    path: Path,
    cache: MetaCache,
}

impl Files {
    fn new() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            path: Path::from("a/1.parquet"),
            cache: MetaCache::new(1 << 20),
        }
    }

    fn write(&self, batches: &[RecordBatch], options: SstWriteOptions) -> Result<Option<FileMeta>, SstError> {
        let input = stream::iter(batches.iter().cloned().map(Ok));
        block_on(write(&self.store, &self.path, input, options))
    }

    fn read(&self, request: ReadRequest) -> Result<Vec<RecordBatch>, SstError> {
        block_on(async {
            let reader = SstReader::open(&self.store, &self.path, &self.cache).await?;
            let rows: Vec<RecordBatch> = reader.read(request.clone()).try_collect().await?;
            // Through blocks: the first time some may be read, the second time they are there.
            for _ in 0..2 {
                let cached: Vec<RecordBatch> =
                    reader.read_cached(request.clone()).await?.try_collect().await?;
                assert!(cached.iter().all(|b| b.num_rows() <= request.batch_rows));
                assert_eq!(joined(&cached), joined(&rows));
            }
            Ok(rows)
        })
    }

    fn bytes(&self) -> Vec<u8> {
        block_on(async { self.store.get(&self.path).await.unwrap().bytes().await.unwrap().to_vec() })
    }

    fn reader(&self) -> SstReader {
        block_on(SstReader::open(&self.store, &self.path, &self.cache)).unwrap()
    }
}

fn all(columns: Vec<(ColumnId, ColumnType)>) -> ReadRequest {
    ReadRequest { columns, series: None, time: TimeRange::ALL, with_control: false, batch_rows: 1000 }
}

fn joined(batches: &[RecordBatch]) -> Option<RecordBatch> {
    (!batches.is_empty()).then(|| one(batches))
}

fn one(batches: &[RecordBatch]) -> RecordBatch {
    arrow::compute::concat_batches(batches[0].schema_ref(), batches).unwrap()
}

/// A value of every type: NULL, extremes, special floats, empty texts.
fn every_type() -> Vec<(ColumnType, ArrayRef)> {
    let decimal = |precision: u8, scale: i8| {
        let top = 10i128.pow(u32::from(precision)) - 1;
        let values = Decimal128Array::from(vec![None, Some(top), Some(-top), Some(0)]);
        let ty = ColumnType::Decimal { precision, scale };
        (ty, Arc::new(values.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef)
    };
    let text = || Arc::new(StringArray::from(vec![None, Some(""), Some("ä\u{0}€"), Some("x")])) as ArrayRef;
    let octets = || {
        Arc::new(BinaryArray::from_opt_vec(vec![None, Some(b""), Some(&[0, 255, 254]), Some(b"x")]))
            as ArrayRef
    };
    let times = || Int64Array::from(vec![None, Some(i64::MAX), Some(i64::MIN), Some(0)]);
    let instant =
        |p| (ColumnType::Ts(p), arrow::compute::cast(&times(), &ColumnType::Ts(p).arrow()).unwrap());
    vec![
        (ColumnType::Bool, Arc::new(BooleanArray::from(vec![None, Some(true), Some(false), Some(true)]))),
        (ColumnType::I8, Arc::new(Int8Array::from(vec![None, Some(i8::MAX), Some(i8::MIN), Some(0)]))),
        (ColumnType::I16, Arc::new(Int16Array::from(vec![None, Some(i16::MAX), Some(i16::MIN), Some(0)]))),
        (ColumnType::I32, Arc::new(Int32Array::from(vec![None, Some(i32::MAX), Some(i32::MIN), Some(0)]))),
        (ColumnType::I64, Arc::new(times())),
        (ColumnType::U8, Arc::new(UInt8Array::from(vec![None, Some(u8::MAX), Some(0), Some(1)]))),
        (ColumnType::U16, Arc::new(UInt16Array::from(vec![None, Some(u16::MAX), Some(0), Some(1)]))),
        (ColumnType::U32, Arc::new(UInt32Array::from(vec![None, Some(u32::MAX), Some(0), Some(1)]))),
        (ColumnType::U64, Arc::new(UInt64Array::from(vec![None, Some(u64::MAX), Some(0), Some(1)]))),
        (
            ColumnType::F32,
            Arc::new(Float32Array::from(vec![None, Some(f32::NAN), Some(-0.0), Some(f32::INFINITY)])),
        ),
        (
            ColumnType::F64,
            Arc::new(Float64Array::from(vec![None, Some(f64::NAN), Some(-0.0), Some(f64::MIN_POSITIVE)])),
        ),
        decimal(5, 2),
        decimal(18, 3),
        decimal(38, 10),
        instant(Precision::Milli),
        instant(Precision::Micro),
        instant(Precision::Nano),
        (ColumnType::TEXT, text()),
        (ColumnType::Str { max: Some(9), unit: LengthUnit::Chars }, text()),
        (ColumnType::Bytes { max: None }, octets()),
        (ColumnType::Json, text()),
        (ColumnType::Geom(GeomEncoding::Wkt), text()),
        (ColumnType::Geom(GeomEncoding::Wkb), octets()),
        // A column without any value.
        (ColumnType::F64, new_null_array(&DataType::Float64, 4)),
    ]
}

/// Bit-exact comparison: floats as bits, so that NaN equals itself and -0 differs from 0.
fn same(a: &ArrayRef, b: &ArrayRef) -> bool {
    let bits = |array: &ArrayRef| match array.data_type() {
        DataType::Float32 => format!(
            "{:?}",
            array
                .as_primitive::<arrow::datatypes::Float32Type>()
                .iter()
                .map(|v| v.map(f32::to_bits))
                .collect::<Vec<_>>()
        ),
        DataType::Float64 => format!(
            "{:?}",
            array
                .as_primitive::<arrow::datatypes::Float64Type>()
                .iter()
                .map(|v| v.map(f64::to_bits))
                .collect::<Vec<_>>()
        ),
        DataType::Utf8View | DataType::BinaryView => {
            let plain =
                if *array.data_type() == DataType::Utf8View { DataType::Utf8 } else { DataType::Binary };
            format!("{:?}", arrow::compute::cast(array, &plain).unwrap())
        }
        _ => format!("{array:?}"),
    };
    bits(a) == bits(b)
}

#[test]
fn every_type_comes_back() {
    let files = Files::new();
    let types = every_type();
    let names: Vec<String> = (0..types.len()).map(|i| format!("c{i}")).collect();
    let columns = names.iter().map(String::as_str).zip(types.iter().map(|(_, a)| Arc::clone(a))).collect();
    let rows = batch(vec![0, 0, 5, u32::MAX], vec![i64::MIN, 0, 1, i64::MAX], columns);
    let meta = files.write(std::slice::from_ref(&rows), options()).unwrap().unwrap();
    assert_eq!(meta.time, TimeRange::ALL);
    let wanted = types.iter().enumerate().map(|(i, (ty, _))| (ColumnId(i as u32), *ty)).collect();
    let read = one(&files.read(all(wanted)).unwrap());
    for (at, (ty, array)) in types.iter().enumerate() {
        assert!(same(read.column(at + 2), array), "{ty:?}: {:?}", read.column(at + 2));
    }
    assert_eq!(read.column(0).as_ref(), rows.column(0).as_ref());
    assert_eq!(read.column(1).as_ref(), rows.column(1).as_ref());
    let text = read.schema().field(19).data_type().clone();
    assert_eq!(text, DataType::Utf8View);
}

#[test]
fn the_manifest_learns_what_is_in_the_file() {
    let files = Files::new();
    let rows = batch(vec![3, 3, 9], vec![5, 7, -1], vec![("c1", Arc::new(Int64Array::from(vec![1, 2, 3])))]);
    let meta =
        files.write(&[rows.slice(0, 1), rows.slice(1, 0), rows.slice(1, 2)], options()).unwrap().unwrap();
    assert_eq!(meta.bytes, files.bytes().len() as u64);
    let expected = FileMeta {
        file_id: 42,
        table: TableId(7),
        rows: 3,
        bytes: meta.bytes,
        sid_min: 3,
        sid_max: 9,
        time: TimeRange { start: -1, end: 7 },
        seq_min: 10,
        seq_max: 20,
        has_ops: false,
        has_duplicate_keys: false,
        level: 1,
        bucket_start: -5,
    };
    assert_eq!(meta, expected);
    assert_eq!(FileMeta::from(FileMetaV1::from(meta.clone())), meta);
    let json = serde_json::to_string(&FileMetaV1 { bytes: 99, ..meta.into() }).unwrap();
    let golden = r#"{"file_id":42,"table":7,"rows":3,"bytes":99,"sid_min":3,"sid_max":9,"time_start":-1,"time_end":7,"seq_min":10,"seq_max":20,"has_ops":false,"has_duplicate_keys":false,"level":1,"bucket_start":-5}"#;
    assert_eq!(json, golden);
}

#[test]
fn operations_and_equal_keys_are_noted() {
    let ints = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let ops = |code: RowOp| Arc::new(UInt8Array::from(vec![0, code.code()])) as ArrayRef;
    let no_sets = || Arc::new(BinaryArray::new_null(2)) as ArrayRef;
    let flags = |rows: RecordBatch, ck: Option<ColumnId>| {
        let options = SstWriteOptions::new(table(ck));
        let meta = Files::new().write(&[rows.slice(0, 1), rows.slice(1, 1)], options).unwrap().unwrap();
        (meta.has_ops, meta.has_duplicate_keys)
    };
    let twice = batch(vec![1, 1], vec![5, 5], vec![("c1", ints())]);
    assert_eq!(flags(twice.clone(), None), (false, true));
    assert_eq!(flags(twice, Some(ColumnId(1))), (false, false));
    let plain = vec![(OP, ops(RowOp::Merge)), (SET, no_sets()), ("c1", ints())];
    assert_eq!(flags(batch(vec![1, 1], vec![5, 6], plain), None), (false, false));
    let delete = vec![(OP, ops(RowOp::Delete)), (SET, no_sets()), ("c1", ints())];
    assert_eq!(flags(batch(vec![1, 1], vec![5, 6], delete), None), (true, false));
    let explicit = Arc::new(BinaryArray::from_opt_vec(vec![None, Some(&[2])]));
    let null = vec![(OP, ops(RowOp::Merge)), (SET, explicit as ArrayRef), ("c1", ints())];
    assert_eq!(flags(batch(vec![1, 1], vec![5, 6], null), None), (true, false));
}

#[test]
fn no_rows_make_no_file() {
    let files = Files::new();
    assert_eq!(files.write(&[batch(vec![], vec![], vec![])], options()).unwrap(), None);
    let error = files.read(all(vec![])).unwrap_err();
    assert!(matches!(error, SstError::Store { .. }), "{error}");
}

#[test]
fn rows_that_go_backwards_are_refused() {
    for (sids, times) in [(vec![2, 1], vec![0, 1]), (vec![1, 1], vec![1, 0])] {
        let rows = batch(sids, times, vec![]);
        for batches in [vec![rows.clone()], vec![rows.slice(0, 1), rows.slice(1, 1)]] {
            let refused = Files::new().write(&batches, options());
            assert!(matches!(refused, Err(SstError::Unsorted { row: 1, .. })), "{refused:?}");
        }
    }
}

#[test]
fn the_footer_names_format_table_and_sequence_numbers() {
    let files = Files::new();
    files.write(&[batch(vec![1, 1, 300], vec![1, 2, 1], vec![])], options()).unwrap();
    let file = SerializedFileReader::new(bytes::Bytes::from(files.bytes())).unwrap();
    let pairs = file.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| pairs.iter().find(|p| p.key == key).and_then(|p| p.value.clone()).unwrap();
    assert_eq!(value("triglot.format"), "1");
    assert_eq!(value("triglot.table"), "7");
    assert_eq!(value("triglot.schema_version"), "3");
    assert_eq!(value("triglot.seq_min"), "10");
    assert_eq!(value("triglot.seq_max"), "20");
    assert_eq!(value("triglot.rows"), "plain");
    // Sid 1 (2 behind -1) has two rows, sid 300 (299 = 0xab 0x02 behind) has one.
    assert_eq!(value("triglot.runs"), "AgKrAgE=");
    assert_eq!(value("triglot.pages").len(), 12); // two pages
    assert!(value("triglot.tail").starts_with("triglot-tail:0000"));
    let sorting = file.metadata().row_group(0).sorting_columns().unwrap();
    assert_eq!(
        sorting.iter().map(|s| (s.column_idx, s.descending)).collect::<Vec<_>>(),
        [(0, false), (1, false)]
    );
}

#[test]
fn another_format_is_refused_by_name() {
    let files = Files::new();
    files.write(&[batch(vec![1], vec![1], vec![])], options()).unwrap();
    let mut bytes = files.bytes();
    let at = bytes.windows(14).position(|w| w == b"triglot.format").unwrap();
    // The value follows as field header, length 1, character.
    let digit = at + 14 + bytes[at + 14..].iter().position(|b| *b == b'1').unwrap();
    bytes[digit] = b'2';
    let tail = checksum::tail_start(&bytes).unwrap() as usize;
    assert!(checksum::seal_tail(&mut bytes[tail..]));
    block_on(files.store.put(&files.path, PutPayload::from(bytes))).unwrap();
    let error = files.read(all(vec![])).unwrap_err();
    assert!(matches!(&error, SstError::Format { found, .. } if found == "2"), "{error}");
}

#[test]
fn old_narrow_columns_are_cast_up_and_missing_ones_are_null() {
    let files = Files::new();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("c1", Arc::new(Int32Array::from(vec![Some(7), None]))),
        ("c2", Arc::new(TimestampMillisecondArray::from(vec![5, -5]))),
    ];
    files.write(&[batch(vec![1, 2], vec![1, 1], columns)], options()).unwrap();
    let wanted = vec![
        (ColumnId(9), ColumnType::TEXT),
        (ColumnId(2), ColumnType::Ts(Precision::Nano)),
        (ColumnId(1), ColumnType::F64),
    ];
    let read = one(&files.read(all(wanted)).unwrap());
    assert_eq!(read.column(2).null_count(), 2);
    let nanos = TimestampNanosecondArray::from(vec![5_000_000, -5_000_000]);
    assert_eq!(read.column(3).as_ref(), &nanos as &dyn Array);
    assert_eq!(read.column(4).as_ref(), &Float64Array::from(vec![Some(7.0), None]) as &dyn Array);
    let narrower = files.read(all(vec![(ColumnId(1), ColumnType::I8)])).unwrap_err();
    assert!(matches!(&narrower, SstError::Type { column, .. } if column == "c1"), "{narrower}");
}

#[test]
fn control_columns_are_read_or_made_up() {
    let files = Files::new();
    files.write(&[batch(vec![1], vec![1], vec![])], options()).unwrap();
    let with_control = ReadRequest { with_control: true, ..all(vec![]) };
    let read = one(&files.read(with_control.clone()).unwrap());
    assert_eq!(read.column_by_name(OP).unwrap().as_ref(), &UInt8Array::from(vec![0]) as &dyn Array);
    assert_eq!(read.column_by_name(SET).unwrap().null_count(), 1);
    let files = Files::new();
    let sets = BinaryArray::from_opt_vec(vec![None, Some(&[2])]);
    let columns: Vec<(&str, ArrayRef)> =
        vec![(OP, Arc::new(UInt8Array::from(vec![2, 0]))), (SET, Arc::new(sets.clone()))];
    files.write(&[batch(vec![1, 1], vec![1, 2], columns)], options()).unwrap();
    let read = one(&files.read(with_control).unwrap());
    assert_eq!(read.column_by_name(OP).unwrap().as_ref(), &UInt8Array::from(vec![2, 0]) as &dyn Array);
    assert_eq!(read.column_by_name(SET).unwrap().as_ref(), &sets as &dyn Array);
    assert!(files.read(all(vec![])).unwrap()[0].column_by_name(OP).is_none());
}

#[test]
fn rows_are_counted_from_the_footer_only_when_that_is_exact() {
    let files = Files::new();
    files.write(&[batch(vec![1, 1, 2], vec![10, 20, 10], vec![])], options()).unwrap();
    let reader = files.reader();
    let only = RoaringBitmap::from_iter([1u32, 9]);
    assert_eq!(reader.count_rows(None, TimeRange::ALL), Some(3));
    assert_eq!(reader.count_rows(Some(&only), TimeRange { start: 10, end: 20 }), Some(2));
    assert_eq!(reader.count_rows(None, TimeRange { start: 11, end: 20 }), None);
    assert_eq!(reader.count_rows(None, TimeRange { start: 21, end: 30 }), Some(0));
    let twice = Files::new();
    twice.write(&[batch(vec![1, 1], vec![10, 10], vec![])], options()).unwrap();
    assert_eq!(twice.reader().count_rows(None, TimeRange::ALL), None);
}

#[test]
fn statistics_bound_a_column() {
    let files = Files::new();
    let ints = Arc::new(Int64Array::from(vec![Some(5), None, Some(-3)])) as ArrayRef;
    files.write(&[batch(vec![1, 1, 2], vec![1, 2, 1], vec![("c1", ints)])], options()).unwrap();
    let found = files.reader().statistics(ColumnId(1)).unwrap().unwrap();
    assert_eq!(found.min.as_primitive::<Int64Type>().value(0), -3);
    assert_eq!(found.max.as_primitive::<Int64Type>().value(0), 5);
    assert_eq!(found.nulls.value(0), 1);
    assert!(files.reader().statistics(ColumnId(2)).unwrap().is_none());
}

#[test]
fn the_cache_stays_below_its_limit_and_forgets_the_oldest() {
    let files = Files::new();
    files.write(&[batch(vec![1], vec![1], vec![])], options()).unwrap();
    files.reader();
    let one = files.cache.bytes();
    assert!(one > 0);
    // Half of it is for footers.
    let cache = MetaCache::new(2 * (one * 2 + one / 2));
    let paths: Vec<Path> = (0..3).map(|i| Path::from(format!("f/{i}"))).collect();
    for path in &paths {
        block_on(async {
            files.store.put(path, PutPayload::from(files.bytes_async().await)).await.unwrap();
            SstReader::open(&files.store, path, &cache).await.unwrap();
            // The first stays in use.
            SstReader::open(&files.store, &paths[0], &cache).await.unwrap();
        });
    }
    assert_eq!(cache.bytes(), one * 2);
    let kept: Vec<bool> = paths.iter().map(|p| cache.get(p).is_some()).collect();
    assert_eq!(kept, [true, false, true]);
    cache.remove(&paths[0]);
    assert_eq!(cache.bytes(), one);
}

impl Files {
    async fn bytes_async(&self) -> Vec<u8> {
        self.store.get(&self.path).await.unwrap().bytes().await.unwrap().to_vec()
    }
}

/// A small file with several row groups, pages, encodings and a dictionary.
fn damageable() -> (Files, Vec<(ColumnId, ColumnType)>) {
    let files = Files::new();
    let n = 60usize;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("c1", Arc::new(Int64Array::from_iter((0..n).map(|i| (i % 7 > 0).then_some(i as i64 * 31))))),
        ("c2", Arc::new(Float64Array::from_iter_values((0..n).map(|i| i as f64 / 3.0)))),
        ("c3", Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("text {}", i % 5))))),
        ("c4", Arc::new(BooleanArray::from_iter((0..n).map(|i| Some(i % 3 == 0))))),
    ];
    let sids = (0..n).map(|i| i as u32 / 10).collect();
    let times = (0..n).map(|i| i as i64 % 10).collect();
    let options = SstWriteOptions { row_group_rows: 25, page_rows: 8, ..options() };
    files.write(&[batch(sids, times, columns)], options).unwrap();
    let wanted = vec![
        (ColumnId(1), ColumnType::I64),
        (ColumnId(2), ColumnType::F64),
        (ColumnId(3), ColumnType::TEXT),
        (ColumnId(4), ColumnType::Bool),
    ];
    (files, wanted)
}

#[test]
fn a_changed_byte_never_passes_and_never_panics() {
    let (files, wanted) = damageable();
    let good = files.bytes();
    let expected = one(&files.read(all(wanted.clone())).unwrap());
    let mut passed = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let damaged = Files { store: Arc::new(InMemory::new()), ..Files::new() };
        block_on(damaged.store.put(&damaged.path, PutPayload::from(bad))).unwrap();
        match damaged.read(all(wanted.clone())) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
                assert!(error.to_string().contains("a/1.parquet"), "{error}");
            }
            // Bytes that a read of these columns does not need: the magic number at the start and
            // the pages of `__sid`.
            Ok(batches) => {
                passed += 1;
                assert_eq!(one(&batches), expected, "byte {at}");
            }
        }
    }
    assert!(passed < good.len() / 5, "{passed} of {} bytes are not checked", good.len());
    for length in 0..good.len() {
        let cut = Files { store: Arc::new(InMemory::new()), ..Files::new() };
        block_on(cut.store.put(&cut.path, PutPayload::from(good[..length].to_vec()))).unwrap();
        assert_eq!(cut.read(all(wanted.clone())).unwrap_err().kind(), ErrorKind::Corrupt, "length {length}");
    }
}

#[test]
fn a_damaged_page_is_named() {
    let (files, wanted) = damageable();
    let file = SerializedFileReader::new(bytes::Bytes::from(files.bytes())).unwrap();
    let offset = file.metadata().row_group(1).column(3).data_page_offset() as usize;
    let mut bad = files.bytes();
    bad[offset + 30] ^= 0x10;
    block_on(files.store.put(&files.path, PutPayload::from(bad))).unwrap();
    let error = files.read(all(wanted)).unwrap_err().to_string();
    assert!(error.contains(&format!("offset {offset} (column c2, row group 1)")), "{error}");
}

#[test]
fn large_files_are_uploaded_in_parts() {
    let files = Files::new();
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64
    };
    let values: Vec<f64> = (0..4_000_000).map(|_| random()).collect();
    let sums: f64 = values.iter().sum();
    let batches: Vec<RecordBatch> = values
        .chunks(500_000)
        .enumerate()
        .map(|(i, v)| {
            let times = (0..v.len()).map(|t| (i * 500_000 + t) as i64).collect();
            batch(vec![0; v.len()], times, vec![("c1", Arc::new(Float64Array::from(v.to_vec())))])
        })
        .collect();
    let meta = files.write(&batches, options()).unwrap().unwrap();
    assert!(meta.bytes > 20_000_000, "{meta:?}");
    assert_eq!(meta.bytes, files.bytes().len() as u64);
    let read = files.read(all(vec![(ColumnId(1), ColumnType::F64)])).unwrap();
    let sum: f64 = read
        .iter()
        .flat_map(|b| b.column(2).as_primitive::<arrow::datatypes::Float64Type>().values().iter())
        .sum();
    assert_eq!(sum, sums);
}

#[derive(Clone, Debug)]
struct Case {
    rows: BTreeMap<(u32, i64), (Option<i64>, Option<String>)>,
    group: usize,
    page: usize,
    cut: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let value = (proptest::option::of(any::<i64>()), proptest::option::of("[a-z]{0,6}"));
    let rows = proptest::collection::btree_map((0..12u32, -40..40i64), value, 1..300);
    (rows, 1..120usize, 1..20usize, 1..100usize).prop_map(|(rows, group, page, cut)| Case {
        rows,
        group,
        page,
        cut,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_selection_is_exactly_the_rows_asked_for(
        case in case(),
        requests in proptest::collection::vec(
            (proptest::option::of(proptest::collection::vec(0..14u32, 0..6)), -50..50i64, 0..60i64, any::<[bool; 2]>(), 1..80usize),
            1..8,
        ),
    ) {
        let files = Files::new();
        let keys: Vec<_> = case.rows.keys().copied().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("c4", Arc::new(Int64Array::from_iter(case.rows.values().map(|v| v.0)))),
            ("c8", Arc::new(StringArray::from_iter(case.rows.values().map(|v| v.1.as_deref())))),
        ];
        let rows = batch(keys.iter().map(|k| k.0).collect(), keys.iter().map(|k| k.1).collect(), columns);
        let batches: Vec<_> = (0..rows.num_rows()).step_by(case.cut)
            .map(|at| rows.slice(at, case.cut.min(rows.num_rows() - at))).collect();
        let options = SstWriteOptions { row_group_rows: case.group, page_rows: case.page, ..options() };
        files.write(&batches, options).unwrap();
        for (series, start, length, [with_int, with_text], batch_rows) in requests {
            let time = TimeRange { start, end: start + length };
            let mut columns = Vec::new();
            if with_text { columns.push((ColumnId(8), ColumnType::TEXT)); }
            if with_int { columns.push((ColumnId(4), ColumnType::I64)); }
            let bitmap = series.clone().map(RoaringBitmap::from_iter);
            let request = ReadRequest { columns, series: bitmap, time, with_control: false, batch_rows };
            let read = files.read(request).unwrap();
            prop_assert!(read.iter().all(|b| 0 < b.num_rows() && b.num_rows() <= batch_rows));
            let found: Vec<_> = read.iter().flat_map(|b| {
                let sids = b.column_by_name(SID).unwrap().as_primitive::<UInt32Type>();
                let times = b.column_by_name(TIME).unwrap().as_primitive::<Int64Type>();
                let ints = b.column_by_name(&column_name(ColumnId(4))).map(|a| a.as_primitive::<Int64Type>().clone());
                let texts = b.column_by_name(&column_name(ColumnId(8))).map(|a| a.as_string_view().clone());
                (0..b.num_rows()).map(|i| (
                    (sids.value(i), times.value(i)),
                    ints.as_ref().and_then(|a| a.is_valid(i).then(|| a.value(i))),
                    texts.as_ref().and_then(|a| a.is_valid(i).then(|| a.value(i).to_owned())),
                )).collect::<Vec<_>>()
            }).collect();
            let expected: Vec<_> = case.rows.iter()
                .filter(|((sid, t), _)| series.as_ref().is_none_or(|s| s.contains(sid)) && start <= *t && *t <= time.end)
                .map(|(key, (int, text))| (*key, int.filter(|_| with_int), text.clone().filter(|_| with_text)))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn run_indexes_come_back(counts in proptest::collection::btree_map(any::<u32>(), 1..1000usize, 0..50)) {
        let mut index = RunIndex::default();
        for (sid, count) in &counts {
            prop_assert!(index.push(&vec![*sid; *count]));
        }
        prop_assert_eq!(index.rows(), counts.values().sum::<usize>() as u64);
        prop_assert_eq!(RunIndex::decode(&index.encode()), Some(index));
    }

    #[test]
    fn any_bytes_are_a_run_index_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Some(index) = RunIndex::decode(&bytes) {
            prop_assert!(index.sids().is_sorted());
        }
    }
}

/// Sizes and speeds; run by hand: `cargo test -p triglot-storage --lib sst::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let (hosts, steps, fields) = (4000usize, 720usize, 10u32);
    let mut state = 7u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // TSBS: every field of a host is a random walk of steps N(0, 1) within 0..100, stored as integer.
    let mut batches = Vec::new();
    for host in 0..hosts {
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for field in 0..fields {
            let mut level = (random() % 101) as f64;
            let values: Vec<i64> = (0..steps)
                .map(|_| {
                    let normal: f64 = (0..12).map(|_| (random() % 1000) as f64 / 1000.0).sum::<f64>() - 6.0;
                    level = (level + normal).clamp(0.0, 100.0);
                    level as i64
                })
                .collect();
            columns.push((format!("c{}", field + 1), Arc::new(Int64Array::from(values))));
        }
        let columns = columns.iter().map(|(n, a)| (n.as_str(), Arc::clone(a))).collect();
        let times = (0..steps).map(|t| t as i64 * 10_000_000_000).collect();
        batches.push(batch(vec![host as u32; steps], times, columns));
    }
    let rows = hosts * steps;
    let batches: Vec<RecordBatch> = batches.chunks(90).map(one).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let files = Files::new();
    for level in [1, 3, 1] {
        let start = std::time::Instant::now();
        let options = SstWriteOptions { zstd_level: level, ..options() };
        let input = stream::iter(batches.clone().into_iter().map(Ok::<_, SstError>));
        let meta = runtime.block_on(write(&files.store, &files.path, input, options)).unwrap().unwrap();
        println!(
            "write, zstd {level}: {:.2} B/row, {:.2} M rows/s",
            meta.bytes as f64 / rows as f64,
            rows as f64 / start.elapsed().as_secs_f64() / 1e6
        );
    }
    let columns: Vec<_> = (1..=fields).map(|i| (ColumnId(i), ColumnType::I64)).collect();
    let timed = |what: &str, n: u32, request: &dyn Fn(u32) -> ReadRequest| {
        runtime.block_on(async {
            let mut best = f64::MAX;
            let mut sum = 0.0;
            let mut rows = 0;
            for i in 0..n {
                let request = request(i);
                let start = std::time::Instant::now();
                let reader = SstReader::open(&files.store, &files.path, &files.cache).await.unwrap();
                let mut stream = reader.read(request);
                rows = 0;
                while let Some(batch) = stream.next().await {
                    rows += batch.unwrap().num_rows();
                }
                let took = start.elapsed().as_secs_f64();
                best = best.min(took);
                sum += took;
            }
            println!(
                "{what}: {rows} rows, mean {:.0} us, best {:.0} us",
                sum / f64::from(n) * 1e6,
                best * 1e6
            );
        });
    };
    println!("tail: {} bytes, cached footer: {} bytes", files.reader().tail_bytes(), files.cache.bytes());
    let hour =
        |start: i64| TimeRange { start: start * 1_000_000_000, end: (start + 3600) * 1_000_000_000 - 1 };
    timed("all columns", 5, &|_| ReadRequest { batch_rows: 8192, ..all(columns.clone()) });
    timed("one column", 5, &|_| ReadRequest {
        batch_rows: 8192,
        ..all(vec![(ColumnId(3), ColumnType::I64)])
    });
    let narrow = |i: u32, width: usize| ReadRequest {
        series: Some(RoaringBitmap::from_iter([(i * 37) % 4000])),
        time: hour(1800),
        columns: columns.iter().take(width).copied().collect(),
        batch_rows: 8192,
        with_control: false,
    };
    timed("1 series, 1 hour, 1 column", 500, &|i| narrow(i, 1));
    timed("1 series, 1 hour, 10 columns", 500, &|i| narrow(i, 10));
    timed("8 series, 1 hour, 1 column", 500, &|i| ReadRequest {
        series: Some((0..8).map(|s| (i * 37 + s * 500) % 4000).collect()),
        ..narrow(i, 1)
    });
}

/// Blocks neither begin nor end with row groups here, and the series' rows cross both.
#[test]
fn rows_across_blocks_and_row_groups() {
    let files = Files::new();
    let rows = 40_000;
    let sids: Vec<u32> = (0..rows).map(|i| i / 7_000).collect();
    let times: Vec<i64> = (0..i64::from(rows)).map(|i| i % 7_000).collect();
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..i64::from(rows)).map(|i| i * 3)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(
        (0..rows).map(|i| (i % 3 != 0).then(|| format!("a text that is too long to be inlined {i}"))),
    ));
    let columns = vec![(ColumnId(1), ColumnType::I64), (ColumnId(2), ColumnType::TEXT)];
    let input = batch(sids, times, vec![("c1", values), ("c2", texts)]);
    let options = SstWriteOptions { row_group_rows: 10_000, page_rows: 3_000, ..options() };
    files.write(&[input], options).unwrap();
    let selections = [vec![], vec![0], vec![1, 4], vec![2, 3], (0..6).collect::<Vec<u32>>()];
    for series in selections {
        for time in
            [TimeRange::ALL, TimeRange { start: 6_900, end: 9_000 }, TimeRange { start: 100, end: 150 }]
        {
            for batch_rows in [1_000, 8_192, 100_000] {
                let wanted = series.iter().copied().collect::<RoaringBitmap>();
                let request = ReadRequest { series: Some(wanted), time, batch_rows, ..all(columns.clone()) };
                let found: usize = files.read(request).unwrap().iter().map(RecordBatch::num_rows).sum();
                let per_series = |sid: u32| {
                    let count = if sid == 5 { 5_000 } else { 7_000 };
                    (0..count).filter(|t| time.contains(*t)).count()
                };
                assert_eq!(found, series.iter().copied().map(per_series).sum::<usize>());
            }
        }
    }
}

/// What is in memory is not read again.
#[test]
fn blocks_are_kept() {
    let files = Files::new();
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    files.write(&[batch(vec![1; 100], (0..100).collect(), vec![("c1", values)])], options()).unwrap();
    let request = all(vec![(ColumnId(1), ColumnType::I64)]);
    let reader = files.reader();
    let read = |request: ReadRequest| -> Result<Vec<RecordBatch>, SstError> {
        block_on(async { reader.read_cached(request).await?.try_collect().await })
    };
    let first = read(request.clone()).unwrap();
    block_on(files.store.delete(&files.path)).unwrap();
    assert_eq!(read(request.clone()).unwrap(), first);
    assert!(files.read(request).is_err());
}
