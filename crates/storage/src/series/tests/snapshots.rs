use bytes::Bytes;
use triglot_model::{IdentityRule, Sid};

use super::super::{SeriesError, SeriesIndex};
use super::{HOST, RACK, REGION, child};

const GOLDEN_FULL: &[u8] = include_bytes!("golden/full.v1.arrow");
const GOLDEN_SINCE: &[u8] = include_bytes!("golden/since.v1.arrow");

/// The index of the golden files: five series, of which sid 1 and 4 are removed and one is changed …
fn full() -> SeriesIndex {
    let mut index = SeriesIndex::new(IdentityRule::ChildName);
    for (name, host) in [("d0", "a"), ("d1", "b"), ("d2", "a"), ("a child with a long name", ""), ("d4", "e")]
    {
        index.get_or_create(&child(name, &[(HOST, host)])).unwrap();
    }
    index.get_or_create(&child("bare", &[])).unwrap();
    index.set_tags(Sid(2), &[(HOST, None), (RACK, Some("rack with a long name, °C".into()))]).unwrap();
    index.remove(&[Sid(1), Sid(4)]);
    index
}

/// … and two more after the watermark.
fn grown() -> SeriesIndex {
    let mut index = full();
    index.get_or_create(&child("d1", &[(REGION, "eu"), (HOST, "a")])).unwrap();
    index.get_or_create(&child("d7", &[(REGION, "eu")])).unwrap();
    index
}

fn parts() -> (Bytes, Bytes) {
    let (full, grown) = (full(), grown());
    let since = grown.encode_since(full.next_sid(), full.epoch()).unwrap().unwrap();
    (full.encode_full().unwrap(), since)
}

fn same(a: &SeriesIndex, b: &SeriesIndex) {
    assert_eq!((a.all(), a.next_sid()), (b.all(), b.next_sid()));
    for sid in &a.all() {
        let key = a.key_of(Sid(sid)).unwrap();
        assert_eq!(b.key_of(Sid(sid)).as_ref(), Some(&key));
        assert_eq!(b.lookup(&key), Some(Sid(sid)));
    }
}

fn load(parts: &[Bytes]) -> Result<SeriesIndex, SeriesError> {
    SeriesIndex::load(IdentityRule::ChildName, parts)
}

#[test]
fn m4_old_files_stay_readable() {
    let golden = [Bytes::from_static(GOLDEN_FULL), Bytes::from_static(GOLDEN_SINCE)];
    same(&load(&golden[..1]).unwrap(), &full());
    same(&load(&golden).unwrap(), &grown());
}

#[test]
fn m4_writers_write_the_golden_bytes() {
    let (full, since) = parts();
    assert!(full == GOLDEN_FULL && since == GOLDEN_SINCE, "the format changed: see series/snapshot.rs");
}

/// Makes the golden files of a new format version; never run it to make a test pass.
#[test]
#[ignore = "writes golden files"]
fn bless_golden_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/series/tests/golden");
    let (full, since) = parts();
    std::fs::write(format!("{folder}/full.v1.arrow"), full).unwrap();
    std::fs::write(format!("{folder}/since.v1.arrow"), since).unwrap();
}

#[test]
fn a_part_needs_unchanged_older_series() {
    let mut index = full();
    let (watermark, epoch) = (index.next_sid(), index.epoch());
    assert!(index.encode_since(watermark, epoch).unwrap().is_some());
    assert!(index.encode_since(watermark + 1, epoch).unwrap().is_none());
    index.get_or_create(&child("d9", &[])).unwrap();
    assert!(index.encode_since(watermark, epoch).unwrap().is_some());
    index.set_tags(Sid(0), &[(RACK, Some("r".into()))]).unwrap();
    assert!(index.encode_since(watermark, epoch).unwrap().is_none());
    let epoch = index.epoch();
    index.remove(&[Sid(0)]);
    assert!(index.encode_since(watermark, epoch).unwrap().is_none());
}

#[test]
fn empty_indexes_and_empty_parts_round_trip() {
    let empty = SeriesIndex::new(IdentityRule::ChildName);
    same(&load(&[]).unwrap(), &empty);
    same(&load(&[empty.encode_full().unwrap(), empty.encode_full().unwrap()]).unwrap(), &empty);
    // Everything removed: the sids stay used.
    let mut gone = full();
    gone.remove(&(0..10).map(Sid).collect::<Vec<_>>());
    let loaded = load(&[gone.encode_full().unwrap()]).unwrap();
    assert_eq!((loaded.len(), loaded.next_sid(), loaded.epoch()), (0, 6, 0));
}

#[test]
fn parts_must_follow_each_other() {
    let (full, since) = parts();
    for wrong in
        [vec![since.clone()], vec![full.clone(), full.clone()], vec![full.clone(), since.clone(), since]]
    {
        let last = wrong.len() - 1;
        assert!(matches!(load(&wrong), Err(SeriesError::Snapshot { part, .. }) if part == last));
    }
    // A file of another kind of table lacks the identity.
    let mut all = SeriesIndex::new(IdentityRule::AllTags);
    all.get_or_create(&child("x", &[(HOST, "a")])).unwrap();
    assert!(matches!(load(&[all.encode_full().unwrap()]), Err(SeriesError::Snapshot { part: 0, .. })));
}

#[test]
fn damaged_files_are_errors() {
    let (full_bytes, _) = parts();
    let reference = full();
    for len in 0..full_bytes.len() {
        assert!(load(&[full_bytes.slice(..len)]).is_err(), "cut at {len}");
    }
    for at in 0..full_bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = full_bytes.to_vec();
            bytes[at] ^= flip;
            // Bytes of the footer that the reader does not use may change; nothing else may.
            if let Ok(index) = load(&[Bytes::from(bytes)]) {
                same(&index, &reference);
            }
        }
    }
}

#[test]
fn unknown_formats_are_refused() {
    let (full, _) = parts();
    let patched = patch(&full, b"triglot.series", |value_area| {
        let at = value_area.iter().position(|b| *b == b'1').unwrap();
        value_area[at] = b'2';
    });
    assert!(matches!(load(&[patched]), Err(SeriesError::SnapshotFormat { part: 0, found }) if found == "2"));
}

/// Bytes that pass the checksum but are hostile give errors or an index, never a panic.
#[test]
fn hostile_bodies_do_not_panic() {
    let (full, _) = parts();
    let body = body_len(&full);
    for at in 8..body {
        for flip in [0x01, 0x40, 0xff] {
            let mut bytes = full.to_vec();
            bytes[at] ^= flip;
            let _ = load(&[reseal(bytes, body)]);
        }
    }
}

fn sum_at(file: &[u8]) -> usize {
    let key = b"triglot.body";
    let sums = file.windows(key.len()).rposition(|w| w == key).unwrap();
    let text = |at: &usize| file[*at..].iter().take(8).all(u8::is_ascii_hexdigit);
    // `<bytes> <8 hex digits>` stands before or after the key, depending on the builder.
    let mut lens =
        (sums.saturating_sub(200)..file.len() - 9).filter(|at| file[*at] == b' ' && text(&(at + 1)));
    lens.next_back().unwrap()
}

fn body_len(file: &[u8]) -> usize {
    let space = sum_at(file);
    let digits = file[..space].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&file[space - digits..space]).unwrap().parse().unwrap()
}

fn reseal(mut file: Vec<u8>, body: usize) -> Bytes {
    let at = sum_at(&file) + 1;
    let crc = format!("{:08x}", crc32c::crc32c(&file[..body]));
    file[at..at + 8].copy_from_slice(crc.as_bytes());
    Bytes::from(file)
}

/// Changes the file near the first occurrence of `key` and repairs the checksum.
fn patch(file: &[u8], key: &[u8], change: impl Fn(&mut [u8])) -> Bytes {
    let mut bytes = file.to_vec();
    let at = bytes.windows(key.len()).position(|w| w == key).unwrap();
    let body = body_len(file);
    // A flatbuffer string is its length (u32), then its bytes: the value "1" is written right before.
    let value = bytes.windows(5).position(|w| w == [1, 0, 0, 0, b'1']).unwrap();
    assert!(value.abs_diff(at) < 200);
    change(&mut bytes[value + 4..value + 5]);
    reseal(bytes, body)
}
