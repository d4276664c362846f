//! Reading the log at start-up.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use triglot_disk::{DirEntry, Disk, OpenMode};
use triglot_model::ShardId;

use super::codec::{self, CodecError, WalPayload};
use super::error::WalError;
use super::record::{RecordHead, SKIPPABLE};
use super::segment::{
    FIRST_RECORD, HeaderError, SegmentHeader, SegmentReader, Step, Tail, join, judge_tail, parse_name,
    read_header, zero_from,
};
use super::spare::{self, Spares};
use super::{Active, Closed, Group, Wal, WalOptions};

/// Bytes at the end of the log that belong to writes cut off by a crash. None of them had been
/// acknowledged in mode `Always`. They are zeroed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Key of the segment.
    pub file: String,
    /// Where the first record that is not whole starts.
    pub offset: u64,
    /// Bytes from there on that are known to belong to such writes (at least).
    pub bytes: u64,
}

/// What recovery found; for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoverySummary {
    /// Segment files.
    pub segments: usize,
    /// Records returned.
    pub records: u64,
    /// Records (of segments that were read) left out because they are released.
    pub released: u64,
    /// Records of unknown, skippable kinds.
    pub skipped: u64,
    /// The last record of the log, or `released` of [`Wal::open`].
    pub last_seq: u64,
    /// A crash cut the log off.
    pub torn_tail: Option<TornTail>,
}

/// A segment as found on disk.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) first_seq: u64,
    pub(super) bytes: u64,
    pub(super) header: Result<SegmentHeader, HeaderError>,
}

/// Iterates over the records above `released`, oldest first, holding about one record and 1 MiB in
/// memory. Reading may stop at any point and be started again with [`Wal::open`]: nothing is
/// changed before [`Replay::finish`]. After an error there are no more items.
#[derive(Debug)]
pub struct Replay {
    disk: Arc<dyn Disk>,
    dir: String,
    shard: ShardId,
    options: WalOptions,
    released: u64,
    segments: VecDeque<Found>,
    files: Vec<DirEntry>,
    next_epoch: u64,
    current: Option<Current>,
    closed: VecDeque<Closed>,
    last_seq: u64,
    summary: RecoverySummary,
    failed: bool,
}

/// The segment being read.
#[derive(Debug)]
struct Current {
    reader: SegmentReader,
    header: SegmentHeader,
    bytes: u64,
    /// Where the next record is.
    at: u64,
    /// Up to where the last record's writer had synced.
    durable: u64,
    /// Reading has stopped here, and how.
    stopped: Option<Step>,
}

/// The segments in `dir` in order, their headers read.
pub(super) fn find_segments(
    disk: &dyn Disk,
    dir: &str,
    files: &[DirEntry],
) -> Result<VecDeque<Found>, WalError> {
    let mut segments = VecDeque::new();
    for entry in files.iter().filter(|e| !e.meta.is_dir) {
        let Some(first_seq) = parse_name(&entry.name) else {
            continue;
        };
        let path = join(dir, &entry.name);
        let header = read_header(&*disk.open(&path, OpenMode::Read)?, 0)?;
        segments.push_back(Found { path, first_seq, bytes: entry.meta.len, header });
    }
    Ok(segments)
}

impl Replay {
    pub(super) fn start(
        disk: Arc<dyn Disk>,
        dir: &str,
        shard: ShardId,
        released: u64,
        options: WalOptions,
    ) -> Result<Self, WalError> {
        disk.create_dir_all(dir)?;
        sync_names(&*disk, dir)?;
        let files = disk.list(dir)?;
        let segments = find_segments(&*disk, dir, &files)?;
        let epochs = segments.iter().filter_map(|s| s.header.ok()).map(|h| h.epoch);
        Ok(Self {
            next_epoch: epochs.max().unwrap_or(0) + 1,
            summary: RecoverySummary { segments: segments.len(), ..RecoverySummary::default() },
            disk,
            dir: dir.to_owned(),
            shard,
            options,
            released,
            segments,
            files,
            current: None,
            closed: VecDeque::new(),
            last_seq: 0,
            failed: false,
        })
    }

    /// The last record read.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Reads and checks what is left, cuts a torn tail, makes the log durable as it was read, frees
    /// released segments, and opens the log for writing.
    ///
    /// # Errors
    /// As the iterator; [`WalError::ReplayFailed`] if that has failed before; disk errors.
    pub fn finish(mut self) -> Result<(Wal, RecoverySummary), WalError> {
        for item in self.by_ref() {
            item?;
        }
        if self.failed {
            return Err(WalError::ReplayFailed);
        }
        let active = match self.current.take() {
            Some(current) => Some(self.take_over(current)?),
            None => None,
        };
        // Also for spares: one that is used while its old name may come back after a power loss would
        // show up under that name with new content.
        self.disk.sync_dir(&self.dir)?;
        let spares = self.collect_spares()?;
        self.last_seq = self.last_seq.max(self.released);
        self.summary.last_seq = self.last_seq;
        let mut wal = Wal {
            group: Group::new(self.options.lz4),
            disk: self.disk,
            dir: self.dir,
            shard: self.shard,
            options: self.options,
            closed: self.closed,
            active,
            last_seq: self.last_seq,
            next_epoch: self.next_epoch,
            spares,
            poisoned: None,
            last_sync_ns: None,
        };
        wal.release(self.released)?;
        Ok((wal, self.summary))
    }

    /// Moves to the record that the caller gets next.
    fn advance(&mut self) -> Result<Option<(u64, WalPayload)>, WalError> {
        loop {
            let Some(mut current) = self.current.take() else {
                if !self.next_segment(None)? {
                    return Ok(None);
                }
                continue;
            };
            let step = match current.stopped {
                Some(step) => step,
                None => current.reader.step(current.at)?,
            };
            match step {
                Step::Record(head) => {
                    let item = self.record(&mut current, head);
                    self.current = Some(current);
                    if let Some(item) = item? {
                        return Ok(Some(item));
                    }
                }
                Step::End | Step::Bad(_) if self.segments.is_empty() => {
                    if current.stopped.is_none() {
                        current.stopped = Some(step);
                        self.judge(&mut current, step)?;
                    }
                    self.current = Some(current);
                    return Ok(None);
                }
                Step::End | Step::Bad(_) => {
                    let path = current.reader.path().to_owned();
                    let (last_seq, bytes) = (self.last_seq, current.bytes);
                    self.closed.push_back(Closed { path: path.clone(), last_seq, bytes });
                    self.next_segment(Some((path, current.at, step)))?;
                }
            }
        }
    }

    /// Takes one record; none if it is not for the caller.
    fn record(
        &mut self,
        current: &mut Current,
        head: RecordHead,
    ) -> Result<Option<(u64, WalPayload)>, WalError> {
        let offset = current.at;
        if head.seq <= self.last_seq || head.seq < current.header.first_seq {
            return Err(corrupt(
                current.reader.path(),
                offset,
                format!("record {} follows record {}", head.seq, self.last_seq),
            ));
        }
        self.last_seq = head.seq;
        current.at = offset + head.span();
        current.durable = head.durable;
        if head.seq <= self.released {
            self.summary.released += 1;
            return Ok(None);
        }
        if !codec::is_known(head.kind) && head.flags & SKIPPABLE != 0 {
            self.summary.skipped += 1;
            return Ok(None);
        }
        match codec::decode(head.kind, current.reader.payload(offset, &head)?) {
            Ok(payload) => {
                self.summary.records += 1;
                Ok(Some((head.seq, payload)))
            }
            Err(e) => Err(decode_error(current.reader.path(), offset, &head, e)),
        }
    }

    /// Opens the next segment that is not wholly released; `before` says where the one before it
    /// ended. False if there is none.
    fn next_segment(&mut self, before: Option<(String, u64, Step)>) -> Result<bool, WalError> {
        let mut before = before;
        loop {
            let Some(found) = self.segments.pop_front() else {
                return Ok(false);
            };
            // What the manifest has is not needed, damaged or not.
            let next_prev = self.segments.front().and_then(|s| s.header.ok()).map(|h| h.prev_seq);
            if let Some(last_seq) = next_prev.filter(|seq| *seq <= self.released) {
                self.closed.push_back(Closed { path: found.path, last_seq, bytes: found.bytes });
                self.last_seq = self.last_seq.max(last_seq);
                before = None;
                continue;
            }
            let header = found.header.map_err(|e| e.into_wal(&found.path))?;
            self.check_header(&found, &header, before.as_ref())?;
            self.last_seq = self.last_seq.max(header.prev_seq);
            self.current = Some(Current {
                reader: SegmentReader::open(&*self.disk, &found.path, header.stamp())?,
                header,
                bytes: found.bytes,
                at: FIRST_RECORD,
                durable: FIRST_RECORD,
                stopped: None,
            });
            return Ok(true);
        }
    }

    /// The segment must belong here and go on where the log was left.
    fn check_header(
        &self,
        found: &Found,
        header: &SegmentHeader,
        before: Option<&(String, u64, Step)>,
    ) -> Result<(), WalError> {
        let wrong = |reason: String| Err(corrupt(&found.path, 0, reason));
        if header.first_seq != found.first_seq {
            return wrong(format!("the header says that the first record is {}", header.first_seq));
        }
        if header.shard != self.shard {
            return wrong(format!(
                "the file belongs to shard {}, this is shard {}",
                header.shard, self.shard
            ));
        }
        let known = self.last_seq.max(self.released);
        if header.prev_seq > known {
            let missing = format!("records {} to {} are missing", known + 1, header.prev_seq);
            return match before {
                Some((file, offset, Step::Bad(what))) => {
                    Err(corrupt(file, *offset, format!("{what}; {missing}")))
                }
                Some((file, offset, _)) => Err(corrupt(file, *offset, missing)),
                None => wrong(missing),
            };
        }
        if before.is_some() && header.prev_seq < self.last_seq {
            return wrong(format!("it follows record {}, the log is at {}", header.prev_seq, self.last_seq));
        }
        Ok(())
    }

    /// Looks at what is behind the last record of the last segment.
    fn judge(&mut self, current: &mut Current, step: Step) -> Result<(), WalError> {
        let (file, offset) = (current.reader.path().to_owned(), current.at);
        match judge_tail(&mut current.reader, offset, step)? {
            Tail::Clean => Ok(()),
            Tail::Torn { bytes } => {
                self.summary.torn_tail = Some(TornTail { file, offset, bytes });
                Ok(())
            }
            Tail::Damaged { next } => {
                let what = if let Step::Bad(what) = step { what } else { "the log ends here" };
                Err(corrupt(&file, offset, format!("{what}, but more records follow from offset {next} on")))
            }
        }
    }

    /// Opens the last segment for writing.
    fn take_over(&self, mut current: Current) -> Result<Active, WalError> {
        let path = current.reader.path().to_owned();
        let file = self.disk.open(&path, OpenMode::ReadWrite)?;
        // If the last process died of a failed fsync, the kernel may hold pages that it believes to
        // be on disk and that are not. What no later record calls durable is written again.
        let mut at = current.durable;
        while at < current.at {
            let n = (current.at - at).min(1 << 20);
            match current.reader.bytes(at, n)? {
                Some(bytes) => file.write_at(at, bytes)?,
                None => break,
            }
            at += n;
        }
        if self.summary.torn_tail.is_some() {
            zero_from(&*file, current.at)?;
        }
        file.sync_data()?;
        Ok(Active {
            capacity: current.reader.len(),
            file,
            path,
            header: current.header,
            end: current.at,
            synced: current.at,
        })
    }

    /// Finds usable spare files and removes the rest of what a crash left behind.
    fn collect_spares(&self) -> Result<Spares, WalError> {
        let Self { disk, dir, options, .. } = self;
        let spares = Spares::new(Arc::clone(disk), dir, options.segment_bytes, options.recycle_max.max(1));
        // A rename that a power loss cut in half may have left a segment under its spare name too.
        let mut taken: HashSet<u64> =
            self.files.iter().filter(|e| parse_name(&e.name).is_some()).map(|e| e.meta.file_id).collect();
        for entry in self.files.iter().filter(|e| spare::is_spare(&e.name)) {
            spares.note(&entry.name);
            let path = join(dir, &entry.name);
            if taken.insert(entry.meta.file_id) && spares.wants(entry.meta.len) {
                spares.put(path);
            } else {
                disk.remove_file(&path)?;
            }
        }
        Ok(spares)
    }
}

impl Iterator for Replay {
    type Item = Result<(u64, WalPayload), WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.advance().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

fn corrupt(file: &str, offset: u64, reason: String) -> WalError {
    WalError::Corrupt { file: file.to_owned(), offset, reason }
}

fn decode_error(file: &str, offset: u64, head: &RecordHead, source: CodecError) -> WalError {
    let (file, seq) = (file.to_owned(), head.seq);
    match source {
        CodecError::Kind(kind) => WalError::UnknownKind { file, offset, seq, kind },
        source => WalError::Payload { file, offset, seq, source },
    }
}

/// Makes the names on the way to `dir` durable. A directory that is there already may have been made
/// by a process that was killed before it synced the parent; a power loss would take it with the log.
fn sync_names(disk: &dyn Disk, dir: &str) -> Result<(), WalError> {
    disk.sync_dir("")?;
    for (at, _) in dir.match_indices('/') {
        disk.sync_dir(dir.get(..at).unwrap_or_default())?;
    }
    Ok(disk.sync_dir(dir)?)
}
