//! How many of TDengine's error codes have a record or a golden pair with the mistake that raises them.

use std::collections::BTreeSet;
use std::path::Path;

/// As many as the dialect promises, and the codes of the adapter beside them.
const AT_LEAST: usize = 150;

/// The numbers behind each `mark` in the files of a directory, up to the first character that is none of theirs.
fn codes(dir: &str, mark: &str, radix: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for path in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).unwrap() {
        let text = std::fs::read_to_string(path.unwrap().path()).unwrap();
        for behind in text.split(mark).skip(1) {
            let digits = behind.find(|c: char| !c.is_digit(radix)).unwrap_or(behind.len());
            found.extend(u32::from_str_radix(&behind[..digits], radix));
        }
    }
    found.remove(&0);
    found
}

#[test]
fn mistakes_are_shown_for_the_codes() {
    let mut all = codes("golden/tdengine", "{\"code\":", 10);
    all.extend(codes("slt/tdengine", "statement error 0x", 16));
    println!("{} codes", all.len());
    assert!(all.len() >= AT_LEAST, "{} codes: {all:04x?}", all.len());
}
