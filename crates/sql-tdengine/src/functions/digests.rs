//! Digests as lower-case hexadecimal digits, and base 64.

use arrow::datatypes::DataType;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use datafusion::functions::crypto::expr_fn as crypto;
use datafusion::functions::encoding::expr_fn as encoding;
use datafusion::prelude::{Expr, cast, lit};
use triglot_model::hex;

use super::args::Args;
use super::casts::to_text;
use super::convert::{constant_integer, is_null};
use super::udf;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>) -> Result<Option<Typed>, TaosError> {
    let text = |expr, length| Some(Typed::new(expr, TaosType::Varchar, length));
    Ok(match name {
        "md5" => {
            let value = args.one()?;
            let value = if is_null(&value) { args.text(value)? } else { to_text(value) };
            text(cast(crypto::md5(value), DataType::Utf8), 32)
        }
        "sha1" | "sha" => {
            let value = args.text(args.one()?)?;
            text(udf::of_text("sha1", value, |v| Some(hex::encode(&sha1(v.as_bytes())))), 40)
        }
        "sha2" => Some(sha2(args)?),
        "to_base64" => {
            let value = args.one()?;
            let length = value.length.div_ceil(3).saturating_mul(4);
            let bytes = cast(args.text(value)?, DataType::Binary);
            text(cast(encoding::encode(bytes, lit("base64pad")), DataType::Utf8), length)
        }
        "from_base64" => {
            let value = args.one()?;
            let length = value.length.div_ceil(4).saturating_mul(3);
            // What is no base 64, or decodes to no text, is NULL.
            let decode = |v: &str| String::from_utf8(BASE64_STANDARD.decode(v).ok()?).ok();
            text(udf::of_text("from_base64", args.text(value)?, decode), length)
        }
        _ => None,
    })
}

/// `SHA2(s, bits)`; 0 bits mean 256.
fn sha2(args: &Args<'_>) -> Result<Typed, TaosError> {
    let hex = |bytes: Expr| cast(encoding::encode(bytes, lit("hex")), DataType::Utf8);
    let [text, bits] = args.exactly()?;
    let text = args.text(text)?;
    let (digest, length) = match constant_integer(&bits) {
        Some(224) => (crypto::sha224(text), 56),
        Some(0 | 256) => (crypto::sha256(text), 64),
        Some(384) => (crypto::sha384(text), 96),
        Some(512) => (crypto::sha512(text), 128),
        _ => return Err(args.wrong_value()),
    };
    Ok(Typed::new(hex(digest), TaosType::Varchar, length))
}

/// FIPS 180-4, which DataFusion has no function for.
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut message = bytes.to_vec();
    message.push(0x80);
    message.resize(message.len().next_multiple_of(64), 0);
    if message.len() - bytes.len() < 9 {
        message.resize(message.len() + 64, 0);
    }
    let bits = (bytes.len() as u64).wrapping_mul(8);
    message.truncate(message.len() - 8);
    message.extend(bits.to_be_bytes());
    let state = message.chunks_exact(64).fold(SHA1_START, sha1_block);
    let mut digest = [0; 20];
    digest.chunks_exact_mut(4).zip(state).for_each(|(out, word)| out.copy_from_slice(&word.to_be_bytes()));
    digest
}

const SHA1_START: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

fn sha1_block(state: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut words = std::collections::VecDeque::with_capacity(16);
    words.extend(block.chunks_exact(4).map(|c| c.iter().fold(0_u32, |w, b| w << 8 | u32::from(*b))));
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for round in 0..80 {
        let word = words.pop_front().unwrap_or_default();
        let (mixed, constant) = match round / 20 {
            0 => ((b & c) | (!b & d), 0x5A82_7999),
            1 => (b ^ c ^ d, 0x6ED9_EBA1),
            2 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC_u32),
            _ => (b ^ c ^ d, 0xCA62_C1D6),
        };
        let next =
            a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        // The word 16 rounds later.
        let at = |place: usize| words.get(place).copied().unwrap_or_default();
        words.push_back((at(12) ^ at(7) ^ at(1) ^ word).rotate_left(1));
    }
    let add = |[s, t]: [u32; 2]| s.wrapping_add(t);
    let [p, q, r, s, t] = state;
    [[p, a], [q, b], [r, c], [s, d], [t, e]].map(add)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180, and lengths around a block's end (coreutils' sha1sum of so many `a`).
    #[test]
    fn sha1_of_known_texts() {
        let of = |text: &str| hex::encode(&sha1(text.as_bytes()));
        assert_eq!(of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(of(long), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        for (count, digest) in [
            (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
            (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
            (119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"),
            (120, "f34c1488385346a55709ba056ddd08280dd4c6d6"),
            (1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ] {
            assert_eq!(of(&"a".repeat(count)), digest, "{count}");
        }
    }
}
