//! What `SimDisk` keeps and loses. Each statement about chance is checked over many seeds: both
//! outcomes must occur, and no third.

use std::collections::BTreeSet;
use std::io;

use proptest::prelude::*;
use triglot_disk::{Disk, DiskOp, OpenMode, SimDisk};

const SEEDS: u64 = 200;

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read).ok()?;
    let mut buf = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(0, &mut buf).unwrap();
    Some(buf)
}

fn durable_file(disk: &SimDisk, path: &str, data: &[u8]) {
    let file = disk.open(path, OpenMode::CreateNew).unwrap();
    file.write_at(0, data).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir("").unwrap();
}

/// The distinct outcomes of `run` over all seeds.
fn outcomes<T: Ord>(run: impl Fn(SimDisk) -> T) -> BTreeSet<T> {
    (0..SEEDS).map(|seed| run(SimDisk::new(seed))).collect()
}

#[test]
fn synced_data_and_names_survive() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"kept");
        content(&disk.crash(), "f")
    });
    assert_eq!(seen, BTreeSet::from([Some(b"kept".to_vec())]));
}

#[test]
fn a_name_without_sync_dir_is_at_risk() {
    let seen = outcomes(|disk| {
        let file = disk.open("f", OpenMode::CreateNew).unwrap();
        file.write_at(0, b"x").unwrap();
        file.sync_all().unwrap();
        content(&disk.crash(), "f")
    });
    assert_eq!(seen, BTreeSet::from([None, Some(b"x".to_vec())]));
}

#[test]
fn unsynced_data_may_be_lost_kept_or_zero() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"");
        disk.open("f", OpenMode::ReadWrite).unwrap().write_at(0, b"abc").unwrap();
        content(&disk.crash(), "f").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([b"".to_vec(), b"abc".to_vec(), b"\0\0\0".to_vec()]));
}

#[test]
fn writes_are_torn_at_sectors_only_and_out_of_order() {
    let (old, new) = (vec![1_u8; 512 * 4], vec![2_u8; 512 * 4]);
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", &old);
        disk.open("f", OpenMode::ReadWrite).unwrap().write_at(0, &new).unwrap();
        let data = content(&disk.crash(), "f").unwrap();
        let sectors: Vec<u8> = data
            .chunks(512)
            .map(|s| {
                assert!(s.iter().all(|b| *b == s[0]), "torn inside a sector");
                s[0]
            })
            .collect();
        sectors
    });
    assert!(seen.contains(&vec![1; 4]) && seen.contains(&vec![2; 4]));
    assert!(seen.contains(&vec![2, 2, 1, 1]), "a prefix: {seen:?}");
    assert!(seen.iter().any(|s| s[0] == 1 && s[3] == 2), "a late sector without an early one: {seen:?}");
}

#[test]
fn an_unaligned_write_touches_only_its_bytes() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", &[1; 1536]);
        disk.open("f", OpenMode::ReadWrite).unwrap().write_at(500, &[2; 600]).unwrap();
        let data = content(&disk.crash(), "f").unwrap();
        assert!(data[..500].iter().chain(&data[1100..]).all(|b| *b == 1));
        (data[500], data[600], data[1050])
    });
    // Sectors 0, 1 and 2 are concerned; each arrives or not.
    assert!(seen.contains(&(2, 1, 1)) && seen.contains(&(1, 2, 1)) && seen.contains(&(2, 2, 2)), "{seen:?}");
}

#[test]
fn rename_over_a_file_leaves_the_old_or_the_new() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"old");
        durable_file(&disk, "t", b"new");
        disk.rename("t", "f").unwrap();
        let disk = disk.crash();
        (content(&disk, "f").unwrap(), content(&disk, "t"))
    });
    assert!(seen.iter().all(|(f, t)| f == b"new" || t.as_deref() == Some(b"new")), "lost: {seen:?}");
    assert!(seen.contains(&(b"old".to_vec(), Some(b"new".to_vec()))));
    assert!(seen.contains(&(b"new".to_vec(), None)));
}

#[test]
fn removal_without_sync_dir_may_come_back() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"1");
        disk.remove_file("f").unwrap();
        disk.crash().exists("f").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([false, true]));
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"1");
        disk.remove_file("f").unwrap();
        disk.sync_dir("").unwrap();
        disk.crash().exists("f").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([false]));
}

#[test]
fn create_dir_all_is_durable() {
    let seen = outcomes(|disk| {
        disk.create_dir_all("a/b/c").unwrap();
        disk.crash().exists("a/b/c").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([true]));
}

#[test]
fn preallocated_zeros_are_durable() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"");
        disk.open("f", OpenMode::ReadWrite).unwrap().preallocate(2000).unwrap();
        content(&disk.crash(), "f")
    });
    assert_eq!(seen, BTreeSet::from([Some(vec![0; 2000])]));
}

#[test]
fn kill_keeps_what_was_written_but_does_not_sync_it() {
    let disk = SimDisk::new(3);
    let lock = disk.lock("LOCK").unwrap();
    disk.open("f", OpenMode::CreateNew).unwrap().write_at(0, b"abc").unwrap();
    let next = disk.restart_clean();
    assert_eq!(content(&next, "f").unwrap(), b"abc");
    next.lock("LOCK").unwrap();
    drop(lock);
    assert!(disk.is_crashed() && disk.exists("f").unwrap_err().is_simulated_crash());

    let seen = outcomes(|disk| {
        disk.open("f", OpenMode::CreateNew).unwrap();
        disk.restart_clean().crash().exists("f").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([false, true]));
}

#[test]
fn crash_after_counts_mutating_ios() {
    let disk = SimDisk::new(5);
    disk.crash_after(3);
    let file = disk.open("f", OpenMode::CreateNew).unwrap();
    file.write_at(0, b"ab").unwrap();
    assert_eq!(file.len().unwrap(), 2);
    assert_eq!(disk.io_count(), 2);
    assert!(file.sync_all().unwrap_err().is_simulated_crash());
    assert!(disk.is_crashed());
    assert!(file.read_at(0, &mut [0]).unwrap_err().is_simulated_crash());
    assert!(disk.list("").unwrap_err().is_simulated_crash());
    assert!(disk.remove_file("f").unwrap_err().is_simulated_crash());
    let next = disk.crash();
    assert_eq!((next.io_count(), next.is_crashed()), (0, false));
    assert!(file.write_at(0, b"zz").unwrap_err().is_simulated_crash(), "old handles stay dead");
}

#[test]
fn a_sync_during_which_the_machine_dies_promises_nothing() {
    let seen = outcomes(|disk| {
        durable_file(&disk, "f", b"0");
        let file = disk.open("f", OpenMode::ReadWrite).unwrap();
        file.write_at(0, b"1").unwrap();
        disk.crash_after(1);
        file.sync_data().unwrap_err();
        content(&disk.crash(), "f").unwrap()
    });
    assert_eq!(seen, BTreeSet::from([b"0".to_vec(), b"1".to_vec()]));
}

#[test]
fn full_disk() {
    let disk = SimDisk::new(1);
    disk.set_capacity(Some(1000));
    let file = disk.open("f", OpenMode::CreateNew).unwrap();
    file.write_at(0, &[1; 900]).unwrap();
    assert_eq!(disk.available_bytes().unwrap(), Some(100));
    assert!(file.write_at(900, &[2; 200]).unwrap_err().is_full());
    assert_eq!(file.len().unwrap(), 1000, "what fits is written, as by write(2)");
    file.write_at(0, &[3; 1000]).unwrap();
    assert!(file.preallocate(1001).unwrap_err().is_full());
    assert!(file.set_len(1001).unwrap_err().is_full());
    disk.remove_file("f").unwrap();
    assert_eq!(disk.available_bytes().unwrap(), Some(1000));
    disk.set_capacity(None);
    assert_eq!(disk.available_bytes().unwrap(), None);
}

#[test]
fn injected_failures_hit_once_and_change_nothing() {
    let disk = SimDisk::new(1);
    let file = disk.open("f", OpenMode::CreateNew).unwrap();
    disk.fail_next(DiskOp::Write, io::Error::other("bad cable"));
    let before = disk.io_count();
    let error = file.write_at(0, b"x").unwrap_err();
    assert_eq!(error.to_string(), "cannot write 'f': bad cable");
    assert_eq!((file.len().unwrap(), disk.io_count()), (0, before));
    file.write_at(0, b"x").unwrap();
}

#[test]
fn the_seed_decides_everything() {
    let run = |seed| {
        let disk = SimDisk::new(seed);
        for n in 0..20 {
            let file = disk.open(&format!("f{n}"), OpenMode::CreateNew).unwrap();
            file.write_at(0, &[n; 3000]).unwrap();
        }
        let disk = disk.crash();
        disk.list("").unwrap().into_iter().map(|e| (content(&disk, &e.name), e.name)).collect::<Vec<_>>()
    };
    assert!((0..50).all(|seed| run(seed) == run(seed)));
    assert!((0..50).any(|seed| run(seed) != run(seed + 50)));
}

proptest! {
    /// Bytes synced and not touched since are never changed by a crash.
    #[test]
    fn synced_bytes_never_change(
        seed: u64,
        synced in prop::collection::vec((0_u64..4000, 1_usize..2000), 1..6),
        later in prop::collection::vec((0_u64..6000, 1_usize..2000), 0..6),
    ) {
        let disk = SimDisk::new(seed);
        durable_file(&disk, "f", b"");
        let file = disk.open("f", OpenMode::ReadWrite).unwrap();
        let mut model = Vec::new();
        for (n, (offset, len)) in synced.iter().enumerate() {
            let (offset_at, byte) = (usize::try_from(*offset).unwrap(), u8::try_from(n + 1).unwrap());
            file.write_at(*offset, &vec![byte; *len]).unwrap();
            if model.len() < offset_at + len {
                model.resize(offset_at + len, 0);
            }
            model[offset_at..offset_at + len].fill(byte);
        }
        file.sync_data().unwrap();
        let mut at_risk = vec![false; model.len()];
        for (offset, len) in &later {
            file.write_at(*offset, &vec![99; *len]).unwrap();
            let from = usize::try_from(*offset).unwrap().min(at_risk.len());
            let to = (usize::try_from(*offset).unwrap() + len).min(at_risk.len());
            at_risk[from..to].fill(true);
        }
        let found = content(&disk.crash(), "f").unwrap();
        prop_assert!(found.len() >= model.len());
        for (at, expected) in model.iter().enumerate() {
            prop_assert!(found[at] == *expected || (at_risk[at] && found[at] == 99), "byte {at}");
        }
        for (at, byte) in found.iter().enumerate().skip(model.len()) {
            prop_assert!(*byte == 0 || *byte == 99, "byte {at}");
        }
    }
}
