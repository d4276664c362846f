//! Datagrams by hand after the protocols' documents, faults, arbitrary bytes.

use proptest::prelude::*;
use triglot_parse_collectors::collectd::{CollectdErrorKind, Packet, Value, ValueList};
use triglot_parse_collectors::statsd::{Kind, Metrics, StatsdErrorKind};

fn part(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 4).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

fn text(kind: u16, text: &str) -> Vec<u8> {
    part(kind, &[text.as_bytes(), &[0]].concat())
}

#[test]
fn parts_set_what_the_values_behind_them_are() {
    let gauge = [&[0, 1, 1][..], &1.5f64.to_le_bytes()].concat();
    let octets = [
        &[0, 4, 2, 0, 3, 2][..],
        &(-7i64).to_be_bytes(),
        &8u64.to_be_bytes(),
        &9u64.to_be_bytes(),
        &1i64.to_be_bytes(),
    ]
    .concat();
    let packet = [
        text(0, "web1"),
        part(8, &(1_577_836_800u64 << 30 | 1 << 29).to_be_bytes()),
        part(9, &(10u64 << 30).to_be_bytes()),
        text(2, "cpu"),
        text(3, "0"),
        text(4, "cpu"),
        text(5, "idle"),
        part(6, &gauge),
        part(0x0100, b"a message"),
        part(1, &7u64.to_be_bytes()),
        text(2, "interface"),
        text(4, "if_octets"),
        part(6, &octets),
    ]
    .concat();
    let lists: Vec<_> = Packet::new(&packet).map(Result::unwrap).collect();
    let cpu = ValueList {
        host: "web1",
        plugin: "cpu",
        plugin_instance: "0",
        type_name: "cpu",
        type_instance: "idle",
        time_ns: Some(1_577_836_800_500_000_000),
        interval_ns: Some(10_000_000_000),
        values: vec![Value::Gauge(1.5)],
    };
    let values = vec![Value::Derive(-7), Value::Counter(8), Value::Absolute(9), Value::Derive(1)];
    let interface = ValueList {
        plugin: "interface",
        plugin_instance: "",
        type_name: "if_octets",
        type_instance: "",
        time_ns: Some(7_000_000_000),
        values,
        ..cpu.clone()
    };
    assert_eq!(lists, [cpu, interface]);
    assert_eq!(Value::Derive(-7).as_f64(), -7.0);
}

#[test]
fn faulty_packets_are_told_with_their_place() {
    let fault = |packet: &[u8]| {
        let error = Packet::new(packet).last().unwrap().unwrap_err();
        (error.offset, error.kind)
    };
    use CollectdErrorKind::*;
    assert_eq!(fault(b"\0\0\0"), (0, Truncated));
    assert_eq!(fault(&[text(0, "h"), vec![0, 2, 0, 9, b'x']].concat()), (6, Truncated));
    assert_eq!(fault(&[0, 0, 0, 3]), (0, Length));
    assert_eq!(fault(&part(0, b"no zero")), (0, Text));
    assert_eq!(fault(&part(2, b"\xff\0")), (0, Text));
    assert_eq!(fault(&part(1, b"1234567")), (0, Length));
    assert_eq!(fault(&part(6, &[0, 2, 1, 1, 0])), (0, Length));
    assert_eq!(fault(&part(6, &[0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0])), (0, Source(7)));
    assert_eq!(fault(&part(0x0200, &[0; 40])), (0, Signed));
    assert_eq!(fault(&part(0x0210, &[0; 40])), (0, Encrypted));
    assert_eq!(Packet::new(b"").count(), 0);
}

#[test]
fn lines_of_every_type() {
    let lines = "gorets:1|c\nglork:320|ms|@0.1\r\ngaugor:+4|g\nuniques:765 x|s\n\nh:1.5|h|#env:prod,x\nn,host=a,b=:2|d|c:abc|T1656581400";
    let all: Vec<_> = Metrics::new(lines).map(Result::unwrap).collect();
    let kinds: Vec<_> = all.iter().map(|m| (m.name, m.kind, m.value)).collect();
    assert_eq!(
        kinds,
        [
            ("gorets", Kind::Counter, "1"),
            ("glork", Kind::Timing, "320"),
            ("gaugor", Kind::Gauge, "+4"),
            ("uniques", Kind::Set, "765 x"),
            ("h", Kind::Histogram, "1.5"),
            ("n", Kind::Distribution, "2"),
        ]
    );
    assert_eq!((all[1].rate, all[2].is_relative(), all[2].number()), (0.1, true, Some(4.0)));
    assert_eq!(
        (&*all[4].tags, &*all[5].tags),
        (&[("env", "prod"), ("x", "")][..], &[("host", "a"), ("b", "")][..])
    );
}

#[test]
fn lines_with_several_values() {
    let of = |line: &'static str| -> Vec<(&str, Kind, f64)> {
        Metrics::new(line).map(Result::unwrap).map(|m| (m.value, m.kind, m.rate)).collect()
    };
    assert_eq!(of("a:1|c:2|c"), [("1", Kind::Counter, 1.0), ("2", Kind::Counter, 1.0)]);
    assert_eq!(of("a:1|ms|@0.5:+2|g"), [("1", Kind::Timing, 0.5), ("+2", Kind::Gauge, 1.0)]);
    assert_eq!(of("a:1:2:3|h|@0.1|#t:x"), ["1", "2", "3"].map(|v| (v, Kind::Histogram, 0.1)));
    let tagged: Vec<_> = Metrics::new("a:1|c|#t:x:y:2|g").map(Result::unwrap).collect();
    assert_eq!((tagged.len(), &*tagged[0].tags), (1, &[("t", "x:y:2")][..]));
    // What stands before the fault counts.
    let mixed: Vec<_> = Metrics::new("a:1|c:x|c:3|c\nb:1|c").map(|m| m.map(|m| m.value)).collect();
    assert!(matches!(mixed.as_slice(), [Ok("1"), Err(_), Ok("1")]), "{mixed:?}");
}

#[test]
fn faulty_lines_are_told_and_passed() {
    use StatsdErrorKind::*;
    for (line, kind) in [
        ("a", Value),
        (":1|c", Name),
        ("a:|c", Value),
        ("a:x|c", Number("x".into())),
        ("a:nan|g", Number("nan".into())),
        ("a:1e999|g", Number("1e999".into())),
        ("a:1", Type(String::new())),
        ("a:1|x", Type("x".into())),
        ("a:1|c|@0", Rate("0".into())),
        ("a:1|c|@2", Rate("2".into())),
        ("a,=b:1|c", Tag),
        ("a:1|c|#:b", Tag),
        ("a::1|c", Value),
        ("a:b:c|s", Value),
        ("a:1|c:|c", Value),
    ] {
        let body = format!("{line}\nok:1|c");
        let results: Vec<_> = Metrics::new(&body).collect();
        assert_eq!(results.iter().find_map(|r| r.as_ref().err()).unwrap().kind, kind, "{line}");
        assert!(results.last().unwrap().is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_packet(head in prop::sample::select(vec![0u8, 1, 2, 6, 8, 9]), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for packet in [bytes.clone(), part(u16::from(head), &bytes), [text(0, "h"), part(6, &bytes)].concat()] {
            if let Some(Err(error)) = Packet::new(&packet).last() {
                prop_assert!(error.offset < packet.len());
            }
        }
    }

    #[test]
    fn any_lines(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec!["a", ":", "|", "c", "ms", "@0.5", "#", ",", "=", "1", "-", "\n", "é"]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ], 0..20)) {
        let text = pieces.concat();
        let (values, lines) = (text.split([':', '|']).count(), text.split('\n').count());
        let faults = Metrics::new(&text).filter(Result::is_err).count();
        prop_assert!(Metrics::new(&text).count() <= values + lines && faults <= lines);
    }

    #[test]
    fn gauges_round_trip(value in any::<f64>().prop_filter("finite", |v| v.is_finite()), seconds in 0u64..9_000_000_000) {
        let packet = [part(1, &seconds.to_be_bytes()), part(6, &[&[0, 1, 1][..], &value.to_le_bytes()].concat())].concat();
        let list = Packet::new(&packet).next().unwrap().unwrap();
        prop_assert_eq!(list.values, [Value::Gauge(value)]);
        prop_assert_eq!(list.time_ns, Some(seconds as i64 * 1_000_000_000));
        let line = format!("m:{value:e}|g");
        prop_assert_eq!(Metrics::new(&line).next().unwrap().unwrap().number(), Some(value));
    }
}
