//! Offline repair of a damaged log.

use std::sync::Arc;

use triglot_disk::{Disk, DiskFile, OpenMode};
use triglot_model::ShardId;

use super::codec::{self, CodecError};
use super::error::WalError;
use super::record::{self, END_MARK, HEADER, RecordHead};
use super::recovery::{Found, find_segments};
use super::segment::{
    FIRST_RECORD, HEADER_COPY, HeaderError, SegmentHeader, SegmentReader, Step, Tail, join, judge_tail,
    name as name_of, read_header,
};

const DAMAGED_DIR: &str = "damaged";
const TEMPORARY: &str = "repair.tmp";
/// Bytes collected before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// One place of the log that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPlace {
    /// Key of the segment.
    pub file: String,
    /// Where the damage starts.
    pub offset: u64,
    /// Bytes up to the next readable record, or to the end of the file; 0 if records are missing
    /// without a trace.
    pub bytes: u64,
    /// The last readable record before it, 0 = none.
    pub after_seq: u64,
    /// The first readable record behind it, if there is one.
    pub before_seq: Option<u64>,
    /// Readable records behind it up to the next damaged place.
    pub salvaged_after: u64,
    /// What is wrong.
    pub reason: String,
}

/// What [`repair`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Segment files.
    pub segments: usize,
    /// Readable records.
    pub records: u64,
    /// Damage, in order. Empty: the log can be opened as it is.
    pub damage: Vec<DamagedPlace>,
    /// Keys of the originals that were put aside.
    pub kept: Vec<String>,
    /// Whether the log was rewritten.
    pub applied: bool,
}

/// Reads the whole log in `dir`, looks for readable records behind damage, and reports what is lost.
/// With `apply` it writes each affected segment anew from its readable records, after keeping the
/// original in `<dir>/damaged/`, so that [`Wal::open`](super::Wal::open) succeeds. If it is cut off it
/// can be run again. `released` is the manifest's `flushed_seq`, if known: missing records up to
/// there are no loss.
///
/// A torn tail (the unsynced end of the log after a crash) is not damage; `Wal::open` cuts it.
///
/// The log must not be open.
///
/// # Errors
/// Disk errors, and [`WalError::UnknownVersion`] for segments of a newer version.
pub fn repair(
    disk: &Arc<dyn Disk>,
    dir: &str,
    released: Option<u64>,
    apply: bool,
) -> Result<RepairReport, WalError> {
    let files = disk.list(dir)?;
    let segments = find_segments(&**disk, dir, &files)?;
    let mut repair = Repair {
        disk: &**disk,
        dir,
        apply,
        last_seq: released,
        released: released.unwrap_or(0),
        shard: segments.iter().find_map(|s| s.header.ok()).map_or(ShardId(0), |h| h.shard),
        report: RepairReport { segments: segments.len(), applied: apply, ..RepairReport::default() },
    };
    let count = segments.len();
    for (n, found) in segments.iter().enumerate() {
        repair.segment(found, n + 1 == count)?;
    }
    repair.report.applied = apply && !repair.report.damage.is_empty();
    Ok(repair.report)
}

#[derive(Debug)]
struct Repair<'a> {
    disk: &'a dyn Disk,
    dir: &'a str,
    apply: bool,
    /// The last record readable so far (or released).
    last_seq: Option<u64>,
    released: u64,
    shard: ShardId,
    report: RepairReport,
}

/// What can be read of a segment.
#[derive(Debug, Default)]
struct Salvage {
    /// Offsets and headers of readable records, in order.
    records: Vec<(u64, RecordHead)>,
}

impl Repair<'_> {
    fn segment(&mut self, found: &Found, is_last: bool) -> Result<(), WalError> {
        let before = self.report.damage.len();
        let prev_seq = self.last_seq;
        let header = self.header(found)?;
        let salvage = match &header {
            Some(header) => {
                self.check_chain(found, header);
                let mut reader = SegmentReader::open(self.disk, &found.path, header.stamp())?;
                self.read(&mut reader, is_last)?
            }
            None => Salvage::default(),
        };
        self.report.records += salvage.records.len() as u64;
        let prev_seq = prev_seq.or(header.map(|h| h.prev_seq)).unwrap_or(0);
        self.last_seq = self.last_seq.or(Some(prev_seq));
        if self.apply && self.report.damage.len() > before {
            self.rewrite(found, header, prev_seq, &salvage)?;
        }
        Ok(())
    }

    /// Notes records that are missing between the segments before and this one. A rewritten segment
    /// makes its successor fail here too, which is how that gets its header corrected.
    fn check_chain(&mut self, found: &Found, header: &SegmentHeader) {
        let Some(last) = self.last_seq else { return };
        let expected = last.max(self.released);
        let what = if header.prev_seq > expected {
            format!("records {} to {} are missing", expected + 1, header.prev_seq)
        } else if header.prev_seq < last && last > self.released {
            format!("it follows record {}, the log is at {last}", header.prev_seq)
        } else {
            return;
        };
        self.place(&found.path, 0, 0, what);
    }

    /// The segment's header or its copy; if both are gone nothing of the segment can be verified.
    fn header(&mut self, found: &Found) -> Result<Option<SegmentHeader>, WalError> {
        let (reason, version) = match found.header {
            Ok(header) if header.first_seq == found.first_seq => return Ok(Some(header)),
            Ok(_) => ("the header belongs to another file", None),
            Err(HeaderError::Damaged(what)) => (what, None),
            Err(HeaderError::Version(version)) => ("", Some(version)),
        };
        if let Some(version) = version {
            return Err(WalError::UnknownVersion { file: found.path.clone(), version });
        }
        let copy = read_header(&*self.disk.open(&found.path, OpenMode::Read)?, HEADER_COPY)?.ok();
        let copy = copy.filter(|h| h.first_seq == found.first_seq);
        let (bytes, what) = match copy {
            Some(_) => (HEADER_COPY, format!("the header {reason}; its copy is whole")),
            None => (found.bytes, format!("the header {reason}, and so does its copy")),
        };
        self.place(&found.path, 0, bytes, what);
        Ok(copy)
    }

    /// Walks over all readable records of a segment.
    fn read(&mut self, reader: &mut SegmentReader, is_last: bool) -> Result<Salvage, WalError> {
        let mut salvage = Salvage::default();
        let mut at = FIRST_RECORD;
        loop {
            let step = reader.step(at)?;
            let reason = match step {
                Step::Record(head) => match self.check(reader, at, &head)? {
                    None => {
                        salvage.records.push((at, head));
                        self.last_seq = Some(head.seq);
                        if let Some(place) = self.report.damage.last_mut() {
                            place.salvaged_after += 1;
                            place.before_seq = place.before_seq.or(Some(head.seq));
                        }
                        at += head.span();
                        continue;
                    }
                    Some(reason) => {
                        self.place(reader.path(), at, head.span(), reason);
                        at += head.span();
                        continue;
                    }
                },
                Step::End => "the log ends here",
                Step::Bad(what) => what,
            };
            if is_last && !matches!(judge_tail(reader, at, step)?, Tail::Damaged { .. }) {
                return Ok(salvage);
            }
            let Some((next, _)) = self.find_next(reader, at)? else {
                // The rest of a recycled file is bytes of its earlier use; whether anything is
                // missing here shows in the next segment's header.
                return Ok(salvage);
            };
            self.place(reader.path(), at, next - at, reason.to_owned());
            at = next;
        }
    }

    /// The next record behind `at` that continues the log.
    fn find_next(&self, reader: &mut SegmentReader, at: u64) -> Result<Option<(u64, RecordHead)>, WalError> {
        let mut from = at;
        while let Some((found, head)) = reader.find_record(from)? {
            if self.last_seq.is_none_or(|last| head.seq > last) {
                return Ok(Some((found, head)));
            }
            from = found + head.span();
        }
        Ok(None)
    }

    /// Why a record with a right checksum cannot be kept.
    fn check(
        &self,
        reader: &mut SegmentReader,
        at: u64,
        head: &RecordHead,
    ) -> Result<Option<String>, WalError> {
        // The first segment may start with records that are released.
        let last = self.last_seq.filter(|last| *last > self.released);
        if last.is_some_and(|last| head.seq <= last) {
            return Ok(Some(format!("record {} follows record {}", head.seq, last.unwrap_or(0))));
        }
        Ok(match codec::decode(head.kind, reader.payload(at, head)?) {
            // Those are for a newer version, not damage.
            Ok(_) | Err(CodecError::Kind(_) | CodecError::Version(_)) => None,
            Err(e) => Some(format!("record {}: {e}", head.seq)),
        })
    }

    fn place(&mut self, file: &str, offset: u64, bytes: u64, reason: String) {
        self.report.damage.push(DamagedPlace {
            file: file.to_owned(),
            offset,
            bytes,
            after_seq: self.last_seq.unwrap_or(0),
            before_seq: None,
            salvaged_after: 0,
            reason,
        });
    }

    /// Replaces the segment by one with the readable records only; one rename, so that a crash leaves
    /// either the old or the new one.
    fn rewrite(
        &mut self,
        found: &Found,
        header: Option<SegmentHeader>,
        prev_seq: u64,
        salvage: &Salvage,
    ) -> Result<(), WalError> {
        self.keep(found)?;
        let epoch = header.map_or(0, |h| h.epoch);
        let fresh = SegmentHeader::new(self.shard, epoch, found.first_seq, prev_seq);
        let temporary = join(self.dir, TEMPORARY);
        let file = self.disk.open(&temporary, OpenMode::CreateOrTruncate)?;
        file.preallocate(found.bytes.max(FIRST_RECORD + HEADER as u64))?;
        file.write_at(0, &fresh.preamble())?;
        if let Some(old) = header {
            let mut reader = SegmentReader::open(self.disk, &found.path, old.stamp())?;
            copy_records(&mut reader, &*file, &fresh, salvage)?;
        }
        file.sync_all()?;
        self.disk.rename(&temporary, &found.path)?;
        self.disk.sync_dir(self.dir)?;
        Ok(())
    }

    /// Puts the original under a second name, which is durable when this returns.
    fn keep(&mut self, found: &Found) -> Result<(), WalError> {
        let aside = join(self.dir, DAMAGED_DIR);
        self.disk.create_dir_all(&aside)?;
        let name = name_of(found.first_seq);
        for n in 0_u32.. {
            let name = if n == 0 { name.clone() } else { format!("{name}.{n}") };
            let path = join(&aside, &name);
            match self.disk.hard_link_new(&found.path, &path) {
                Ok(()) => {
                    self.disk.sync_dir(&aside)?;
                    self.report.kept.push(path);
                    break;
                }
                Err(e) if e.is_already_exists() => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

/// Copies records one after the other, sealed for the segment `fresh`.
fn copy_records(
    reader: &mut SegmentReader,
    file: &dyn DiskFile,
    fresh: &SegmentHeader,
    salvage: &Salvage,
) -> Result<(), WalError> {
    let (stamp, mut at) = (fresh.stamp(), FIRST_RECORD);
    let mut out: Vec<u8> = Vec::new();
    for (offset, head) in &salvage.records {
        let start = out.len();
        let Some(bytes) = reader.bytes(*offset, u64::from(head.len))? else {
            continue;
        };
        out.extend_from_slice(bytes);
        if let Some(copy) = out.get_mut(start..) {
            record::seal(copy, stamp, FIRST_RECORD);
        }
        out.resize(out.len().next_multiple_of(record::ALIGN as usize), 0);
        if out.len() >= WRITE_BYTES {
            file.write_at(at, &out)?;
            at += out.len() as u64;
            out.clear();
        }
    }
    // The file may be full to the last byte: its end is as good as the mark.
    if at + (out.len() + END_MARK) as u64 <= file.len()? {
        out.resize(out.len() + END_MARK, 0);
    }
    file.write_at(at, &out)?;
    Ok(())
}
