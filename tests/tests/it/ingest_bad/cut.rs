//! Messages and blocks that end early or say wrong lengths.

use super::{Api, C_LOKI_PROTO, C_PROM, C_SPANS, Node, T_PROM, wire};
use crate::read_back::{Dialect, Door};

/// An answer of a route that is no [`Api`]: Prometheus' remote read.
fn read_verdict(node: &Node, is_taos: bool, block: &[u8]) -> String {
    if is_taos {
        let reply = Door::tdengine(&node.server).post("/prometheus/v1/remote_read/public", block);
        return reply.status.to_string();
    }
    let reply = Door::cnosdb(&node.server).post("/api/v1/prom/read?db=public", block);
    let text = if reply.status == 200 { String::new() } else { reply.text() };
    let code = text.strip_prefix("{\"error_code\":\"").and_then(|rest| rest.get(..6)).unwrap_or_default();
    format!("{} {code}", reply.status).trim().to_owned()
}

/// Routes whose bodies are messages: how a message travels, a good one, what a faulty message and a faulty block are told.
type Messages = [(Api, fn(&[u8]) -> Vec<u8>, Vec<u8>, &'static str, &'static str); 4];

fn messages() -> Messages {
    let samples: &[wire::Series<'_>] =
        &[(&[("__name__", "bad"), ("h", "a")], &[(1.5, 1_700_000_000_000), (2.5, 7)])];
    let (prom, loki) = (wire::prom(samples), wire::loki("{bad=\"x\"}", &[(1_700_000_000, 1, b"line")]));
    let loki_api = Api { target: "/api/v1/es/_bulk?db=public&table=bad&log_type=loki", ..C_LOKI_PROTO };
    let spans_api =
        Api { headers: &[("content-type", "application/x-protobuf"), ("table", "bad")], ..C_SPANS };
    [
        (C_PROM, wire::block, prom.clone(), "422 010057", "422 010055"),
        (T_PROM, wire::block, prom, "400 ", "400 "),
        (
            loki_api,
            wire::block,
            loki,
            "422 040016",
            "422 040016 Error parsing log message: invalid log type: loki",
        ),
        (spans_api, <[u8]>::to_vec, wire::otlp(&[wire::SPAN]), "422 040016", ""),
    ]
}

#[test]
fn messages_that_end_early_are_refused_wherever_they_end() {
    let node = Node::start();
    for (api, pack, message, wanted, _) in messages() {
        // Nothing at all is a message without records.
        for length in 1..message.len() {
            node.expect(&api, &pack(&message[..length]), wanted);
        }
    }
    let message = wire::prom_read("good_prom");
    for length in 1..message.len() {
        let block = wire::block(&message[..length]);
        assert_eq!(read_verdict(&node, true, &block), "400", "{length}");
        assert_eq!(read_verdict(&node, false, &block), "422 010056", "{length}");
    }
    node.lives();
    assert_eq!(read_verdict(&node, true, &wire::block(&message)), "202");
    assert_eq!(read_verdict(&node, false, &wire::block(&message)), "200");
}

#[test]
fn blocks_that_end_early_are_refused_wherever_they_end() {
    let node = Node::start();
    for (api, pack, message, _, wanted) in messages().into_iter().filter(|(.., wanted)| !wanted.is_empty()) {
        let block = pack(&message);
        for length in 0..block.len() {
            node.expect(&api, &block[..length], wanted);
        }
        for rubbish in
            [&b"\xff"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"bad,h=a f=1", &message]
        {
            node.expect(&api, rubbish, wanted);
        }
        // More than the block's length, a copy from before its begin.
        for wrong in [&b"\x02\x0cabcd"[..], b"\x04\x01\x05", b"\x04\x00a\x01\x09"] {
            node.expect(&api, wrong, wanted);
        }
    }
    let block = wire::block(&wire::prom_read("good_prom"));
    for length in 0..block.len() {
        assert_eq!(read_verdict(&node, true, &block[..length]), "400", "{length}");
        assert_eq!(read_verdict(&node, false, &block[..length]), "422 010055", "{length}");
    }
    node.lives();
}

/// Lengths and keys that protocol buffers do not have.
fn wrong_messages() -> Vec<Vec<u8>> {
    let endless = [&[0xff; 10][..], &[0x01]].concat();
    let biggest = wire::varint(u64::MAX);
    vec![
        // A length of eleven bytes, one of ten that is 2^64 - 1 (or -1), one past the end.
        [&[0x0a][..], &endless, b"rest"].concat(),
        [&[0x0a][..], &biggest, b"rest"].concat(),
        b"\x0a\x7frest".to_vec(),
        [&[0x0a][..], &wire::varint(i64::MAX as u64), b"rest"].concat(),
        [&[0x0a][..], &wire::varint(u64::from(u32::MAX)), b"rest"].concat(),
        // A length that leaves the message it is in but not the body.
        [wire::bytes(1, b"\x0a\x09x"), wire::bytes(7, b"0123456789")].concat(),
        // Field 0, wire types 6 and 7, a number where a message belongs, half a number, a key alone.
        b"\x02\x00".to_vec(),
        b"\x0e\x00".to_vec(),
        b"\x0f\x00".to_vec(),
        wire::int(1, 5),
        wire::fixed(1, 5),
        b"\x09\x01\x02\x03".to_vec(),
        b"\x0d\x01\x02".to_vec(),
        b"\x0a".to_vec(),
        // A key of eleven bytes.
        endless,
    ]
}

#[test]
fn wrong_lengths_and_keys_are_refused() {
    let node = Node::start();
    for (api, pack, good, wanted, _) in messages() {
        for wrong in wrong_messages() {
            node.expect(&api, &pack(&wrong), wanted);
            // Behind a record that is right: of this, too, nothing is stored.
            node.expect(&api, &pack(&[good.clone(), wrong].concat()), wanted);
        }
    }
    for wrong in wrong_messages() {
        let block = wire::block(&wrong);
        assert_eq!(read_verdict(&node, true, &block), "400", "{wrong:?}");
        assert_eq!(read_verdict(&node, false, &block), "422 010056", "{wrong:?}");
    }
    node.lives();
}

/// Text formats that end in the middle of a record.
#[test]
fn texts_that_end_early_are_refused() {
    let node = Node::start();
    for (api, body, wanted) in [
        (super::C_PUT, r#"[{"metric":"bad","timestamp":1,"value":1,"tags":{"h":"a"}}]"#, "400 040011"),
        (
            super::T_JSON,
            r#"[{"metric":"bad","timestamp":1700000000,"value":1,"tags":{"h":"a"}}]"#,
            "500 [0x3002]",
        ),
        (super::K_JSON, r#"[{"metric":"bad","timestamp":1,"value":1,"tags":{"h":"a"}}]"#, "400 "),
        (
            Api { target: "/api/v1/es/_bulk?db=public&table=bad&log_type=loki", ..super::C_LOKI },
            r#"{"streams":[{"stream":{"app":"x"},"values":[["1700000000000000000","line"]]}]}"#,
            "422 040016",
        ),
        (
            Api { target: "/api/v1/es/_bulk?db=public&table=bad&log_type=ndjson", ..super::C_NDJSON },
            r#"{"time":1700000000000000000,"a":{"b":[1,true]}}"#,
            "422 040016",
        ),
        (
            Api { headers: &[("content-type", "application/json"), ("table", "bad")], ..super::C_SPANS_JSON },
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"02","name":"n","startTimeUnixNano":"17"}]}]}]}"#,
            "422 040016",
        ),
    ] {
        for length in 1..body.len() {
            node.expect(&api, &body.as_bytes()[..length], wanted);
        }
    }
    // A body of KWDB's without anything in it is refused before its endpoint is asked.
    assert_eq!(node.send(&super::K_JSON, b"").status, 400);
    assert_eq!(Dialect::Kwdb, super::K_JSON.dialect);
    node.lives();
}
