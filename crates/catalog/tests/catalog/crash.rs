//! Power loss, failing disks, other writers, callers that go away: what was acknowledged is there,
//! what was in flight is there whole or not at all.

use std::io;
use std::sync::Arc;

use triglot_catalog::{
    Catalog, CatalogError, CatalogOp, MemberRole, NewTable, Privilege, SystemRole, TableChange,
};
use triglot_disk::{Disk, DiskOp, DiskStore, DiskStoreOptions, SimDisk};
use triglot_metalog::{MetaLog, MetaLogOptions, RecordFlags};
use triglot_model::limits::Limits;
use triglot_model::{DatabaseId, ErrorKind, ManualClock, RoleId, TableId, TenantId, UserId};

use crate::support::{Fixture, database, dump, field, open_on, table, tag, user};

enum Step {
    Apply(Vec<CatalogOp>),
    Checkpoint,
    /// The catalog is opened again without having been shut down.
    Reopen,
}

fn set(key: &str, value: &str) -> CatalogOp {
    CatalogOp::SetSetting { key: key.to_owned(), value: value.to_owned() }
}

/// One of nearly everything. Ids are given in order, so the script can name them.
fn script() -> Vec<Step> {
    let (tenant, db, role, member) = (TenantId(0), DatabaseId(1), RoleId(0), UserId(1));
    let new_table =
        NewTable { columns: [table(db, "m").columns, vec![field("x")]].concat(), ..table(db, "m") };
    let grant = CatalogOp::Grant { role, database: db, privilege: Privilege::Write };
    vec![
        Step::Apply(vec![CatalogOp::CreateDatabase(database(tenant, "d")), set("a", "1")]),
        Step::Apply(vec![CatalogOp::CreateTable(new_table), CatalogOp::CreateTable(table(db, "n"))]),
        Step::Apply(vec![CatalogOp::EnsureColumns { table: TableId(0), adds: vec![field("y"), tag("z")] }]),
        Step::Checkpoint,
        Step::Apply(vec![CatalogOp::CreateUser(user("u")), set("a", "2")]),
        Step::Apply(vec![
            CatalogOp::CreateRole { tenant, name: "r".to_owned(), inherit: Some(SystemRole::Member) },
            grant,
        ]),
        Step::Reopen,
        Step::Apply(vec![CatalogOp::AddMember { tenant, user: member, role: MemberRole::Custom(role) }]),
        Step::Apply(vec![CatalogOp::AlterTable {
            table: TableId(0),
            change: TableChange::DropColumn("x".to_owned()),
        }]),
        Step::Checkpoint,
        Step::Apply(vec![CatalogOp::DropTable { table: TableId(1) }]),
        Step::Checkpoint,
        Step::Apply(vec![CatalogOp::DropDatabase { database: db, after_ns: None }]),
        Step::Apply(vec![set("b", "3"), CatalogOp::UnsetSetting { key: "a".to_owned() }]),
    ]
}

/// Runs the script and returns the dumps after the first open and after each acknowledged apply.
async fn run(disk: SimDisk, clock: &Arc<ManualClock>) -> (SimDisk, Vec<String>) {
    let mut acknowledged = Vec::new();
    let Ok(mut catalog) = open_on(&disk, clock, Limits::default()).await else { return (disk, acknowledged) };
    acknowledged.push(dump(&catalog.snapshot()));
    for step in script() {
        match step {
            Step::Apply(ops) => match catalog.apply(ops).await {
                Ok(_) => acknowledged.push(dump(&catalog.snapshot())),
                Err(error) => {
                    assert!(disk.is_crashed(), "{error}");
                    return (disk, acknowledged);
                }
            },
            Step::Checkpoint => {
                let done = catalog.checkpoint().await;
                assert!(done.is_ok() || disk.is_crashed(), "{done:?}");
            }
            Step::Reopen if disk.is_crashed() => return (disk, acknowledged),
            Step::Reopen => {
                catalog = match open_on(&disk, clock, Limits::default()).await {
                    Ok(catalog) => catalog,
                    Err(_) => return (disk, acknowledged),
                };
                assert_eq!(&dump(&catalog.snapshot()), acknowledged.last().unwrap());
            }
        }
    }
    (disk, acknowledged)
}

#[tokio::test]
async fn after_a_crash_at_any_io_the_state_is_the_last_acknowledged_or_the_one_in_flight() {
    let clock = Arc::new(ManualClock::new(77));
    let (disk, expected) = run(SimDisk::new(0), &clock).await;
    let total = disk.io_count();
    assert!(total > 50, "the script writes: {total}");
    for seed in 0..3 {
        for at in 1..=total {
            let disk = SimDisk::new(seed * 1_000 + at);
            disk.crash_after(at);
            let (disk, acknowledged) = run(disk, &clock).await;
            let found = dump(&open_on(&disk.crash(), &clock, Limits::default()).await.unwrap().snapshot());
            let n = acknowledged.len();
            assert_eq!(acknowledged, expected[..n], "seed {seed}, crash at {at}");
            let last = n.checked_sub(1).map(|i| &expected[i]);
            assert!(
                Some(&found) == last || Some(&found) == expected.get(n),
                "seed {seed}, crash at {at}, {n} acknowledged, found\n{found}"
            );
        }
    }
}

#[tokio::test]
async fn a_failed_write_is_not_acknowledged_and_the_next_change_works() {
    let mut failed = 0;
    for op in [DiskOp::Open, DiskOp::Write, DiskOp::SyncAll, DiskOp::SyncDir, DiskOp::HardLink] {
        let f = Fixture::new().await;
        f.one(set("a", "1")).await.unwrap();
        f.disk.fail_next(op, io::Error::other("broken"));
        let Err(error) = f.one(set("b", "2")).await else { continue };
        failed += 1;
        assert!(matches!(error, CatalogError::Log(_)), "{error}");
        f.one(set("c", "3")).await.unwrap();
        let state = f.snapshot();
        assert_eq!((state.setting("a"), state.setting("c")), (Some("1"), Some("3")));
        let expected = dump(&state);
        assert_eq!(dump(&f.reopened().await.snapshot()), expected, "memory and disk agree after {op:?}");
    }
    assert!(failed >= 3, "most of the failures strike: {failed}");
}

#[tokio::test]
async fn a_full_disk_is_its_own_kind_and_passes() {
    let f = Fixture::new().await;
    f.disk.set_capacity(Some(0));
    assert_eq!(f.one(set("a", "1")).await.unwrap_err().kind(), ErrorKind::DiskFull);
    assert_eq!(f.snapshot().setting("a"), None);
    f.disk.set_capacity(None);
    f.one(set("a", "1")).await.unwrap();
    assert_eq!(f.snapshot().setting("a"), Some("1"));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_memory_and_disk_in_agreement() {
    let f = Fixture::new().await;
    for i in 0..20 {
        let op = set("k", &i.to_string());
        tokio::select! {
            biased;
            done = f.catalog.apply(vec![op]) => drop(done.unwrap()),
            () = tokio::task::yield_now() => {}
        }
    }
    f.one(set("end", "1")).await.unwrap();
    assert_eq!(f.snapshot().setting("k"), Some("19"), "changes are made in the order of the calls");
    let expected = dump(&f.snapshot());
    assert_eq!(dump(&f.reopened().await.snapshot()), expected);
}

#[tokio::test]
async fn many_records_are_checkpointed_and_ids_of_dropped_things_stay_used() {
    let f = Fixture::new().await;
    let dropped = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap().table().unwrap().id;
    f.one(CatalogOp::DropTable { table: dropped }).await.unwrap();
    for i in 0..600 {
        f.one(set("k", &i.to_string())).await.unwrap();
    }
    let checkpoints = f.disk.list("catalog/checkpoint").unwrap().len();
    assert_eq!(checkpoints, 2, "after 256 and 512 records");
    assert!(f.disk.list("catalog/log").unwrap().len() < 400, "old records are gone");
    f.catalog.checkpoint().await.unwrap();
    let (version, expected) = (f.snapshot().version(), dump(&f.snapshot()));
    let f = f.reopened().await;
    assert_eq!((f.snapshot().version(), dump(&f.snapshot())), (version, expected));
    let made = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap();
    assert_ne!(made.table().unwrap().id, dropped);
}

fn shared_store(disk: &SimDisk) -> Arc<DiskStore> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Arc::new(DiskStore::open(disk, DiskStoreOptions::default()).unwrap())
}

#[tokio::test]
async fn two_writers_of_one_log_follow_each_other() {
    let store = shared_store(&SimDisk::new(3));
    let clock = Arc::new(ManualClock::new(0));
    let open = || Catalog::open(Arc::clone(&store) as _, Arc::clone(&clock) as _, Limits::default());
    let (a, b) = (open().await.unwrap(), open().await.unwrap());
    a.apply(vec![set("a", "1")]).await.unwrap();
    b.apply(vec![set("b", "2")]).await.unwrap();
    assert_eq!(b.snapshot().setting("a"), Some("1"), "the loser read what it had missed");
    a.apply(vec![set("c", "3")]).await.unwrap();
    assert_eq!(a.snapshot().setting("b"), Some("2"));
    assert_eq!(dump(&open().await.unwrap().snapshot()), dump(&a.snapshot()));
}

#[tokio::test]
async fn m5_an_unknown_record_kind_stops_the_start_unless_skippable() {
    for (flags, opens) in [(RecordFlags::SKIPPABLE, true), (RecordFlags::NONE, false)] {
        let store = shared_store(&SimDisk::new(4));
        let clock = Arc::new(ManualClock::new(0));
        let open = || Catalog::open(Arc::clone(&store) as _, Arc::clone(&clock) as _, Limits::default());
        open().await.unwrap();
        let options = MetaLogOptions::default();
        let (log, _) = MetaLog::open(Arc::clone(&store) as _, "catalog".into(), options).await.unwrap();
        log.append(900, flags, b"from the future".as_slice().into()).await.unwrap();
        match open().await {
            Ok(catalog) => {
                assert!(opens);
                catalog.apply(vec![set("a", "1")]).await.unwrap();
                assert_eq!(open().await.unwrap().snapshot().setting("a"), Some("1"));
            }
            Err(error) => {
                assert!(!opens && matches!(error, CatalogError::Corrupt { number: 2, .. }), "{error}");
                assert!(error.to_string().contains("900"), "{error}");
            }
        }
    }
}
