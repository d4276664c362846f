//! Every rule of the sheets, by hand. Where a case is a reference point of the sheet it says so.

use triglot_parse_lp::{Dialect, FieldValue, Line, LineError, LineErrorKind, Parser};

fn error(dialect: Dialect, body: &str) -> LineError {
    Parser::new(body, dialect).find_map(Result::err).unwrap_or_else(|| panic!("{dialect:?} accepts {body:?}"))
}

fn message(body: &str) -> String {
    error(Dialect::CnosDb, body).to_string()
}

fn one(dialect: Dialect, body: &str) -> Line<'_> {
    let mut lines: Vec<_> =
        Parser::new(body, dialect).map(|r| r.unwrap_or_else(|e| panic!("{body:?}: {e}"))).collect();
    assert_eq!(lines.len(), 1, "{dialect:?} {body:?}");
    lines.remove(0)
}

fn value(dialect: Dialect, text: &str) -> Option<FieldValue<'_>> {
    // The body must outlive the value; tests may leak.
    let body: &'static str = Box::leak(format!("m f={text} 1").into_boxed_str());
    let mut parser = Parser::new(body, dialect);
    let line = parser.next()?.ok()?;
    assert_eq!((line.fields().len(), line.timestamp()), (1, Some(1)), "{body}");
    assert!(parser.next().is_none());
    line.fields().first().map(|f| f.value())
}

fn times(dialect: Dialect, body: &str) -> Vec<Option<i64>> {
    Parser::new(body, dialect).map(|line| line.unwrap().timestamp()).collect()
}

#[test]
fn reference_points_of_cnosdb_section_6() {
    for (body, wanted) in [
        ("test,t2=t22,f2=2 1642176000000000000", "unexpect end line start at '17'"),
        ("m f=\"abc", "unexpect end line start at '4'"),
        ("m", "unexpect end line start at '0'"),
        ("m f=1 abc\n", "fail to parse timestamp at 9"),
        ("m\\q f=1", "unexpect token 'q' at 2"),
        ("m f=abc 1", "invalid field value: 'abc'"),
    ] {
        assert_eq!(message(body), wanted, "{body:?}");
    }
}

#[test]
fn an_unfinished_part_is_blamed_at_its_begin() {
    for (body, at) in [
        ("m,", 2),
        ("m,t", 2),
        ("m,t=", 4),
        ("m,t=v", 4),
        ("m ", 2),
        ("m f", 2),
        ("m f=", 4),
        ("m f=1,", 6),
        ("m\\", 0),
    ] {
        assert_eq!(message(body), format!("unexpect end line start at '{at}'"), "{body:?}");
    }
    // A newline ends the line as well.
    assert_eq!(message("\n\nm,t\n"), "unexpect end line start at '4'");
    assert_eq!(error(Dialect::CnosDb, "\n\nm,t\n").line, 3);
}

#[test]
fn a_character_out_of_place_is_blamed_itself() {
    for (body, token, at) in [
        (",t=v f=1", ',', 0),
        ("m,=v f=1", '=', 2),
        ("m,t f=1", ' ', 3),
        ("m,t,u=v f=1", ',', 3),
        ("m,t=a=b f=1", '=', 5),
        ("m =1", '=', 2),
        ("m f,g=1", ',', 3),
        ("m f =1", ' ', 3),
        ("m f=1, g=2", ' ', 6),
        ("m f=\"abc\"x", 'x', 9),
        ("m,t=\\é f=1", 'é', 5),
        ("m\\=x f=1", '=', 2), // no such escape in table names
        ("m f\\\n=1", '\n', 4),
    ] {
        assert_eq!(message(body), format!("unexpect token '{token}' at {at}"), "{body:?}");
    }
}

#[test]
fn escapes_of_cnosdb() {
    let line = one(Dialect::CnosDb, r#"a\,b\ c\\\"\'=x,k\,\ \=\\=v\,\ \=\"\' f\,\ \=\'=1"#);
    assert_eq!(line.measurement(), r#"a,b c\\\"\'=x"#);
    let tag = line.tags()[0];
    assert_eq!((tag.key().as_ref(), tag.value().as_ref()), (r"k, =\\", r#"v, =\"\'"#));
    assert_eq!(line.fields()[0].key(), r"f, =\'");
    assert_eq!(line.raw_measurement(), r#"a\,b\ c\\\"\'=x"#);
    assert_eq!(line.series_key_raw(), r#"a\,b\ c\\\"\'=x,k\,\ \=\\=v\,\ \=\"\'"#);
}

#[test]
fn escapes_of_the_lenient_dialects() {
    for dialect in [Dialect::Influx, Dialect::TdEngine, Dialect::Kwdb] {
        let line = one(dialect, r#"m\,\q,k\ \\=C:\dir\,\\,t="q" f\==1"#);
        assert_eq!(line.measurement(), r"m,\q");
        let tags: Vec<_> =
            line.tags().iter().map(|t| (t.key().into_owned(), t.value().into_owned())).collect();
        // The second backslash escapes what follows it: here the equals sign and the comma.
        assert_eq!(tags, [(r"k \=C:\dir,\,t".to_owned(), r#""q""#.to_owned())]);
        assert_eq!(line.fields()[0].key(), "f=");
    }
}

#[test]
fn strings() {
    for dialect in Dialect::ALL {
        let line = one(dialect, r#"m f="a, b=#c\"\\\n",g="",h="é" 5"#);
        let texts: Vec<String> = line
            .fields()
            .iter()
            .map(|f| match f.value() {
                FieldValue::Str(text) => text.to_cow().into_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, ["a, b=#c\"\\\\n", "", "é"]);
        assert_eq!(line.timestamp(), Some(5));
    }
    for dialect in [Dialect::CnosDb, Dialect::Influx] {
        assert!(
            matches!(one(dialect, "m f=\"a\nb\"").fields()[0].value(), FieldValue::Str(t) if t.raw() == "a\nb")
        );
    }
    // In the dialects of lines, an open quote costs its own line only.
    for dialect in [Dialect::TdEngine, Dialect::Kwdb, Dialect::KwdbTelegraf] {
        let mut parser = Parser::new("m f=\"a\nm g=\"b\" 2", dialect);
        let first = parser.next().unwrap().unwrap_err();
        assert_eq!((first.offset, first.kind), (4, LineErrorKind::EndOfLine));
        assert_eq!(parser.next().unwrap().unwrap().timestamp(), Some(2));
    }
}

#[test]
fn values_of_all_dialects() {
    for dialect in Dialect::ALL {
        let get = |text: &'static str| value(dialect, text).unwrap_or_else(|| panic!("{dialect:?} {text}"));
        for text in ["t", "T", "true", "True", "TRUE"] {
            assert_eq!(get(text), FieldValue::Bool(true));
        }
        for text in ["f", "F", "false", "False", "FALSE"] {
            assert_eq!(get(text), FieldValue::Bool(false));
        }
        assert_eq!(get("58i"), FieldValue::I64(58));
        assert_eq!(get("-0i"), FieldValue::I64(0));
        assert_eq!(get("+7i"), FieldValue::I64(7));
        assert_eq!(get("9223372036854775807i"), FieldValue::I64(i64::MAX));
        assert_eq!(get("-9223372036854775808i"), FieldValue::I64(i64::MIN));
        assert_eq!(get("0000000000000000000000012i"), FieldValue::I64(12));
        assert_eq!(get("18446744073709551615u"), FieldValue::U64(u64::MAX));
        for (text, wanted) in [
            ("1", 1.0),
            ("-1", -1.0),
            ("+1", 1.0),
            ("1.5", 1.5),
            ("-0.25", -0.25),
            ("1e3", 1e3),
            ("1.25E-3", 1.25e-3),
            ("9007199254740993", 9007199254740992.0),
            ("0.1", 0.1),
            ("58.123456", 58.123456),
            ("1.7976931348623157e308", f64::MAX),
            ("99999999999999999999", 1e20),
            ("2.6457513110645906", 2.6457513110645906),
        ] {
            assert_eq!(get(text), FieldValue::F64(wanted), "{text}");
        }
        assert!(matches!(get("-0"), FieldValue::F64(v) if v == 0.0 && v.is_sign_negative()));
    }
}

#[test]
fn values_refused() {
    for dialect in Dialect::ALL.into_iter().filter(|d| *d != Dialect::KwdbTelegraf) {
        for text in [
            "abc",
            "tRUE",
            "1x",
            "1.5i",
            "1.5u",
            "-1u",
            "+1u",
            "9223372036854775808i",
            "18446744073709551616u",
            "i",
            "u",
            "-",
            "+",
            ".",
            "-.",
            "1e",
            "1e+",
            "e5",
            "0x10",
            "1_000",
            "1e999",
            "infinity",
            "--1",
            "1.2.3",
            "'a'",
            "a\"b\"",
        ] {
            let body = format!("m f={text} 1");
            let found = error(dialect, &body);
            assert_eq!(found.kind, LineErrorKind::InvalidFieldValue(text.to_owned()), "{dialect:?}");
            assert_eq!(found.offset, 4);
        }
        if dialect != Dialect::TdEngine {
            for text in ["NaN", "nan", "inf", "-inf", "+inf", "1i8", "1f32", "L\"a\"", "1i64"] {
                assert_eq!(value(dialect, text), None, "{dialect:?} {text}");
            }
        }
    }
    assert_eq!(message("m f=,g=1"), "invalid field value: ''");
    assert_eq!(message("m f=é,g=1"), "invalid field value: 'é'");
}

#[test]
fn dots_of_floats() {
    let float = |dialect, text| match value(dialect, text) {
        Some(FieldValue::F64(v)) => Some(v),
        _ => None,
    };
    // CnosDB: a float starts with a digit or a sign. KWDB: digits on the right of the dot.
    assert_eq!(float(Dialect::CnosDb, ".5"), None);
    assert_eq!(float(Dialect::CnosDb, "-.5"), Some(-0.5));
    assert_eq!(float(Dialect::CnosDb, "1."), Some(1.0));
    assert_eq!(float(Dialect::Kwdb, ".5"), Some(0.5));
    assert_eq!(float(Dialect::Kwdb, "1."), None);
    assert_eq!(float(Dialect::Influx, "1.e+2"), Some(100.0));
    assert_eq!(float(Dialect::TdEngine, ".5"), Some(0.5));
}

#[test]
fn types_of_tdengine() {
    let get = |text| value(Dialect::TdEngine, text);
    assert_eq!(get("-128i8"), Some(FieldValue::I8(-128)));
    assert_eq!(get("128i8"), None);
    assert_eq!(get("32767i16"), Some(FieldValue::I16(i16::MAX)));
    assert_eq!(get("-2147483648i32"), Some(FieldValue::I32(i32::MIN)));
    assert_eq!(get("5i64"), Some(FieldValue::I64(5)));
    assert_eq!(get("255u8"), Some(FieldValue::U8(255)));
    assert_eq!(get("256u8"), None);
    assert_eq!(get("+1u16"), None);
    assert_eq!(get("65535u16"), Some(FieldValue::U16(65535)));
    assert_eq!(get("4294967295u32"), Some(FieldValue::U32(u32::MAX)));
    assert_eq!(get("5u64"), Some(FieldValue::U64(5)));
    assert_eq!(get("0.1f32"), Some(FieldValue::F32(0.1)));
    assert_eq!(get("1e39f32"), None);
    assert_eq!(get("1.5f64"), Some(FieldValue::F64(1.5)));
    assert_eq!(get("1i7"), None);
    assert!(matches!(get("nan"), Some(FieldValue::F64(v)) if v.is_nan()));
    assert_eq!(get("-inf"), Some(FieldValue::F64(f64::NEG_INFINITY)));
    assert!(matches!(get(r#"L"a\" b""#), Some(FieldValue::NChar(t)) if t.to_cow() == "a\" b"));
    assert!(matches!(get(r#"G"POINT(1 2)""#), Some(FieldValue::Geometry(t)) if t.raw() == "POINT(1 2)"));
    assert!(matches!(get(r#"B"\x0aff""#), Some(FieldValue::Binary(b)) if b.to_bytes() == [0x0a, 0xff]));
    assert!(matches!(get(r#"B"hex""#), Some(FieldValue::Binary(b)) if b.to_bytes() == b"hex"));
    assert_eq!(get(r#"B"\x0""#), None);
}

#[test]
fn telegraf_takes_bare_words() {
    assert!(matches!(value(Dialect::KwdbTelegraf, "abc"), Some(FieldValue::Str(t)) if t.raw() == "abc"));
    assert_eq!(value(Dialect::KwdbTelegraf, "220"), Some(FieldValue::F64(220.0)));
    assert_eq!(value(Dialect::Kwdb, "abc"), None);
    // The manual's sample, kwdb.md section 8.2.
    let body = "meters,location=Beijing current=17.01,voltage=220,phase=0.29 1556813561098000000";
    let line = one(Dialect::KwdbTelegraf, body);
    assert_eq!(
        (line.fields()[0].value(), line.timestamp()),
        (FieldValue::F64(17.01), Some(1556813561098000000))
    );
}

#[test]
fn cnosdb_is_not_line_based() {
    let dialect = Dialect::CnosDb;
    assert_eq!(
        times(dialect, "m f=1 1 m f=2 2\tm f=3 3\r\n\r\n \x0cm f=4"),
        [Some(1), Some(2), Some(3), None]
    );
    assert_eq!(times(dialect, "# c\r#d\n m f=1 7 # tail\nm f=2"), [Some(7), None]);
    assert_eq!(times(dialect, "m f=1   9  "), [Some(9)]);
    assert_eq!(times(dialect, "m f=1 \nm f=1\t\n"), [None, None]);
    assert_eq!(times(dialect, ""), []);
    assert_eq!(times(dialect, " \n# only\n#"), []);
    assert_eq!(message("m f=1 #c\n"), "fail to parse timestamp at 8");
}

#[test]
fn a_newline_ends_the_point_elsewhere() {
    for dialect in [Dialect::Influx, Dialect::TdEngine, Dialect::Kwdb, Dialect::KwdbTelegraf] {
        assert_eq!(
            times(dialect, "# c\n\nm f=1 1\r\nm f=2 2 \t\r\n\r\nm f=3\r\nm f=4 \n"),
            [Some(1), Some(2), None, None]
        );
        let found = error(dialect, "m f=1 1 m f=2 2");
        assert_eq!((found.offset, found.kind), (8, LineErrorKind::UnexpectedToken('m')));
    }
}

#[test]
fn timestamps() {
    for (text, wanted) in [
        ("0", 0),
        ("-1", -1),
        ("+5", 5),
        ("1642176000000000000", 1642176000000000000),
        ("1556813561098", 1556813561098),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("00000000000000000000001", 1),
        ("1234567890123456", 1234567890123456),
        ("12345678901234567", 12345678901234567),
    ] {
        assert_eq!(one(Dialect::CnosDb, &format!("m f=1 {text}")).timestamp(), Some(wanted));
        assert_eq!(one(Dialect::Kwdb, &format!("m f=1 {text}\r\n")).timestamp(), Some(wanted));
    }
    for text in ["9223372036854775808", "99999999999999999999", "1.5", "1i", "-", "1642176000000000000x", "é"]
    {
        let wanted = format!("fail to parse timestamp at {}", 6 + text.len());
        assert_eq!(message(&format!("m f=1 {text}\n")), wanted);
    }
}

#[test]
fn empty_tag_values() {
    assert_eq!(one(Dialect::CnosDb, "m,k=a,t= f=1").tags()[1].value(), "");
    assert_eq!(one(Dialect::CnosDb, "m,k=a,t= f=1").series_key_raw(), "m,k=a,t=");
    let found = error(Dialect::Influx, "m,t= f=1");
    assert_eq!(
        (found.kind.clone(), found.to_string().as_str()),
        (LineErrorKind::InvalidSyntax, "invalid line protocol syntax")
    );
}

#[test]
fn of_repeated_keys_the_first_comes_first() {
    let line = one(Dialect::CnosDb, r"m,b=1,a=2,b=3,\,=4 y=1,x=2,y=3");
    let mut sorted = Vec::new();
    line.tags_sorted(&mut sorted);
    let pairs: Vec<_> = sorted.iter().map(|t| (t.key().into_owned(), t.raw_value())).collect();
    assert_eq!(pairs, [(",".to_owned(), "4"), ("a".to_owned(), "2"), ("b".to_owned(), "1")]);
    assert_eq!(line.duplicate_tag().map(|t| t.raw_value()), Some("3"));
    assert_eq!(line.duplicate_field().map(|f| f.value()), Some(FieldValue::F64(3.0)));
    assert!(one(Dialect::CnosDb, "m,a=1 a=1").duplicate_field().is_none());
}

#[test]
fn after_an_error_the_next_line_is_read() {
    let body = "m f=1 1\nbroken\nm f=x 2\nm f=3 3\nm f=4 z\nm f=5 5";
    for dialect in [Dialect::CnosDb, Dialect::Influx] {
        let results: Vec<_> =
            Parser::new(body, dialect).map(|r| r.map(|l| l.timestamp()).map_err(|e| e.line)).collect();
        assert_eq!(results, [Ok(Some(1)), Err(2), Err(3), Ok(Some(3)), Err(5), Ok(Some(5))]);
    }
}

#[test]
fn the_buffer_remembers_the_shape() {
    let body = "m,h=a x=1,y=2\nm,h=b x=3,y=4\nm,h=b x=3\nm,h=b x=3,y=4\nbad\nm,h=b x=3,y=4\nm,h=b x=1,y=2\nm xx=1,y=2";
    let mut parser = Parser::new(body, Dialect::CnosDb);
    let mut line = Line::new();
    let mut repeats = Vec::new();
    while let Some(result) = parser.next_line(&mut line) {
        repeats.push(result.ok().map(|line| line.repeats_field_keys()));
    }
    assert_eq!(
        repeats,
        [Some(false), Some(true), Some(false), Some(false), None, Some(false), Some(true), Some(false)]
    );
}

#[test]
fn known_series_need_no_tags() {
    let body = "m,h=a x=1 1\nm,h=a x=2 2\nm,h=\\q x=3 3\nm,h=a x=z\nm x=4 4\n";
    let mut parser = Parser::new(body, Dialect::CnosDb);
    let mut line = Line::new();
    let mut seen = std::collections::HashSet::new();
    let mut skipped = Vec::new();
    while let Some(result) = parser.next_line_known(&mut line, |key| seen.contains(key)) {
        skipped.push(
            result.ok().map(|l| {
                (l.tags_skipped(), l.series_key_raw(), l.measurement().into_owned(), l.tags().len())
            }),
        );
        if skipped.last().is_some_and(Option::is_some) {
            seen.insert(line.series_key_raw());
        }
    }
    assert_eq!(
        skipped,
        [
            Some((false, "m,h=a", "m".to_owned(), 1)),
            Some((true, "m,h=a", "m".to_owned(), 0)),
            None,
            None,
            Some((false, "m", "m".to_owned(), 0)),
        ]
    );
}

#[test]
fn a_buffer_carries_nothing_into_another_dialect() {
    let mut line = Line::new();
    let body = "m,a\\q=1 b\\q=1";
    assert!(Parser::new(body, Dialect::Influx).next_line(&mut line).unwrap().is_ok());
    let error = Parser::new(body, Dialect::CnosDb).next_line(&mut line).unwrap().unwrap_err();
    assert_eq!((error.offset, error.kind), (4, LineErrorKind::UnexpectedToken('q')));
}

#[test]
fn bodies_are_checked_for_utf_8() {
    assert!(Parser::from_bytes(b"m f=1 \xff", Dialect::CnosDb).is_err());
    assert!(Parser::from_bytes(b"m f=1", Dialect::CnosDb).is_ok());
    assert_eq!(one(Dialect::CnosDb, "wärme,ort=köln grad=1").measurement(), "wärme");
}
