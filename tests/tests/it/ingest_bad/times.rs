//! Times of every number of digits against each format's rule.

use super::{
    Api, C_LINES, C_LOKI, C_LOKI_PROTO, C_NDJSON, C_PROM, C_PUT, C_SPANS, C_SPANS_JSON, C_TELNET, K_JSON,
    K_LINES, K_TELNET, Node, STORED, T_JSON, T_LINES, T_PROM, T_TELNET, wire,
};
use crate::read_back::{Door, lines};

const SECOND: i128 = 1_000_000_000;
const MILLI: i128 = 1_000_000;

/// What becomes of a time: nanoseconds, or the begin of the verdict.
type Fate = Result<i128, &'static str>;

/// The texts: 1 to 20 digits, signs, and the edges of 64 bits.
fn texts() -> Vec<String> {
    const DIGITS: &str = "12345678901234567890";
    let mut texts: Vec<String> = (1..=20).map(|n| DIGITS[..n].to_owned()).collect();
    texts.extend((1..=19).map(|n| format!("-{}", &DIGITS[..n])));
    texts.extend(["9223372036854775808", "-9223372036854775809", "99999999999999999999"].map(str::to_owned));
    texts
}

/// Units of so many nanoseconds; a number beyond 64 bits is `unreadable`, an instant beyond 64 bits of nanoseconds `unstorable`.
fn in_units(text: &str, unit_ns: i128, unreadable: &'static str, unstorable: &'static str) -> Fate {
    let value: i64 = text.parse().map_err(|_| unreadable)?;
    let ns = i128::from(value) * unit_ns;
    if i64::try_from(ns).is_ok() { Ok(ns) } else { Err(unstorable) }
}

/// `1700000000000000001` → `2023-11-14T22:13:20.000000001Z`
fn shown(ns: i128) -> String {
    let time = chrono::DateTime::from_timestamp_nanos(i64::try_from(ns).unwrap());
    time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

/// Sends one body for each text, and reads the times of all rows that were stored.
fn check(
    api: &Api,
    table: &str,
    time_column: &str,
    body: impl Fn(&str, &str) -> Vec<u8>,
    fate: impl Fn(&str) -> Fate,
) {
    let node = Node::start();
    let mut stored = Vec::new();
    for text in texts() {
        match fate(&text) {
            Ok(ns) => {
                node.expect(api, &body(table, &text), STORED);
                stored.push(ns);
            }
            Err(wanted) => {
                node.expect(api, &body("bad", &text), wanted);
            }
        }
    }
    stored.sort_unstable();
    stored.dedup();
    let wanted: Vec<String> = stored.into_iter().map(shown).collect();
    let database = if api.target.contains("plant") { "plant" } else { "public" };
    let sql = format!("select {time_column} as at from \"{table}\" order by {time_column}");
    assert_eq!(lines(&Door::cnosdb(&node.server).rows(database, &sql)), wanted, "{}", api.target);
    node.lives();
}

fn line(table: &str, time: &str) -> Vec<u8> {
    format!("{table},h=a f=1 {time}").into_bytes()
}

fn telnet(table: &str, time: &str) -> Vec<u8> {
    format!("{table} {time} 1 h=a").into_bytes()
}

fn put(table: &str, time: &str) -> Vec<u8> {
    format!(r#"{{"metric":"{table}","timestamp":{time},"value":1,"tags":{{"h":"a"}}}}"#).into_bytes()
}

#[test]
fn cnosdb_lines_in_nanoseconds_and_milliseconds() {
    const OVERFLOW: &str = "422 050014 timestamp overflow";
    check(&C_LINES, "t", "time", line, |text| in_units(text, 1, "422 040004", OVERFLOW));
    let millis = Api { target: "/api/v1/write?db=public&precision=ms", ..C_LINES };
    check(&millis, "t", "time", line, |text| in_units(text, MILLI, "422 040004", OVERFLOW));
}

#[test]
fn cnosdb_puts() {
    const OVERFLOW: &str = "422 050014 timestamp overflow";
    check(&C_TELNET, "t", "time", telnet, |text| in_units(text, 1, "400 040010", OVERFLOW));
    let millis = Api { target: "/api/v1/opentsdb/put?db=public&precision=MS", ..C_PUT };
    check(&millis, "t", "time", put, |text| in_units(text, MILLI, "400 040011", OVERFLOW));
}

#[test]
fn cnosdb_documents_and_log_lines() {
    let of = |log_type: &str, table: &str| -> &'static str {
        format!("/api/v1/es/_bulk?db=public&table={table}&log_type={log_type}").leak()
    };
    const WRONG: &str = "422 040016";
    let ndjson = Api { target: of("ndjson", "t"), ..C_NDJSON };
    let document = |_: &str, time: &str| format!("{{\"time\":{time},\"a\":1}}").into_bytes();
    check(&ndjson, "t", "time", document, |text| in_units(text, 1, WRONG, WRONG));
    let loki = Api { target: of("loki", "t"), ..C_LOKI };
    let push = |_: &str, time: &str| {
        format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{time}","line"]]}}]}}"#).into_bytes()
    };
    check(&loki, "t", "time", push, |text| in_units(text, 1, WRONG, WRONG));
    // Seconds in protocol buffers: numbers beyond 64 bits cannot be written.
    let proto = Api { target: of("loki", "t"), ..C_LOKI_PROTO };
    let block = |_: &str, time: &str| {
        wire::block(&wire::loki("{app=\"x\"}", &[(time.parse().unwrap_or(i64::MAX), 0, b"line")]))
    };
    check(&proto, "t", "time", block, |text| in_units(text, SECOND, WRONG, WRONG));
}

#[test]
fn cnosdb_spans() {
    const WRONG: &str = "422 040016";
    // Without sign in the published message.
    let fate =
        |text: &str| in_units(text, 1, WRONG, WRONG).and_then(|ns| if ns < 0 { Err(WRONG) } else { Ok(ns) });
    let of = |time: &str| time.parse::<u64>().unwrap_or(u64::MAX);
    let span =
        |_: &str, time: &str| wire::otlp(&[wire::Span { begin: of(time), end: of(time), ..wire::SPAN }]);
    let api = Api { headers: &[("content-type", "application/x-protobuf"), ("table", "t")], ..C_SPANS };
    check(&api, "t", "time", span, fate);
    let json = |_: &str, time: &str| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"01","spanId":"02","name":"n","startTimeUnixNano":"{time}"}}]}}]}}]}}"#
        )
        .into_bytes()
    };
    let api = Api { headers: &[("content-type", "application/json"), ("table", "t")], ..C_SPANS_JSON };
    check(&api, "t", "time", json, fate);
}

#[test]
fn prometheus_samples() {
    let body = |table: &str, time: &str| {
        wire::block(&wire::prom(&[(&[("__name__", table)], &[(1.0, time.parse().unwrap_or(i64::MAX))])]))
    };
    check(&C_PROM, "t", "time", body, |text| {
        in_units(text, MILLI, "422 050014 timestamp overflow", "422 050014 timestamp overflow")
    });
    // What can never be stored must not be sent again for ever: 400, not 500 (ecosystem.md 2.4).
    check(
        &T_PROM,
        "metrics",
        "ts",
        |_, time| body("bad", time),
        |text| in_units(text, MILLI, "400 ", "400 "),
    );
}

#[test]
fn tdengine_lines() {
    const RANGE: &str = "500 [0x60b] Timestamp data out of range";
    check(&T_LINES, "t", "_ts", line, |text| in_units(text, 1, "500 [0x3002]", RANGE));
    let seconds = Api { target: "/influxdb/v1/write?db=public&precision=s", ..T_LINES };
    check(&seconds, "t", "_ts", line, |text| in_units(text, SECOND, "500 [0x3002]", RANGE));
}

/// 10 digits are seconds, 13 milliseconds, 0 is now; any other length is an error, and so is a sign.
#[test]
fn tdengine_puts() {
    const WRONG: &str = "500 [0x3002]";
    let fate = |text: &str| match text.len() {
        _ if text.starts_with('-') => Err(WRONG),
        10 => in_units(text, SECOND, WRONG, WRONG),
        13 => in_units(text, MILLI, WRONG, WRONG),
        _ => Err(WRONG),
    };
    check(&T_TELNET, "t", "_ts", telnet, fate);
    check(&T_JSON, "t", "_ts", put, fate);
    let micros = |table: &str, time: &str| {
        let typed = format!(r#"{{"value":{time},"type":"us"}}"#);
        format!(r#"{{"metric":"{table}","timestamp":{typed},"value":1,"tags":{{"h":"a"}}}}"#).into_bytes()
    };
    check(&T_JSON, "t", "_ts", micros, |text| in_units(text, 1_000, WRONG, "500 [0x60b]"));
    let node = Node::start();
    for zero in ["00", "+134684640", "+1346846400", "1346846400.0", "1346846400123.0", "1e9", "", "x", "\"\""]
    {
        node.expect(&T_TELNET, &telnet("bad", zero), WRONG);
    }
    for zero in ["00", "+1346846400", "1346846400.0", "1e9", "\"1346846400\"", "null", "[1]"] {
        node.expect(&T_JSON, &put("bad", zero), WRONG);
    }
    node.expect(&T_TELNET, &telnet("fresh", "0"), STORED);
    node.expect(&T_JSON, &put("fresh_put", "0"), STORED);
    node.expect(&T_LINES, &line("fresh_line", "0"), STORED);
    for table in ["fresh", "fresh_put", "fresh_line"] {
        let recent = format!("select count(*) as n from {table} where _ts > now() - interval '1 hour'");
        assert_eq!(lines(&Door::cnosdb(&node.server).rows("public", &recent)), ["1"], "{table}");
    }
    node.lives();
}

/// Up to 10 digits are seconds, 11 to 13 milliseconds, 14 to 16 microseconds, more are nanoseconds.
#[test]
fn kwdb_lines() {
    const WRONG: &str = "200 -1 wrong influxdb insert statement and please check;";
    let fate = |text: &str| match text.trim_start_matches('-').len() {
        ..=10 => in_units(text, SECOND, WRONG, WRONG),
        11..=13 => in_units(text, MILLI, WRONG, WRONG),
        14..=16 => in_units(text, 1_000, WRONG, WRONG),
        _ => in_units(text, 1, WRONG, WRONG),
    };
    check(&K_LINES, "t", "k_timestamp", line, fate);
    // The highest ten digits are beyond what nanoseconds can say.
    let node = Node::start();
    node.expect(&K_LINES, &line("far", "9999999999"), "200 -1 pq: value out of range");
    node.lives();
}

/// Digits are cut, or filled with zeros, to the 13 of milliseconds.
#[test]
fn kwdb_puts() {
    let fate = |wrong: &'static str| {
        move |text: &str| {
            text.parse::<i64>().map_err(|_| wrong)?;
            let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
            let thirteen: String = digits.chars().chain("0".repeat(13).chars()).take(13).collect();
            Ok(format!("{sign}{thirteen}").parse::<i128>().unwrap() * MILLI)
        }
    };
    check(&K_TELNET, "t", "k_timestamp", telnet, fate("200 -1 wrong opentsdb telnet insert statement"));
    check(
        &K_JSON,
        "t",
        "k_timestamp",
        |table, time| [b"[", put(table, time).as_slice(), b"]"].concat(),
        fate("400 -1"),
    );
}
