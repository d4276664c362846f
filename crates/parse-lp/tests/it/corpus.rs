//! Replays the fuzzing corpus: what a fuzzer once found stays found.

use std::path::Path;

use crate::props::check_body;

#[test]
fn the_corpus_holds_every_property() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/parse");
    let mut replayed = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        check_body(&String::from_utf8_lossy(&bytes));
        replayed += 1;
    }
    assert!(replayed >= 8, "seeds are missing from {}", folder.display());
}
