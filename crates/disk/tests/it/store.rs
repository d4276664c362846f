//! `DiskStore`: the object store contract on both disks, and durability on the simulated one.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, UpdateVersion,
};
use triglot_disk::{Disk, DiskError, DiskOp, DiskStore, DiskStoreOptions, OpenMode, RealDisk, SimDisk};

fn store(disk: &SimDisk) -> DiskStore {
    DiskStore::open(Arc::new(disk.clone()), DiskStoreOptions::default()).unwrap()
}

fn stores() -> (tempfile::TempDir, Vec<DiskStore>) {
    let dir = tempfile::tempdir().unwrap();
    let real: Arc<dyn Disk> = Arc::new(RealDisk::open(dir.path()).unwrap());
    let open = |disk, inline_reads| DiskStore::open(disk, DiskStoreOptions { inline_reads }).unwrap();
    let all = vec![open(real, false), open(Arc::new(SimDisk::new(1)), true)];
    (dir, all)
}

fn create() -> PutOptions {
    PutOptions::from(PutMode::Create)
}

async fn body(store: &DiskStore, key: &str) -> Option<Bytes> {
    match store.get(&Path::from(key)).await {
        Ok(found) => Some(found.bytes().await.unwrap()),
        Err(Error::NotFound { .. }) => None,
        Err(e) => panic!("{e}"),
    }
}

async fn keys(store: &DiskStore, prefix: &str) -> Vec<String> {
    let found: Vec<_> = store.list(Some(&Path::from(prefix))).try_collect().await.unwrap();
    found.into_iter().map(|m| m.location.to_string()).collect()
}

#[tokio::test]
async fn put_get_head_delete() {
    let (_dir, stores) = stores();
    for store in stores {
        let key = Path::from("a/b/c d");
        assert!(matches!(store.get(&key).await, Err(Error::NotFound { .. })));
        let put =
            store.put(&key, PutPayload::from_iter([Bytes::from("he"), Bytes::from("llo")])).await.unwrap();
        assert_eq!(body(&store, "a/b/c d").await.unwrap(), "hello");
        let head = store.head(&key).await.unwrap();
        assert_eq!((head.size, &head.e_tag, &head.location), (5, &put.e_tag, &key));
        let again = store.put(&key, "HELLO".into()).await.unwrap();
        assert_ne!(again.e_tag, put.e_tag);
        assert_eq!(body(&store, "a/b/c d").await.unwrap(), "HELLO");
        store.delete(&key).await.unwrap();
        assert!(matches!(store.delete(&key).await, Err(Error::NotFound { .. })));
        assert!(matches!(store.head(&Path::from("a/b")).await, Err(Error::NotFound { .. })));
        assert!(store.disk().list("tmp").unwrap().is_empty());
    }
}

#[tokio::test]
async fn create_is_exclusive_and_update_is_not_there() {
    let (_dir, stores) = stores();
    for store in stores {
        let key = Path::from("log/1");
        store.put_opts(&key, "first".into(), create()).await.unwrap();
        let lost = store.put_opts(&key, "second".into(), create()).await;
        assert!(matches!(lost, Err(Error::AlreadyExists { .. })), "{lost:?}");
        assert_eq!(body(&store, "log/1").await.unwrap(), "first");
        let update = PutMode::Update(UpdateVersion { e_tag: None, version: None });
        let refused = store.put_opts(&key, "x".into(), update.into()).await;
        assert!(matches!(refused, Err(Error::NotImplemented { .. })));
        assert!(store.disk().list("tmp").unwrap().is_empty());
    }
}

#[tokio::test]
async fn ranges_and_conditions() {
    let (_dir, stores) = stores();
    for store in stores {
        let key = Path::from("x");
        let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let tag = store.put(&key, big.clone().into()).await.unwrap().e_tag;
        assert_eq!(body(&store, "x").await.unwrap(), big, "longer than one piece");
        assert_eq!(store.get_range(&key, 10..20).await.unwrap(), big[10..20]);
        let several = store.get_ranges(&key, &[0..3, 2_999_999..3_000_000]).await.unwrap();
        assert_eq!(several, [&big[..3], &big[2_999_999..]]);
        assert!(store.get_range(&key, 3_000_000..3_000_001).await.is_err());
        let suffix = GetOptions { range: Some(GetRange::Suffix(4)), ..Default::default() };
        let got = store.get_opts(&key, suffix).await.unwrap();
        assert_eq!(got.range, 2_999_996..3_000_000);
        assert_eq!(got.bytes().await.unwrap(), big[2_999_996..]);
        let same = GetOptions { if_none_match: tag.clone(), ..Default::default() };
        assert!(matches!(store.get_opts(&key, same).await, Err(Error::NotModified { .. })));
        let other = GetOptions { if_match: Some("nope".into()), ..Default::default() };
        assert!(matches!(store.get_opts(&key, other).await, Err(Error::Precondition { .. })));
        store.put(&Path::from("empty"), PutPayload::new()).await.unwrap();
        assert_eq!(body(&store, "empty").await.unwrap(), "");
    }
}

#[tokio::test]
async fn listing() {
    let (_dir, stores) = stores();
    for store in stores {
        for key in ["p/b", "p/a-x", "p/a/1", "pq/1", "top"] {
            store.put(&Path::from(key), "1".into()).await.unwrap();
        }
        assert_eq!(keys(&store, "p").await, ["p/a-x", "p/a/1", "p/b"], "ordered by bytes, as on S3");
        assert_eq!(keys(&store, "").await.len(), 5);
        assert!(keys(&store, "nope").await.is_empty() && keys(&store, "p/b").await.is_empty());
        let level = store.list_with_delimiter(Some(&Path::from("p"))).await.unwrap();
        assert_eq!(level.common_prefixes, [Path::from("p/a")]);
        let names: Vec<_> = level.objects.iter().map(|m| m.location.as_ref()).collect();
        assert_eq!(names, ["p/a-x", "p/b"]);
        let root = store.list_with_delimiter(None).await.unwrap();
        assert_eq!(root.common_prefixes, [Path::from("p"), Path::from("pq")], "tmp is not shown");
        assert!(store.put(&Path::from("tmp/x"), "1".into()).await.is_err());
        assert!(store.get(&Path::from("tmp/x")).await.is_err());
    }
}

#[tokio::test]
async fn deletes_in_bulk() {
    let (_dir, stores) = stores();
    for store in stores {
        for n in 0..5 {
            store.put(&Path::from(format!("d/{n}")), "1".into()).await.unwrap();
        }
        let wanted = ["d/0", "d/9", "d/3"].map(|k| Ok(Path::from(k)));
        let results: Vec<_> = store.delete_stream(stream::iter(wanted).boxed()).collect().await;
        assert!(matches!(&results[..], [Ok(_), Err(Error::NotFound { .. }), Ok(_)]), "{results:?}");
        assert_eq!(keys(&store, "d").await, ["d/1", "d/2", "d/4"]);
    }
}

#[tokio::test]
async fn copies() {
    let (_dir, stores) = stores();
    for store in stores {
        let (a, b) = (Path::from("a"), Path::from("deep/b"));
        let big = vec![7_u8; 2_500_000];
        store.put(&a, big.clone().into()).await.unwrap();
        store.copy(&a, &b).await.unwrap();
        assert_eq!(body(&store, "deep/b").await.unwrap(), big);
        let only_new = CopyOptions::new().with_mode(CopyMode::Create);
        assert!(matches!(store.copy_opts(&a, &b, only_new).await, Err(Error::AlreadyExists { .. })));
        assert!(matches!(store.copy(&Path::from("none"), &b).await, Err(Error::NotFound { .. })));
        store.rename(&b, &a).await.unwrap();
        assert_eq!(keys(&store, "").await, ["a"]);
    }
}

#[tokio::test]
async fn multipart() {
    let (_dir, stores) = stores();
    for store in stores {
        let key = Path::from("m/x");
        let mut upload = store.put_multipart(&key).await.unwrap();
        let (first, second) = (upload.put_part("abc".into()), upload.put_part("defg".into()));
        second.await.unwrap();
        assert_eq!(body(&store, "m/x").await, None);
        first.await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(body(&store, "m/x").await.unwrap(), "abcdefg");
        assert!(upload.complete().await.is_err());
        assert!(upload.put_part("late".into()).await.is_err());

        let mut upload = store.put_multipart(&Path::from("m/y")).await.unwrap();
        upload.put_part("abc".into()).await.unwrap();
        upload.abort().await.unwrap();
        let mut upload = store.put_multipart(&Path::from("m/z")).await.unwrap();
        drop(upload.put_part("never awaited".into()));
        assert!(upload.complete().await.is_err());
        drop(upload);
        assert_eq!(keys(&store, "").await, ["m/x"]);
        assert!(store.disk().list("tmp").unwrap().is_empty());
    }
}

#[test]
fn leftovers_are_swept() {
    let disk = SimDisk::new(1);
    disk.create_dir_all("tmp").unwrap();
    disk.open("tmp/0000000000000000", OpenMode::CreateNew).unwrap();
    let first = store(&disk);
    assert!(disk.list("tmp").unwrap().is_empty());
    disk.open("tmp/zz", OpenMode::CreateNew).unwrap();
    assert_eq!(first.sweep_tmp().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creators_have_one_winner() {
    let (_dir, stores) = stores();
    for store in stores {
        for round in 0..20 {
            let key = Path::from(format!("c/{round}"));
            let tries = (0..8_u8).map(|n| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(
                    async move { store.put_opts(&key, vec![n; 10].into(), create()).await.map(|_| n) },
                )
            });
            let results: Vec<_> =
                futures::future::join_all(tries).await.into_iter().map(|r| r.unwrap()).collect();
            let winners: Vec<u8> = results.iter().filter_map(|r| r.as_ref().ok().copied()).collect();
            assert_eq!(winners.len(), 1, "{results:?}");
            assert_eq!(body(&store, key.as_ref()).await.unwrap(), vec![winners[0]; 10]);
        }
    }
}

/// Runs `write` with a crash at every I/O; afterwards `key` holds `old` or `new`, whole, and `new`
/// if the call returned.
async fn crash_everywhere<F>(key: &str, old: Option<&[u8]>, new: &[u8], write: impl Fn(DiskStore) -> F)
where
    F: Future<Output = object_store::Result<()>>,
{
    let (mut finished, mut kept_old, mut kept_new) = (false, false, false);
    for index in 1.. {
        for seed in 0..40 {
            let disk = SimDisk::new(seed * 1000 + index);
            let before = store(&disk);
            if let Some(old) = old {
                before.put(&Path::from(key), old.to_vec().into()).await.unwrap();
            }
            disk.crash_after(index);
            let result = write(before).await;
            let disk = disk.crash();
            let after = store(&disk);
            let found = body(&after, key).await;
            let listed = keys(&after, "").await.contains(&key.to_owned());
            assert_eq!(listed, found.is_some());
            let is_new = found.as_deref() == Some(new);
            assert!(is_new || found.as_deref() == old, "I/O {index} seed {seed}: {found:?}");
            assert!(is_new || result.is_err(), "I/O {index} seed {seed}: acknowledged and lost");
            assert!(disk.list("tmp").unwrap().is_empty());
            kept_old |= result.is_err() && !is_new;
            kept_new |= result.is_err() && is_new;
            finished |= !disk_died(&result) && result.is_ok();
        }
        if finished {
            break;
        }
    }
    assert!(kept_old && kept_new, "the test does not reach both outcomes");
}

fn disk_died(result: &object_store::Result<()>) -> bool {
    matches!(result, Err(Error::Generic { source, .. })
        if source.downcast_ref::<DiskError>().is_some_and(DiskError::is_simulated_crash))
}

#[tokio::test]
async fn m1_put_is_durable_or_absent() {
    let new = vec![5_u8; 3000];
    let payload = new.clone();
    crash_everywhere("a/b/key", None, &new, move |store| {
        let payload = payload.clone();
        async move { store.put_opts(&Path::from("a/b/key"), payload.into(), create()).await.map(drop) }
    })
    .await;
}

#[tokio::test]
async fn m1_overwrite_is_old_or_new() {
    let (old, new) = (vec![4_u8; 2000], vec![5_u8; 3000]);
    let payload = new.clone();
    crash_everywhere("key", Some(&old), &new, move |store| {
        let payload = payload.clone();
        async move { store.put(&Path::from("key"), payload.into()).await.map(drop) }
    })
    .await;
}

#[tokio::test]
async fn m1_multipart_is_durable_or_absent() {
    let new = [vec![1_u8; 1000], vec![2_u8; 1000]].concat();
    crash_everywhere("a/key", None, &new, |store| async move {
        let mut upload = store.put_multipart(&Path::from("a/key")).await?;
        upload.put_part(vec![1_u8; 1000].into()).await?;
        upload.put_part(vec![2_u8; 1000].into()).await?;
        upload.complete().await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn deletes_are_durable() {
    for seed in 0..100 {
        let disk = SimDisk::new(seed);
        let before = store(&disk);
        before.put(&Path::from("d/k"), "1".into()).await.unwrap();
        before.delete(&Path::from("d/k")).await.unwrap();
        assert_eq!(body(&store(&disk.crash()), "d/k").await, None);
    }
}

#[tokio::test]
async fn a_delete_that_is_not_durable_is_an_error() {
    let disk = SimDisk::new(1);
    let store_1 = store(&disk);
    for key in ["a/1", "a/2", "b/1"] {
        store_1.put(&Path::from(key), "1".into()).await.unwrap();
    }
    disk.fail_next(DiskOp::SyncDir, std::io::Error::other("no"));
    let wanted = ["a/1", "b/1", "a/2"].map(|k| Ok(Path::from(k)));
    let results: Vec<_> = store_1.delete_stream(stream::iter(wanted).boxed()).collect().await;
    assert!(matches!(&results[..], [Err(_), Ok(_), Err(_)]), "{results:?}");
}

/// M-1 across a kill: the process dies between link and directory sync; its successor sees the key,
/// so the key must stay even if the power goes next.
#[tokio::test]
async fn m1_what_a_successor_lists_survives() {
    for seed in 0..40 {
        for index in 1..20 {
            let disk = SimDisk::new(seed);
            let first = store(&disk);
            disk.crash_after(index);
            let _ = first.put_opts(&Path::from("a/k"), "1".into(), create()).await;
            let disk = disk.restart_clean();
            let second = store(&disk);
            let listed = if seed % 2 == 0 {
                keys(&second, "a").await.len() == 1
            } else {
                body(&second, "a/k").await.is_some()
            };
            let found = body(&store(&disk.crash()), "a/k").await;
            assert!(!listed || found.is_some_and(|b| b == "1"), "I/O {index} seed {seed}");
        }
    }
}

/// A directory that a killed process made but did not sync is there, but not durable: who puts
/// something into it must see to the directory too.
#[tokio::test]
async fn m1_a_successor_does_not_trust_directories_it_finds() {
    for seed in 0..40 {
        for index in 1..12 {
            let disk = SimDisk::new(seed);
            let first = store(&disk);
            disk.crash_after(index);
            let _ = first.put_opts(&Path::from("a/b/k"), "1".into(), create()).await;
            let disk = disk.restart_clean();
            store(&disk).put(&Path::from("a/b/l"), "2".into()).await.unwrap();
            let found = body(&store(&disk.crash()), "a/b/l").await;
            assert!(found.is_some_and(|b| b == "2"), "I/O {index} seed {seed}");
        }
    }
}

#[tokio::test]
async fn m1_after_a_failed_directory_sync_the_next_reader_syncs() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let store_1 = store(&disk);
        store_1.put(&Path::from("a/0"), "0".into()).await.unwrap();
        disk.fail_next(DiskOp::SyncDir, std::io::Error::other("no"));
        assert!(store_1.put(&Path::from("a/k"), "1".into()).await.is_err());
        assert_eq!(keys(&store_1, "a").await, ["a/0", "a/k"]);
        assert!(body(&store(&disk.crash()), "a/k").await.is_some(), "seed {seed}");
    }
}

#[tokio::test]
async fn full_disk_is_told_and_leaves_nothing() {
    let disk = SimDisk::new(1);
    let full = store(&disk);
    disk.set_capacity(Some(100));
    let Err(Error::Generic { source, .. }) = full.put(&Path::from("k"), vec![0; 200].into()).await else {
        panic!("expected a generic error");
    };
    assert!(source.downcast_ref::<DiskError>().unwrap().is_full());
    assert_eq!(disk.available_bytes().unwrap(), Some(100));
    full.put(&Path::from("k"), vec![0; 100].into()).await.unwrap();
}

#[tokio::test]
async fn a_directory_removed_meanwhile_is_made_again() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let store_1 = store(&disk);
        store_1.put(&Path::from("t/1/a"), "1".into()).await.unwrap();
        disk.remove_dir_all("t").unwrap();
        store_1.put(&Path::from("t/1/b"), "2".into()).await.unwrap();
        let after = store(&disk.crash());
        assert_eq!(body(&after, "t/1/b").await.unwrap(), "2");
    }
}
