/// Codes of one chunk: large enough that a scan is a scan, small enough that a sparse tag is cheap.
const CHUNK: usize = 1 << 14;

/// A `u32` per sid, 0 where nothing was set.
///
/// Chunked: growing copies no more than one chunk (so capacity is never doubled), and one sid far
/// out costs one chunk, however hostile the log or snapshot it came from.
#[derive(Debug, Default)]
pub(super) struct Codes {
    chunks: Vec<Vec<u32>>,
}

impl Codes {
    /// The code of a sid.
    pub(super) fn get(&self, sid: u32) -> u32 {
        let sid = sid as usize;
        self.chunks.get(sid / CHUNK).and_then(|c| c.get(sid % CHUNK)).copied().unwrap_or(0)
    }

    /// Sets the code of a sid.
    pub(super) fn set(&mut self, sid: u32, code: u32) {
        let (chunk, at) = (sid as usize / CHUNK, sid as usize % CHUNK);
        if code == 0 && self.get(sid) == 0 {
            return;
        }
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, Vec::new);
        }
        let Some(codes) = self.chunks.get_mut(chunk) else { return };
        if at >= codes.len() {
            codes.resize(at + 1, 0);
        }
        if let Some(slot) = codes.get_mut(at) {
            *slot = code;
        }
    }

    /// The codes of these sids, in their order.
    pub(super) fn gather(&self, sids: &[u32]) -> Vec<u32> {
        sids.iter().map(|sid| self.get(*sid)).collect()
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let directory = self.chunks.capacity() * size_of::<Vec<u32>>();
        directory + self.chunks.iter().map(|c| c.capacity() * size_of::<u32>()).sum::<usize>()
    }
}
