use serde::{Deserialize, Serialize};

/// How the node's one memory budget is split. All figures are bytes.
///
/// The shares are architecture.md section 9's: memtables 25 %, queries 40 %, series index 20 %,
/// caches 10 %, compaction 5 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryShares {
    /// Rows not yet flushed, all shards together.
    pub memtables: u64,
    /// Running queries together; above it operators spill or fail.
    pub queries: u64,
    /// The series index, all tables together.
    pub series: u64,
    /// Footers, page indexes, decoded blocks, newest rows of files.
    pub caches: u64,
    /// Compactions together.
    pub compaction: u64,
}

impl MemoryShares {
    /// The split of `total` bytes.
    pub const fn of(total: u64) -> Self {
        let percent = total / 100;
        Self {
            memtables: percent * 25,
            queries: percent * 40,
            series: percent * 20,
            caches: percent * 10,
            compaction: percent * 5,
        }
    }
}

/// How hard writes press on the memtable share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Below 60 %: nothing to do.
    Calm,
    /// From 60 %: flushing is under way; writes go on.
    Flush,
    /// From 80 %: writes wait, up to five seconds.
    Stall,
    /// At 100 %, or after a wait in vain: writes are refused with the dialect's busy answer.
    Reject,
}

impl Pressure {
    /// The state when `used` of `share` bytes are taken.
    pub const fn of(used: u64, share: u64) -> Self {
        if used >= share {
            Self::Reject
        } else if used >= share / 10 * 8 {
            Self::Stall
        } else if used >= share / 10 * 6 {
            Self::Flush
        } else {
            Self::Calm
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_edges() {
        assert_eq!(Pressure::of(599, 1000), Pressure::Calm);
        assert_eq!(Pressure::of(600, 1000), Pressure::Flush);
        assert_eq!(Pressure::of(799, 1000), Pressure::Flush);
        assert_eq!(Pressure::of(800, 1000), Pressure::Stall);
        assert_eq!(Pressure::of(999, 1000), Pressure::Stall);
        assert_eq!(Pressure::of(1000, 1000), Pressure::Reject);
    }

    #[test]
    fn shares_never_exceed_the_total() {
        let s = MemoryShares::of(1_000_003);
        assert!(s.memtables + s.queries + s.series + s.caches + s.compaction <= 1_000_003);
    }
}
