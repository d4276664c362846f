//! Numbers, replay, checkpoints, fencing.

use bytes::Bytes;
use triglot_disk::{Disk, DiskOp, SimDisk};
use triglot_metalog::{MAX_PAYLOAD, MetaLogError, RecordFlags};
use triglot_model::ErrorKind;

use super::{append, checkpoint_key, names, open, record_key, texts, try_open};

#[tokio::test]
async fn an_absent_log_is_empty() {
    let (log, replay) = open(&SimDisk::new(1)).await;
    assert_eq!(log.last_number(), 0);
    assert!(replay.checkpoint.is_none() && replay.records.is_empty());
}

#[tokio::test]
async fn records_come_back_in_order_with_kind_and_flags() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    for n in 1..=20_u64 {
        assert_eq!(append(&log, &n.to_string()).await, n);
    }
    let skippable = RecordFlags::SKIPPABLE;
    assert_eq!(log.append(900, skippable, Bytes::new()).await.unwrap(), 21);
    assert!(disk.exists(&record_key(21)).unwrap());

    let (log, replay) = open(&disk).await;
    assert_eq!(log.last_number(), 21);
    let numbers: Vec<u64> = replay.records.iter().map(|r| r.number).collect();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    assert_eq!(texts(&replay)[..20], (1..=20).map(|n| n.to_string()).collect::<Vec<_>>());
    let (first, last) = (&replay.records[0], &replay.records[20]);
    assert_eq!((first.kind, first.flags.is_skippable()), (7, false));
    assert_eq!((last.kind, last.flags.is_skippable(), last.payload.len()), (900, true, 0));
}

#[tokio::test]
async fn checkpoints_bound_the_log_and_keep_one_step_back() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    for n in 1..=9 {
        append(&log, &n.to_string()).await;
        if n % 3 == 0 {
            assert_eq!(log.checkpoint(Bytes::from(format!("state {n}"))).await.unwrap(), n);
        }
    }
    append(&log, "10").await;
    let file = |n: u64, ext: &str| format!("{n:020}.{ext}");
    assert_eq!(names(&disk, "checkpoint"), [file(6, "ckp"), file(9, "ckp")]);
    assert_eq!(names(&disk, "log"), [7, 8, 9, 10].map(|n| file(n, "rec")));

    let (log, replay) = open(&disk).await;
    let checkpoint = replay.checkpoint.as_ref().unwrap();
    assert_eq!((checkpoint.number, &checkpoint.payload[..]), (9, &b"state 9"[..]));
    assert_eq!(texts(&replay), ["10"]);
    assert_eq!(append(&log, "11").await, 11);
}

#[tokio::test]
async fn a_checkpoint_at_the_same_number_changes_nothing() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    assert_eq!(log.checkpoint(Bytes::from_static(b"initial")).await.unwrap(), 0);
    append(&log, "1").await;
    log.checkpoint(Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(log.checkpoint(Bytes::from_static(b"one")).await.unwrap(), 1);
    let (log, replay) = open(&disk).await;
    assert_eq!(replay.checkpoint.unwrap().payload, "one");
    assert_eq!(append(&log, "2").await, 2);
}

#[tokio::test]
async fn m7_the_slower_of_two_openers_is_fenced() {
    let disk = SimDisk::new(1);
    let ((first, _), (second, _)) = (open(&disk).await, open(&disk).await);
    append(&first, "mine").await;
    let error = second.append(7, RecordFlags::NONE, Bytes::from_static(b"late")).await.unwrap_err();
    assert!(matches!(error, MetaLogError::Conflict { number: 1, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(second.last_number(), 0);
    let (second, replay) = open(&disk).await;
    assert_eq!(texts(&replay), ["mine"]);
    assert_eq!(append(&second, "now").await, 2);
    assert!(first.append(7, RecordFlags::NONE, Bytes::new()).await.is_err());
}

/// The record that the stale owner wants was written and removed after checkpoints: the file name is
/// free, but the number is not.
#[tokio::test]
async fn m7_an_owner_left_far_behind_is_fenced_too() {
    let disk = SimDisk::new(1);
    let ((stale, _), (owner, _)) = (open(&disk).await, open(&disk).await);
    for n in 1..=6 {
        append(&owner, &n.to_string()).await;
        if n % 2 == 0 {
            owner.checkpoint(Bytes::from(n.to_string())).await.unwrap();
        }
    }
    assert!(!disk.exists(&record_key(1)).unwrap());
    let error = stale.append(7, RecordFlags::NONE, Bytes::new()).await.unwrap_err();
    assert!(matches!(error, MetaLogError::Conflict { number: 1, .. }), "{error}");
    let error = stale.checkpoint(Bytes::new()).await.unwrap_err();
    assert!(matches!(error, MetaLogError::Conflict { .. }), "{error}");
    assert!(!disk.exists(&record_key(1)).unwrap() && !disk.exists(&checkpoint_key(0)).unwrap());
    assert_eq!(append(&owner, "7").await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_get_consecutive_numbers() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    let log = std::sync::Arc::new(log);
    let tasks: Vec<_> = (0..40)
        .map(|n: u32| {
            let log = std::sync::Arc::clone(&log);
            tokio::spawn(async move { (append(&log, &n.to_string()).await, n) })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    given.sort_unstable();
    assert_eq!(given.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    let (_, replay) = open(&disk).await;
    assert_eq!(texts(&replay), given.iter().map(|(_, n)| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_log_goes_on_when_there_is_room() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    append(&log, "1").await;
    disk.set_capacity(Some(50));
    let error = log.append(7, RecordFlags::NONE, Bytes::from(vec![0; 100])).await.unwrap_err();
    assert!(error.is_full() && error.kind() == ErrorKind::DiskFull, "{error}");
    disk.set_capacity(None);
    assert_eq!(append(&log, "2").await, 2);
    assert_eq!(texts(&open(&disk).await.1), ["1", "2"]);
}

/// The link was made, then the directory could not be synced: nobody can say whether the record is
/// there. The next append must not pretend that it is not.
#[tokio::test]
async fn an_append_of_unknown_outcome_fences_itself() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    append(&log, "1").await;
    disk.fail_next(DiskOp::SyncDir, std::io::Error::other("no"));
    let error = log.append(7, RecordFlags::NONE, Bytes::from_static(b"?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let error = log.append(7, RecordFlags::NONE, Bytes::from_static(b"2")).await.unwrap_err();
    assert!(matches!(error, MetaLogError::Conflict { number: 2, .. }), "{error}");
    assert_eq!(texts(&open(&disk).await.1), ["1", "?"]);
}

#[tokio::test]
async fn nonsense_sizes_are_refused() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    let huge = Bytes::from(vec![0; MAX_PAYLOAD + 1]);
    let error = log.append(7, RecordFlags::NONE, huge).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    assert_eq!(append(&log, "1").await, 1);
    assert!(try_open(&disk).await.is_ok());
}
