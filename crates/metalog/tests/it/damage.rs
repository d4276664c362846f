//! Nothing missing or damaged is passed over; salvage reads up to it and reports the rest.

use bytes::Bytes;
use triglot_disk::{Disk, DiskError, OpenMode, SimDisk};
use triglot_metalog::{MetaLogError, SalvageReport, salvage};
use triglot_model::ErrorKind;

use super::{append, checkpoint_key, names, open, prefix, record_key, spoil, store, texts, try_open};

/// Records 1..=8 with checkpoints after 2, 4 and 6: checkpoints 4 and 6 and records 5..=8 are there.
async fn sample() -> SimDisk {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    for n in 1..=8 {
        append(&log, &n.to_string()).await;
        if n % 2 == 0 && n < 8 {
            log.checkpoint(Bytes::from(format!("state {n}"))).await.unwrap();
        }
    }
    disk
}

async fn failure(disk: &SimDisk) -> MetaLogError {
    let error = try_open(disk).await.expect_err("damage was passed over");
    assert!(error.is_damage() && error.kind() == ErrorKind::Corrupt, "{error}");
    error
}

#[tokio::test]
async fn damage_of_each_byte_of_a_record_stops_the_open() {
    for offset in 0..27 {
        for number in [7, 8] {
            let disk = sample().await;
            spoil(&disk, &record_key(number), offset);
            let message = failure(&disk).await.to_string();
            assert!(message.contains(&record_key(number)), "{message}");
        }
    }
}

#[tokio::test]
async fn short_long_empty_and_exchanged_files_stop_the_open() {
    let disk = sample().await;
    disk.open(&record_key(8), OpenMode::ReadWrite).unwrap().set_len(26).unwrap();
    assert!(matches!(failure(&disk).await, MetaLogError::Damaged { offset: 18, .. }));

    let disk = sample().await;
    disk.open(&record_key(8), OpenMode::ReadWrite).unwrap().write_at(27, b"x").unwrap();
    assert!(matches!(failure(&disk).await, MetaLogError::Damaged { offset: 18, .. }));

    let disk = sample().await;
    disk.open(&record_key(8), OpenMode::ReadWrite).unwrap().set_len(0).unwrap();
    assert!(matches!(failure(&disk).await, MetaLogError::Damaged { offset: 0, .. }));

    let disk = sample().await;
    disk.rename(&record_key(7), &record_key(8)).unwrap();
    disk.rename(&record_key(8), &record_key(7)).unwrap(); // 8 gone, 7 is there: a legal, shorter log
    assert_eq!(texts(&open(&disk).await.1), ["7"]);
    disk.hard_link_new(&record_key(7), &record_key(8)).unwrap();
    let error = failure(&disk).await.to_string();
    assert!(error.contains("at offset 10: expected number 8, found 7"), "{error}");
}

#[tokio::test]
async fn gaps_stop_the_open() {
    let disk = sample().await;
    disk.remove_file(&record_key(7)).unwrap();
    assert!(matches!(failure(&disk).await, MetaLogError::Gap { expected: 7, found: 8, .. }));

    let disk = SimDisk::new(1);
    let (log, _) = open(&disk).await;
    append(&log, "1").await;
    append(&log, "2").await;
    disk.remove_file(&record_key(1)).unwrap();
    assert!(matches!(failure(&disk).await, MetaLogError::Gap { expected: 1, found: 2, .. }));
}

#[tokio::test]
async fn strangers_stop_the_open() {
    for name in [
        "log/8.rec",
        "log/00000000000000000009.rec.bak",
        "checkpoint/notes",
        "log/deeper/00000000000000000009.rec",
    ] {
        let disk = sample().await;
        let key = format!("{}/{name}", prefix());
        disk.create_dir_all(key.rsplit_once('/').unwrap().0).unwrap();
        disk.open(&key, OpenMode::CreateNew).unwrap();
        match failure(&disk).await {
            MetaLogError::UnexpectedFile { key: found } => assert_eq!(found.as_ref(), key),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_damaged_newest_checkpoint_names_the_older_one() {
    let disk = sample().await;
    spoil(&disk, &checkpoint_key(6), 28);
    let message = failure(&disk).await.to_string();
    assert!(message.contains(&checkpoint_key(6)) && message.contains(&checkpoint_key(4)), "{message}");
    assert!(message.contains("at offset 22: expected CRC-32C"), "{message}");
}

#[tokio::test]
async fn damage_below_the_newest_checkpoint_does_not_matter() {
    let disk = sample().await;
    spoil(&disk, &record_key(5), 3);
    spoil(&disk, &checkpoint_key(4), 3);
    let (_, replay) = open(&disk).await;
    assert_eq!(
        (replay.checkpoint.as_ref().unwrap().number, texts(&replay)),
        (6, vec!["7".into(), "8".into()])
    );
}

async fn salvage_on(disk: &SimDisk, apply: bool) -> SalvageReport {
    salvage(&*store(disk), &prefix(), apply).await.unwrap()
}

fn lost(report: &SalvageReport) -> Vec<String> {
    report.lost.iter().map(|l| l.key.to_string()).collect()
}

#[tokio::test]
async fn salvage_of_a_whole_log_finds_nothing_lost() {
    let disk = sample().await;
    let report = salvage_on(&disk, true).await;
    assert!(report.is_intact());
    assert_eq!(report.replay, open(&disk).await.1);
}

#[tokio::test]
async fn salvage_goes_back_to_the_older_checkpoint_without_loss() {
    let disk = sample().await;
    spoil(&disk, &checkpoint_key(6), 28);
    let before = disk.io_count();
    let report = salvage_on(&disk, false).await;
    assert_eq!(report.replay.checkpoint.as_ref().unwrap().payload, "state 4");
    assert_eq!(texts(&report.replay), ["5", "6", "7", "8"]);
    assert_eq!(lost(&report), [checkpoint_key(6)]);
    assert!(report.lost[0].moved_to.is_none());
    assert!(disk.exists(&checkpoint_key(6)).unwrap(), "looking changes nothing");
    // Opening a store syncs the directories it reads; nothing else may have been written.
    assert!(disk.io_count() - before <= 8);

    let applied = salvage_on(&disk, true).await;
    assert_eq!(applied.lost[0].moved_to.as_ref().unwrap().as_ref(), {
        format!("{}/damaged/checkpoint/{:020}.ckp", prefix(), 6)
    });
    let (log, replay) = open(&disk.crash()).await;
    assert_eq!(replay, report.replay);
    assert_eq!(append(&log, "9").await, 9);
}

#[tokio::test]
async fn salvage_stops_at_the_first_damage() {
    let disk = sample().await;
    let (log, _) = open(&disk).await;
    for n in 9..=12 {
        append(&log, &n.to_string()).await;
    }
    spoil(&disk, &record_key(9), 26);
    disk.remove_file(&record_key(11)).unwrap();
    let stranger = format!("{}/log/readme", prefix());
    disk.open(&stranger, OpenMode::CreateNew).unwrap();
    let report = salvage_on(&disk, true).await;
    assert_eq!(texts(&report.replay), ["7", "8"]);
    assert_eq!(lost(&report), [stranger, record_key(9), record_key(10), record_key(12)]);
    assert!(report.lost[1].reason.contains("CRC-32C"), "{}", report.lost[1].reason);
    assert_eq!(report.lost[2].reason, "record 9 before it is damaged");
    assert_eq!(names(&disk, "damaged/log").len(), 4);

    // A second accident with the same number does not overwrite what the first left.
    let (log, _) = open(&disk).await;
    assert_eq!(append(&log, "nine").await, 9);
    spoil(&disk, &record_key(9), 0);
    let report = salvage_on(&disk, true).await;
    let moved = report.lost[0].moved_to.as_ref().unwrap().to_string();
    assert!(moved.ends_with("damaged/log/00000000000000000009.rec.1"), "{moved}");
    assert_eq!(names(&disk, "damaged/log").len(), 5);
    open(&disk).await;
}

#[tokio::test]
async fn salvage_without_any_checkpoint_reports_all_as_lost() {
    let disk = sample().await;
    spoil(&disk, &checkpoint_key(4), 0);
    spoil(&disk, &checkpoint_key(6), 0);
    let report = salvage_on(&disk, true).await;
    assert!(report.replay.checkpoint.is_none() && report.replay.records.is_empty());
    assert_eq!(report.lost.len(), 6);
    assert!(report.lost.iter().any(|l| l.reason == "record 1 before it is missing"));
    assert_eq!(open(&disk).await.0.last_number(), 0);
}

#[tokio::test]
async fn an_interrupted_salvage_goes_on() {
    for index in 1.. {
        let disk = sample().await;
        spoil(&disk, &record_key(7), 26);
        // Settles the directories, so that the crash hits the moves.
        let store = store(&disk);
        disk.crash_after(index);
        let result = salvage(&*store, &prefix(), true).await;
        let died = disk.is_crashed();
        if let Err(error) = &result {
            let MetaLogError::Store { source: object_store::Error::Generic { source, .. }, .. } = error
            else {
                panic!("{error}");
            };
            assert!(source.downcast_ref::<DiskError>().unwrap().is_simulated_crash());
        }
        let disk = disk.restart_clean();
        let again = salvage_on(&disk, true).await;
        assert!(again.is_intact() || lost(&again)[0] == record_key(7), "I/O {index}: {:?}", again.lost);
        let (log, replay) = open(&disk).await;
        assert_eq!((replay.checkpoint.unwrap().number, replay.records.len()), (6, 0), "I/O {index}");
        assert_eq!(log.last_number(), 6);
        if !died {
            break;
        }
    }
}
