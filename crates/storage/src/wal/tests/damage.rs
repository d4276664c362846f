//! Damage that a crash does not explain: refused with file and offset, and repaired on demand.

use super::super::segment::{FIRST_RECORD, HEADER_COPY};
use super::*;

/// Sixteen records of 3000 bytes, two in a segment, first in wal/3/…0001, 0003, …
fn long_log(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let (mut wal, ..) = open(&disk).unwrap();
    for seq in 1..=16 {
        append(&mut wal, seq, 3000).unwrap();
    }
    wal.close().unwrap();
    disk.crash()
}

fn path(first_seq: u64) -> String {
    format!("{DIR}/{first_seq:020}.wal")
}

fn fix(disk: &SimDisk, apply: bool) -> RepairReport {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    repair(&disk, DIR, None, apply).unwrap()
}

#[track_caller]
fn refused_at(disk: &SimDisk, file: &str, at: u64) -> String {
    match open(disk) {
        Err(e @ WalError::Corrupt { .. }) => {
            let text = e.to_string();
            let WalError::Corrupt { file: f, offset, .. } = e else { panic!() };
            assert_eq!((f.as_str(), offset), (file, at), "{text}");
            assert!(text.contains(file) && text.contains("triglot repair"), "{text}");
            text
        }
        other => panic!("opened: {:?}", other.map(|(_, found, _)| seqs(&found))),
    }
}

/// The log must open and have exactly these records.
#[track_caller]
fn opens_with(disk: &SimDisk, expected: &[u64]) {
    let (mut wal, found, _) = open(&disk.crash()).unwrap();
    assert_eq!(seqs(&found), expected);
    for (seq, payload) in found {
        assert_eq!(payload, text(seq, 3000));
    }
    append(&mut wal, 100, 10).unwrap();
}

#[test]
fn damage_in_the_middle_of_a_segment() {
    let disk = long_log(1);
    flip(&disk, &path(5), FIRST_RECORD + 1000);
    let text = refused_at(&disk, &path(5), FIRST_RECORD);
    assert!(text.contains("checksum"), "{text}");
    let report = fix(&disk, false);
    assert_eq!((report.segments, report.records, report.applied), (8, 15, false));
    let [place] = &report.damage[..] else { panic!("{report:?}") };
    assert_eq!((place.file.as_str(), place.offset), (path(5).as_str(), FIRST_RECORD));
    assert_eq!((place.after_seq, place.before_seq, place.salvaged_after), (4, Some(6), 11));
    assert!(place.bytes > 3000 && place.bytes < 3200, "{place:?}");
    refused_at(&disk, &path(5), FIRST_RECORD);
    let original = read_file(&disk, &path(5));
    let report = fix(&disk, true);
    assert!(report.applied);
    let kept = format!("{DIR}/damaged/{:020}.wal", 5);
    assert_eq!(report.kept, std::slice::from_ref(&kept));
    assert_eq!(read_file(&disk, &kept), original);
    assert_eq!(fix(&disk, false).damage, []);
    opens_with(&disk, &[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
}

#[test]
fn damage_at_the_end_of_an_earlier_segment() {
    let disk = long_log(1);
    let (_, second) = (0, FIRST_RECORD + 3064);
    flip(&disk, &path(5), second + 500);
    let file = read_file(&disk, &path(5));
    assert!(file[second as usize] != 0, "the second record starts there");
    let text = refused_at(&disk, &path(5), second);
    assert!(text.contains("records 6 to 6 are missing"), "{text}");
    fix(&disk, true);
    opens_with(&disk, &[1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
}

#[test]
fn damage_in_the_last_segment_before_synced_records() {
    let disk = long_log(1);
    flip(&disk, &path(15), FIRST_RECORD + 40);
    let text = refused_at(&disk, &path(15), FIRST_RECORD);
    assert!(text.contains("more records follow"), "{text}");
    fix(&disk, true);
    opens_with(&disk, &(1..=14).chain([16]).collect::<Vec<_>>());
}

#[test]
fn a_zeroed_block_is_not_taken_for_the_end() {
    let disk = long_log(1);
    let file = disk.open(&path(15), OpenMode::ReadWrite).unwrap();
    file.write_at(FIRST_RECORD, &[0; 512]).unwrap();
    file.sync_data().unwrap();
    refused_at(&disk, &path(15), FIRST_RECORD);
    let file = disk.open(&path(3), OpenMode::ReadWrite).unwrap();
    file.write_at(FIRST_RECORD, &[0; 512]).unwrap();
    file.sync_data().unwrap();
    refused_at(&disk, &path(3), FIRST_RECORD);
    assert_eq!(fix(&disk, true).damage.len(), 2);
    opens_with(&disk, &[1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16]);
}

#[test]
fn a_missing_segment_is_noticed_unless_released() {
    let disk = long_log(1);
    disk.remove_file(&path(5)).unwrap();
    let text = refused_at(&disk, &path(3), FIRST_RECORD + 2 * 3064);
    assert!(text.contains("records 5 to 6 are missing"), "{text}");
    let (_, found, _) = open_with(&disk, 6, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (7..=16).collect::<Vec<_>>());
    let disk = long_log(1);
    disk.remove_file(&path(1)).unwrap();
    refused_at(&disk, &path(3), 0);
    let (_, found, _) = open_with(&disk, 2, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (3..=16).collect::<Vec<_>>());
    let disk = long_log(1);
    disk.remove_file(&path(5)).unwrap();
    fix(&disk, true);
    opens_with(&disk, &(1..=4).chain(7..=16).collect::<Vec<_>>());
    // Without the manifest repair cannot know that the first segment is missing; with it, it can.
    let disk = long_log(1);
    disk.remove_file(&path(1)).unwrap();
    assert_eq!(fix(&disk, true).damage, []);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert_eq!(repair(&shared, DIR, Some(0), true).unwrap().damage.len(), 1);
    opens_with(&disk, &(3..=16).collect::<Vec<_>>());
}

#[test]
fn a_damaged_header_is_refused_and_its_copy_repairs_it() {
    let disk = long_log(1);
    flip(&disk, &path(5), 20);
    refused_at(&disk, &path(5), 0);
    fix(&disk, true);
    opens_with(&disk, &(1..=16).collect::<Vec<_>>());
    // Both gone: nothing of the segment can be verified.
    let disk = long_log(1);
    flip(&disk, &path(5), 20);
    flip(&disk, &path(5), HEADER_COPY + 20);
    let report = fix(&disk, true);
    assert_eq!(report.records, 14);
    opens_with(&disk, &(1..=4).chain(7..=16).collect::<Vec<_>>());
}

#[test]
fn damage_in_released_segments_does_not_matter() {
    let disk = long_log(1);
    flip(&disk, &path(3), FIRST_RECORD + 40);
    flip(&disk, &path(5), 20);
    let (wal, found, _) = open_with(&disk, 6, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (7..=16).collect::<Vec<_>>());
    assert_eq!((wal.segments(), segment_files(&disk).len()), (5, 5), "they are freed");
}

#[test]
fn a_segment_of_another_shard_or_name_is_refused() {
    let disk = long_log(1);
    let other = Wal::open(Arc::new(disk.clone()), DIR, ShardId(4), 0, &options(SyncMode::Always));
    assert!(other.unwrap().finish().unwrap_err().to_string().contains("belongs to shard 3"));
    disk.rename(&path(5), &path(6)).unwrap();
    refused_at(&disk, &path(6), 0);
}

#[test]
fn unknown_kinds_are_refused_unless_skippable() {
    for (flags, kind) in [(1, 99), (0, 99)] {
        let disk = SimDisk::new(1);
        let (mut wal, ..) = open(&disk).unwrap();
        let mut group = wal.new_group();
        group.push(1, &text(1, 3000)).unwrap();
        group
            .push_with(2, flags, |out| {
                out.extend([1, 2, 3]);
                Ok(kind)
            })
            .unwrap();
        group.push(3, &text(3, 3000)).unwrap();
        wal.commit(&mut group).unwrap();
        if flags == 1 {
            let (_, found, summary) = open(&disk).unwrap();
            assert_eq!((seqs(&found), summary.skipped), (vec![1, 3], 1));
        } else {
            let error = open(&disk).unwrap_err();
            assert!(matches!(error, WalError::UnknownKind { seq: 2, kind: 99, .. }), "{error}");
            // It is for a newer version, so repair must not throw it away.
            assert_eq!((fix(&disk, true).damage, fix(&disk, false).records), (vec![], 3));
        }
    }
}

#[test]
fn a_payload_that_does_not_decode_is_refused_and_dropped_by_repair() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 3000).unwrap();
    let mut group = wal.new_group();
    group
        .push_with(2, 0, |out| {
            out.extend([1, 2, 3]);
            Ok(1)
        })
        .unwrap();
    wal.commit(&mut group).unwrap();
    append(&mut wal, 3, 3000).unwrap();
    let mut replay = start(&disk, 0, &options(SyncMode::Always)).unwrap();
    assert!(replay.next().unwrap().is_ok());
    let error = replay.next().unwrap().unwrap_err();
    assert!(matches!(error, WalError::Payload { seq: 2, .. }), "{error}");
    assert!(replay.next().is_none());
    assert!(matches!(replay.finish(), Err(WalError::ReplayFailed)));
    fix(&disk, true);
    opens_with(&disk, &[1, 3]);
}

#[test]
fn a_torn_tail_is_not_damage() {
    let disk = long_log(1);
    flip(&disk, &path(15), FIRST_RECORD + 3064 + 40);
    assert_eq!(fix(&disk, true), RepairReport { segments: 8, records: 15, ..RepairReport::default() });
    let (_, found, summary) = open(&disk).unwrap();
    assert_eq!(seqs(&found), (1..=15).collect::<Vec<_>>());
    assert_eq!(summary.torn_tail.unwrap().offset, FIRST_RECORD + 3064);
}

#[test]
fn a_crash_during_repair_loses_nothing_readable() {
    let damaged = || {
        let disk = long_log(5);
        flip(&disk, &path(5), FIRST_RECORD + 1000);
        flip(&disk, &path(9), FIRST_RECORD + 3064 + 1000);
        flip(&disk, &path(13), 20);
        disk
    };
    for n in 1.. {
        let disk = damaged();
        disk.crash_after(n);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let done = repair(&shared, DIR, Some(0), true).is_ok();
        let disk = disk.crash();
        fix(&disk, true);
        opens_with(&disk, &[1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16]);
        if done {
            break;
        }
    }
}
