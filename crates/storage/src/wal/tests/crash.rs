//! A crash at every I/O: what is found afterwards is a prefix with everything acknowledged.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    /// Records of these sizes as one group.
    Append(Vec<usize>),
    /// What is acknowledged so far is flushed: the manifest says so, then segments are released.
    Release,
    PrepareSpare,
    SyncIfDue,
    /// The process ends and starts again.
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let size = prop_oneof![4 => 0_usize..300, 2 => 300_usize..3000, 1 => 3000_usize..20_000];
    prop_oneof![
        8 => prop::collection::vec(size, 1..5).prop_map(Op::Append),
        2 => Just(Op::Release),
        1 => Just(Op::PrepareSpare),
        1 => Just(Op::SyncIfDue),
        1 => Just(Op::Restart),
    ]
}

/// What a correct log may have at this point.
#[derive(Debug, Default)]
struct Model {
    /// Every record ever given to the log, by sequence number - 1.
    given: Vec<WalPayload>,
    /// Records that must be found.
    durable: u64,
    /// The manifest's `flushed_seq`.
    released: u64,
    /// The crash comes with this I/O of the whole run, over restarts.
    crash_at: Option<u64>,
}

impl Model {
    /// Checks what a restart found and forgets what it did not find.
    fn check(&mut self, found: &[(u64, WalPayload)], last_seq: u64) {
        let expected: Vec<u64> = (self.released + 1..=last_seq).collect();
        assert_eq!(seqs(found), expected, "not a prefix above {}", self.released);
        assert!(last_seq >= self.durable, "acknowledged {} and found only {last_seq}", self.durable);
        for (seq, payload) in found {
            assert_eq!(payload, &self.given[*seq as usize - 1], "record {seq} has changed");
        }
        self.given.truncate(last_seq as usize);
        self.durable = last_seq;
    }
}

/// Runs until the disk crashes; true if it did not.
fn run(disk: &mut SimDisk, ops: &[Op], model: &mut Model, options: &WalOptions) -> bool {
    let Ok((mut wal, found, summary)) = open_with(disk, model.released, options) else {
        assert!(disk.is_crashed(), "{:?}", open_with(disk, model.released, options));
        return false;
    };
    model.check(&found, summary.last_seq);
    for (n, op) in ops.iter().enumerate() {
        let failed = match op {
            Op::Append(sizes) => {
                let first = model.given.len() as u64 + 1;
                model.given.extend(sizes.iter().zip(first..).map(|(size, seq)| text(seq, *size)));
                let given = model.given[first as usize - 1..].iter();
                let records: Vec<_> =
                    given.zip(first..).map(|(payload, seq)| Record { seq, payload }).collect();
                let appended = wal.append(&records);
                if appended.as_ref().is_ok_and(|a| a.durable) {
                    model.durable = model.given.len() as u64;
                }
                appended.is_err()
            }
            Op::Release => {
                // Only what the log holds for sure is in data files.
                model.released = model.durable;
                wal.release(model.released).is_err()
            }
            Op::PrepareSpare => wal.prepare_spare().is_err(),
            Op::SyncIfDue => {
                let synced = wal.sync_if_due(n as i64 * 1_000_000);
                if let Ok(true) = synced {
                    model.durable = model.given.len() as u64;
                }
                synced.is_err()
            }
            Op::Restart => {
                let done = disk.io_count();
                *disk = disk.restart_clean();
                model.crash_at = model.crash_at.map(|at| at.saturating_sub(done));
                if let Some(at) = model.crash_at {
                    disk.crash_after(at);
                }
                return run(disk, &ops[n + 1..], model, options);
            }
        };
        if failed {
            assert!(disk.is_crashed(), "only the crash may fail {op:?}");
            return false;
        }
    }
    true
}

/// Runs `ops` with a crash at every I/O in turn, then at some I/O of the recovery, then goes on.
fn crash_everywhere(ops: &[Op], seed: u64, options: &WalOptions) {
    let mut n = 0;
    loop {
        n += 1;
        let mut disk = SimDisk::new(seed.wrapping_add(n));
        let mut model = Model { crash_at: Some(n), ..Model::default() };
        disk.crash_after(n);
        if run(&mut disk, ops, &mut model, options) && !disk.is_crashed() {
            break;
        }
        disk = disk.crash();
        disk.crash_after(1 + seed.wrapping_add(n) % 7);
        model.crash_at = None;
        run(&mut disk, &[Op::Append(vec![10, 5000])], &mut model, options);
        disk = disk.crash();
        // Enough to roll over into whatever spares the crashes left.
        let more = [700, 6000, 6000, 6000].map(|size| Op::Append(vec![size]));
        let done = run(&mut disk, &[&more[..], &[Op::Restart]].concat(), &mut model, options);
        assert!(done, "nothing crashed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn w1_a_crash_keeps_all_that_was_acknowledged(ops in prop::collection::vec(op(), 1..14), seed: u64) {
        crash_everywhere(&ops, seed, &options(SyncMode::Always));
    }

    #[test]
    fn a_crash_leaves_a_prefix_in_mode_interval(ops in prop::collection::vec(op(), 1..14), seed: u64) {
        crash_everywhere(&ops, seed, &options(SyncMode::Interval(Duration::from_millis(2))));
    }

    #[test]
    fn a_crash_leaves_a_prefix_in_mode_os(ops in prop::collection::vec(op(), 1..14), seed: u64) {
        crash_everywhere(&ops, seed, &options(SyncMode::Os));
    }
}

#[test]
fn a_torn_group_is_cut_and_reported() {
    // Many seeds: the crash tears the last group in many ways, out of order too.
    let mut torn = 0;
    for seed in 0..500 {
        let disk = SimDisk::new(seed);
        let (mut wal, ..) = open(&disk).unwrap();
        append(&mut wal, 1, 600).unwrap();
        let end = wal.active.as_ref().unwrap().end;
        disk.crash_after(1);
        let payloads: Vec<_> = (2..5).map(|seq| text(seq, 700)).collect();
        let records: Vec<_> =
            payloads.iter().zip(2..).map(|(payload, seq)| Record { seq, payload }).collect();
        wal.append(&records).unwrap_err();
        let disk = disk.crash();
        let (mut wal, found, summary) = open(&disk).unwrap();
        assert_eq!(seqs(&found), (1..=summary.last_seq).collect::<Vec<_>>());
        if let Some(tail) = summary.torn_tail {
            torn += 1;
            assert_eq!(tail.file, "wal/3/00000000000000000001.wal");
            assert!(tail.offset >= end && tail.bytes > 0, "{tail:?}");
            let file = read_file(&disk, &tail.file);
            assert!(file[tail.offset as usize..].iter().all(|b| *b == 0), "the rest is not zeroed");
        }
        // The numbers of lost records are free again.
        append(&mut wal, summary.last_seq + 1, 10).unwrap();
        let (_, found, summary) = open(&disk.restart_clean()).unwrap();
        assert_eq!(seqs(&found), (1..=summary.last_seq).collect::<Vec<_>>());
        assert_eq!(summary.torn_tail, None);
    }
    assert!(torn > 50, "only {torn} of 500 crashes tore the tail");
}

#[test]
fn reading_again_gives_the_same() {
    let disk = SimDisk::new(1);
    let (mut wal, ..) = open(&disk).unwrap();
    for seq in 1..=20 {
        wal.append(&[Record { seq, payload: &rows(seq as i64, 40) }]).unwrap();
    }
    let half: Vec<_> =
        start(&disk, 0, &options(SyncMode::Always)).unwrap().take(9).map(Result::unwrap).collect();
    let (_, first, _) = open(&disk).unwrap();
    let (_, second, _) = open(&disk.crash()).unwrap();
    assert_eq!(first, second);
    assert_eq!(half, first[..9]);
    assert_eq!(seqs(&first), (1..=20).collect::<Vec<_>>());
    assert_eq!(first[4].1, rows(5, 40));
}
