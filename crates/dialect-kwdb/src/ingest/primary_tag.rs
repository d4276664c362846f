//! The tag that names a device where nobody named one: the SHA-256 of its tags.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The digits of the hash over the texts `key=value`, sorted and joined.
pub(super) fn of(mut pairs: Vec<String>) -> Arc<str> {
    pairs.sort_unstable();
    let mut hash = Sha256::new();
    for pair in pairs {
        hash.update(pair.as_bytes());
    }
    triglot_model::hex::encode(&hash.finalize()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_over_sorted_pairs() {
        let of = |pairs: &[&str]| of(pairs.iter().map(|p| (*p).to_owned()).collect());
        // python3 -c 'import hashlib; print(hashlib.sha256(b"…").hexdigest())'
        assert_eq!(&*of(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(&*of(&["location=Beijing"]), BEIJING);
        assert_eq!(of(&["b=2", "a=1"]), of(&["a=1", "b=2"]));
        assert_eq!(&*of(&["b=2", "a=1"]), A1B2);
    }

    const BEIJING: &str = "63b57ced95fbb517002b8e2a80b4500ea2679fa06dcb859a80a2593562994475";
    const A1B2: &str = "94c1dc2f3087f8bdab990bda40608b0e51606354ecea4b052c409a5004dc8128";
}
