//! Crash safety from outside: the process is killed with SIGKILL at random points while writers
//! send. After each restart every acknowledged request is there, whole and right, no other request
//! is there in part, and what an acknowledged DELETE took away stays away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::http::{self, ROOT};
use crate::server::Server;

const KILLS: u64 = 50;
const WRITERS: u64 = 3;
const TABLES: u64 = 3;
const SEED: u64 = 0x0741_9107;

/// Small and eager, so that kills also hit flushes, compactions and the recycling of the log.
const SETTINGS: [(&str, &str); 4] = [
    ("TRIGLOT_STORAGE__FLUSH_BYTES", "256KiB"),
    ("TRIGLOT_STORAGE__FLUSH_INTERVAL", "1s"),
    ("TRIGLOT_STORAGE__BACKGROUND_INTERVAL", "100ms"),
    ("TRIGLOT_STORAGE__COMPACTION_TRIGGER_FILES", "2"),
];

/// Writer and number of a request.
type Id = (u64, u64);

/// What a request holds follows from its id alone.
fn rows_of((writer, request): Id) -> u64 {
    20 + (writer * 7919 + request * 104_729) % 181
}

fn value_of((writer, request): Id, row: u64) -> u64 {
    writer * 1_000_000_007 + request * 1_009 + row
}

/// Atomicity is promised per table and shard, and a series is in one shard: odd requests have one
/// series and must be whole or absent, even ones have several and need to be whole only once they
/// are acknowledged.
fn tag_of((_, request): Id, row: u64) -> u64 {
    if request % 2 == 1 { request % 16 } else { row % 4 }
}

/// One table per request.
fn table_of((writer, request): Id) -> u64 {
    (writer + request) % TABLES
}

/// Distinct within a writer.
fn nanos_of((_, request): Id, row: u64) -> u64 {
    request * 1000 + row
}

fn time_text(nanos: u64) -> String {
    format!("1970-01-01T00:00:{:02}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn body(id: Id) -> String {
    let (writer, request) = id;
    let line = |row: u64| {
        format!(
            "t{},w={writer},h={} req={request}i,row={row}i,v={}i,s=\"r{request}.{row}\" {}\n",
            table_of(id),
            tag_of(id, row),
            value_of(id, row),
            nanos_of(id, row),
        )
    };
    (0..rows_of(id)).map(line).collect()
}

#[derive(Default)]
struct Log {
    /// Next request of each writer.
    next: BTreeMap<u64, u64>,
    acknowledged: Vec<Id>,
    deleted: BTreeSet<Id>,
}

/// Sends until the server is gone.
fn write(writer: u64, port: u16, log: &Mutex<Log>, stop: &AtomicBool) {
    let headers = [("authorization".to_owned(), ROOT.to_owned())];
    while !stop.load(Ordering::Relaxed) {
        let id = {
            let mut log = log.lock().unwrap();
            let next = log.next.entry(writer).or_default();
            *next += 1;
            (writer, *next)
        };
        match http::exchange(port, "POST", "/api/v1/write?db=public", &headers, body(id).as_bytes()) {
            Ok(reply) if reply.status == 200 => log.lock().unwrap().acknowledged.push(id),
            Ok(reply) if reply.status == 503 => {}
            Ok(reply) => panic!("{id:?}: {} {}", reply.status, reply.text()),
            Err(_) => return,
        }
    }
}

/// Reads all rows of requests above `above` of each writer and compares them with `log`.
fn check(server: &Server, log: &Log, above: &BTreeMap<u64, u64>) {
    let mut found: BTreeMap<Id, u64> = BTreeMap::new();
    let low = above.values().min().copied().unwrap_or(0);
    let existing = server.sql("public", "show tables");
    for table in existing.lines().skip(1) {
        let text =
            server.sql("public", &format!("select time, w, req, row, v, s from {table} where req > {low}"));
        for cells in http::csv(&text).into_iter().skip(1) {
            let number = |at: usize| cells[at].parse::<u64>().unwrap_or_else(|_| panic!("{cells:?}"));
            let (id, row) = ((number(1), number(2)), number(3));
            assert_eq!(number(4), value_of(id, row), "{cells:?}");
            assert_eq!(cells[5], format!("r{}.{row}", id.1), "{cells:?}");
            assert_eq!(*table, format!("t{}", table_of(id)), "{cells:?}");
            assert_eq!(cells[0], time_text(nanos_of(id, row)), "{cells:?}");
            assert!(!log.deleted.contains(&id), "deleted row {cells:?} is back (seed {SEED:#x})");
            *found.entry(id).or_default() += 1;
        }
    }
    // Rows are distinct by their times, so a full count is a full request.
    for (id, rows) in &found {
        if id.1 % 2 == 1 {
            assert_eq!(*rows, rows_of(*id), "request {id:?} is there in part (seed {SEED:#x})");
        }
    }
    let kept = log.acknowledged.iter().filter(|id| id.1 > low && !log.deleted.contains(id));
    for id in kept {
        let rows = found.get(id).copied().unwrap_or(0);
        assert_eq!(rows, rows_of(*id), "rows of acknowledged request {id:?} (seed {SEED:#x})");
    }
}

/// Deletes the rows of one acknowledged request.
fn delete_one(server: &Server, log: &mut Log, random: &mut StdRng) {
    if log.acknowledged.is_empty() {
        return;
    }
    let id = log.acknowledged[random.random_range(0..log.acknowledged.len())];
    let (first, last) = (time_text(nanos_of(id, 0)), time_text(nanos_of(id, 999)));
    let table = table_of(id);
    server.sql(
        "public",
        &format!("delete from t{table} where w = '{}' and time >= '{first}' and time <= '{last}'", id.0),
    );
    log.deleted.insert(id);
}

/// Data files below a directory.
pub(crate) fn data_files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let count = |path: PathBuf| {
        if path.is_dir() {
            data_files(&path)
        } else {
            usize::from(path.extension().is_some_and(|e| e == "parquet"))
        }
    };
    entries.map(count).sum()
}

#[test]
fn kill_nine_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let log = Arc::new(Mutex::new(Log::default()));
    let mut random = StdRng::seed_from_u64(SEED);
    let begin = Instant::now();
    let nothing = BTreeMap::new();
    let mut before = BTreeMap::new();
    for round in 0..KILLS {
        let mut server = Server::start_with(&data, &SETTINGS);
        {
            let mut log = log.lock().unwrap();
            // Mostly what is new since the last kill, now and then everything.
            let all = round % 20 == 19;
            check(&server, &log, if all { &nothing } else { &before });
            before.clone_from(&log.next);
            delete_one(&server, &mut log, &mut random);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (log, stop, port) = (Arc::clone(&log), Arc::clone(&stop), server.port);
                std::thread::spawn(move || write(writer, port, &log, &stop))
            })
            .collect();
        // Not a wait for something to happen: this is the random point at which the process dies.
        std::thread::sleep(Duration::from_micros(random.random_range(1_000..250_000)));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
    }
    let server = Server::start_with(&data, &SETTINGS);
    let log = log.lock().unwrap();
    check(&server, &log, &nothing);
    assert!(!log.deleted.is_empty());
    assert!(data_files(&data) > 0, "nothing was flushed: the settings do not do what they are for");
    assert!(
        log.acknowledged.len() as u64 > KILLS,
        "only {} requests were acknowledged",
        log.acknowledged.len()
    );
    println!("{KILLS} kills, {} requests acknowledged, {:?}", log.acknowledged.len(), begin.elapsed());
}
