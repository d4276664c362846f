//! The snappy *block* format, which Prometheus and Loki put their messages in: no framing, the decoded
//! length stands at the begin.

use std::io;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::coding::DecodeError;

/// No element of the format makes more bytes of one: a copy of 64 bytes is written as three.
const MAX_RATIO: usize = 22;
/// Buffers that wait for the next block: so many, of so many bytes. Memory that was written before need not be
/// cleared, which took a third of a decoder's time.
const SPARES: usize = 4;
const LONGEST_SPARE: usize = 4 << 20;
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Decodes a block to at most `limit` bytes. A block that claims to be longer than its own length allows
/// is refused before anything is reserved for it.
///
/// # Errors
/// [`DecodeError::TooLarge`] by the declared length, [`DecodeError::Malformed`] for anything that is no block.
pub fn decode_block(body: &[u8], limit: usize) -> Result<Bytes, DecodeError> {
    let malformed = |error: snap::Error| DecodeError::Malformed(io::Error::other(error));
    let declared = snap::raw::decompress_len(body).map_err(malformed)?;
    if declared > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    if declared > body.len().saturating_mul(MAX_RATIO) {
        return Err(DecodeError::Malformed(io::ErrorKind::InvalidData.into()));
    }
    let mut plain = Plain::with(declared);
    let room = plain.buffer.get_mut(..declared).unwrap_or_default();
    plain.length = snap::raw::Decoder::new().decompress(body, room).map_err(malformed)?;
    Ok(Bytes::from_owner(plain))
}

/// A decoded block; its buffer becomes a spare one.
struct Plain {
    buffer: Vec<u8>,
    length: usize,
}

impl Plain {
    /// Room for so many bytes; nothing is in it yet.
    fn with(room: usize) -> Self {
        let mut buffer = SPARE.lock().pop().unwrap_or_default();
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        Self { buffer, length: 0 }
    }
}

impl AsRef<[u8]> for Plain {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let mut spares = SPARE.lock();
        if spares.len() < SPARES && self.buffer.len() <= LONGEST_SPARE {
            spares.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// The block of `plain`.
///
/// # Errors
/// 4 GiB and more.
pub fn encode_block(plain: &[u8]) -> io::Result<Vec<u8>> {
    snap::raw::Encoder::new().compress_vec(plain).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_bombs_do_not_go_off() {
        let plain = vec![7u8; 1 << 20];
        let block = encode_block(&plain).unwrap();
        assert_eq!(decode_block(&block, 1 << 20).unwrap(), plain);
        assert!(matches!(decode_block(&block, (1 << 20) - 1), Err(DecodeError::TooLarge { .. })));
        assert_eq!(decode_block(&encode_block(b"").unwrap(), 0).unwrap(), b""[..]);
    }

    #[test]
    fn a_spare_buffer_shows_nothing_of_the_block_before() {
        for text in [&b"a long text that comes first"[..], b"short", b"", b"in between, again"] {
            assert_eq!(decode_block(&encode_block(text).unwrap(), 100).unwrap(), text);
        }
    }

    #[test]
    fn rubbish_and_cut_blocks_are_malformed() {
        let block = encode_block(b"some text that is long enough").unwrap();
        let cut = block.get(..block.len() - 3).unwrap();
        // The last one declares a gigabyte and has six bytes.
        for body in [&b""[..], cut, b"\xff\xff\xff\xff\xff\xff", b"\x80\x80\x80\x80\x04\x00"] {
            assert!(matches!(decode_block(body, 2 << 30), Err(DecodeError::Malformed(_))), "{body:?}");
        }
    }
}
