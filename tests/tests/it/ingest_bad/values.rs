//! NaN, infinities and numbers that no type holds, in every place a number can be.

use super::{
    Api, C_LINES, C_NDJSON, C_PROM, C_PUT, C_SPANS, C_SPANS_JSON, C_TELNET, K_JSON, K_LINES, K_TELNET, Node,
    STORED, T_JSON, T_LINES, T_PROM, T_TELNET, wire,
};
use crate::read_back::{Door, lines};

#[test]
fn words_for_no_number_are_numbers_only_where_the_sheet_has_them() {
    let node = Node::start();
    for word in [
        "NaN",
        "nan",
        "inf",
        "+Inf",
        "-inf",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "0x10",
        "1_000",
        "--1",
    ] {
        let json = format!(r#"{{"metric":"bad","timestamp":1700000000,"value":{word},"tags":{{"h":"a"}}}}"#);
        let document = format!(r#"{{"time":1700000000000000000,"a":{word}}}"#);
        let ndjson = Api { target: "/api/v1/es/_bulk?db=public&table=bad&log_type=ndjson", ..C_NDJSON };
        for (api, body, wanted) in [
            (C_LINES, format!("bad,h=a f={word} 1"), "422 040004"),
            (C_TELNET, format!("bad 1 {word} h=a"), "400 040010"),
            (C_PUT, json.clone(), "400 040011"),
            (ndjson, document, "422 040016"),
            (T_JSON, json.clone(), "500 [0x3002]"),
            (
                K_LINES,
                format!("bad,h=a f={word} 1700000000"),
                "200 -1 wrong influxdb insert statement and please check;",
            ),
            (
                K_TELNET,
                format!("bad 1700000000 {word} h=a"),
                "200 -1 wrong opentsdb telnet insert statement: value is not float type;",
            ),
            (K_JSON, format!("[{json}]"), "400 -1"),
        ] {
            node.expect(&api, body.as_bytes(), wanted);
        }
    }
    node.lives();
}

/// TDengine's lines and puts know `nan` and `inf`; its REST interface reads them as null, CnosDB's as what they are.
#[test]
fn tdengine_lines_take_nan_and_infinity() {
    let node = Node::start();
    node.expect(
        &T_LINES,
        b"odd,h=a f=nan 1000000000\nodd,h=a f=inf 2000000000\nodd,h=a f=1 3000000000",
        STORED,
    );
    node.expect(
        &T_TELNET,
        b"odd_put 1346846400 nan h=a\nodd_put 1346846401 inf h=a\nodd_put 1346846402 1 h=a",
        STORED,
    );
    for (api, wrong) in [
        (T_LINES, "bad,h=a f=1e999 1000000000"),
        (T_LINES, "bad,h=a f=1_0 1000000000"),
        (T_LINES, "bad,h=a f=128i8 1000000000"),
        (T_LINES, "bad,h=a f=-1u8 1000000000"),
        (T_LINES, "bad,h=a f=9223372036854775808i 1000000000"),
        (T_LINES, "bad,h=a f=18446744073709551616u 1000000000"),
        (T_LINES, "bad,h=a f=1e39f32 1000000000"),
        (T_TELNET, "bad 1346846400 1e999 h=a"),
        (T_TELNET, "bad 1346846400 128i8 h=a"),
    ] {
        node.expect(&api, wrong.as_bytes(), "500 [0x3002]");
    }
    for (table, column) in [("odd", "f"), ("odd_put", "_value")] {
        let taos = Door::tdengine(&node.server)
            .rows("public", &format!("select {column} from {table} order by _ts"));
        assert_eq!(lines(&taos), ["NULL", "NULL", "1.0"], "{table}");
        let cnosdb =
            Door::cnosdb(&node.server).rows("public", &format!("select {column} from {table} order by _ts"));
        assert_eq!(lines(&cnosdb), ["NaN", "inf", "1.0"], "{table}");
    }
    node.lives();
}

#[test]
fn samples_that_are_no_numbers_arrive() {
    let node = Node::start();
    // Prometheus marks the end of a series by this NaN.
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let samples =
        [(f64::NAN, 1), (stale, 2), (f64::INFINITY, 3), (f64::NEG_INFINITY, 4), (-0.0, 5), (5e-324, 6)];
    let body = wire::block(&wire::prom(&[(&[("__name__", "odd_prom")], &samples)]));
    node.expect(&C_PROM, &body, STORED);
    node.expect(&T_PROM, &body, STORED);
    // Sheet of CnosDB, section 10: stored. Of TDengine, section 6: NULL.
    let cnosdb = Door::cnosdb(&node.server).rows("public", "select value from odd_prom order by time");
    assert_eq!(lines(&cnosdb), ["NaN", "NaN", "inf", "-inf", "-0.0", "5e-324"]);
    let taos = Door::tdengine(&node.server).rows("public", "select v from metrics order by ts");
    assert_eq!(lines(&taos), ["NULL", "NULL", "NULL", "NULL", "-0.0", "5e-324"]);
    let nulls =
        Door::cnosdb(&node.server).rows("public", "select count(*) as n from metrics where v is null");
    assert_eq!(lines(&nulls), ["4"]);
    node.lives();
}

/// Attributes are texts whatever their type.
#[test]
fn attributes_that_are_no_numbers_are_texts() {
    let node = Node::start();
    let double = |name, value: f64| wire::attribute(9, name, &wire::fixed(4, value.to_bits()));
    let span = [
        wire::bytes(1, &[1; 16]),
        wire::bytes(2, &[2; 8]),
        wire::bytes(5, b"odd"),
        wire::fixed(7, 1),
        wire::fixed(8, 2),
        double("a", f64::NAN),
        double("b", f64::NEG_INFINITY),
        double("c", 0.1),
    ]
    .concat();
    let body = wire::bytes(1, &wire::bytes(2, &wire::bytes(2, &span)));
    node.expect(&C_SPANS, &body, STORED);
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"03","name":"odd","startTimeUnixNano":"3",
        "attributes":[{"key":"a","value":{"doubleValue":"NaN"}},{"key":"b","value":{"doubleValue":"-Infinity"}},
        {"key":"c","value":{"doubleValue":0.1}}]}]}]}]}"#;
    node.expect(&C_SPANS_JSON, json, STORED);
    let span = "ResourceSpans/ScopeSpans/Span";
    let sql = format!(
        "select \"{span}/attributes/a\", \"{span}/attributes/b\", \"{span}/attributes/c\" from spans where \"{span}/name\" = 'odd' \
         order by time"
    );
    let rows = lines(&Door::cnosdb(&node.server).rows("public", &sql));
    assert_eq!(rows, ["NaN | -inf | 0.1", "NaN | -inf | 0.1"]);
    for wrong in ["\"x\"", "null", "[1]", "1e999"] {
        let json = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"bad","startTimeUnixNano":"3","attributes":[{{"key":"a","value":{{"intValue":{wrong}}}}}]}}]}}]}}]}}"#
        );
        let api = Api { headers: &[("content-type", "application/json"), ("table", "bad")], ..C_SPANS_JSON };
        node.expect(&api, json.as_bytes(), "422 040016");
    }
    node.lives();
}
