//! Records with 10,000 members, names and values of every length, bytes that are no text, NULs, duplicates, deep nesting.

use super::{
    ALL, Api, C_BULK, C_LINES, C_LOKI, C_LOKI_PROTO, C_NDJSON, C_PROM, C_PUT, C_SPANS, C_SPANS_JSON,
    C_TELNET, K_JSON, K_LINES, K_TELEGRAF, K_TELNET, Node, STORED, T_JSON, T_LINES, T_PROM, T_TELNET, wire,
};
use crate::read_back::{Dialect, Door, lines};

const MANY: usize = 10_000;

/// `item(0)`, `item(1)` …
fn list(count: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(separator)
}

/// Logs whose table is `bad`.
fn bad(api: Api) -> Api {
    let target = match api.target.rsplit_once("log_type=") {
        Some((_, log_type)) => {
            format!("/api/v1/es/_bulk?db=public&table=bad&tag_columns=tag&log_type={log_type}").leak()
        }
        None if api.counted_as == "es_bulk" => "/api/v1/es/_bulk?db=public&table=bad&tag_columns=tag",
        None => api.target,
    };
    let headers: &[(&str, &str)] = match api.headers {
        [content_type, ("table", _)] => vec![*content_type, ("table", "bad")].leak(),
        other => other,
    };
    Api { target, headers, ..api }
}

/// A body with these tags (or labels) and these fields (or attributes) of one record in the table `table`. Formats with one field
/// have no use for the second list.
fn record(api: &Api, table: &str, tags: &[(&str, &str)], fields: &[(&str, &str)]) -> Vec<u8> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let pairs = |of: &[(&str, &str)], separator: &str, form: &dyn Fn(&str, &str) -> String| {
        of.iter().map(|(name, value)| form(name, value)).collect::<Vec<_>>().join(separator)
    };
    let members =
        |of: &[(&str, &str)]| pairs(of, ",", &|name, value| format!("{}:{}", quoted(name), quoted(value)));
    let time = "1700000000000000000";
    match (api.dialect, api.counted_as) {
        (Dialect::Cnosdb, "write")
        | (Dialect::Tdengine, "influxdb")
        | (Dialect::Kwdb, "influxdb" | "telegraf") => {
            let tags = pairs(tags, "", &|name, value| format!(",{name}={value}"));
            let fields = pairs(fields, "", &|name, value| format!(",{name}=\"{value}\""));
            format!("{table}{tags} f=1{fields} {time}").into_bytes()
        }
        (_, "opentsdb_write") => {
            format!("{table} {time} 1 {}", pairs(tags, " ", &|n, v| format!("{n}={v}"))).into_bytes()
        }
        (_, "opentsdb_telnet" | "opentsdbtelnet") => {
            format!("{table} 1700000000 1 {}", pairs(tags, " ", &|n, v| format!("{n}={v}"))).into_bytes()
        }
        (_, "opentsdb_put" | "opentsdb_json" | "opentsdbjson") => {
            let time = if api.dialect == Dialect::Cnosdb { time } else { "1700000000" };
            let tags = members(tags);
            format!(r#"[{{"metric":{},"timestamp":{time},"value":1,"tags":{{{tags}}}}}]"#, quoted(table))
                .into_bytes()
        }
        (_, "prom_write" | "prometheus") => {
            let labels = [&[("__name__", table)], tags].concat();
            wire::block(&wire::prom(&[(&labels, &[(1.0, 1_700_000_000_000)])]))
        }
        (_, "traces") if api.headers[0].1 == "application/json" => {
            let attribute = |name: &str, value: &str| {
                format!(r#"{{"key":{},"value":{{"stringValue":{}}}}}"#, quoted(name), quoted(value))
            };
            let attributes = pairs(&[tags, fields].concat(), ",", &attribute);
            format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"01","spanId":"02","name":"n","startTimeUnixNano":"{time}","attributes":[{attributes}]}}]}}]}}]}}"#).into_bytes()
        }
        (_, "traces") => wire::otlp(&[wire::Span { attributes: &[tags, fields].concat(), ..wire::SPAN }]),
        _ if api.headers == super::PROTOBUF => {
            let labels = pairs(tags, ",", &|name, value| format!("{name}={}", quoted(value)));
            wire::block(&wire::loki(&format!("{{{labels}}}"), &[(1_700_000_000, 0, b"line")]))
        }
        _ if api.target.ends_with("loki") => {
            let tags = members(tags);
            format!(r#"{{"streams":[{{"stream":{{{tags}}},"values":[["{time}","line"]]}}]}}"#).into_bytes()
        }
        _ => {
            let members = members(&[&[("f", "x")], tags, fields].concat());
            let action = if api.target.contains("log_type") { "" } else { "{\"index\":{}}\n" };
            format!("{action}{{\"time\":{time},{members}}}").into_bytes()
        }
    }
}

/// How a route begins to say that a record does not fit.
fn misfit(api: &Api) -> &'static str {
    match (api.dialect, api.counted_as) {
        (Dialect::Cnosdb, _) => "422 ",
        (Dialect::Tdengine, "prometheus") => "400 ",
        (Dialect::Tdengine, _) => "500 [0x",
        (Dialect::Kwdb, _) => "200 -1 ",
    }
}

#[test]
fn ten_thousand_members_are_refused() {
    let node = Node::start();
    let names: Vec<String> = (0..MANY).map(|n| format!("m{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "v")).collect();
    for api in ALL.map(bad) {
        node.expect(&api, &record(&api, "bad", &many, &[]), misfit(&api));
        let has_fields = !["opentsdb", "prom"].iter().any(|name| api.counted_as.starts_with(name));
        if has_fields && !api.target.contains("loki") {
            node.expect(&api, &record(&api, "bad", &[("h", "a")], &many), misfit(&api));
        }
    }
    // TDengine's own codes: columns, and tags, of which it has 128 at most.
    node.expect(&T_LINES, &record(&T_LINES, "bad", &[("h", "a")], &many), "500 [0x2640]");
    for api in [T_LINES, T_TELNET, T_JSON] {
        node.expect(&api, &record(&api, "bad", &many[..129], &[]), "500 [0x2643]");
    }
    node.lives();
}

/// As many members as a table takes columns, none of them different.
#[test]
fn members_that_all_have_one_name_take_bounded_time() {
    let node = Node::start();
    let many = 300_000;
    let tags = list(many, ",", |_| "h=a".to_owned());
    let json = list(many, ",", |_| "\"h\":\"a\"".to_owned());
    let distinct = list(many, ",", |n| format!("h{n}=a"));
    let puts =
        |tags: &str| format!(r#"[{{"metric":"bad","timestamp":1700000000,"value":1,"tags":{{{tags}}}}}]"#);
    for (api, body) in [
        (T_LINES, format!("bad,{tags} f=1 1700000000000000000")),
        (T_LINES, format!("bad,h=a {} 1700000000000000000", tags.replace("=a", "=1"))),
        (T_TELNET, format!("bad 1700000000 1 {}", tags.replace(',', " "))),
        (T_JSON, puts(&json)),
        (K_LINES, format!("bad,{tags} f=1 1700000000000000000")),
        (K_LINES, format!("bad,h=a {} 1700000000000000000", tags.replace("=a", "=1"))),
        (K_LINES, format!("bad,{distinct} f=1 1700000000000000000")),
        (K_TELEGRAF, format!("bad,h=a {} 1700000000000000000", distinct.replace("=a", "=1"))),
        (K_TELNET, format!("bad 1700000000 1 {}", tags.replace(',', " "))),
        (C_LINES, format!("bad,{distinct} f=1 1700000000000000000")),
        (C_TELNET, format!("bad 1700000000 1 {distinct}")),
    ] {
        node.expect(&api, body.as_bytes(), misfit(&api));
    }
    for body in [puts(&json), puts(&json.replace("h\":", "\\u0068\":"))] {
        node.expect(&K_JSON, body.as_bytes(), "400 -1");
    }
    // The first of several tags of one name stays at CnosDB's.
    node.expect(&C_LINES, format!("many,h=b,{tags} f=1 1700000000000000000").as_bytes(), STORED);
    let rows = Door::cnosdb(&node.server).rows("public", "select h from many");
    assert_eq!(lines(&rows), ["b"]);
    node.lives();
}

/// Many records of few times: each needs a time of its own.
#[test]
fn many_log_lines_of_one_time_take_bounded_time() {
    let node = Node::start();
    let count = 60_000;
    // As many at one time as there are at each of the times that those have been moved to.
    let same = list(count, ",", |_| "[\"1700000000000000000\",\"a\"]".to_owned());
    let next = list(count, ",", |n| format!("[\"{}\",\"b\"]", 1_700_000_000_000_000_000 + n));
    let body = format!(r#"{{"streams":[{{"stream":{{"app":"many"}},"values":[{same},{next}]}}]}}"#);
    node.expect(&C_LOKI, body.as_bytes(), STORED);
    let sql = "select count(*) as n, count(distinct time) as d from good_loki where app = 'many'";
    assert_eq!(
        lines(&Door::cnosdb(&node.server).rows("public", sql)),
        [format!("{} | {}", 2 * count, 2 * count)]
    );
    let last = i64::MAX - 1;
    let end = list(3, ",", |_| format!("[\"{last}\",\"a\"]"));
    let body = format!(r#"{{"streams":[{{"stream":{{"app":"end"}},"values":[{end}]}}]}}"#);
    node.expect(&C_LOKI, body.as_bytes(), "422 ");
    node.lives();
}

#[test]
fn names_of_no_and_of_seventy_thousand_bytes_are_refused() {
    let node = Node::start();
    let long = format!("bad{}", "x".repeat(70_000));
    for api in ALL.map(bad) {
        let is_line = ["write", "influxdb", "telegraf"].contains(&api.counted_as);
        let is_telnet = api.counted_as.contains("telnet") || api.counted_as == "opentsdb_write";
        for name in ["", &long] {
            let mut wanted = misfit(&api);
            if name.is_empty() && (is_line || is_telnet) {
                // The grammar has no such name.
                wanted = match (api.dialect, api.counted_as) {
                    (Dialect::Cnosdb, "write") => "422 040004",
                    (Dialect::Cnosdb, _) => "400 040010",
                    (Dialect::Tdengine, _) => "500 [0x3002]",
                    (Dialect::Kwdb, _) => "200 -1 wrong ",
                };
            }
            let found = node.verdict(&api, &record(&api, "bad", &[(name, "v")], &[]));
            // An attribute's name is a part of its column's, and Prometheus' server knows no label without name.
            let is_part = api.counted_as == "traces" && name.is_empty();
            if is_part {
                assert_eq!(found, STORED, "{api:?}");
                Door::cnosdb(&node.server).run("public", "drop table bad");
            } else if api.counted_as == "prometheus" {
                // Labels are members of a JSON object there, which may have no name, but not be that long.
                assert!(found.starts_with(if name.is_empty() { STORED } else { "400 " }), "{found}");
            } else {
                assert!(found.starts_with(wanted), "{api:?} {}: {found} instead of {wanted}", name.len());
            }
        }
        // The table's name, where the body has it.
        let in_body = is_line
            || is_telnet
            || ["opentsdb_put", "opentsdb_json", "opentsdbjson"].contains(&api.counted_as);
        if in_body {
            let refused = node.verdict(&api, &record(&api, &long, &[("h", "a")], &[]));
            assert!(refused.starts_with(misfit(&api)), "{api:?}: {refused}");
        }
        if is_line {
            let refused = node.verdict(&api, &record(&api, "bad", &[("h", "a")], &[(&long, "v")]));
            assert!(refused.starts_with(misfit(&api)), "{api:?}: {refused}");
        }
    }
    for (api, body, wanted) in [
        (C_LINES, ",h=a f=1", "422 040004 Error parsing message: unexpect token ',' at 0"),
        (C_LINES, "bad,h=a =1", "422 040004"),
        (C_PUT, r#"{"metric":"","timestamp":1,"value":1,"tags":{"h":"a"}}"#, "4"),
        (T_LINES, ",h=a f=1", "500 [0x3002]"),
        (T_LINES, "bad,h=a =1", "500 [0x3002]"),
        (T_JSON, r#"{"metric":"","timestamp":1700000000,"value":1,"tags":{"h":"a"}}"#, "500 [0x"),
        (K_LINES, ",h=a f=1", "200 -1 wrong influxdb insert statement"),
        (K_LINES, "bad,h=a =1", "200 -1 wrong influxdb insert statement"),
        (K_JSON, r#"[{"metric":"","timestamp":1,"value":1,"tags":{"h":"a"}}]"#, "400 -1"),
    ] {
        node.expect(&api, body.as_bytes(), wanted);
    }
    node.lives();
}

#[test]
fn values_of_seventy_thousand_bytes_are_whole_or_refused() {
    let node = Node::start();
    let long = "x".repeat(70_000);
    // Tags: 64 KiB at CnosDB's, 16 KB at TDengine's (JSON as a tag 4 KB).
    for api in
        ALL.map(bad).into_iter().filter(|api| api.counted_as != "traces" && api.dialect != Dialect::Kwdb)
    {
        let name = if api.counted_as == "es_bulk" { "tag" } else { "h" };
        node.expect(&api, &record(&api, "bad", &[(name, &long)], &[]), misfit(&api));
    }
    for api in [C_LINES, C_NDJSON, C_SPANS] {
        node.expect(&api, &record(&api, "long", &[("h", "a")], &[("s", &long)]), STORED);
    }
    node.expect(&T_LINES, &record(&T_LINES, "bad", &[("h", "a")], &[("s", &long)]), "500 [0x2653]");
    let door = Door::cnosdb(&node.server);
    for (table, column) in
        [("long", "s"), ("good_nd", "s"), ("spans", "\"ResourceSpans/ScopeSpans/Span/attributes/s\"")]
    {
        let rows = door.rows("public", &format!("select {column} from {table} where {column} is not null"));
        assert_eq!(rows, [[Some(long.clone())]], "{table}");
    }
    // KWDB's widen what they make, up to what its VARCHAR takes.
    for api in [K_LINES, K_TELNET, K_JSON] {
        let found = node.verdict(&api, &record(&api, "long", &[("h", &long)], &[]));
        assert!(found == STORED || found.starts_with("200 -1 pq: "), "{found}");
    }
    node.lives();
}

/// Every place that holds a text, with a byte that is none.
#[test]
fn bytes_that_are_no_text_are_refused() {
    let node = Node::start();
    for api in ALL.map(bad) {
        let wanted = match (api.dialect, api.counted_as) {
            (Dialect::Cnosdb, "prom_write") => "422 010057",
            (Dialect::Cnosdb, _) if api.headers.iter().any(|h| h.1 == "application/x-protobuf") => {
                "422 040016"
            }
            (Dialect::Cnosdb, _) => "422 040015",
            (Dialect::Tdengine, "prometheus") => "400 ",
            (Dialect::Tdengine, _) => "500 [0x3002]",
            // The manual's code of that endpoint.
            (Dialect::Kwdb, "telegraf") => "400 500 invalid request body",
            (Dialect::Kwdb, _) => "400 -1 invalid request body",
        };
        let is_block =
            ["prom_write", "prometheus"].contains(&api.counted_as) || api.headers == super::PROTOBUF;
        for (table, tag, value, field) in [
            ("QQbad", "h", "a", "s"),
            ("bad", "QQ", "a", "s"),
            ("bad", "h", "QQ", "s"),
            ("bad", "h", "a", "QQ"),
        ] {
            let body = record(&api, table, &[(tag, value)], &[(field, "QQ")]);
            let plain =
                if is_block { snap::raw::Decoder::new().decompress_vec(&body).unwrap() } else { body };
            // Of the same length, so that messages stay whole.
            for bytes in [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0", b"a\x80"] {
                let broken = replaced(&plain, b"QQ", bytes);
                if broken == plain {
                    continue;
                }
                node.expect(&api, &if is_block { wire::block(&broken) } else { broken }, wanted);
            }
        }
    }
    node.lives();
}

fn replaced(text: &[u8], from: &[u8; 2], to: &[u8; 2]) -> Vec<u8> {
    let mut out = text.to_vec();
    for at in 0..out.len().saturating_sub(1) {
        if out[at..at + 2] == *from {
            out[at..at + 2].copy_from_slice(to);
        }
    }
    out
}

/// A NUL is a character of a value as any other, and never the end of a text or of a part of a key. Names have no control
/// characters.
#[test]
fn nuls_are_characters_of_values() {
    let node = Node::start();
    let door = Door::cnosdb(&node.server);
    for (api, body) in [
        (C_TELNET, &b"bad\0t 1 1 h=x"[..]),
        (C_TELNET, b"bad 1 2 t\0h=x"),
        (C_LINES, b"bad\0l,h=a f=1 1"),
        (C_LINES, b"bad,h\0=a f=1 1"),
        (C_LINES, b"bad,h=a f\0=1 1"),
        (T_LINES, b"bad\0l,h=a f=1 1"),
        (K_LINES, b"bad,h\0=a f=1 1"),
    ] {
        node.expect(&api, body, misfit(&api));
    }
    // The same bytes, but for where a value ends.
    node.expect(&C_TELNET, b"nul 1 1 h=x\0y", STORED);
    node.expect(&C_TELNET, b"nul 1 2 h=x", STORED);
    assert_eq!(
        lines(&door.rows("public", "select h, value from nul order by value")),
        ["x\0y | 1.0", "x | 2.0"]
    );
    node.expect(&C_LINES, b"null,h=a\0b f=1,s=\"x\0y\" 1", STORED);
    assert_eq!(lines(&door.rows("public", "select h, s from \"null\"")), ["a\0b | x\0y"]);
    let labels = |labels: &[(&str, &str)], time| wire::block(&wire::prom(&[(labels, &[(1.0, time)])]));
    node.expect(&C_PROM, &labels(&[("__name__", "nulp"), ("a", "b\0c\0d")], 1), STORED);
    node.expect(&C_PROM, &labels(&[("__name__", "nulp"), ("a", "b"), ("c", "d")], 2), STORED);
    assert_eq!(
        lines(&door.rows("public", "select a, c from nulp order by time")),
        ["b\0c\0d | NULL", "b | d"]
    );
    node.expect(&T_LINES, b"nult,h=a\0b f=1,s=\"x\0y\" 1", STORED);
    assert_eq!(lines(&Door::tdengine(&node.server).rows("public", "select h, s from nult")), ["a\0b | x\0y"]);
    let put = br#"{"metric":"nulj","timestamp":1,"value":1,"tags":{"h":"a\u0000b"}}"#;
    node.expect(&C_PUT, put, STORED);
    assert_eq!(lines(&door.rows("public", "select h from nulj")), ["a\0b"]);
    node.lives();
}

#[test]
fn names_that_stand_twice() {
    let node = Node::start();
    let twice = [("h", "a"), ("h", "b")];
    let duplicate = "500 [0x263c]";
    for (api, wanted) in [
        (T_LINES, duplicate),
        (T_TELNET, duplicate),
        (T_JSON, duplicate),
        // Both values of a label cannot be kept, and Prometheus' own servers refuse them.
        (T_PROM, "400 "),
        (C_PROM, "422 010057"),
        (K_LINES, "200 -1 pq: multiple assignments to the same column \"h\""),
        (K_TELEGRAF, "200 -1 pq: multiple assignments to the same column \"h\""),
        (K_TELNET, "200 -1 wrong opentsdb telnet insert statement: duplicate tag column"),
        (K_JSON, "400 -1"),
    ] {
        node.expect(&api, &record(&api, "bad", &twice, &[]), wanted);
    }
    for (api, wanted) in [
        (T_LINES, duplicate),
        (K_LINES, "200 -1 pq: multiple assignments"),
        (K_TELEGRAF, "200 -1 pq: multiple"),
    ] {
        node.expect(&api, &record(&api, "bad", &[("h", "a")], &[("s", "a"), ("s", "b")]), wanted);
    }
    // CnosDB's lines: the first stays (sheet section 6).
    node.expect(&C_LINES, b"twice,h=a,h=b f=1,f=2,s=\"x\",s=\"y\" 1", STORED);
    assert_eq!(
        lines(&Door::cnosdb(&node.server).rows("public", "select h, f, s from twice")),
        ["a | 1.0 | x"]
    );
    // A member of a point that stands twice.
    for member in [r#""metric":"bad""#, r#""timestamp":1700000000"#, r#""value":1"#, r#""tags":{"h":"a"}"#] {
        let body =
            format!(r#"[{{"metric":"bad","timestamp":1700000000,"value":1,"tags":{{"h":"a"}},{member}}}]"#);
        for (api, wanted) in [(C_PUT, "400 040011"), (T_JSON, "500 [0x3002]"), (K_JSON, "400 -1")] {
            node.expect(&api, body.as_bytes(), wanted);
        }
    }
    // A tag and a field of one name.
    node.expect(&C_LINES, b"bad,f=a f=1 1", "422 ");
    node.expect(&T_LINES, b"bad,f=a f=1 1", "500 [0x");
    node.expect(&K_LINES, b"bad,f=a f=1 1", "200 -1 ");
    node.lives();
}

#[test]
fn deep_json_is_refused() {
    let node = Node::start();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(MANY), close.repeat(MANY));
        let point =
            format!(r#"[{{"metric":"bad","timestamp":1700000000,"value":{deep},"tags":{{"h":"a"}}}}]"#);
        let document = format!("{{\"a\":{deep}}}");
        let push = format!(r#"{{"streams":[{{"stream":{{"app":{deep}}},"values":[]}}],"x":{deep}}}"#);
        let spans = format!(r#"{{"resourceSpans":[],"x":{deep}}}"#);
        for (api, body, wanted) in [
            (C_PUT, point.clone(), "400 040011"),
            (T_JSON, point.clone(), "500 [0x3002]"),
            (K_JSON, point, "400 -1"),
            (C_NDJSON, document.clone(), "422 040016"),
            (C_BULK, format!("{{\"index\":{{}}}}\n{document}"), "422 040016"),
            (C_BULK, format!("{{\"index\":{deep}}}\n{{}}"), "422 040016"),
            (C_LOKI, push, "422 040016"),
            (C_SPANS_JSON, spans, "422 040016"),
        ] {
            node.expect(&bad(api), body.as_bytes(), wanted);
        }
    }
    // Values inside of values in protocol buffers, of which each is well-formed.
    let mut value = wire::bytes(1, b"x");
    for _ in 0..MANY {
        value = wire::bytes(5, &wire::bytes(1, &value));
    }
    let span = [wire::fixed(7, 1), wire::attribute(9, "deep", &value)].concat();
    let body = wire::bytes(1, &wire::bytes(2, &wire::bytes(2, &span)));
    node.expect(&bad(C_SPANS), &body, "422 040016");
    node.expect(&bad(C_LOKI_PROTO), &wire::block(&wire::loki("{a=\"b\", c", &[(1, 0, b"x")])), "422 040016");
    node.lives();
}
