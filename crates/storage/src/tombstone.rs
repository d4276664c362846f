use roaring::RoaringBitmap;

use crate::TimeRange;

/// A deletion of all rows of some series in a time range.
///
/// It applies to what was written before it: to a file iff `seq > file.seq_max` (a file's own
/// writer has applied earlier ones), to memtable parts at once when it arrives.
#[derive(Debug, Clone)]
pub struct Tombstone {
    /// Its WAL sequence number.
    pub seq: u64,
    /// The times it covers, in the table's precision.
    pub time: TimeRange,
    /// The series it covers, none = all.
    pub series: Option<RoaringBitmap>,
}
