//! Roll-over, spares, recycling, sync modes, full and failing disks.

use std::io;

use triglot_disk::DiskOp;

use super::*;

#[test]
fn one_group_is_one_write_and_one_sync() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 10).unwrap();
    let before = disk.io_count();
    let payloads: Vec<_> = (2..10).map(|seq| text(seq, 50)).collect();
    let records: Vec<_> = payloads.iter().zip(2..).map(|(payload, seq)| Record { seq, payload }).collect();
    let appended = wal.append(&records).unwrap();
    assert_eq!(disk.io_count() - before, 2);
    assert_eq!((appended.last_seq, appended.durable), (9, true));
}

#[test]
fn segments_roll_over_and_are_recycled() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    for seq in 1..=12 {
        append(&mut wal, seq, 3000).unwrap();
    }
    // 16 KiB less 8 KiB of header hold two records of 3 KiB.
    assert_eq!(wal.segments(), 6);
    wal.release(7).unwrap();
    assert_eq!(segment_files(&disk).first().unwrap(), "00000000000000000007.wal");
    assert_eq!((wal.segments(), wal.spares().ready()), (3, 2));
    // The two spares are used before a file is made.
    let files = disk.list(DIR).unwrap().len();
    for seq in 13..=16 {
        append(&mut wal, seq, 3000).unwrap();
    }
    assert_eq!(disk.list(DIR).unwrap().len(), files);
    let (_, found, summary) = open_with(&disk.crash(), 7, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (8..=16).collect::<Vec<_>>());
    assert_eq!((summary.released, summary.torn_tail), (1, None));
}

#[test]
fn stale_records_of_a_recycled_segment_are_never_read() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    for seq in 1..=20 {
        append(&mut wal, seq, 300).unwrap();
    }
    append(&mut wal, 21, 5000).unwrap();
    append(&mut wal, 22, 5000).unwrap();
    wal.release(21).unwrap();
    // Same sizes as before: each end of a group lies where a stale record starts.
    append(&mut wal, 23, 5000).unwrap();
    for seq in 24..=28 {
        append(&mut wal, seq, 300).unwrap();
    }
    let path = wal.active.as_ref().unwrap().path.clone();
    let stale = read_file(&disk, &path).windows(40).filter(|w| w.iter().all(u8::is_ascii_lowercase)).count();
    let disk = disk.crash();
    let (mut wal, found, summary) = open_with(&disk, 21, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (22..=28).collect::<Vec<_>>());
    assert_eq!(summary.torn_tail, None, "the end mark hides stale records");
    assert!(stale > 0);
    // Even if the end mark is lost, the stale bytes behind it are no records of this use.
    let active = wal.active.as_ref().unwrap();
    let end = active.end;
    active.file.write_at(end, &[44, 1, 0, 0, 9, 9, 9, 9]).unwrap();
    let (_, found, _) = open_with(&disk, 21, &options(SyncMode::Always)).unwrap();
    assert_eq!(seqs(&found), (22..=28).collect::<Vec<_>>());
    append(&mut wal, 29, 10).unwrap();
}

#[test]
fn a_group_larger_than_a_segment_gets_its_own() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 100_000).unwrap();
    append(&mut wal, 2, 10).unwrap();
    append(&mut wal, 3, 200_000).unwrap();
    append(&mut wal, 4, 10).unwrap();
    let (mut wal, found, _) = open(&disk.crash()).unwrap();
    assert_eq!(found, [(1, text(1, 100_000)), (2, text(2, 10)), (3, text(3, 200_000)), (4, text(4, 10))]);
    wal.release(4).unwrap();
    assert_eq!(wal.segments(), 1);
    assert_eq!(wal.spares().ready(), 0, "files of another size are not kept");
}

#[test]
fn spares_are_made_ahead() {
    let disk = SimDisk::new(1);
    let large = WalOptions { segment_bytes: 64 << 10, ..options(SyncMode::Always) };
    let (mut wal, ..) = open_with(&disk, 0, &large).unwrap();
    append(&mut wal, 1, 1000).unwrap();
    let spares = wal.spares();
    assert!(!spares.prepare().unwrap(), "there is room for long");
    append(&mut wal, 2, 30_000).unwrap();
    assert!(spares.prepare().unwrap());
    assert!(!wal.prepare_spare().unwrap(), "one is enough");
    let before = disk.io_count();
    append(&mut wal, 3, 30_000).unwrap();
    // Header, sync, rename, sync of the directory, group, sync: nothing is allocated.
    assert_eq!(disk.io_count() - before, 6);
    assert_eq!(spares.ready(), 0);
}

#[test]
fn sync_modes_differ_in_what_is_durable() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open_with(&disk, 0, &options(SyncMode::Interval(Duration::from_nanos(100)))).unwrap();
    assert!(!append(&mut wal, 1, 10).unwrap().durable);
    assert!(wal.unsynced_bytes() > 0);
    assert!(wal.sync_if_due(1_000).unwrap(), "the first call");
    assert_eq!(wal.unsynced_bytes(), 0);
    append(&mut wal, 2, 10).unwrap();
    assert!(!wal.sync_if_due(1_099).unwrap());
    assert!(wal.sync_if_due(1_100).unwrap());
    append(&mut wal, 3, 10).unwrap();
    assert!(wal.sync_if_due(5).unwrap(), "a clock that goes back does not stop syncing");

    let disk = SimDisk::new(1);
    let (mut wal, ..) = open_with(&disk, 0, &options(SyncMode::Os)).unwrap();
    append(&mut wal, 1, 10).unwrap();
    assert!(!wal.sync_if_due(i64::MAX).unwrap());
    assert!(wal.unsynced_bytes() > 0);
    wal.close().unwrap();
    let (_, found, _) = open(&disk.crash()).unwrap();
    assert_eq!(seqs(&found), [1]);
}

#[test]
fn sequence_numbers_must_grow() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open_with(&disk, 5, &options(SyncMode::Always)).unwrap();
    assert!(matches!(append(&mut wal, 5, 1), Err(WalError::Sequence { given: 5, last: 5 })));
    append(&mut wal, 8, 1).unwrap();
    let (a, b) = (text(9, 1), text(9, 1));
    let twice = [Record { seq: 9, payload: &a }, Record { seq: 9, payload: &b }];
    assert!(matches!(wal.append(&twice), Err(WalError::Sequence { given: 9, last: 9 })));
    append(&mut wal, 9, 1).unwrap();
    assert_eq!(wal.last_seq(), 9);
}

#[test]
fn a_failed_fsync_poisons_the_log() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 10).unwrap();
    disk.fail_next(DiskOp::SyncData, io::Error::from_raw_os_error(5));
    let error = append(&mut wal, 2, 10).unwrap_err();
    assert!(matches!(error, WalError::Failed { action: "fsync", .. }) && error.is_fatal(), "{error}");
    // The disk works again, and still nothing may be reported as durable.
    assert!(matches!(append(&mut wal, 3, 10), Err(WalError::Poisoned { .. })));
    let error = wal.sync().unwrap_err();
    assert!(error.to_string().contains("fsync failed"), "{error}");
    let (_, found, _) = open(&disk.crash()).unwrap();
    assert!(seqs(&found) == [1] || seqs(&found) == [1, 2]);
}

#[test]
fn a_failed_write_poisons_the_log() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 10).unwrap();
    disk.fail_next(DiskOp::Write, io::Error::from_raw_os_error(5));
    assert!(matches!(append(&mut wal, 2, 10), Err(WalError::Failed { action: "write", .. })));
    assert!(wal.is_poisoned());
}

#[test]
fn a_full_disk_at_roll_over_leaves_the_log_usable() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 6000).unwrap();
    disk.set_capacity(Some(20 << 10));
    for _ in 0..3 {
        let error = append(&mut wal, 2, 6000).unwrap_err();
        assert_eq!(error.kind(), triglot_model::ErrorKind::DiskFull, "{error}");
        assert!(!error.is_fatal());
    }
    assert_eq!(disk.list(DIR).unwrap().len(), 1, "half-made files are removed");
    // What still fits is taken.
    append(&mut wal, 3, 500).unwrap();
    // A restart does not find the refused group, before and after there is space.
    let disk = disk.crash();
    let (mut wal, found, _) = open(&disk).unwrap();
    assert_eq!(seqs(&found), [1, 3]);
    disk.set_capacity(None);
    append(&mut wal, 4, 6000).unwrap();
    let (_, found, _) = open(&disk.crash()).unwrap();
    assert_eq!(seqs(&found), [1, 3, 4]);
}

#[test]
fn a_full_disk_at_a_write_leaves_nothing_of_the_group() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    append(&mut wal, 1, 100).unwrap();
    disk.fail_next(DiskOp::Write, io::ErrorKind::StorageFull.into());
    let error = append(&mut wal, 2, 600).unwrap_err();
    assert!(!error.is_fatal() && !wal.is_poisoned(), "{error}");
    append(&mut wal, 3, 100).unwrap();
    let (_, found, summary) = open(&disk.crash()).unwrap();
    assert_eq!(seqs(&found), [1, 3]);
    assert_eq!(summary.torn_tail, None);
}

#[test]
fn a_group_can_be_filled_elsewhere_and_used_again() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    let mut group = Group::new(true);
    group.push(1, &rows(1, 2000)).unwrap();
    let unencodable = WalPayload::Batch {
        table: TableId(1),
        schema_version: 1,
        batch: RecordBatch::new_empty(Arc::new(Schema::empty())),
    };
    assert!(matches!(group.push(2, &unencodable), Err(WalError::Encode { seq: 2, .. })));
    group.push(2, &text(2, 10)).unwrap();
    assert_eq!((group.len(), group.first_seq(), group.last_seq()), (2, 1, 2));
    let mut plain = Group::new(false);
    plain.push(1, &rows(1, 2000)).unwrap();
    assert!(group.bytes() < plain.bytes(), "compressed");
    wal.commit(&mut group).unwrap();
    group.clear();
    group.push(3, &text(3, 10)).unwrap();
    wal.commit(&mut group).unwrap();
    let (_, found, _) = open(&disk.crash()).unwrap();
    assert_eq!(found, [(1, rows(1, 2000)), (2, text(2, 10)), (3, text(3, 10))]);
}
