//! Power loss at every I/O of a sequence of appends and checkpoints.

use bytes::Bytes;
use proptest::prelude::*;
use triglot_disk::SimDisk;
use triglot_metalog::{MetaLog, RecordFlags, Replay};

use super::{open, try_open};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Appends a payload of this many bytes.
    Append(usize),
    Checkpoint,
}

/// The state that a log stands for here: all payload sizes appended so far, as text. A checkpoint
/// holds it whole, so nothing that was appended may ever be missing from it.
fn state_of(replay: &Replay) -> Vec<u64> {
    let mut state: Vec<u64> = match &replay.checkpoint {
        Some(c) => c.payload.chunks(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect(),
        None => Vec::new(),
    };
    if let Some(checkpoint) = &replay.checkpoint {
        assert_eq!(state.len() as u64, checkpoint.number);
    }
    for record in &replay.records {
        assert_eq!(record.number, state.len() as u64 + 1);
        assert!(record.payload.iter().all(|b| u64::from(*b) == record.number % 256), "torn record");
        state.push(record.payload.len() as u64);
    }
    state
}

/// Runs the steps until one fails; returns the acknowledged state and the append in flight, if any.
async fn run(log: &MetaLog, mut state: Vec<u64>, steps: &[Step]) -> (Vec<u64>, Option<u64>) {
    for step in steps {
        match step {
            Step::Append(len) => {
                let byte = u8::try_from((state.len() + 1) % 256).unwrap();
                match log.append(1, RecordFlags::NONE, Bytes::from(vec![byte; *len])).await {
                    Ok(number) => {
                        state.push(*len as u64);
                        assert_eq!(number, state.len() as u64);
                    }
                    Err(_) => return (state, Some(*len as u64)),
                }
            }
            Step::Checkpoint => {
                let payload: Vec<u8> = state.iter().flat_map(|n| n.to_le_bytes()).collect();
                if log.checkpoint(payload.into()).await.is_err() {
                    return (state, None);
                }
            }
        }
    }
    (state, None)
}

fn check(found: &[u64], acknowledged: &[u64], in_flight: Option<u64>, context: &str) {
    let with_flight: Vec<u64> = acknowledged.iter().copied().chain(in_flight).collect();
    assert!(
        found == acknowledged || found == with_flight,
        "{context}: found {found:?}, acknowledged {acknowledged:?}, in flight {in_flight:?}"
    );
}

/// For each I/O index: run, lose power there, open, compare; then go on, lose power at another
/// place, open, compare.
async fn crash_everywhere(seed: u64, first: &[Step], second: &[Step]) {
    for index in 1.. {
        let disk = SimDisk::new(seed.wrapping_mul(7919).wrapping_add(index));
        let (log, _) = open(&disk).await;
        disk.crash_after(index);
        let (acknowledged, in_flight) = run(&log, Vec::new(), first).await;
        let survived = !disk.is_crashed();
        // Sometimes only the process dies; what it left unsynced is at risk in the next round.
        let disk = if index % 3 == 0 { disk.restart_clean() } else { disk.crash() };

        let context = format!("seed {seed} I/O {index}");
        let (log, replay) = try_open(&disk).await.unwrap_or_else(|e| panic!("{context}: {e}"));
        let state = state_of(&replay);
        check(&state, &acknowledged, in_flight, &context);

        disk.crash_after(index / 2 + 1);
        let (acknowledged, in_flight) = run(&log, state, second).await;
        let disk = disk.crash();
        let (log, replay) = try_open(&disk).await.unwrap_or_else(|e| panic!("{context}, again: {e}"));
        check(&state_of(&replay), &acknowledged, in_flight, &context);
        run(&log, state_of(&replay), &[Step::Append(3), Step::Checkpoint]).await;
        if survived {
            return;
        }
    }
}

#[tokio::test]
async fn w1_acknowledged_records_survive_a_crash_at_every_io() {
    use Step::{Append, Checkpoint};
    let first =
        [Append(10), Append(2000), Checkpoint, Append(5), Checkpoint, Append(0), Append(600), Checkpoint];
    let second = [Append(700), Checkpoint, Append(1), Append(2), Checkpoint, Checkpoint, Append(9)];
    for seed in 0..30 {
        crash_everywhere(seed, &first, &second).await;
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![3 => (0_usize..1500).prop_map(Step::Append), 1 => Just(Step::Checkpoint)];
    prop::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_sequences_survive_a_crash_at_every_io(seed: u64, first in steps(), second in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crash_everywhere(seed, &first, &second));
    }
}
