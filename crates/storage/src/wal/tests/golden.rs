//! Frozen bytes (M-4). They were made by a Python program from the layouts in the modules' docs, with
//! a CRC-32C of its own; they must never change.

use arrow::array::{
    BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, TimestampMillisecondArray, UInt8Array, UInt16Array, UInt64Array,
};
use roaring::RoaringBitmap;

use super::super::codec;
use super::super::record::{RecordHead, Stamp};
use super::super::segment::{HeaderError, SegmentHeader};
use super::*;
use crate::TimeRange;

/// Shard 3, epoch 5, salt 0x1122334455667788, first record 9 after record 8.
const HEADER: &str = "\
    5452494757414c0001000300000000000500000000000000887766554433221109000000000000000800000000000000\
    caeb5558\
";
/// Drop of table 7 as record 9 in that segment, 8192 bytes durable.
const RECORD: &str = "\
    2500000009dfd3910500000089776655090000000000000000200000000000000107000000000000\
";
/// Table 7: series 4 of child d4 with tag 2 = ü; series 5 with nothing.
const SERIES: &str = "\
    0107000000020000000400000001020000006434010000000200000002000000c3bc050000000000000000\
";
/// Table 7, series 4: tag 2 = x, tag 3 = NULL.
const SETTAGS: &str = "\
    0107000000010000000400000002000000020000000101000000780300000000\
";
/// Table 7, times -1..=5, series 1, 3, 65536.
const TOMB: &str = "\
    0107000000ffffffffffffffff0500000000000000011e0000003a300000020000000000010001000000180000001c00\
    0000010003000000\
";
/// Table 7, all times, all series.
const TOMBALL: &str = "\
    01070000000000000000000080ffffffffffffff7f00\
";
/// Table 7, series 4 and 9.
const REMOVE: &str = "\
    0107000000020000000400000009000000\
";
/// Three rows with a column of every type, see `every_type`.
const BATCH: &str = "\
    01000f000700000002000000030000003001000000000000000800000000000000000000000000000105000000000000\
    000000000000000002060000000000000000000000000000030f00000000000003000000010000000401000001000000\
    0300000000000000040e0000020000000300000003000000040c0a02030000000100000000000000040d030004000000\
    0100000000000000040b0000050000000100000000000000040a00000600000001000000000000000402000007000000\
    01000000000000000403000008000000010000000000000004040000090000000100000000000000040700000a000000\
    0100000000000000040900000b000000010000000000000001000000020000000200000000000000ffffffffffffffff\
    000000000000000005000000000000000001030000000000020000000000000000000000000000000100000001000000\
    020000000000000005000000000000000100000000000000050000000000000000000000010000000100000003000000\
    61c3bc0000000000ffffffffffffffffffffffffffffffff000000000000000000000000000000003930000000000000\
    0000000000000000010000000000000002000000000000000300000000000000000000000000e03f000000000000f0bf\
    9c7500883ce4377e0000003f000080bf0000004000000000ff02030000000000ffff020003000000ffffffff02000000\
    0300000000000000010002000300000001000000000000000200000000000000ffffffffffffffff\
";
/// The same, its body as an LZ4 block.
const BATCHLZ4: &str = "\
    01010f000700000002000000030000003001000000000000000800000000000000000000000000000105000000000000\
    000000000000000002060000000000000000000000000000030f00000000000003000000010000000401000001000000\
    0300000000000000040e0000020000000300000003000000040c0a02030000000100000000000000040d030004000000\
    0100000000000000040b0000050000000100000000000000040a00000600000001000000000000000402000007000000\
    01000000000000000403000008000000010000000000000004040000090000000100000000000000040700000a000000\
    0100000000000000040900000b0000000100000000000000f0ff2201000000020000000200000000000000ffffffffff\
    ffffff000000000000000005000000000000000001030000000000020000000000000000000000000000000100000001\
    000000020000000000000005000000000000000100000000000000050000000000000000000000010000000100000003\
    00000061c3bc0000000000ffffffffffffffffffffffffffffffff000000000000000000000000000000003930000000\
    0000000000000000000000010000000000000002000000000000000300000000000000000000000000e03f0000000000\
    00f0bf9c7500883ce4377e0000003f000080bf0000004000000000ff02030000000000ffff020003000000ffffffff02\
    0000000300000000000000010002000300000001000000000000000200000000000000ffffffffffffffff\
";

fn hex(text: &str) -> Vec<u8> {
    let digit = |c: u8| char::from(c).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn every_type() -> WalPayload {
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        (physical::SID, false, Arc::new(UInt32Array::from(vec![1, 2, 2]))),
        (physical::TIME, false, Arc::new(Int64Array::from(vec![-1, 0, 5]))),
        (physical::OP, false, Arc::new(UInt8Array::from(vec![0, 1, 3]))),
        (physical::SET, true, Arc::new(BinaryArray::from(vec![None, Some(&[2][..]), None]))),
        ("c1", true, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("c2", true, Arc::new(StringArray::from(vec![Some("a"), None, Some("ü")]))),
        (
            "c3",
            true,
            Arc::new(Decimal128Array::from(vec![-1, 0, 12345]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("c4", true, Arc::new(TimestampMillisecondArray::from(vec![1, 2, 3]))),
        ("c5", true, Arc::new(Float64Array::from(vec![0.5, -1.0, 1e300]))),
        ("c6", true, Arc::new(Float32Array::from(vec![0.5, -1.0, 2.0]))),
        ("c7", true, Arc::new(Int8Array::from(vec![-1, 2, 3]))),
        ("c8", true, Arc::new(Int16Array::from(vec![-1, 2, 3]))),
        ("c9", true, Arc::new(Int32Array::from(vec![-1, 2, 3]))),
        ("c10", true, Arc::new(UInt16Array::from(vec![1, 2, 3]))),
        ("c11", true, Arc::new(UInt64Array::from(vec![1, 2, u64::MAX]))),
    ];
    let fields = columns.iter().map(|(name, null, a)| Field::new(*name, a.data_type().clone(), *null));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.iter().map(|(_, _, a)| Arc::clone(a)).collect();
    let batch = RecordBatch::try_new(schema, arrays).unwrap();
    WalPayload::Batch { table: TableId(7), schema_version: 2, batch }
}

fn golden() -> Vec<(u8, &'static str, WalPayload)> {
    let table = TableId(7);
    let series = |sid, child: Option<&str>, tags: Vec<(ColumnId, Box<str>)>| SeriesEntry {
        sid: Sid(sid),
        child: child.map(Into::into),
        tags,
    };
    vec![
        (1, BATCH, every_type()),
        (
            2,
            SERIES,
            WalPayload::SeriesCreate {
                table,
                entries: vec![
                    series(4, Some("d4"), vec![(ColumnId(2), "ü".into())]),
                    series(5, None, vec![]),
                ],
            },
        ),
        (
            3,
            SETTAGS,
            WalPayload::SetTags {
                table,
                entries: vec![(Sid(4), vec![(ColumnId(2), Some("x".into())), (ColumnId(3), None)])],
            },
        ),
        (
            4,
            TOMB,
            WalPayload::Tombstone {
                table,
                time: TimeRange { start: -1, end: 5 },
                series: Some(RoaringBitmap::from_iter([1, 3, 65536])),
            },
        ),
        (4, TOMBALL, WalPayload::Tombstone { table, time: TimeRange::ALL, series: None }),
        (5, "0107000000", WalPayload::DropTable { table }),
        (6, REMOVE, WalPayload::SeriesRemove { table, sids: vec![Sid(4), Sid(9)] }),
    ]
}

#[test]
fn payloads() {
    for (kind, bytes, payload) in golden() {
        let mut out = Vec::new();
        assert_eq!(codec::encode(&payload, &mut out, false), Ok(kind));
        assert_eq!(out, hex(bytes), "{payload:?}");
        assert_eq!(codec::decode(kind, &out), Ok(payload));
    }
    assert_eq!(codec::decode(1, &hex(BATCHLZ4)), Ok(every_type()));
}

#[test]
fn slices_encode_like_copies() {
    let WalPayload::Batch { table, schema_version, batch } = every_type() else { panic!() };
    // Twelve rows, of which 3..6, 6..9 and so on are again the golden ones.
    let copies = arrow::compute::concat_batches(batch.schema_ref(), [&batch; 4]).unwrap();
    for from in [0, 3, 6, 9] {
        let slice = WalPayload::Batch { table, schema_version, batch: copies.slice(from, 3) };
        let mut out = Vec::new();
        codec::encode(&slice, &mut out, false).unwrap();
        assert_eq!(out, hex(BATCH), "rows from {from}");
    }
}

#[test]
fn segment_header() {
    let header =
        SegmentHeader { shard: SHARD, epoch: 5, salt: 0x1122_3344_5566_7788, first_seq: 9, prev_seq: 8 };
    assert_eq!(header.encode().to_vec(), hex(HEADER));
    assert_eq!(SegmentHeader::decode(&hex(HEADER)), Ok(header));
    let preamble = header.preamble();
    assert_eq!(preamble[..52], preamble[4096..4148]);
    for at in 0..52 {
        let mut damaged = hex(HEADER);
        damaged[at] ^= 1;
        assert!(matches!(SegmentHeader::decode(&damaged), Err(HeaderError::Damaged(_))), "byte {at}");
    }
    let mut newer = hex(HEADER)[..48].to_vec();
    newer[8] = 2;
    let crc = crc32c::crc32c(&newer);
    newer.extend(crc.to_le_bytes());
    assert_eq!(SegmentHeader::decode(&newer), Err(HeaderError::Version(2)));
}

#[test]
fn record_frame() {
    let stamp = Stamp::new(5, 0x1122_3344_5566_7788);
    let mut group = Group::new(false);
    group.push(9, &WalPayload::DropTable { table: TableId(7) }).unwrap();
    let mut expected = hex(RECORD);
    let head = RecordHead::parse(&expected).unwrap();
    assert_eq!(
        (head.len, head.kind, head.flags, head.seq, head.durable, head.span()),
        (37, 5, 0, 9, 8192, 40)
    );
    assert!(head.is_plausible(stamp, 37) && !head.is_plausible(stamp, 36));
    assert!(head.is_intact(stamp, &expected[..37]));
    // Another epoch with the same salt, and another salt, make it a stranger.
    assert!(!head.is_intact(Stamp::new(6, 0x1122_3344_5566_7788), &expected[..37]));
    assert!(!head.is_plausible(Stamp::new(5, 0x1122_3344_5566_0000), 37));
    expected.extend([0; END_MARK]);
    assert_eq!(group.sealed(stamp, 8192), expected);
}

/// Sixteen rows or more are narrowed: written out by hand from the layout in `batch` and `narrow`.
#[test]
fn narrowed_columns() {
    let fields = vec![
        Field::new(physical::SID, DataType::UInt32, false),
        Field::new(physical::TIME, DataType::Int64, false),
        Field::new("c3", DataType::Int64, true),
        Field::new("c4", DataType::Float32, true),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from(vec![5; 16])),
        Arc::new(Int64Array::from_iter_values((0..16).map(|i| 1000 + 10 * i))),
        Arc::new(Int64Array::from_iter_values((0..16).map(|i| -100 + 300 * i))),
        Arc::new(Float32Array::from(vec![0.5; 16])),
    ];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let payload = WalPayload::Batch { table: TableId(7), schema_version: 2, batch };

    // Version, flags, columns; table, schema version, rows; bytes of the body.
    let mut bytes = hex("010004000700000002000000100000008800000000000000");
    // Role, type, parameters, column id; nullable 1 and narrowed 4, width; bytes of text.
    bytes.extend(hex("00080000000000000400000000000000"));
    bytes.extend(hex("01050000000000000401000000000000"));
    bytes.extend(hex("04050000030000000502000000000000"));
    bytes.extend(hex("040a0000040000000100000000000000"));
    // Base 5; base 1000 and offsets of a byte; base -100 and offsets of two bytes; floats as they are.
    bytes.extend(5i64.to_le_bytes());
    bytes.extend(1000i64.to_le_bytes());
    bytes.extend((0..16u8).map(|i| 10 * i));
    bytes.extend((-100i64).to_le_bytes());
    bytes.extend((0..16u16).flat_map(|i| (300 * i).to_le_bytes()));
    bytes.extend([0.5f32; 16].into_iter().flat_map(f32::to_le_bytes));

    let mut out = Vec::new();
    assert_eq!(codec::encode(&payload, &mut out, false), Ok(1));
    assert_eq!(out[24..88], bytes[24..88], "descriptions");
    assert_eq!(out, bytes);
    assert_eq!(codec::decode(1, &out), Ok(payload));
}

/// A record of a few bytes must not stand for gigabytes.
#[test]
fn narrowed_columns_are_bounded() {
    let mut bytes = hex("01000200070000000200000000000004100000000000000000");
    bytes.truncate(24);
    bytes.extend(hex("00080000000000000400000000000000"));
    bytes.extend(hex("01050000000000000400000000000000"));
    bytes.extend([0; 16]);
    bytes[12..16].copy_from_slice(&200_000_000u32.to_le_bytes());
    bytes[16..24].copy_from_slice(&16u64.to_le_bytes());
    let error = codec::decode(1, &bytes).unwrap_err().to_string();
    assert!(error.contains("more than a record holds"), "{error}");
}
