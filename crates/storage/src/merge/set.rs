//! The `__set` bitmap: bit *n* (byte *n* / 8, least significant bit first) stands for the column
//! with the id *n*.

/// Whether bit `bit` is set; bits behind the end are not.
pub fn set_bit(bitmap: &[u8], bit: usize) -> bool {
    bitmap.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Sets or clears bit `bit`, growing the bitmap as needed.
pub fn put_bit(bitmap: &mut Vec<u8>, bit: usize, on: bool) {
    if bitmap.len() <= bit / 8 {
        if !on {
            return;
        }
        bitmap.resize(bit / 8 + 1, 0);
    }
    let mask = 1 << (bit % 8);
    if on { bitmap[bit / 8] |= mask } else { bitmap[bit / 8] &= !mask }
}

/// Adds the bits of `other`.
pub(super) fn merge_bits(bitmap: &mut Vec<u8>, other: &[u8]) {
    if bitmap.len() < other.len() {
        bitmap.resize(other.len(), 0);
    }
    for (byte, more) in bitmap.iter_mut().zip(other) {
        *byte |= more;
    }
}
