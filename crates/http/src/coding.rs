//! Content codings: request bodies are decoded under a limit, responses are encoded as a stream.

use std::io::{self, Read, Write};

use actix_web::web;
use bytes::Bytes;

/// Memory of the brotli coder's window, as a power of two; the level that servers use on the fly.
const BROTLI_WINDOW: u32 = 20;
const BROTLI_LEVEL: u32 = 4;
const BUFFER: usize = 64 * 1024;

/// The codings that some dialect speaks. Which names select them is the dialect's matter; the
/// names here are the common ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952, several members allowed.
    Gzip,
    /// RFC 1951 without any header: what CnosDB calls `deflate`.
    DeflateRaw,
    /// RFC 1950: what RFC 9110 calls `deflate`.
    Zlib,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// The snappy *framing* format.
    SnappyFramed,
    /// The LZ4 *frame* format.
    Lz4Frame,
}

/// A body that could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The decoded body would exceed the limit (decompression bomb).
    #[error("decoded body exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Not what the coding says, or cut off.
    #[error("{0}")]
    Malformed(io::Error),
}

impl Coding {
    /// Decodes `body` to at most `limit` bytes, on the calling thread.
    pub fn decode(self, body: Bytes, limit: usize) -> Result<Bytes, DecodeError> {
        if self == Self::Identity {
            return if body.len() > limit { Err(DecodeError::TooLarge { limit }) } else { Ok(body) };
        }
        let input: &[u8] = &body;
        let mut out = Vec::with_capacity((input.len() * 4).min(limit).min(1 << 20));
        match self {
            Self::Identity => Ok(()),
            Self::Gzip => drain(gzip_reader(input), &mut out, limit),
            Self::DeflateRaw => drain(flate2::read::DeflateDecoder::new(input), &mut out, limit),
            Self::Zlib => drain(flate2::read::ZlibDecoder::new(input), &mut out, limit),
            Self::Brotli => drain(brotli::Decompressor::new(input, BUFFER), &mut out, limit),
            Self::Zstd => zstd::stream::read::Decoder::new(input)
                .map_err(DecodeError::Malformed)
                .and_then(|decoder| drain(decoder, &mut out, limit)),
            Self::SnappyFramed => drain(snap::read::FrameDecoder::new(input), &mut out, limit),
            Self::Lz4Frame => lz4_frames(input, &mut out, limit),
        }?;
        Ok(Bytes::from(out))
    }

    /// Decodes on a blocking thread, so that an async worker never inflates: even a small body
    /// may hold a large one. Identity stays where it is.
    pub async fn decode_off_thread(self, body: Bytes, limit: usize) -> Result<Bytes, DecodeError> {
        if self == Self::Identity {
            return self.decode(body, limit);
        }
        match web::block(move || self.decode(body, limit)).await {
            Ok(result) => result,
            Err(stopped) => Err(DecodeError::Malformed(io::Error::other(stopped.to_string()))),
        }
    }
}

/// Decodes gzip (all of its members) as it is read, for files that do not fit into memory.
pub fn gzip_reader(input: impl Read) -> impl Read {
    flate2::read::MultiGzDecoder::new(input)
}

/// Reads everything, one byte more than allowed at most.
fn drain(reader: impl Read, out: &mut Vec<u8>, limit: usize) -> Result<(), DecodeError> {
    let allowed = limit.saturating_sub(out.len()) as u64;
    reader.take(allowed + 1).read_to_end(out).map_err(DecodeError::Malformed)?;
    if out.len() > limit { Err(DecodeError::TooLarge { limit }) } else { Ok(()) }
}

/// LZ4 frames may follow each other; the decoder reads one of them.
fn lz4_frames(input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), DecodeError> {
    let mut rest = input;
    while !rest.is_empty() {
        let before = rest.len();
        drain(lz4_flex::frame::FrameDecoder::new(&mut rest), out, limit)?;
        if rest.len() == before {
            return Err(DecodeError::Malformed(io::ErrorKind::InvalidData.into()));
        }
    }
    Ok(())
}

// There is one for each response that is being sent: a box would save nothing worth having.
#[allow(clippy::large_enum_variant)]
enum Coder {
    Identity(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    DeflateRaw(flate2::write::DeflateEncoder<Vec<u8>>),
    Zlib(flate2::write::ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    SnappyFramed(snap::write::FrameEncoder<Vec<u8>>),
    Lz4Frame(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
}

/// Encodes a response piece by piece: [`Encoder::push`] gives what is ready so far, maybe nothing,
/// [`Encoder::finish`] the rest. The concatenation is one complete member of the coding.
pub struct Encoder(Coder);

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Encoder").field(&self.coding()).finish()
    }
}

impl Encoder {
    /// An encoder at its start.
    pub fn new(coding: Coding) -> io::Result<Self> {
        let level = flate2::Compression::fast();
        Ok(Self(match coding {
            Coding::Identity => Coder::Identity(Vec::new()),
            Coding::Gzip => Coder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level)),
            Coding::DeflateRaw => Coder::DeflateRaw(flate2::write::DeflateEncoder::new(Vec::new(), level)),
            Coding::Zlib => Coder::Zlib(flate2::write::ZlibEncoder::new(Vec::new(), level)),
            Coding::Brotli => Coder::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BUFFER,
                BROTLI_LEVEL,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => Coder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Coding::SnappyFramed => Coder::SnappyFramed(snap::write::FrameEncoder::new(Vec::new())),
            Coding::Lz4Frame => Coder::Lz4Frame(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new()))),
        }))
    }

    /// The coding it writes.
    pub fn coding(&self) -> Coding {
        match self.0 {
            Coder::Identity(_) => Coding::Identity,
            Coder::Gzip(_) => Coding::Gzip,
            Coder::DeflateRaw(_) => Coding::DeflateRaw,
            Coder::Zlib(_) => Coding::Zlib,
            Coder::Brotli(_) => Coding::Brotli,
            Coder::Zstd(_) => Coding::Zstd,
            Coder::SnappyFramed(_) => Coding::SnappyFramed,
            Coder::Lz4Frame(_) => Coding::Lz4Frame,
        }
    }

    /// Takes plain bytes, gives encoded ones (empty while the coder still gathers).
    pub fn push(&mut self, plain: Vec<u8>) -> io::Result<Bytes> {
        let sink = match &mut self.0 {
            Coder::Identity(_) => return Ok(Bytes::from(plain)),
            Coder::Gzip(w) => written(w, &plain)?.get_mut(),
            Coder::DeflateRaw(w) => written(w, &plain)?.get_mut(),
            Coder::Zlib(w) => written(w, &plain)?.get_mut(),
            Coder::Brotli(w) => written(w.as_mut(), &plain)?.get_mut(),
            Coder::Zstd(w) => written(w, &plain)?.get_mut(),
            Coder::SnappyFramed(w) => written(w, &plain)?.get_mut(),
            Coder::Lz4Frame(w) => written(w.as_mut(), &plain)?.get_mut(),
        };
        Ok(Bytes::from(std::mem::take(sink)))
    }

    /// Ends the member and gives what was still inside.
    pub fn finish(self) -> io::Result<Bytes> {
        let rest = match self.0 {
            Coder::Identity(w) => w,
            Coder::Gzip(w) => w.finish()?,
            Coder::DeflateRaw(w) => w.finish()?,
            Coder::Zlib(w) => w.finish()?,
            Coder::Brotli(w) => w.into_inner(),
            Coder::Zstd(w) => w.finish()?,
            Coder::SnappyFramed(w) => w.into_inner().map_err(|e| io::Error::other(e.to_string()))?,
            Coder::Lz4Frame(w) => w.finish().map_err(|e| io::Error::other(e.to_string()))?,
        };
        Ok(Bytes::from(rest))
    }
}

fn written<'w, W: Write>(writer: &'w mut W, plain: &[u8]) -> io::Result<&'w mut W> {
    writer.write_all(plain)?;
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Coding; 8] = [
        Coding::Identity,
        Coding::Gzip,
        Coding::DeflateRaw,
        Coding::Zlib,
        Coding::Brotli,
        Coding::Zstd,
        Coding::SnappyFramed,
        Coding::Lz4Frame,
    ];

    fn encode(coding: Coding, pieces: &[Vec<u8>]) -> Bytes {
        let mut encoder = Encoder::new(coding).unwrap();
        assert_eq!(encoder.coding(), coding);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&encoder.push(piece.clone()).unwrap());
        }
        out.extend_from_slice(&encoder.finish().unwrap());
        Bytes::from(out)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_encoded_in_pieces_decodes_as_a_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..5)) {
            let whole = pieces.concat();
            for coding in ALL {
                let decoded = coding.decode(encode(coding, &pieces), whole.len()).unwrap();
                prop_assert_eq!(&decoded[..], &whole[..], "{:?}", coding);
            }
        }
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeros = vec![vec![0u8; 1 << 20]; 4];
        for coding in ALL {
            let packed = encode(coding, &zeros);
            assert!(coding.decode(packed.clone(), 4 << 20).is_ok(), "{coding:?}");
            let refused = coding.decode(packed, (4 << 20) - 1);
            assert!(matches!(refused, Err(DecodeError::TooLarge { .. })), "{coding:?}");
        }
    }

    #[test]
    fn rubbish_and_cut_bodies_are_malformed() {
        for coding in ALL.into_iter().skip(1) {
            let rubbish = Bytes::from_static(b"\xffm f=1 1 this is not compressed at all\n");
            assert!(matches!(coding.decode(rubbish, 1 << 20), Err(DecodeError::Malformed(_))), "{coding:?}");
            let packed = encode(coding, &[b"some text that is long enough, some text".to_vec()]);
            let cut = packed.slice(..packed.len() - 5);
            assert!(matches!(coding.decode(cut, 1 << 20), Err(DecodeError::Malformed(_))), "cut {coding:?}");
        }
    }

    #[test]
    fn members_one_after_another_are_read_as_one_body() {
        for coding in [Coding::Gzip, Coding::Zstd, Coding::SnappyFramed, Coding::Lz4Frame] {
            let two = [encode(coding, &[b"ab".to_vec()]), encode(coding, &[b"cd".to_vec()])].concat();
            assert_eq!(coding.decode(Bytes::from(two), 10).unwrap(), "abcd", "{coding:?}");
        }
    }

    #[test]
    fn deflate_has_no_zlib_header() {
        // 0x78 is the first byte of every zlib stream with a 32 KiB window.
        assert_ne!(encode(Coding::DeflateRaw, &[b"aaaa".to_vec()])[0], 0x78);
        assert_eq!(encode(Coding::Zlib, &[b"aaaa".to_vec()])[0], 0x78);
    }
}
