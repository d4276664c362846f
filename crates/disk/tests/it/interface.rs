//! One suite for every `Disk`: what callers may rely on, whichever disk they get.

use std::sync::Arc;

use triglot_disk::{Disk, DiskError, OpenMode, RealDisk, SimDisk};

fn on_both(test: fn(&dyn Disk)) {
    test(&SimDisk::new(1));
    let dir = tempfile::tempdir().unwrap();
    test(&RealDisk::open(dir.path()).unwrap());
}

fn put(disk: &dyn Disk, path: &str, data: &[u8]) {
    let file = disk.open(path, OpenMode::CreateOrTruncate).unwrap();
    file.write_at(0, data).unwrap();
    file.sync_all().unwrap();
}

fn get(disk: &dyn Disk, path: &str) -> Vec<u8> {
    let file = disk.open(path, OpenMode::Read).unwrap();
    let mut buf = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(0, &mut buf).unwrap();
    buf
}

#[test]
fn reads_and_writes_at_offsets() {
    on_both(|disk| {
        let file = disk.open("f", OpenMode::CreateNew).unwrap();
        file.write_at(4, b"abc").unwrap();
        assert_eq!(get(disk, "f"), b"\0\0\0\0abc");
        let mut buf = [9; 5];
        assert_eq!(file.read_at(5, &mut buf).unwrap(), 2);
        assert_eq!(&buf, b"bc\x09\x09\x09");
        assert_eq!(file.read_at(100, &mut buf).unwrap(), 0);
        assert!(matches!(
            file.read_exact_at(5, &mut buf),
            Err(DiskError::Io { source, .. }) if source.kind() == std::io::ErrorKind::UnexpectedEof
        ));
        file.set_len(5).unwrap();
        assert_eq!(get(disk, "f"), b"\0\0\0\0a");
        file.preallocate(8).unwrap();
        file.preallocate(2).unwrap();
        assert_eq!(get(disk, "f"), b"\0\0\0\0a\0\0\0");
        assert_eq!(disk.len("f").unwrap(), 8);
        file.sync_data().unwrap();
    });
}

#[test]
fn preallocation_longer_than_one_block() {
    on_both(|disk| {
        let file = disk.open("f", OpenMode::CreateNew).unwrap();
        file.write_at(0, b"x").unwrap();
        let len = (2 << 20) + 17;
        file.preallocate(len).unwrap();
        let data = get(disk, "f");
        assert_eq!(data.len() as u64, len);
        assert!(data[0] == b'x' && data[1..].iter().all(|b| *b == 0));
    });
}

#[test]
fn open_modes() {
    on_both(|disk| {
        assert!(disk.open("f", OpenMode::Read).unwrap_err().is_not_found());
        assert!(disk.open("f", OpenMode::ReadWrite).unwrap_err().is_not_found());
        assert!(disk.open("no/f", OpenMode::CreateNew).unwrap_err().is_not_found());
        put(disk, "f", b"one");
        assert!(disk.open("f", OpenMode::CreateNew).unwrap_err().is_already_exists());
        disk.open("f", OpenMode::ReadWrite).unwrap().write_at(0, b"ONE").unwrap();
        assert_eq!(get(disk, "f"), b"ONE");
        assert!(disk.open("f", OpenMode::Read).unwrap().write_at(0, b"x").is_err());
        disk.open("f", OpenMode::CreateOrTruncate).unwrap();
        assert_eq!(get(disk, "f"), b"");
        disk.create_dir_all("d").unwrap();
        assert!(disk.open("d", OpenMode::Read).is_err());
    });
}

#[test]
fn directories() {
    on_both(|disk| {
        assert!(disk.list("a").unwrap_err().is_not_found());
        disk.create_dir_all("a/b/c").unwrap();
        disk.create_dir_all("a/b/c").unwrap();
        put(disk, "a/z", b"12");
        put(disk, "a/k", b"");
        let listed: Vec<_> =
            disk.list("a").unwrap().into_iter().map(|e| (e.name, e.meta.is_dir, e.meta.len)).collect();
        let expected = [("b", true, 0), ("k", false, 0), ("z", false, 2)];
        assert_eq!(listed, expected.map(|(n, d, l)| (n.to_owned(), d, l)));
        assert_eq!(disk.list("").unwrap().len(), 1);
        assert!(disk.create_dir_all("a/z/q").is_err());
        disk.sync_dir("a/b").unwrap();
        disk.sync_dir("").unwrap();
        assert!(disk.sync_dir("nope").unwrap_err().is_not_found());
        disk.remove_dir_all("a").unwrap();
        assert!(!disk.exists("a").unwrap() && !disk.exists("a/z").unwrap());
        assert!(disk.remove_dir_all("a").unwrap_err().is_not_found());
    });
}

#[test]
fn renames_links_removals() {
    on_both(|disk| {
        disk.create_dir_all("d").unwrap();
        put(disk, "a", b"new");
        put(disk, "d/b", b"old");
        let before = disk.metadata("d/b").unwrap().file_id;
        let reader = disk.open("d/b", OpenMode::Read).unwrap();
        disk.rename("a", "d/b").unwrap();
        assert_eq!(get(disk, "d/b"), b"new");
        assert!(!disk.exists("a").unwrap());
        assert_ne!(disk.metadata("d/b").unwrap().file_id, before);
        // Who has the replaced file open keeps it: snapshots rely on that.
        let mut buf = [0; 3];
        reader.read_exact_at(0, &mut buf).unwrap();
        assert_eq!(&buf, b"old");

        disk.hard_link_new("d/b", "c").unwrap();
        assert!(disk.hard_link_new("d/b", "c").unwrap_err().is_already_exists());
        assert!(disk.hard_link_new("none", "e").unwrap_err().is_not_found());
        disk.rename("d/b", "c").unwrap(); // two names of one file: POSIX does nothing
        assert!(disk.exists("d/b").unwrap() && disk.exists("c").unwrap());
        disk.remove_file("d/b").unwrap();
        assert_eq!(get(disk, "c"), b"new");
        assert!(disk.remove_file("d/b").unwrap_err().is_not_found());
        assert!(disk.rename("none", "x").unwrap_err().is_not_found());
        assert!(disk.remove_file("d").is_err());
    });
}

#[test]
fn m6_one_lock_per_root() {
    on_both(|disk| {
        let held = disk.lock("LOCK").unwrap();
        assert_eq!(held.path(), "LOCK");
        assert!(matches!(disk.lock("LOCK"), Err(DiskError::Locked { path }) if path == "LOCK"));
        drop(held);
        disk.lock("LOCK").unwrap();
    });
}

#[test]
fn paths_outside_the_root_are_refused() {
    on_both(|disk| {
        for bad in ["/etc/passwd", "../x", "a/../../x", "a//b"] {
            let refused = |r: Result<(), DiskError>| assert!(matches!(r, Err(DiskError::InvalidPath { .. })));
            refused(disk.open(bad, OpenMode::CreateNew).map(drop));
            refused(disk.metadata(bad).map(drop));
            refused(disk.list(bad).map(drop));
            refused(disk.create_dir_all(bad));
            refused(disk.rename(bad, "a"));
            refused(disk.rename("a", bad));
            refused(disk.hard_link_new("a", bad));
            refused(disk.remove_file(bad));
            refused(disk.remove_dir_all(bad));
            refused(disk.sync_dir(bad));
            refused(disk.lock(bad).map(drop));
        }
        assert!(disk.remove_dir_all("").is_err());
        assert!(disk.open("", OpenMode::CreateNew).is_err());
    });
}

#[test]
fn handles_are_shared_between_threads() {
    on_both(|disk| {
        let file: Arc<dyn triglot_disk::DiskFile> = Arc::from(disk.open("f", OpenMode::CreateNew).unwrap());
        std::thread::scope(|scope| {
            for n in 0..8_u8 {
                let file = Arc::clone(&file);
                scope.spawn(move || file.write_at(u64::from(n) * 100, &[n; 100]).unwrap());
            }
        });
        let expected: Vec<u8> = (0..8_u8).flat_map(|n| [n; 100]).collect();
        assert_eq!(get(disk, "f"), expected);
    });
}

#[test]
fn real_disk_makes_its_root_and_knows_its_space() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(&dir.path().join("x/y")).unwrap();
    put(&disk, "f", b"1");
    assert_eq!(std::fs::read(dir.path().join("x/y/f")).unwrap(), b"1");
    assert!(disk.available_bytes().unwrap().is_some());
    assert!(RealDisk::open(&dir.path().join("x/y/f")).is_err());
}
