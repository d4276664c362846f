//! M-1 seen from other tasks: what can be read while a commit is between link and directory sync.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use parking_lot::Mutex;
use triglot_disk::{
    DirEntry, Disk, DiskError, DiskFile, DiskLock, DiskStore, DiskStoreOptions, FileMeta, OpenMode, SimDisk,
};

type Result<T> = std::result::Result<T, DiskError>;

/// A disk that looks at its store just before the directory of a new key becomes durable.
struct Spying {
    disk: SimDisk,
    store: OnceLock<DiskStore>,
    key: &'static str,
    /// Per look: found by `get`, shown by `list`.
    seen: Mutex<Vec<(Option<String>, bool)>>,
}

impl fmt::Debug for Spying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spying")
    }
}

impl Spying {
    /// Inline reads on a simulated disk never wait, so they can be polled once in place.
    fn look(&self, store: &DiskStore) -> (Option<String>, bool) {
        let key = Path::from(self.key);
        let get = async {
            match store.get(&key).await {
                Ok(found) => Some(String::from_utf8(found.bytes().await.unwrap().to_vec()).unwrap()),
                Err(Error::NotFound { .. }) => None,
                Err(e) => panic!("{e}"),
            }
        };
        let found = get.now_or_never().unwrap();
        let listed: Vec<_> = store.list(None).try_collect().now_or_never().unwrap().unwrap();
        (found, listed.iter().any(|meta| meta.location == key))
    }
}

impl Disk for Spying {
    fn sync_dir(&self, dir: &str) -> Result<()> {
        if let Some(store) = self.store.get()
            && self.disk.exists(self.key)?
            && self.key.rsplit_once('/').is_some_and(|(parent, _)| parent == dir)
        {
            self.seen.lock().push(self.look(store));
        }
        self.disk.sync_dir(dir)
    }
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn DiskFile>> {
        self.disk.open(path, mode)
    }
    fn metadata(&self, path: &str) -> Result<FileMeta> {
        self.disk.metadata(path)
    }
    fn list(&self, dir: &str) -> Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }
    fn create_dir_all(&self, dir: &str) -> Result<()> {
        self.disk.create_dir_all(dir)
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk.rename(from, to)
    }
    fn hard_link_new(&self, from: &str, to: &str) -> Result<()> {
        self.disk.hard_link_new(from, to)
    }
    fn remove_file(&self, path: &str) -> Result<()> {
        self.disk.remove_file(path)
    }
    fn remove_dir_all(&self, dir: &str) -> Result<()> {
        self.disk.remove_dir_all(dir)
    }
    fn lock(&self, path: &str) -> Result<Box<dyn DiskLock>> {
        self.disk.lock(path)
    }
    fn available_bytes(&self) -> Result<Option<u64>> {
        self.disk.available_bytes()
    }
}

async fn watched_put(mode: PutMode, before: Option<&str>) -> Vec<(Option<String>, bool)> {
    let disk = SimDisk::new(1);
    let spy = Arc::new(Spying { disk, store: OnceLock::new(), key: "a/k", seen: Mutex::default() });
    let store = DiskStore::open(spy.clone(), DiskStoreOptions { inline_reads: true }).unwrap();
    let key = Path::from("a/k");
    // All directories are in use already: what is synced from here on is the commit's.
    store.put(&Path::from("a/other"), "x".into()).await.unwrap();
    if let Some(text) = before {
        store.put(&key, text.to_owned().into()).await.unwrap();
    }
    let _: Vec<_> = store.list(None).try_collect().await.unwrap();
    spy.store.set(store.clone()).unwrap();
    store.put_opts(&key, "new".into(), PutOptions::from(mode)).await.unwrap();
    assert_eq!(spy.look(&store), (Some("new".to_owned()), true), "visible once it is durable");
    spy.seen.lock().clone()
}

#[tokio::test]
async fn m1_a_new_key_is_invisible_until_it_is_durable() {
    assert_eq!(watched_put(PutMode::Create, None).await, [(None, false)]);
    assert_eq!(watched_put(PutMode::Overwrite, None).await, [(None, false)]);
}

#[tokio::test]
async fn a_key_does_not_vanish_while_it_is_overwritten() {
    let seen = watched_put(PutMode::Overwrite, Some("old")).await;
    assert!(matches!(&seen[..], [(Some(_), true)]), "{seen:?}");
}
