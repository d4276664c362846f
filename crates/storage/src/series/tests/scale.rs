use std::time::Instant;

use triglot_model::{ColumnId, IdentityRule, Sid};

use super::super::{SeriesIndex, SeriesKey};

const SERIES: u32 = 1_000_000;

/// TSBS devops: ten tags, one of them unique, the others with few values.
fn key(host: u32) -> SeriesKey {
    let few = [9u32, 25, 100, 3, 4, 20, 20, 3, 2];
    let mut tags = vec![(ColumnId(1), format!("host_{host}"))];
    for (i, distinct) in (0u32..).zip(few) {
        tags.push((
            ColumnId(i + 2),
            format!("a-tag-value-{}", host.wrapping_mul(2_654_435_761) / 7 % distinct),
        ));
    }
    SeriesKey::new(None, tags)
}

#[test]
#[ignore = "measures a million series; run with --nocapture"]
fn a_million_series() {
    let keys: Vec<SeriesKey> = (0..SERIES).map(key).collect();
    let rss = resident_bytes();
    let mut index = SeriesIndex::new(IdentityRule::AllTags);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{what}: {seconds:.3} s, {:.2} M/s", f64::from(SERIES) / seconds / 1e6);
    };
    timed("create", &mut || {
        for key in &keys {
            index.get_or_create(key).unwrap();
        }
    });
    let grown = resident_bytes().saturating_sub(rss);
    let per = index.memory_bytes() / SERIES as usize;
    eprintln!("memory: {per} B a series by memory_bytes(), {} B resident", grown / SERIES as usize);
    assert!(per <= 250, "{per} B a series");
    timed("lookup", &mut || {
        for (sid, key) in (0..).zip(&keys) {
            assert_eq!(index.lookup(key), Some(Sid(sid)));
        }
    });
    let tags: Vec<ColumnId> = (1..=10).map(ColumnId).collect();
    timed("tag_batch, 10 tags", &mut || {
        assert_eq!(index.tag_batch(&tags, None).unwrap().num_rows(), keys.len())
    });
    let mut codes = None;
    timed("tag_codes (under the lock)", &mut || codes = Some(index.tag_codes(&tags, None)));
    timed("series_where, first", &mut || {
        assert!(!index.series_where(ColumnId(2), &["a-tag-value-3"]).is_empty())
    });
    timed("series_where, again", &mut || {
        assert!(!index.series_where(ColumnId(2), &["a-tag-value-3"]).is_empty())
    });
    timed("series_where, by scan", &mut || {
        assert_eq!(index.series_where(ColumnId(1), &["host_77"]).len(), 1)
    });
    let mut bytes = None;
    timed("encode_full", &mut || bytes = Some(index.encode_full().unwrap()));
    let bytes = bytes.unwrap();
    eprintln!("snapshot: {} B a series", bytes.len() / SERIES as usize);
    timed("load", &mut || {
        let loaded = SeriesIndex::load(IdentityRule::AllTags, std::slice::from_ref(&bytes)).unwrap();
        assert_eq!(loaded.len(), keys.len());
    });
}

/// Resident memory of this process; 0 where `/proc` is absent.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|p| p.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
