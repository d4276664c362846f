//! Properties of sorting, folding and merging against the plain model of `merge`'s module
//! documentation: a `BTreeMap` of rows that operations are applied to one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray, UInt8Array,
    UInt32Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt8Type, UInt32Type};
use futures::StreamExt;
use proptest::prelude::*;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, RowOp};

use super::*;
use crate::TimeRange;
use crate::physical::{OP, SET, SID, TIME};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// One written row: key, operation, `c3` (integer), `c9` (text), explicit NULLs.
#[derive(Clone, Debug)]
struct Row {
    sid: u32,
    time: i64,
    /// `c5`, the composite key; only used by runs that have one.
    ck: i64,
    op: RowOp,
    int: Option<i64>,
    text: Option<String>,
    explicit: [bool; 2],
}

/// One input: its rows in arrival order, and which columns it has at all.
#[derive(Clone, Debug)]
struct Run {
    rows: Vec<Row>,
    has_text: bool,
    has_control: bool,
    /// Rows of its batches, cycled.
    cuts: Vec<usize>,
}

type Key = (u32, i64, i64);
type Values = (Option<i64>, Option<String>);

/// The model: applies rows, oldest first.
fn reference<'a>(rows: impl IntoIterator<Item = &'a Row>, with_ck: bool) -> BTreeMap<Key, Values> {
    let mut table: BTreeMap<Key, Values> = BTreeMap::new();
    for row in rows {
        let key = (row.sid, row.time, if with_ck { row.ck } else { 0 });
        let itself = (row.int, row.text.clone());
        match row.op {
            RowOp::Replace => drop(table.insert(key, itself)),
            RowOp::Delete => drop(table.remove(&key)),
            RowOp::InsertIfAbsent => drop(table.entry(key).or_insert(itself)),
            RowOp::Merge => match table.get_mut(&key) {
                None => drop(table.insert(key, itself)),
                Some(old) => {
                    if row.int.is_some() || row.explicit[0] {
                        old.0 = row.int;
                    }
                    if row.text.is_some() || row.explicit[1] {
                        old.1 = row.text.clone();
                    }
                }
            },
        }
    }
    table
}

fn batch(rows: &[Row], run: &Run, with_ck: bool) -> RecordBatch {
    let mut fields = vec![Field::new(SID, DataType::UInt32, false), Field::new(TIME, DataType::Int64, false)];
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.sid))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.time))),
    ];
    if run.has_control {
        fields.push(Field::new(OP, DataType::UInt8, false));
        arrays.push(Arc::new(UInt8Array::from_iter_values(rows.iter().map(|r| r.op.code()))));
        fields.push(Field::new(SET, DataType::Binary, true));
        let sets: BinaryArray = rows
            .iter()
            .map(|r| {
                // Column 3 is bit 3 of byte 0, column 9 is bit 1 of byte 1.
                let bytes = [u8::from(r.explicit[0]) << 3, u8::from(r.explicit[1]) << 1];
                (bytes != [0, 0]).then_some(bytes)
            })
            .collect();
        arrays.push(Arc::new(sets));
    }
    fields.push(Field::new("c3", DataType::Int64, true));
    arrays.push(Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.int))));
    if with_ck {
        fields.push(Field::new("c5", DataType::Int64, true));
        arrays.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.ck))));
    }
    if run.has_text {
        fields.push(Field::new("c9", DataType::Utf8, true));
        arrays.push(Arc::new(StringArray::from_iter(rows.iter().map(|r| r.text.as_deref()))));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn layout(with_ck: bool) -> Layout {
    let mut columns = vec![(ColumnId(3), DataType::Int64), (ColumnId(9), DataType::Utf8)];
    if with_ck {
        columns.push((ColumnId(5), DataType::Int64));
    }
    Layout::new(columns, with_ck.then_some(ColumnId(5))).unwrap()
}

/// Reads rows back from batches, in order.
fn rows_of(batches: &[RecordBatch]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let sids = batch.column_by_name(SID).unwrap().as_primitive::<UInt32Type>();
        let times = batch.column_by_name(TIME).unwrap().as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let int = |name: &str| {
                let array = batch.column_by_name(name)?.as_primitive::<Int64Type>();
                array.is_valid(row).then(|| array.value(row))
            };
            let text = batch.column_by_name("c9").and_then(|array| {
                let array = array.as_string::<i32>();
                array.is_valid(row).then(|| array.value(row).to_owned())
            });
            let op = batch.column_by_name(OP).map_or(0, |array| array.as_primitive::<UInt8Type>().value(row));
            let set = batch.column_by_name(SET).and_then(|array| {
                let array = array.as_binary::<i32>();
                array.is_valid(row).then(|| array.value(row).to_vec())
            });
            let explicit = set.map_or([false; 2], |s| [set_bit(&s, 3), set_bit(&s, 9)]);
            rows.push(Row {
                sid: sids.value(row),
                time: times.value(row),
                ck: int("c5").unwrap_or(0),
                op: RowOp::from_code(op).unwrap(),
                int: int("c3"),
                text,
                explicit,
            });
        }
    }
    rows
}

/// Final rows as the model's table; fails if a key comes twice or out of order.
fn table_of(batches: &[RecordBatch]) -> BTreeMap<Key, Values> {
    let mut last = None;
    let mut table = BTreeMap::new();
    for row in rows_of(batches) {
        let key = (row.sid, row.time, row.ck);
        assert!(last < Some(key), "{key:?} is not above {last:?}");
        last = Some(key);
        table.insert(key, (row.int, row.text));
    }
    for batch in batches {
        assert!(batch.column_by_name(OP).is_none() && batch.column_by_name(SET).is_none());
    }
    table
}

/// The run as a stored file would have it: sorted by `sort_part`, cut into batches.
fn sorted_batches(run: &Run, with_ck: bool) -> Vec<RecordBatch> {
    let ck = with_ck.then_some(ColumnId(5));
    let sorted = sort_part(&batch(&run.rows, run, with_ck), ck).unwrap();
    let mut batches = Vec::new();
    let mut at = 0;
    for cut in run.cuts.iter().cycle() {
        if at >= sorted.num_rows() {
            break;
        }
        let rows = (*cut).min(sorted.num_rows() - at);
        batches.push(sorted.slice(at, rows));
        at += rows;
    }
    batches
}

fn merge(inputs: &[Vec<RecordBatch>], with_ck: bool, mode: FoldMode, batch_rows: usize) -> Vec<RecordBatch> {
    let inputs = inputs
        .iter()
        .map(|batches| futures::stream::iter(batches.clone().into_iter().map(Ok::<_, MergeError>)).boxed())
        .collect();
    let options = MergeOptions { layout: layout(with_ck), mode, control: true, batch_rows };
    block_on(MergeStream::new(inputs, options).map(Result::unwrap).collect())
}

fn op() -> impl Strategy<Value = RowOp> {
    prop_oneof![
        4 => Just(RowOp::Merge),
        1 => Just(RowOp::Replace),
        1 => Just(RowOp::Delete),
        2 => Just(RowOp::InsertIfAbsent),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let text = proptest::option::of("[a-c]{0,2}");
    (0..4u32, -3..3i64, 0..2i64, op(), proptest::option::of(0..100i64), text, any::<[bool; 2]>())
        .prop_map(|(sid, time, ck, op, int, text, explicit)| Row { sid, time, ck, op, int, text, explicit })
}

fn run() -> impl Strategy<Value = Run> {
    let cuts = proptest::collection::vec(0..6usize, 1..4).prop_map(|mut cuts| {
        cuts.push(1); // a cycle of zeros alone would never end
        cuts
    });
    (proptest::collection::vec(row(), 0..40), any::<bool>(), any::<bool>(), cuts).prop_map(
        |(mut rows, has_text, has_control, cuts)| {
            for row in &mut rows {
                if !has_text {
                    row.text = None;
                }
                if !has_control {
                    row.op = RowOp::Merge;
                    row.explicit = [false; 2];
                }
            }
            Run { rows, has_text, has_control, cuts }
        },
    )
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    proptest::collection::vec(run(), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn sorting_is_stable(run in run(), with_ck: bool) {
        let key = |r: &Row| (r.sid, r.time, if with_ck { r.ck } else { 0 });
        let mut expected = run.rows.clone();
        expected.sort_by_key(key);
        let ck = with_ck.then_some(ColumnId(5));
        let sorted = sort_part(&batch(&run.rows, &run, with_ck), ck).unwrap();
        let ints = |rows: &[Row]| rows.iter().map(|r| (key(r), r.int, r.op)).collect::<Vec<_>>();
        prop_assert_eq!(ints(&rows_of(&[sorted])), ints(&expected));
    }

    #[test]
    fn sorting_parts_is_sorting_their_concatenation(runs in runs(), with_ck: bool, batch_rows in 1..50usize) {
        let parts: Vec<RecordBatch> = runs.iter().map(|r| batch(&r.rows, r, with_ck)).collect();
        let key = |r: &Row| (r.sid, r.time, if with_ck { r.ck } else { 0 });
        let mut expected: Vec<Row> = runs.iter().flat_map(|r| r.rows.clone()).collect();
        expected.sort_by_key(key);
        let sorted: Vec<RecordBatch> = sort_parts_in_batches(&parts, with_ck.then_some(ColumnId(5)), batch_rows)
            .unwrap().map(Result::unwrap).collect();
        prop_assert!(sorted.iter().all(|b| b.num_rows() <= batch_rows));
        let show = |rows: &[Row]| rows.iter()
            .map(|r| (key(r), r.int, r.text.clone(), r.op, r.explicit)).collect::<Vec<_>>();
        prop_assert_eq!(show(&rows_of(&sorted)), show(&expected));
    }

    #[test]
    fn a_final_fold_is_the_model(run in run(), with_ck: bool) {
        let ck = with_ck.then_some(ColumnId(5));
        let sorted = sort_part(&batch(&run.rows, &run, with_ck), ck).unwrap();
        let folded = fold(&sorted, ck, FoldMode::Final).unwrap();
        prop_assert_eq!(table_of(&[folded]), reference(&run.rows, with_ck));
    }

    #[test]
    fn a_partial_fold_acts_like_the_rows(run in run(), older in run(), with_ck: bool) {
        let ck = with_ck.then_some(ColumnId(5));
        let sorted = sort_part(&batch(&run.rows, &run, with_ck), ck).unwrap();
        let folded = rows_of(&[fold(&sorted, ck, FoldMode::Partial).unwrap()]);
        let key = |r: &Row| (r.sid, r.time, if with_ck { r.ck } else { 0 });
        // Two rows of a key at most, and only where one cannot say the same.
        for pair in folded.windows(2).filter(|w| key(&w[0]) == key(&w[1])) {
            prop_assert_eq!((pair[0].op, pair[1].op), (RowOp::InsertIfAbsent, RowOp::Merge));
        }
        let expected = reference(older.rows.iter().chain(&run.rows), with_ck);
        prop_assert_eq!(reference(older.rows.iter().chain(&folded), with_ck), expected);
    }

    #[test]
    fn a_final_merge_is_the_model(runs in runs(), with_ck: bool, batch_rows in 1..20usize) {
        let inputs: Vec<_> = runs.iter().map(|r| sorted_batches(r, with_ck)).collect();
        let merged = merge(&inputs, with_ck, FoldMode::Final, batch_rows);
        let expected = reference(runs.iter().flat_map(|r| &r.rows), with_ck);
        prop_assert_eq!(table_of(&merged), expected);
    }

    #[test]
    fn merges_of_partial_merges_are_merges(runs in runs(), split in 0..6usize, with_ck: bool, batch_rows in 1..20usize) {
        let inputs: Vec<_> = runs.iter().map(|r| sorted_batches(r, with_ck)).collect();
        let (old, new) = inputs.split_at(split.min(inputs.len()));
        let halves = [
            merge(old, with_ck, FoldMode::Partial, batch_rows),
            merge(new, with_ck, FoldMode::Partial, batch_rows),
        ];
        let twice = merge(&halves, with_ck, FoldMode::Final, batch_rows);
        let once = merge(&inputs, with_ck, FoldMode::Final, 64);
        prop_assert_eq!(table_of(&twice), table_of(&once));
    }

    #[test]
    fn concatenation_folds_each_input(run in run(), with_ck: bool) {
        // Inputs with disjoint series: one behind the other is the merge of all.
        let split = |low: u32| Run {
            rows: run.rows.iter().filter(|r| (r.sid < 2) == (low == 0)).cloned().collect(),
            ..run.clone()
        };
        let inputs: Vec<_> = [split(0), split(2)].iter()
            .map(|r| futures::stream::iter(sorted_batches(r, with_ck).into_iter().map(Ok::<_, MergeError>)).boxed())
            .collect();
        let options = MergeOptions { layout: layout(with_ck), mode: FoldMode::Final, control: false, batch_rows: 7 };
        let merged: Vec<_> = block_on(concat_folded(inputs, options).map(Result::unwrap).collect());
        prop_assert_eq!(table_of(&merged), reference(&run.rows, with_ck));
    }

    #[test]
    fn tombstones_drop_what_they_cover(
        run in run(),
        stones in proptest::collection::vec((-4..4i64, -4..4i64, proptest::option::of(proptest::collection::vec(0..5u32, 0..3))), 0..4),
    ) {
        let stones: Vec<Tombstone> = stones.into_iter().map(|(start, end, series)| Tombstone {
            seq: 1,
            time: TimeRange { start, end },
            series: series.map(RoaringBitmap::from_iter),
        }).collect();
        let left = apply_tombstones(&batch(&run.rows, &run, false), &stones).unwrap();
        let covered = |r: &Row| stones.iter().any(|s| {
            s.time.start <= r.time && r.time <= s.time.end && s.series.as_ref().is_none_or(|s| s.contains(r.sid))
        });
        let expected: Vec<_> = run.rows.iter().filter(|r| !covered(r)).map(|r| (r.sid, r.time, r.int)).collect();
        let left: Vec<_> = rows_of(&[left]).iter().map(|r| (r.sid, r.time, r.int)).collect();
        prop_assert_eq!(left, expected);
    }
}

fn plain(rows: &[(u32, i64, i64)]) -> RecordBatch {
    let rows: Vec<Row> = rows
        .iter()
        .map(|(sid, time, int)| Row {
            sid: *sid,
            time: *time,
            ck: 0,
            op: RowOp::Merge,
            int: Some(*int),
            text: None,
            explicit: [false; 2],
        })
        .collect();
    batch(&rows, &Run { rows: vec![], has_text: false, has_control: false, cuts: vec![] }, false)
}

#[test]
fn a_run_of_one_input_is_passed_on_without_copying() {
    let old = plain(&[(1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 4, 0)]);
    let new = plain(&[(2, 1, 0), (2, 2, 0), (2, 3, 0), (2, 4, 0)]);
    let merged = merge(&[vec![old.clone()], vec![new.clone()]], false, FoldMode::Final, 4);
    assert_eq!(merged.len(), 2);
    for (out, input) in merged.iter().zip([&old, &new]) {
        let values =
            |b: &RecordBatch| b.column_by_name("c3").unwrap().as_primitive::<Int64Type>().values().as_ptr();
        assert_eq!(values(out), values(input));
    }
}

#[test]
fn an_input_that_goes_backwards_is_refused() {
    for batches in [vec![plain(&[(1, 2, 0), (1, 1, 0)])], vec![plain(&[(1, 2, 0)]), plain(&[(1, 1, 0)])]] {
        let input = futures::stream::iter(batches.into_iter().map(Ok::<_, MergeError>)).boxed();
        let options =
            MergeOptions { layout: layout(false), mode: FoldMode::Final, control: false, batch_rows: 8 };
        let results: Vec<_> = block_on(MergeStream::new(vec![input], options).collect());
        assert!(matches!(results.last(), Some(Err(MergeError::Unsorted { input: 0, .. }))), "{results:?}");
    }
}

#[test]
fn an_unknown_operation_is_refused() {
    let good = plain(&[(1, 1, 0)]);
    let mut fields: Vec<Field> = good.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new(OP, DataType::UInt8, false));
    let mut arrays = good.columns().to_vec();
    arrays.push(Arc::new(UInt8Array::from(vec![7])));
    let bad = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let refused = fold(&bad, None, FoldMode::Final);
    assert!(matches!(refused, Err(MergeError::UnknownOp { row: 0, code: 7 })), "{refused:?}");
}

#[test]
fn the_widest_type_of_a_column_wins() {
    let narrow = |ty, array: ArrayRef| {
        let mut fields: Vec<Field> = crate::physical::key_fields().into();
        fields.push(Field::new("c3", ty, true));
        let keys: [ArrayRef; 2] =
            [Arc::new(UInt32Array::from(vec![0])), Arc::new(Int64Array::from(vec![array.len() as i64]))];
        let [sid, time] = keys;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![sid, time, array]).unwrap()
    };
    let parts = [
        narrow(DataType::Int32, Arc::new(arrow::array::Int32Array::from(vec![7]))),
        narrow(DataType::Int64, Arc::new(Int64Array::from(vec![1 << 40]))),
    ];
    let sorted = sort_parts(&parts, None).unwrap();
    let ints: Vec<_> = rows_of(&[sorted]).into_iter().map(|r| r.int).collect();
    assert_eq!(ints, [Some(7), Some(1 << 40)]);
    let truth = narrow(DataType::Boolean, Arc::new(BooleanArray::from(vec![true])));
    let mixed = sort_parts(&[parts[0].clone(), truth], None);
    assert!(matches!(mixed, Err(MergeError::Types { .. })));
}

/// Speed of the main paths; run by hand: `cargo test -p triglot-storage --lib merge::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let part = |times: std::ops::Range<i64>| {
        let rows = 4000 * (times.end - times.start) as usize;
        let mut fields: Vec<Field> = crate::physical::key_fields().into();
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values((0..rows).map(|i| (i % 4000) as u32))),
            Arc::new(Int64Array::from_iter_values((0..rows).map(|i| (times.start + (i / 4000) as i64) * 10))),
        ];
        for column in 0..10 {
            fields.push(Field::new(format!("c{column}"), DataType::Int64, true));
            arrays.push(Arc::new(Int64Array::from_iter_values((0..rows).map(|i| (i * 31 % 101) as i64))));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    };
    let one = part(0..250);
    let timed = |what: &str, work: &mut dyn FnMut() -> usize| {
        let start = std::time::Instant::now();
        let rows = work();
        println!("{what}: {:?} for {rows} rows", start.elapsed());
    };
    let many: Vec<RecordBatch> = (0..100).map(|i| one.slice(i * 10_000, 10_000)).collect();
    for _ in 0..3 {
        timed("sort_part", &mut || sort_part(&one, None).unwrap().num_rows());
        timed("sort_parts, 100 parts", &mut || {
            sort_parts_in_batches(&many, None, 65_536).unwrap().map(|b| b.unwrap().num_rows()).sum()
        });
    }
    let sorted = sort_part(&one, None).unwrap();
    timed("fold", &mut || fold(&sorted, None, FoldMode::Partial).unwrap().num_rows());
    let files = |step: i64| -> Vec<Vec<RecordBatch>> {
        (0..4)
            .map(|f| {
                let sorted = sort_part(&part(f * step..f * step + 100), None).unwrap();
                (0..sorted.num_rows())
                    .step_by(8192)
                    .map(|at| sorted.slice(at, 8192.min(sorted.num_rows() - at)))
                    .collect()
            })
            .collect()
    };
    for (what, step) in
        [("merge, disjoint times", 100), ("merge, half duplicates", 50), ("merge, all duplicates", 0)]
    {
        let inputs = files(step);
        let options = || MergeOptions {
            layout: Layout::union([&inputs[0][0]], None).unwrap(),
            mode: FoldMode::Final,
            control: false,
            batch_rows: 8192,
        };
        for _ in 0..2 {
            timed(what, &mut || {
                let streams = inputs
                    .iter()
                    .map(|b| futures::stream::iter(b.clone().into_iter().map(Ok::<_, MergeError>)).boxed())
                    .collect();
                block_on(
                    MergeStream::new(streams, options()).map(|b| b.unwrap().num_rows()).collect::<Vec<_>>(),
                );
                1_600_000
            });
        }
    }
}
