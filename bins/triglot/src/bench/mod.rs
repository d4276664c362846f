//! `triglot bench`: the TSBS load against triglot, InfluxDB 1.x or VictoriaMetrics.

mod args;
mod report;
mod source;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

pub(crate) use args::BenchArgs;
use report::{Latency, Report};
use source::{Batch, Source};

use crate::Failure;
use crate::client::{Client, ClientError, Target};
use crate::progress::{Progress, Total};
use crate::tsbs::Generator;

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    if let Some(path) = &args.file {
        return write_file(args, path).map_err(|e| Failure::io(path, e));
    }
    let target = args.target.target(args.protocol, args.precision)?;
    let client = Client::new(&target)?;
    client.reach()?;
    client.create_database()?;
    let report = send(args, &target)?;
    if args.json {
        let text = serde_json::to_string(&report).map_err(|e| Failure::Message(e.to_string()))?;
        println!("{text}");
    } else {
        println!("{}", report.text());
    }
    Ok(())
}

fn write_file(args: &BenchArgs, path: &Path) -> io::Result<()> {
    let out: Box<dyn Write> = match path.to_str() {
        Some("-") => Box::new(io::stdout().lock()),
        _ => Box::new(File::create(path)?),
    };
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let rows = args.row_count();
    let progress = Progress::new(Total::Rows(rows), args.quiet);
    let mut source = Source::Generator { generator: Box::new(Generator::new(&args.load())), left: rows };
    while let Some(batch) = source.next(args.batch)? {
        out.write_all(&batch.body)?;
        progress.add(batch.body.len() as u64, batch.rows);
    }
    out.flush()?;
    progress.finish();
    Ok(())
}

fn send(args: &BenchArgs, target: &Target) -> Result<Report, Failure> {
    let (mut source, total) = match &args.input {
        Some(path) => {
            let bytes = std::fs::metadata(path).map_err(|e| Failure::io(path, e))?.len();
            (Source::file(path).map_err(|e| Failure::Message(e.to_string()))?, Total::Bytes(bytes))
        }
        None => {
            let rows = args.row_count();
            let generator = Box::new(Generator::new(&args.load()));
            (Source::Generator { generator, left: rows }, Total::Rows(rows))
        }
    };
    let mut ready = Vec::new();
    if args.preload {
        while let Some(batch) = source.next(args.batch)? {
            ready.push(batch);
        }
    }
    let progress = Progress::new(total, args.quiet);
    let started = Instant::now();
    let (sender, receiver) = sync_channel(usize::from(args.connections) * 2);
    let receiver = Mutex::new(receiver);
    let results = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..args.connections).map(|_| scope.spawn(|| work(target, &receiver, &progress))).collect();
        let fed = feed(ready, &mut source, args.batch, sender);
        let results: Vec<_> = workers.into_iter().map(|w| w.join()).collect();
        fed.map(|()| results)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    progress.finish();
    let mut tally = Tally::default();
    for result in results {
        // A worker panics only by a fault of ours, which it has told already.
        let part = result.map_err(|_| Failure::Message("a sender failed".to_owned()))??;
        tally.rows += part.rows;
        tally.bytes += part.bytes;
        tally.micros.extend(part.micros);
    }
    Ok(Report {
        rows: tally.rows,
        bytes: tally.bytes,
        requests: tally.micros.len(),
        connections: args.connections,
        batch: args.batch,
        seconds,
        rows_per_second: tally.rows as f64 / seconds.max(1e-9),
        latency_ms: Latency::of(&mut tally.micros),
    })
}

/// Hands batches out until there is none or nobody takes them.
fn feed(ready: Vec<Batch>, source: &mut Source, rows: u32, sender: SyncSender<Batch>) -> io::Result<()> {
    for batch in ready {
        if sender.send(batch).is_err() {
            return Ok(());
        }
    }
    while let Some(batch) = source.next(rows)? {
        if sender.send(batch).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    bytes: u64,
    micros: Vec<u64>,
}

/// One connection. A failure empties the queue, which ends the others.
fn work(target: &Target, queue: &Mutex<Receiver<Batch>>, progress: &Progress) -> Result<Tally, ClientError> {
    let mut tally = Tally::default();
    let result = Client::new(target).and_then(|client| {
        while let Some(batch) = take(queue) {
            let begin = Instant::now();
            client.write_with_patience(&batch.body)?;
            tally.micros.push(begin.elapsed().as_micros() as u64);
            tally.rows += batch.rows;
            tally.bytes += batch.body.len() as u64;
            progress.add(batch.body.len() as u64, batch.rows);
        }
        Ok(())
    });
    if result.is_err() {
        while take(queue).is_some() {}
    }
    result.map(|()| tally)
}

fn take(queue: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
