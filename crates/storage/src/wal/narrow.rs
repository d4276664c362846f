//! Integers of a batch as offsets from the column's smallest, in as few bytes as hold the largest.
//!
//! Metrics are small numbers in wide columns, and the rows of one request share their time or
//! nearly so; this takes a fifth of the bytes for one pass over the values. All types are handled
//! as the `i64` of their bits: differences wrap, and only their low bytes come back, so it does not
//! matter whether a type has a sign.

use arrow::buffer::{Buffer, MutableBuffer};

/// Fewer rows than this are written as they are.
const MIN_ROWS: usize = 16;

/// How one column is narrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// What offsets count from.
    pub(super) base: i64,
    /// Bytes of an offset: 0 (all values are `base`), 1, 2 or 4.
    pub(super) width: u8,
}

/// The frame for `values` of `natural` bytes each, if it saves anything.
pub(super) fn frame(values: &[u8], natural: usize) -> Option<Frame> {
    if values.len() / natural.max(1) < MIN_ROWS {
        return None;
    }
    let (min, max) = match natural {
        1 => bounds(values, |b: [u8; 1]| i64::from(i8::from_le_bytes(b))),
        2 => bounds(values, |b: [u8; 2]| i64::from(i16::from_le_bytes(b))),
        4 => bounds(values, |b: [u8; 4]| i64::from(i32::from_le_bytes(b))),
        8 => bounds(values, i64::from_le_bytes),
        _ => return None,
    };
    let width = match max.wrapping_sub(min) as u64 {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    (width < natural).then_some(Frame { base: min, width: width as u8 })
}

fn bounds<const N: usize>(values: &[u8], read: impl Fn([u8; N]) -> i64) -> (i64, i64) {
    let (words, _) = values.as_chunks::<N>();
    words.iter().map(|w| read(*w)).fold((i64::MAX, i64::MIN), |(min, max), v| (min.min(v), max.max(v)))
}

/// Appends the offsets of `values`.
pub(super) fn put(out: &mut Vec<u8>, values: &[u8], natural: usize, frame: Frame) {
    match natural {
        1 => put_words(out, values, frame, |b: [u8; 1]| i64::from(i8::from_le_bytes(b))),
        2 => put_words(out, values, frame, |b: [u8; 2]| i64::from(i16::from_le_bytes(b))),
        4 => put_words(out, values, frame, |b: [u8; 4]| i64::from(i32::from_le_bytes(b))),
        _ => put_words(out, values, frame, i64::from_le_bytes),
    }
}

fn put_words<const N: usize>(out: &mut Vec<u8>, values: &[u8], frame: Frame, read: impl Fn([u8; N]) -> i64) {
    let offsets = values.as_chunks::<N>().0.iter().map(|w| read(*w).wrapping_sub(frame.base));
    match frame.width {
        0 => {}
        1 => out.extend(offsets.map(|o| o as u8)),
        2 => put_offsets(out, offsets.map(|o| (o as u16).to_le_bytes())),
        _ => put_offsets(out, offsets.map(|o| (o as u32).to_le_bytes())),
    }
}

fn put_offsets<const W: usize>(out: &mut Vec<u8>, offsets: impl ExactSizeIterator<Item = [u8; W]>) {
    let start = out.len();
    out.resize(start + offsets.len() * W, 0);
    let slots = out.get_mut(start..).map(|tail| tail.as_chunks_mut::<W>().0).unwrap_or_default();
    for (slot, offset) in slots.iter_mut().zip(offsets) {
        *slot = offset;
    }
}

/// The values again, `natural` bytes each. `offsets` holds `rows × frame.width` bytes.
pub(super) fn expand(offsets: &[u8], rows: usize, natural: usize, frame: Frame) -> Buffer {
    let mut out = MutableBuffer::from_len_zeroed(rows * natural);
    let values = out.as_slice_mut();
    match natural {
        1 => expand_words(values, offsets, frame, |v| (v as u8).to_le_bytes()),
        2 => expand_words(values, offsets, frame, |v| (v as u16).to_le_bytes()),
        4 => expand_words(values, offsets, frame, |v| (v as u32).to_le_bytes()),
        _ => expand_words(values, offsets, frame, i64::to_le_bytes),
    }
    out.into()
}

fn expand_words<const N: usize>(
    values: &mut [u8],
    offsets: &[u8],
    frame: Frame,
    write: impl Fn(i64) -> [u8; N],
) {
    let slots = values.as_chunks_mut::<N>().0.iter_mut();
    let value = |offset: u32| write(frame.base.wrapping_add(i64::from(offset)));
    match frame.width {
        0 => slots.for_each(|slot| *slot = value(0)),
        1 => slots.zip(offsets).for_each(|(slot, o)| *slot = value(u32::from(*o))),
        2 => {
            let offsets = offsets.as_chunks::<2>().0;
            slots.zip(offsets).for_each(|(slot, o)| *slot = value(u32::from(u16::from_le_bytes(*o))));
        }
        _ => {
            let offsets = offsets.as_chunks::<4>().0;
            slots.zip(offsets).for_each(|(slot, o)| *slot = value(u32::from_le_bytes(*o)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(values: &[u8], natural: usize) -> Option<Frame> {
        let frame = frame(values, natural)?;
        let mut out = vec![7];
        put(&mut out, values, natural, frame);
        let rows = values.len() / natural;
        assert_eq!(out.len(), 1 + rows * usize::from(frame.width));
        assert_eq!(expand(&out[1..], rows, natural, frame).as_slice(), values);
        Some(frame)
    }

    fn bytes(values: &[i64], natural: usize) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()[..natural].to_vec()).collect()
    }

    #[test]
    fn the_width_is_that_of_the_largest_offset() {
        for (last, width) in [(-5, 0), (250, 1), (251, 2), (65_530, 2), (65_531, 4), (4_294_967_290, 4)] {
            let mut values = vec![-5; 20];
            values.push(last);
            assert_eq!(round_trip(&bytes(&values, 8), 8), Some(Frame { base: -5, width }), "{last}");
        }
        let mut values = vec![-5; 20];
        values.push(4_294_967_291);
        assert_eq!(round_trip(&bytes(&values, 8), 8), None, "no narrower width holds it");
        values.extend([i64::MIN, i64::MAX]);
        assert_eq!(round_trip(&bytes(&values, 8), 8), None, "the difference wraps");
        assert_eq!(round_trip(&bytes(&[1; 15], 8), 8), None, "too few rows");
    }

    proptest! {
        #[test]
        fn values_come_back(
            natural in prop::sample::select(vec![1usize, 2, 4, 8]),
            base in any::<i64>(),
            spread in prop::sample::select(vec![1u64, 200, 60_000, 4_000_000_000, u64::MAX]),
            offsets in prop::collection::vec(any::<u64>(), 16..200),
        ) {
            let values: Vec<i64> = offsets.iter().map(|o| base.wrapping_add((o % spread) as i64)).collect();
            round_trip(&bytes(&values, natural), natural);
        }
    }
}
