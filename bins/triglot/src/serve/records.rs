//! Recordings of the TDengine dialect: CSV files in one directory, each written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use triglot_dialect_tdengine::{RecordFile, RecordFiles};

/// Lines that wait to be written; what comes on top is dropped.
const WAITING_LINES: usize = 10_000;

/// The directory of recordings, made when the first one begins.
#[derive(Debug)]
pub(super) struct Directory(pub(super) PathBuf);

impl RecordFiles for Directory {
    fn create(&self, name: &str) -> io::Result<Arc<dyn RecordFile>> {
        std::fs::create_dir_all(&self.0)?;
        let file = OpenOptions::new().create(true).append(true).open(self.0.join(name))?;
        let (sender, lines) = sync_channel(WAITING_LINES);
        std::thread::Builder::new().name("record".to_owned()).spawn(move || write(file, &lines))?;
        Ok(Arc::new(Lines(sender)))
    }
}

#[derive(Debug)]
struct Lines(SyncSender<String>);

impl RecordFile for Lines {
    fn append(&self, line: String) {
        if self.0.try_send(line).is_err() {
            tracing::warn!("a recorded line is lost: the disk does not keep up");
        }
    }
}

/// Ends when nobody records any more.
fn write(mut file: File, lines: &Receiver<String>) {
    for line in lines {
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::error!(%error, "a recording cannot be written");
            return;
        }
    }
}
