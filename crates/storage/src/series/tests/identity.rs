use triglot_model::{ColumnId, IdentityRule, Sid};

use super::super::{SeriesError, SeriesIndex, SeriesKey, identity_hash64};
use super::{HOST, RACK, REGION, child, tags};

#[test]
fn all_tags_null_differs_from_empty() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let null = index.get_or_create(&tags(&[(HOST, "a")])).unwrap();
    let empty = index.get_or_create(&tags(&[(HOST, "a"), (REGION, "")])).unwrap();
    assert_eq!((null, empty), ((Sid(0), true), (Sid(1), true)));
    assert_eq!(index.get_or_create(&tags(&[(HOST, "a")])).unwrap(), (Sid(0), false));
    // The same value in another column is another series.
    assert_eq!(index.get_or_create(&tags(&[(REGION, "a")])).unwrap(), (Sid(2), true));
    assert_eq!(index.lookup(&tags(&[(HOST, "b")])), None);
    assert_eq!(index.lookup(&tags(&[(HOST, "a"), (ColumnId(99), "x")])), None);
}

#[test]
fn all_null_and_tagless_are_one_series() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let tagless = index.get_or_create(&SeriesKey::default()).unwrap();
    assert_eq!(tagless, (Sid(0), true));
    // A tag column appears; the series whose tags are all NULL is still that one.
    index.get_or_create(&tags(&[(HOST, "a")])).unwrap();
    assert_eq!(index.get_or_create(&tags(&[])).unwrap(), (Sid(0), false));
    // And a series that loses its last tag would become it.
    let lose = [(HOST, None)];
    assert!(matches!(index.set_tags(Sid(1), &lose), Err(SeriesError::SeriesExists { sid: Sid(0) })));
}

#[test]
fn all_tags_ignores_the_child_name() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    index.get_or_create(&child("t1", &[(HOST, "a")])).unwrap();
    assert_eq!(index.lookup(&tags(&[(HOST, "a")])), Some(Sid(0)));
    assert_eq!(index.key_of(Sid(0)).unwrap().child, None);
}

#[test]
fn child_names_are_the_identity_and_tags_attributes() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    assert_eq!(index.get_or_create(&child("d1", &[(HOST, "a")])).unwrap(), (Sid(0), true));
    assert_eq!(index.get_or_create(&child("d2", &[(HOST, "a")])).unwrap(), (Sid(1), true));
    assert_eq!(index.get_or_create(&child("d1", &[(HOST, "b"), (RACK, "r")])).unwrap(), (Sid(0), false));
    assert_eq!(index.key_of(Sid(0)).unwrap(), child("d1", &[(HOST, "a")]));
    // Tags may repeat across children, so any change is accepted.
    index.set_tags(Sid(0), &[(HOST, Some("z".into()))]).unwrap();
    index.set_tags(Sid(1), &[(HOST, Some("z".into()))]).unwrap();
    assert_eq!(index.lookup(&child("d1", &[])), Some(Sid(0)));
    assert!(matches!(index.get_or_create(&tags(&[(HOST, "a")])), Err(SeriesError::MissingChild)));
    assert_eq!(index.lookup(&tags(&[(HOST, "a")])), None);
    // The empty name is a name.
    assert_eq!(index.get_or_create(&child("", &[])).unwrap(), (Sid(2), true));
}

#[test]
fn primary_tags_are_required_and_never_change() {
    let mut index = SeriesIndex::new(IdentityRule::PrimaryTags(vec![REGION, HOST]));
    let key = tags(&[(HOST, "a"), (REGION, "eu"), (RACK, "1")]);
    assert_eq!(index.get_or_create(&key).unwrap(), (Sid(0), true));
    assert_eq!(index.get_or_create(&tags(&[(HOST, "a"), (REGION, "eu")])).unwrap(), (Sid(0), false));
    assert_eq!(index.get_or_create(&tags(&[(HOST, "a"), (REGION, "")])).unwrap(), (Sid(1), true));
    let missing = index.get_or_create(&tags(&[(HOST, "a")]));
    assert!(matches!(missing, Err(SeriesError::MissingPrimaryTag { column: REGION })));
    let epoch = index.epoch();
    let both = [(RACK, Some("2".into())), (HOST, Some("b".into()))];
    assert!(matches!(index.set_tags(Sid(0), &both), Err(SeriesError::PrimaryTagChange { column: HOST })));
    assert!(matches!(
        index.set_tags(Sid(0), &[(HOST, None)]),
        Err(SeriesError::PrimaryTagChange { column: HOST })
    ));
    assert_eq!((index.key_of(Sid(0)).unwrap(), index.epoch()), (key, epoch));
    index.set_tags(Sid(0), &[(RACK, None)]).unwrap();
    assert_eq!(index.key_of(Sid(0)).unwrap(), tags(&[(HOST, "a"), (REGION, "eu")]));
    assert_eq!(index.epoch(), epoch + 1);
}

#[test]
fn set_tags_moves_an_all_tags_identity() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    index.get_or_create(&tags(&[(HOST, "a")])).unwrap();
    index.get_or_create(&tags(&[(HOST, "b")])).unwrap();
    let to_b = [(HOST, Some("b".into()))];
    assert!(matches!(index.set_tags(Sid(0), &to_b), Err(SeriesError::SeriesExists { sid: Sid(1) })));
    assert_eq!((index.lookup(&tags(&[(HOST, "a")])), index.epoch()), (Some(Sid(0)), 0));
    // Setting what is there is no change.
    index.set_tags(Sid(1), &to_b).unwrap();
    assert_eq!(index.epoch(), 0);
    index.set_tags(Sid(0), &[(HOST, Some("c".into())), (RACK, Some("1".into()))]).unwrap();
    assert_eq!(index.lookup(&tags(&[(HOST, "c"), (RACK, "1")])), Some(Sid(0)));
    assert_eq!((index.lookup(&tags(&[(HOST, "a")])), index.epoch()), (None, 1));
    // The old identity is free for a new series.
    assert_eq!(index.get_or_create(&tags(&[(HOST, "a")])).unwrap(), (Sid(2), true));
    assert!(matches!(index.set_tags(Sid(9), &to_b), Err(SeriesError::NoSuchSeries { sid: Sid(9) })));
}

#[test]
fn check_tags_foresees_a_sequence() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    for host in ["a", "b"] {
        index.get_or_create(&tags(&[(HOST, host)])).unwrap();
    }
    let to = |host: &str| vec![(HOST, Some(Box::from(host)))];
    let (a, b, c) = (to("a"), to("b"), to("c"));
    let check = |steps: &[(u32, &Vec<_>)]| index.check_tags(steps.iter().map(|(sid, t)| (Sid(*sid), &t[..])));
    // A swap through a third value is fine, a direct one is not.
    check(&[(0, &c), (1, &a), (0, &b)]).unwrap();
    assert!(matches!(check(&[(0, &b), (1, &a)]), Err(SeriesError::SeriesExists { sid: Sid(1) })));
    assert!(matches!(check(&[(0, &c), (1, &c)]), Err(SeriesError::SeriesExists { sid: Sid(0) })));
    assert!(matches!(check(&[(7, &c)]), Err(SeriesError::NoSuchSeries { sid: Sid(7) })));
    for (sid, changes) in [(0, &c), (1, &a), (0, &b)] {
        index.set_tags(Sid(sid), changes).unwrap();
    }
    assert_eq!(index.lookup(&tags(&[(HOST, "b")])), Some(Sid(0)));
}

#[test]
fn removed_series_are_gone_and_their_sids_stay_unused() {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    for name in ["a", "b", "c"] {
        index.get_or_create(&child(name, &[(HOST, name)])).unwrap();
    }
    assert_eq!(index.remove(&[Sid(2), Sid(2), Sid(50)]), 1);
    assert_eq!(index.remove(&[Sid(2)]), 0);
    assert_eq!((index.len(), index.epoch(), index.next_sid()), (2, 1, 3));
    assert_eq!((index.key_of(Sid(2)), index.lookup(&child("c", &[]))), (None, None));
    assert!(matches!(index.set_tags(Sid(2), &[]), Err(SeriesError::NoSuchSeries { .. })));
    assert_eq!(index.get_or_create(&child("c", &[])).unwrap(), (Sid(3), true));
}

#[test]
fn replay_is_idempotent_and_finds_contradictions() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let (a, b, c) = (tags(&[(HOST, "a")]), tags(&[(HOST, "b")]), tags(&[(HOST, "c")]));
    assert!(index.insert_with_sid(Sid(0), &a).unwrap());
    assert!(!index.insert_with_sid(Sid(0), &a).unwrap());
    assert!(matches!(index.insert_with_sid(Sid(0), &b), Err(SeriesError::SidTaken { sid: Sid(0) })));
    assert!(matches!(index.insert_with_sid(Sid(1), &a), Err(SeriesError::SeriesExists { sid: Sid(0) })));
    // The log may have lost records to `repair`: a gap counts as removed.
    assert!(index.insert_with_sid(Sid(5), &b).unwrap());
    assert!(!index.insert_with_sid(Sid(3), &c).unwrap());
    assert_eq!((index.len(), index.next_sid()), (2, 6));
    // A removed series does not come back when its creation is replayed.
    index.remove(&[Sid(0)]);
    assert!(!index.insert_with_sid(Sid(0), &a).unwrap());
    assert_eq!(index.lookup(&a), None);
}

#[test]
fn a_far_sid_is_cheap_and_the_last_one_ends_it() {
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    index.insert_with_sid(Sid(u32::MAX - 1), &tags(&[(HOST, "a")])).unwrap();
    assert_eq!(index.series_where(HOST, &["a"]).iter().collect::<Vec<_>>(), [u32::MAX - 1]);
    assert!(index.memory_bytes() < 32 << 20, "{}", index.memory_bytes());
    assert!(matches!(index.get_or_create(&tags(&[(HOST, "b")])), Err(SeriesError::SidsUsedUp)));
    assert!(matches!(index.insert_with_sid(Sid(u32::MAX), &tags(&[])), Err(SeriesError::SidsUsedUp)));
    assert_eq!(index.len(), 1);
}

#[test]
fn keys_must_be_sorted_and_new_sorts_them() {
    let unsorted =
        SeriesKey { child: None, tags: vec![(REGION, "eu".into()), (HOST, "a".into()), (HOST, "b".into())] };
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    assert!(matches!(index.get_or_create(&unsorted), Err(SeriesError::UnsortedTags { column: HOST })));
    let sorted = SeriesKey::new(None, unsorted.tags);
    assert_eq!(sorted, tags(&[(HOST, "b"), (REGION, "eu")]));
}

/// Golden values from python-xxhash 4.1.0: `xxh3_64` over `struct.pack('<II', id, len) + value` …
/// They decide where data lies: if this test fails, the code is wrong, not the numbers.
#[test]
fn identity_hash_is_frozen() {
    let all = IdentityRule::AllTags;
    let hash = |rule: &IdentityRule, key: &SeriesKey| identity_hash64(rule, key).unwrap();
    assert_eq!(hash(&all, &SeriesKey::default()), 0x2d06_8005_38d3_94c2);
    assert_eq!(hash(&all, &tags(&[(HOST, "host_0")])), 0xaec5_c15f_7f51_6bff);
    let host = tags(&[(HOST, "host_0"), (REGION, "eu-west-1")]);
    assert_eq!(hash(&all, &host), 0x3dd3_c130_9ba0_978c);
    assert_eq!(hash(&all, &tags(&[(HOST, "")])), 0x2fbc_5935_64db_792e);
    let long = tags(&[(ColumnId(3), "温度"), (RACK, &"x".repeat(300))]);
    assert_eq!(hash(&all, &long), 0x98de_7bee_1ddb_0d38);
    assert_eq!(hash(&IdentityRule::ChildName, &child("d1001", &[(HOST, "a")])), 0x37f6_6028_564e_161c);
    // The order of columns in the rule does not matter, other tags neither.
    let primary = IdentityRule::PrimaryTags(vec![ColumnId(4), HOST]);
    let key = tags(&[(HOST, "host_0"), (REGION, "eu"), (ColumnId(4), "a")]);
    assert_eq!(hash(&primary, &key), 0xf885_f0cc_d515_27af);
    assert!(identity_hash64(&primary, &tags(&[(HOST, "a")])).is_err());
    assert!(identity_hash64(&IdentityRule::ChildName, &tags(&[])).is_err());
}
