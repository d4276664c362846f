use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use triglot_model::{ColumnId, IdentityRule, Sid};

use super::super::SeriesIndex;
use super::super::tag::MAX_BITMAPS;
use super::{HOST, RACK, REGION, child, column, set, sids, strings, tags};

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|v| Some((*v).to_owned())).collect()
}

#[test]
fn tag_batch_has_sids_then_tags_in_the_order_asked() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    index.get_or_create(&tags(&[(HOST, "a host name beyond twelve bytes")])).unwrap();
    index.get_or_create(&tags(&[(REGION, "")])).unwrap();
    index.get_or_create(&tags(&[(HOST, "b"), (RACK, "r")])).unwrap();
    let batch = index.tag_batch(&[RACK, HOST, ColumnId(9)], None).unwrap();
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["__sid", "c300", "c1", "c9"]);
    assert!(!schema.field(0).is_nullable() && schema.field(1).is_nullable());
    assert_eq!(
        (schema.field(0).data_type(), schema.field(3).data_type()),
        (&DataType::UInt32, &DataType::Utf8View)
    );
    assert_eq!(sids(&batch), [0, 1, 2]);
    assert_eq!(column(&batch, "c300"), [None, None, Some("r".to_owned())]);
    let hosts = [Some("a host name beyond twelve bytes".to_owned()), None, Some("b".to_owned())];
    assert_eq!(column(&batch, "c1"), hosts);
    assert_eq!(column(&batch, "c9"), [None, None, None]);
    // Unknown and removed sids in the selection are passed over.
    index.remove(&[Sid(1)]);
    let batch = index.tag_batch(&[HOST], Some(&set(&[1, 2, 77]))).unwrap();
    assert_eq!((sids(&batch), column(&batch, "c1")), (vec![2], some(&["b"])));
    assert_eq!(sids(&index.tag_batch(&[], None).unwrap()), [0, 2]);
}

#[test]
fn batches_outlive_later_changes() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    let name = |i: u32| format!("a child with a long name, number {i}");
    for i in 0..1000 {
        index.get_or_create(&child(&name(i), &[(HOST, &name(i))])).unwrap();
        if i % 97 == 0 {
            // Reads between appends see exactly what is there, whatever is in base and tail.
            let batch = index.tag_batch(&[HOST], None).unwrap();
            let expected: Vec<_> = (0..=i).map(|i| Some(name(i))).collect();
            assert_eq!(column(&batch, "c1"), expected);
            assert_eq!(strings(&index.child_names(None).unwrap()), expected);
        }
    }
    let codes = index.tag_codes(&[HOST], Some(&set(&[3, 999])));
    index.set_tags(Sid(3), &[(HOST, Some("new".into()))]).unwrap();
    let before = codes.into_batch().unwrap();
    assert_eq!(column(&before, "c1"), [Some(name(3)), Some(name(999))]);
    assert_eq!(column(&index.tag_batch(&[HOST], Some(&set(&[3]))).unwrap(), "c1"), some(&["new"]));
}

#[test]
fn a_gather_copies_no_strings() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    let long = "x".repeat(5000);
    for i in 0..300 {
        index.get_or_create(&child(&i.to_string(), &[(HOST, &long)])).unwrap();
    }
    let (first, second) =
        (index.tag_batch(&[HOST], None).unwrap(), index.tag_batch(&[HOST], Some(&set(&[7]))).unwrap());
    let buffer = |batch: &arrow::array::RecordBatch| {
        let array = batch.column(1).as_string_view();
        assert_eq!(array.data_buffers().len(), 1);
        array.data_buffers()[0].as_ptr()
    };
    assert_eq!(buffer(&first), buffer(&second));
}

#[test]
fn predicates_follow_appends_changes_and_removals() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    for i in 0..10u32 {
        let host = if i % 2 == 0 { "even" } else { "odd" };
        index.get_or_create(&child(&i.to_string(), &[(HOST, host)])).unwrap();
    }
    assert_eq!(index.series_where(HOST, &["even"]), set(&[0, 2, 4, 6, 8]));
    assert_eq!(index.series_where(HOST, &["even", "odd", "even", "no"]), index.all());
    assert!(index.series_where(HOST, &[]).is_empty() && index.series_where(RACK, &["even"]).is_empty());
    assert_eq!((index.null_series(HOST), index.null_series(RACK)), (set(&[]), index.all()));
    index.set_tags(Sid(2), &[(HOST, Some("third".into()))]).unwrap();
    index.set_tags(Sid(4), &[(HOST, None)]).unwrap();
    index.remove(&[Sid(6)]);
    index.get_or_create(&child("new", &[(HOST, "even")])).unwrap();
    index.get_or_create(&child("bare", &[])).unwrap();
    assert_eq!(index.series_where(HOST, &["even"]), set(&[0, 8, 10]));
    assert_eq!(index.series_where(HOST, &["third"]), set(&[2]));
    assert_eq!(index.null_series(HOST), set(&[4, 11]));
    assert_eq!(strings(&index.tag_values(HOST).unwrap()), some(&["even", "odd", "third"]));
    index.remove(&[Sid(2)]);
    assert_eq!(strings(&index.tag_values(HOST).unwrap()), some(&["even", "odd"]));
    assert_eq!(index.tag_values(RACK).unwrap().len(), 0);
}

#[test]
fn predicates_scan_beyond_the_bitmap_limit() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let count = MAX_BITMAPS as u32 + 10;
    for i in 0..count {
        index.get_or_create(&tags(&[(HOST, &format!("h{i}"))])).unwrap();
        if i == 100 {
            assert_eq!(index.series_where(HOST, &["h7"]), set(&[7]));
        }
    }
    let last = format!("h{}", count - 1);
    assert_eq!(index.series_where(HOST, &[&last, "h7", "none"]), set(&[7, count - 1]));
    index.set_tags(Sid(7), &[(HOST, None), (RACK, Some("r".into()))]).unwrap();
    assert_eq!((index.null_series(HOST), index.series_where(HOST, &["h7"])), (set(&[7]), set(&[])));
}

#[test]
fn child_names_are_null_elsewhere() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    index.get_or_create(&child("ignored", &[])).unwrap();
    assert_eq!(strings(&index.child_names(None).unwrap()), [None]);
}

#[test]
fn many_readers_fill_the_caches_at_once() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    for i in 0..5000u32 {
        index.get_or_create(&child(&i.to_string(), &[(HOST, &format!("h{}", i % 50))])).unwrap();
    }
    let index = &index;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for i in 0..50u32 {
                    let found = index.series_where(HOST, &[&format!("h{i}")]);
                    assert!(found.iter().eq((i..5000).step_by(50)));
                    let batch = index.tag_batch(&[HOST], Some(&found)).unwrap();
                    assert!(column(&batch, "c1").iter().all(|v| v.as_deref() == Some(&format!("h{i}"))));
                }
            });
        }
    });
}

#[test]
fn small_indexes_are_small() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let ten: Vec<(ColumnId, String)> =
        (0..10).map(|i| (ColumnId(i), format!("a value of tag {i}"))).collect();
    index.get_or_create(&super::SeriesKey::new(None, ten)).unwrap();
    assert!(index.memory_bytes() < 32 * 1024, "{}", index.memory_bytes());
}
