//! Eight bytes at a time: finding structural bytes, reading digits, comparing short keys.
//!
//! Safe code only. A word holds the first byte of the text in its lowest bits, so "the first
//! hit" is the lowest set bit. The tests for "byte equals" and "byte below" may mark bytes above
//! a true hit wrongly (a borrow runs upwards), never the first one; callers use only the first.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The eight bytes at `pos`, padded with zeros behind the end.
#[inline(always)]
pub(crate) fn load8(bytes: &[u8], pos: usize) -> u64 {
    match bytes.get(pos..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => load_tail(bytes, pos),
    }
}

#[cold]
#[inline(never)]
fn load_tail(bytes: &[u8], pos: usize) -> u64 {
    let rest = bytes.get(pos..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Marks bytes equal to `byte` in their high bit.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let diff = word ^ (ONES * byte as u64);
    diff.wrapping_sub(ONES) & !diff & HIGH
}

/// Marks bytes below `limit` (at most 128) in their high bit.
#[inline(always)]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGH
}

/// The next byte at or after `pos` that can end a name: comma, blank, backslash, CR, LF and, with
/// `EQ`, the equals sign. The length of `bytes` if there is none.
#[inline(always)]
pub(crate) fn find_stop<const EQ: bool>(bytes: &[u8], mut pos: usize) -> usize {
    loop {
        let word = load8(bytes, pos);
        // One comparison covers blank, comma, CR and LF; the punctuation between blank and comma
        // is rare in names and sorted out below.
        let mut hits = below(word, b',' + 1) | equal(word, b'\\');
        if EQ {
            hits |= equal(word, b'=');
        }
        if hits == 0 {
            pos += 8;
            continue;
        }
        let at = pos + (hits.trailing_zeros() / 8) as usize;
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b',' | b' ' | b'\\' | b'\n' | b'\r') => return at,
            Some(b'=') if EQ => return at,
            Some(_) => pos = at + 1,
        }
    }
}

/// Reads up to eight decimal digits at `pos`: their value and their number.
#[inline(always)]
pub(crate) fn digits8(bytes: &[u8], pos: usize) -> (u64, usize) {
    let word = load8(bytes, pos) ^ (ONES * b'0' as u64);
    let not_digit = (word.wrapping_add(ONES * 0x76) | word) & HIGH;
    let count = (not_digit.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Shift the other bytes out; the zeros that come in read as leading zeros.
    let digits = word << (64 - 8 * count as u32);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    let upper = (pairs & MASK).wrapping_mul(100 + (1_000_000 << 32));
    let lower = ((pairs >> 16) & MASK).wrapping_mul(1 + (10_000 << 32));
    (upper.wrapping_add(lower) >> 32, count)
}

/// 10^0 to 10^8, as many as `digits8` may shift by.
pub(crate) const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Reads up to sixteen decimal digits at `pos`: their value and their number.
#[inline(always)]
pub(crate) fn digits16(bytes: &[u8], pos: usize) -> (u64, usize) {
    let (first, count) = digits8(bytes, pos);
    if count < 8 {
        return (first, count);
    }
    let (second, more) = digits8(bytes, pos + 8);
    (first * POWERS.get(more).copied().unwrap_or(1) + second, 8 + more)
}

/// Whether `key` followed by `=` stands at `pos`.
#[inline(always)]
pub(crate) fn key_stands_at(bytes: &[u8], pos: usize, key: &[u8]) -> bool {
    let Some(here) = bytes.get(pos..) else { return false };
    if here.get(key.len()) != Some(&b'=') {
        return false;
    }
    // Keys are short; two overlapping words beat the call to memcmp.
    if let (Some(a), Some(b)) = (here.first_chunk::<8>(), key.first_chunk::<8>()) {
        if a != b {
            return false;
        }
        if key.len() <= 16 {
            let tail = key.len() - 8;
            return load8(here, tail) == load8(key, tail);
        }
    }
    here.get(..key.len()) == Some(key)
}

/// Whether `byte` (or the end of the body) ends a field value without quotes.
#[inline(always)]
pub(crate) fn ends_value(byte: Option<&u8>) -> bool {
    match byte {
        None => true,
        Some(&b) => b == b',' || b.is_ascii_whitespace(),
    }
}

/// Skips blanks and tabs.
#[inline(always)]
pub(crate) fn skip_blanks(bytes: &[u8], mut pos: usize) -> usize {
    while matches!(bytes.get(pos), Some(b' ' | b'\t')) {
        pos += 1;
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_the_standard_library_reads_them() {
        for text in
            ["", "x", "7", "42x", "1234567", "12345678", "123456789", "00000001", "1/", "1:", "9\u{e9}"]
        {
            let wanted: String = text.chars().take_while(char::is_ascii_digit).take(8).collect();
            for padding in ["", "                "] {
                let body = format!("{text}{padding}");
                let expected = (wanted.parse().unwrap_or(0), wanted.len());
                assert_eq!(digits8(body.as_bytes(), 0), expected, "{body:?}");
            }
        }
        assert_eq!(digits16(b"1234567890123456", 0), (1_234_567_890_123_456, 16));
        assert_eq!(digits16(b"12345678,", 0), (12_345_678, 8));
        assert_eq!(digits16(b"9999999999999999999", 0), (9_999_999_999_999_999, 16));
    }

    #[test]
    fn every_byte_is_a_stop_exactly_when_it_should_be() {
        for byte in 0..=255u8 {
            for at in 0..20 {
                let mut body = [b'a'; 20];
                body[at] = byte;
                let plain = b", \\\n\r".contains(&byte);
                let found = find_stop::<false>(&body, 0);
                assert_eq!(found, if plain { at } else { 20 }, "byte {byte} at {at}");
                let found = find_stop::<true>(&body, 0);
                assert_eq!(found, if plain || byte == b'=' { at } else { 20 }, "byte {byte} at {at}");
            }
        }
    }

    #[test]
    fn keys_of_any_length_are_compared_whole() {
        for length in 0..40 {
            let key = vec![b'k'; length];
            let mut body = vec![b'.'];
            body.extend_from_slice(&key);
            body.extend_from_slice(b"=1i");
            assert!(key_stands_at(&body, 1, &key));
            assert!(!key_stands_at(&body, 0, &key) || length == 0);
            assert!(!key_stands_at(&body[..=length], 1, &key), "no equals sign");
            for at in 0..length {
                let mut other = key.clone();
                other[at] = b'x';
                assert!(!key_stands_at(&body, 1, &other), "length {length}, difference at {at}");
            }
        }
    }
}
