//! The token of `Authorization: Taosd`: name and password, each padded to 24 bytes, under DES in ECB mode
//! with a key that everybody knows. An encoding, not a secret: clients have root's token built in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use des::Des;
use des::cipher::generic_array::GenericArray;
use des::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};

const KEY: [u8; 8] = [0x40, 0xB6, 0x7A, 0x30, 0x56, 0x73, 0xFD, 0x44];
/// Bytes of the name, and the least for the password.
const PART: usize = 24;
const BLOCK: usize = 8;

/// The token of a user; none if the name is longer than 24 bytes.
pub(crate) fn encode(user: &str, password: &str) -> Option<String> {
    if user.len() > PART {
        return None;
    }
    let mut plain = user.as_bytes().to_vec();
    plain.resize(PART, 0);
    plain.extend_from_slice(password.as_bytes());
    plain.resize(plain.len().max(2 * PART).next_multiple_of(BLOCK), 0);
    let cipher = Des::new(&KEY.into());
    for block in plain.chunks_exact_mut(BLOCK) {
        cipher.encrypt_block(GenericArray::from_mut_slice(block));
    }
    Some(STANDARD.encode(plain))
}

/// Name and password of a token; none if it cannot be one.
pub(crate) fn decode(token: &str) -> Option<(String, String)> {
    let mut bytes = STANDARD.decode(token).ok()?;
    if bytes.len() < 2 * PART || !bytes.len().is_multiple_of(BLOCK) {
        return None;
    }
    let cipher = Des::new(&KEY.into());
    for block in bytes.chunks_exact_mut(BLOCK) {
        cipher.decrypt_block(GenericArray::from_mut_slice(block));
    }
    let (user, password) = bytes.split_at_checked(PART)?;
    Some((until_nul(user)?, until_nul(password)?))
}

fn until_nul(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes.get(..end)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sheet sections 3.7 and 4.
    const ROOT: &str = "/KfeAzX/f9na8qdtNZmtONryp201ma04bEl8LcvLUd7a8qdtNZmtONryp201ma04";
    const LONG: &str = "QIIxd+q+/t7a8qdtNZmtONryp201ma040a9W6u3942bRr1bq7f3jZtGvVurt/eNm";

    #[test]
    fn tokens_are_the_vendors() {
        let a = "a".repeat(24);
        assert_eq!(encode("root", "taosdata").as_deref(), Some(ROOT));
        assert_eq!(encode("test", &a).as_deref(), Some(LONG));
        assert_eq!(decode(ROOT), Some(("root".into(), "taosdata".into())));
        assert_eq!(decode(LONG), Some(("test".into(), a)));
    }

    #[test]
    fn every_pair_comes_back_and_nothing_else_is_a_token() {
        for (user, password) in [("u", "p"), ("twentyfour-bytes-of-name", ""), ("数", &"x".repeat(255))] {
            let token = encode(user, password).unwrap();
            assert_eq!(decode(&token), Some((user.to_owned(), password.to_owned())));
        }
        assert_eq!(encode(&"u".repeat(25), "p"), None);
        for token in ["", "x", "AAAA", &STANDARD.encode([0; 40]), &STANDARD.encode([0; 49])] {
            assert_eq!(decode(token), None, "{token}");
        }
    }
}
