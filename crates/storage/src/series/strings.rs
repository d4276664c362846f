use arrow::array::{Array, AsArray, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::{concat, interleave, take};
use arrow::error::ArrowError;
use parking_lot::Mutex;

/// The tail is merged into the base when it has this many values …
const MIN_TAIL: usize = 256;
/// … or this fraction of the base, so that merging costs a constant number of views per value.
const TAIL_FRACTION: usize = 16;
/// The smallest and largest block of bytes: small tables stay small, large ones have few buffers.
const MIN_BLOCK: usize = 512;
const MAX_BLOCK: usize = 128 * 1024;

/// An append-only list of strings that is an Arrow array at any time, cheaply.
///
/// Number 0 is NULL. Values are in a `base` array that readers share, and a short `tail` that is
/// still growing; the tail's array is made when a reader needs it and kept until the next append.
/// Bytes of values are never copied once their block is full.
#[derive(Debug)]
pub(super) struct Strings {
    base: StringViewArray,
    tail: StringViewBuilder,
    tail_len: usize,
    tail_array: Mutex<Option<StringViewArray>>,
}

impl Default for Strings {
    fn default() -> Self {
        Self {
            base: StringViewArray::new_null(1),
            tail: tail_builder(0),
            tail_len: 0,
            tail_array: Mutex::new(None),
        }
    }
}

fn tail_builder(base_bytes: usize) -> StringViewBuilder {
    let block = (base_bytes / TAIL_FRACTION).clamp(MIN_BLOCK, MAX_BLOCK);
    StringViewBuilder::with_capacity(0).with_fixed_block_size(block as u32)
}

impl Strings {
    /// Numbers in use, the NULL included.
    pub(super) fn len(&self) -> usize {
        self.base.len() + self.tail_len
    }

    /// The bytes of a value; none for NULL and unknown numbers.
    pub(super) fn get(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        if number == 0 || number >= self.len() {
            return None;
        }
        Some(match number.checked_sub(self.base.len()) {
            None => self.base.value(number).as_bytes(),
            Some(in_tail) => self.tail.get_value(in_tail),
        })
    }

    /// Appends a value and gives its number, which the caller keeps within `u32`.
    pub(super) fn push(&mut self, value: &str) -> Result<(), ArrowError> {
        self.tail.try_append_value(value)?;
        self.tail_len += 1;
        *self.tail_array.get_mut() = None;
        if self.tail_len >= MIN_TAIL.max(self.base.len() / TAIL_FRACTION) {
            self.merge_tail()?;
        }
        Ok(())
    }

    fn merge_tail(&mut self) -> Result<(), ArrowError> {
        // The tail stays whole if this fails: a builder can be copied, but not put back.
        let merged = concat(&[&self.base, &self.tail.finish_cloned()])?;
        self.base = merged.as_string_view().clone();
        let bytes = self.base.data_buffers().iter().map(|b| b.len()).sum();
        self.tail = tail_builder(bytes);
        self.tail_len = 0;
        Ok(())
    }

    /// An immutable view that knows at least the numbers up to `max`.
    pub(super) fn view(&self, max: u32) -> StringsView {
        let tail = (max as usize >= self.base.len() && self.tail_len > 0)
            .then(|| self.tail_array.lock().get_or_insert_with(|| self.tail.finish_cloned()).clone());
        StringsView { base: self.base.clone(), tail }
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let tail_array = self.tail_array.lock().as_ref().map_or(0, |a| a.len() * size_of::<u128>());
        self.base.get_array_memory_size() + self.tail.allocated_size() + tail_array
    }
}

/// [`Strings`] at one moment; cheap to copy, needs no lock.
#[derive(Clone, Debug)]
pub(super) struct StringsView {
    base: StringViewArray,
    tail: Option<StringViewArray>,
}

impl StringsView {
    /// The values with these numbers: views into shared blocks, no string is copied.
    pub(super) fn gather(&self, numbers: Vec<u32>) -> Result<StringViewArray, ArrowError> {
        let Some(tail) = &self.tail else {
            let values = take(&self.base, &UInt32Array::from(numbers), None)?;
            return Ok(values.as_string_view().clone());
        };
        let base_len = self.base.len();
        let places: Vec<(usize, usize)> = numbers
            .into_iter()
            .map(|n| match (n as usize).checked_sub(base_len) {
                None => (0, n as usize),
                Some(in_tail) => (1, in_tail),
            })
            .collect();
        Ok(interleave(&[&self.base, tail], &places)?.as_string_view().clone())
    }
}
