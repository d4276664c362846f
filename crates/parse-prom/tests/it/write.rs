use proptest::prelude::*;
use prost::Message;
use triglot_parse_prom::encode::{Sample, write_request};
use triglot_parse_prom::read::{Label, LabelMatcher, MatchType, Query, ReadRequest, ReadSample, TimeSeries};
use triglot_parse_prom::write::{WriteRequest, duplicate_label};
use triglot_parse_prom::{ProtoError, ProtoErrorKind};

/// The message as Prometheus publishes it; `TimeSeries` has the same fields 1 and 2 there.
#[derive(Clone, PartialEq, Message)]
struct Published {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

fn read(body: &[u8]) -> Result<Published, ProtoError> {
    let mut timeseries = Vec::new();
    for series in WriteRequest::new(body) {
        let series = series?;
        let labels =
            series.labels().map(|l| l.map(|(name, value)| Label { name: name.into(), value: value.into() }));
        let samples =
            series.samples().map(|s| s.map(|s| ReadSample { value: s.value, timestamp: s.timestamp }));
        let series_read = TimeSeries {
            labels: labels.collect::<Result<_, _>>()?,
            samples: samples.collect::<Result<_, _>>()?,
        };
        assert_eq!(series.sample_count(), series_read.samples.len());
        timeseries.push(series_read);
    }
    Ok(Published { timeseries })
}

#[test]
fn values_and_times_of_every_kind() {
    let values =
        [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(0x7ff0_0000_0000_0002)];
    let samples: Vec<_> = values
        .iter()
        .zip([0, -1, i64::MIN, i64::MAX, 1, 127])
        .map(|(&value, timestamp)| Sample { timestamp, value })
        .collect();
    let body = write_request([(vec![("__name__", "ü"), ("empty", "")], samples.clone())]);
    let series = WriteRequest::new(&body).next().unwrap().unwrap();
    for (found, wanted) in series.samples().zip(&samples) {
        let found = found.unwrap();
        assert_eq!((found.timestamp, found.value.to_bits()), (wanted.timestamp, wanted.value.to_bits()));
    }
    assert_eq!(series.labels().nth(1), Some(Ok(("empty", ""))));
    let again = write_request([(vec![("__name__", "ü"), ("empty", "")], vec![])]);
    assert_eq!(series.labels_raw(), WriteRequest::new(&again).next().unwrap().unwrap().labels_raw());
}

#[test]
fn ten_thousand_labels() {
    let names: Vec<String> = (0..10_000).map(|at| format!("label_{at}")).collect();
    let body = write_request([(
        names.iter().map(|n| (&**n, "v")).collect(),
        vec![Sample { timestamp: 1, value: 2.0 }],
    )]);
    assert_eq!(read(&body).unwrap().timeseries[0].labels.len(), 10_000);
}

#[test]
fn faults_have_kind_and_place() {
    let told = |body: &[u8]| read(body).map(drop).map_err(|e| (e.offset, e.kind));
    assert_eq!(told(b"\x0a\x05\x0a"), Err((0, ProtoErrorKind::Truncated)));
    // A label that claims more than the series has.
    assert_eq!(told(b"\x0a\x03\x0a\x09x"), Err((2, ProtoErrorKind::Truncated)));
    assert_eq!(told(b"\x08\x01\x08\x01"), Err((0, ProtoErrorKind::WireType)));
    assert_eq!(told(b"\x00"), Err((0, ProtoErrorKind::Key)));
    assert_eq!(told(b"\x0f"), Err((0, ProtoErrorKind::Key)));
    assert_eq!(told(&[0xff; 11]), Err((0, ProtoErrorKind::Varint)));
    // The first label's name is the byte ff.
    assert_eq!(told(b"\x0a\x05\x0a\x03\x0a\x01\xff"), Err((4, ProtoErrorKind::Utf8)));
    // A length of 2^64 - 1.
    assert_eq!(told(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Err((0, ProtoErrorKind::Truncated)));
    // Metadata alone, and nothing at all.
    assert_eq!(told(b"\x1a\x02\x08\x01"), Ok(()));
    assert_eq!(told(b""), Ok(()));
}

#[test]
fn labels_behind_samples_are_labels_all_the_same() {
    let one = write_request([(vec![("a", "b")], vec![Sample { timestamp: 1, value: 2.0 }])]);
    let two = write_request([(vec![("c", "d")], vec![])]);
    let mut message = one[2..].to_vec();
    message.extend_from_slice(&two[2..]);
    let mut body = vec![0x0a, message.len() as u8];
    body.extend_from_slice(&message);
    let series = WriteRequest::new(&body).next().unwrap().unwrap();
    assert_eq!(series.labels_raw(), None);
    assert_eq!(series.labels().collect::<Result<Vec<_>, _>>().unwrap(), [("a", "b"), ("c", "d")]);
    assert_eq!(series.samples().count(), 1);
    assert_eq!(Published::decode(&*body).unwrap(), read(&body).unwrap());
}

#[test]
fn histograms_and_exemplars_are_counted() {
    let mut request = WriteRequest::new(b"\x0a\x06\x1a\x00\x22\x00\x22\x00");
    let series = request.next().unwrap().unwrap();
    assert_eq!(request.left_out_count(), 3);
    assert_eq!((series.exemplar_count(), series.histogram_count(), series.sample_count()), (1, 2, 0));
}

#[test]
fn read_requests_are_the_published_message() {
    // Written by hand after remote.proto: start 1000, end 2000, __name__ =~ "up".
    let body = b"\x0a\x18\x08\xe8\x07\x10\xd0\x0f\x1a\x10\x08\x02\x12\x08__name__\x1a\x02up";
    let matcher =
        LabelMatcher { r#type: MatchType::Regex as i32, name: "__name__".into(), value: "up".into() };
    let query = Query { start_timestamp_ms: 1000, end_timestamp_ms: 2000, matchers: vec![matcher] };
    assert_eq!(ReadRequest::parse(body).unwrap(), ReadRequest { queries: vec![query] });
    assert!(ReadRequest::parse(&body[..10]).is_err());
}

/// Labels, times and values.
type OwnedSeries = (Vec<(String, String)>, Vec<(i64, f64)>);

fn series() -> impl Strategy<Value = OwnedSeries> {
    let label = (any::<String>(), any::<String>());
    (prop::collection::vec(label, 0..6), prop::collection::vec((any::<i64>(), -1e9..1e9f64), 0..6))
}

fn encoded(all: &[OwnedSeries]) -> Vec<u8> {
    write_request(all.iter().map(|(labels, samples)| {
        let labels = labels.iter().map(|(n, v)| (&**n, &**v)).collect();
        (
            labels,
            samples
                .iter()
                .map(|(timestamp, value)| Sample { timestamp: *timestamp, value: *value })
                .collect(),
        )
    }))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_prost_reads_is_read(all in prop::collection::vec(series(), 0..5)) {
        let body = encoded(&all);
        prop_assert_eq!(Published::decode(&*body).unwrap(), read(&body).unwrap());
    }

    #[test]
    fn damaged_messages_agree_with_prost(all in prop::collection::vec(series(), 1..3), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = encoded(&all);
        prop_assume!(!body.is_empty());
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        // prost also reads groups and packed fields and rejects keys of skipped fields earlier: agreement is
        // demanded where both accept.
        if let (Ok(wanted), Ok(found)) = (Published::decode(&*body), read(&body)) {
            prop_assert_eq!(format!("{wanted:?}"), format!("{found:?}"));
        }
    }

    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = read(&body) {
            prop_assert!(error.offset <= body.len());
        }
        // Fields that are no series are counted or passed over, whatever they hold.
        let mut request = WriteRequest::new(&body);
        request.by_ref().for_each(drop);
        prop_assert!(request.left_out_count() <= body.len());
        let _ = ReadRequest::parse(&body);
    }

    #[test]
    fn duplicates_are_found_in_any_order(names in prop::collection::vec("[a-d]{1,2}", 0..8)) {
        let labels: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "v")).collect();
        let distinct: std::collections::HashSet<&String> = names.iter().collect();
        prop_assert_eq!(duplicate_label(&labels).is_some(), distinct.len() < names.len());
    }
}

#[test]
fn descriptions_of_metrics_are_counted() {
    // Metadata, a series without anything in it, metadata, a field of a later version.
    let mut request = WriteRequest::new(b"\x1a\x02\x08\x01\x0a\x00\x1a\x00\x22\x00");
    assert_eq!(request.by_ref().count(), 1);
    assert_eq!(request.left_out_count(), 2);
}
