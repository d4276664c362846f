//! One file of the simulation: what the process sees, what is on the platter, and what is between.

use std::time::SystemTime;

/// A sector arrives whole or not at all.
const SECTOR: u64 = 512;

/// Deterministic random numbers (splitmix64): no dependency, same sequence everywhere.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Uniform enough in `0..n`; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next() % n }
    }
}

/// How a power loss treats what was not synced. The extremes are drawn often, because most bugs
/// show in them; the mixture finds the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    LoseAll,
    KeepAll,
    Mixed,
}

impl Fate {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.below(4) {
            0 => Self::LoseAll,
            1 => Self::KeepAll,
            _ => Self::Mixed,
        }
    }

    pub(super) fn keeps(self, rng: &mut Rng) -> bool {
        match self {
            Self::LoseAll => false,
            Self::KeepAll => true,
            Self::Mixed => rng.coin(),
        }
    }
}

#[derive(Debug, Clone)]
enum DataEdit {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
}

#[derive(Debug, Clone)]
pub(super) struct FileNode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<DataEdit>,
    pub(super) modified: SystemTime,
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn resize(image: &mut Vec<u8>, len: u64) {
    image.resize(index(len), 0);
}

fn write(image: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let (start, end) = (index(offset), index(offset) + data.len());
    if image.len() < end {
        image.resize(end, 0);
    }
    if let Some(target) = image.get_mut(start..end) {
        target.copy_from_slice(data);
    }
}

impl FileNode {
    pub(super) fn new(modified: SystemTime) -> Self {
        Self { live: Vec::new(), durable: Vec::new(), pending: Vec::new(), modified }
    }

    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn len(&self) -> u64 {
        self.live.len() as u64
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        write(&mut self.live, offset, data);
        self.pending.push(DataEdit::Write { offset, data: data.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        resize(&mut self.live, len);
        self.pending.push(DataEdit::SetLen(len));
    }

    /// Everything written so far reaches the platter.
    pub(super) fn sync(&mut self) {
        for edit in self.pending.drain(..) {
            match edit {
                DataEdit::Write { offset, data } => write(&mut self.durable, offset, &data),
                DataEdit::SetLen(len) => resize(&mut self.durable, len),
            }
        }
    }

    /// The power goes: each unsynced edit is kept, lost or torn.
    pub(super) fn power_loss(&mut self, fate: Fate, rng: &mut Rng) {
        for edit in std::mem::take(&mut self.pending) {
            match edit {
                DataEdit::SetLen(len) if fate.keeps(rng) => resize(&mut self.durable, len),
                DataEdit::SetLen(_) => {}
                DataEdit::Write { offset, data } => match fate {
                    Fate::LoseAll => {}
                    Fate::KeepAll => write(&mut self.durable, offset, &data),
                    Fate::Mixed => tear(&mut self.durable, offset, &data, rng),
                },
            }
        }
        self.live = self.durable.clone();
    }
}

/// Applies a part of one write: nothing, all, a prefix of its sectors, or any subset of them; or
/// only the growth of the file, which then reads as zeros.
fn tear(image: &mut Vec<u8>, offset: u64, data: &[u8], rng: &mut Rng) {
    let end = offset + data.len() as u64;
    let sectors = end.div_ceil(SECTOR) - offset / SECTOR;
    let prefix = rng.below(sectors + 1);
    let kind = rng.below(5);
    if kind == 4 && (image.len() as u64) < end {
        resize(image, end);
    }
    for n in 0..sectors {
        let keep = match kind {
            0 => true,
            1 => n < prefix,
            2 => rng.coin(),
            _ => false,
        };
        let first = (offset / SECTOR + n) * SECTOR;
        let (from, to) = (first.max(offset), (first + SECTOR).min(end));
        if let (true, Some(bytes)) = (keep, data.get(index(from - offset)..index(to - offset))) {
            write(image, from, bytes);
        }
    }
}
