use hashbrown::HashTable;

use super::SeriesError;
use super::key::value_hash;
use super::strings::Strings;

/// The distinct values of a tag: value ↔ code, append-only. Code 0 is NULL.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    values: Strings,
    codes: HashTable<Entry>,
}

/// Half of the hash, so that growing the table reads no values; the code.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    code: u32,
}

/// Spreads the stored half over the bits that the table looks at (lowest and highest).
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl Dictionary {
    /// Codes in use, the NULL included.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values by code.
    pub(super) fn values(&self) -> &Strings {
        &self.values
    }

    /// The code of a value that is known.
    pub(super) fn lookup(&self, value: &str) -> Option<u32> {
        let hash = value_hash(value.as_bytes()) as u32;
        let same = |e: &Entry| e.hash == hash && self.values.get(e.code) == Some(value.as_bytes());
        self.codes.find(spread(hash), same).map(|e| e.code)
    }

    /// The code of a value, new if need be.
    pub(super) fn intern(&mut self, value: &str) -> Result<u32, SeriesError> {
        if let Some(code) = self.lookup(value) {
            return Ok(code);
        }
        let code = u32::try_from(self.values.len()).map_err(|_| SeriesError::SidsUsedUp)?;
        self.values.push(value)?;
        let hash = value_hash(value.as_bytes()) as u32;
        self.codes.insert_unique(spread(hash), Entry { hash, code }, |e| spread(e.hash));
        Ok(code)
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.codes.allocation_size()
    }
}
