//! Bytes with a right checksum may still be anything: decoding answers an error and does not panic.

use proptest::prelude::*;

use super::super::codec;
use super::*;
use crate::TimeRange;

fn encoded(payload: &WalPayload, lz4: bool) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let kind = codec::encode(payload, &mut out, lz4).unwrap();
    (kind, out)
}

fn samples() -> Vec<(u8, Vec<u8>)> {
    vec![
        encoded(&rows(7, 9), false),
        encoded(&rows(7, 900), true),
        encoded(&text(3, 20), false),
        encoded(
            &WalPayload::Tombstone {
                table: TableId(1),
                time: TimeRange::ALL,
                series: Some((0..5000).filter(|n| n % 3 == 0).collect()),
            },
            false,
        ),
        encoded(
            &WalPayload::SeriesCreate {
                table: TableId(1),
                entries: vec![SeriesEntry {
                    sid: Sid(1),
                    child: Some("child".into()),
                    tags: vec![(ColumnId(1), "value".into())],
                }],
            },
            false,
        ),
        encoded(&WalPayload::SeriesRemove { table: TableId(1), sids: vec![Sid(1), Sid(2)] }, false),
    ]
}

/// What decodes must encode again, so nothing invalid has got in.
fn decode_is_sane(kind: u8, bytes: &[u8]) {
    if let Ok(payload) = codec::decode(kind, bytes) {
        let (again, out) = encoded(&payload, false);
        assert_eq!((again, codec::decode(kind, &out).is_ok()), (kind, true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(kind in 0_u8..9, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_is_sane(kind, &bytes);
        let mut versioned = vec![1];
        versioned.extend(bytes);
        decode_is_sane(kind, &versioned);
    }

    #[test]
    fn mutated_payloads(
        which in 0_usize..6,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
        extra in prop::option::of(any::<u8>()),
        near_start: bool,
    ) {
        let (kind, mut bytes) = samples().swap_remove(which);
        for (at, value) in edits {
            // Lengths, counts and types are near the start.
            let len = if near_start { bytes.len().min(100) } else { bytes.len() };
            bytes[at.index(len)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(extra);
        decode_is_sane(kind, &bytes);
    }
}

#[test]
fn every_cut_is_refused() {
    for (kind, bytes) in samples() {
        assert!(codec::decode(kind, &bytes).is_ok());
        let step = (bytes.len() / 500).max(1);
        for len in (0..bytes.len()).step_by(step) {
            assert!(codec::decode(kind, &bytes[..len]).is_err(), "kind {kind}, {len} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(codec::decode(kind, &longer).is_err(), "kind {kind}, one byte more");
    }
}

#[test]
fn compression_round_trips() {
    let (kind, packed) = encoded(&rows(7, 900), true);
    let (_, plain) = encoded(&rows(7, 900), false);
    assert!(packed.len() < plain.len());
    assert_eq!(codec::decode(kind, &packed), Ok(rows(7, 900)));
}

#[test]
fn invalid_utf8_and_offsets_are_refused() {
    let (kind, good) = encoded(&rows(7, 9), false);
    let at = good.windows(4).position(|w| w == b"v0v2").unwrap();
    let mut bytes = good.clone();
    bytes[at] = 0xFF;
    assert!(codec::decode(kind, &bytes).unwrap_err().to_string().contains("UTF"));
    let mut bytes = good;
    // The last offset lies right before the values: 10 offsets of 4 bytes.
    bytes[at - 4] = 200;
    assert!(codec::decode(kind, &bytes).is_err());
}

#[test]
fn batches_outside_the_physical_schema_are_refused() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let sid: ArrayRef = Arc::new(UInt32Array::from(vec![1]));
    for names in [
        &[("x", &column)][..],
        &[("__sid", &sid), ("__time", &column), ("value", &column)],
        &[("__sid", &sid), ("__time", &column), ("c01", &column)],
        &[("__time", &column), ("__sid", &sid)],
        &[("__sid", &sid), ("__time", &column), ("__op", &column)],
        &[("__sid", &sid), ("__time", &column), ("c1", &column), ("c1", &column)],
    ] {
        let fields: Vec<_> =
            names.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), false)).collect();
        let arrays = names.iter().map(|(_, a)| Arc::clone(a)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let payload = WalPayload::Batch { table: TableId(1), schema_version: 1, batch };
        assert!(
            matches!(codec::encode(&payload, &mut Vec::new(), false), Err(CodecError::Unencodable(_))),
            "{names:?}"
        );
    }
}
