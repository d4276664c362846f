//! Rules of lines: tdengine-http.md section 5.4, cnosdb.md section 7, kwdb.md section 8.4, opentsdb.net.

use triglot_parse_opentsdb::telnet::{Line, Lines};
use triglot_parse_opentsdb::{Dialect, LineErrorKind};

fn one(body: &str, dialect: Dialect) -> Line<'_> {
    let lines: Vec<_> = Lines::new(body, dialect).collect();
    assert_eq!(lines.len(), 1, "{body:?}");
    lines.into_iter().next().unwrap().unwrap()
}

fn fault(body: &str, dialect: Dialect) -> (usize, LineErrorKind) {
    let error = Lines::new(body, dialect).find_map(Result::err).unwrap_or_else(|| panic!("{body:?} is read"));
    (error.offset, error.kind)
}

#[test]
fn the_documented_line_is_read() {
    let line = one("sys.cpu.nice 1346846400 18 host=web01 dc=lga\n", Dialect::Kwdb);
    assert_eq!((line.metric(), line.timestamp(), line.value()), ("sys.cpu.nice", 1_346_846_400, "18"));
    assert_eq!(line.tags(), [("host", "web01"), ("dc", "lga")]);
    assert_eq!(line.tags_text(), "host=web01 dc=lga");
    assert_eq!((line.line(), line.offset()), (1, 0));
}

#[test]
fn put_is_each_dialects_own_matter() {
    let line = "put m 1 2 a=b";
    assert_eq!(one(line, Dialect::OpenTsdb).metric(), "m");
    assert_eq!(one(line, Dialect::TdEngine).metric(), "m");
    assert_eq!(one(line, Dialect::Kwdb).metric(), "m");
    assert_eq!(fault(line, Dialect::CnosDb), (4, LineErrorKind::InvalidTimestamp("m".into())));
    assert_eq!(fault("m 1 2 a=b", Dialect::OpenTsdb), (0, LineErrorKind::UnknownCommand("m".into())));
    assert_eq!(fault("put", Dialect::TdEngine), (3, LineErrorKind::MissingMetric));
    // Only one `put` goes; a metric may have that name.
    assert_eq!(one("put put 1 2 a=b", Dialect::TdEngine).metric(), "put");
    assert_eq!(one("put 1 2 a=b", Dialect::Kwdb).metric(), "put");
    assert_eq!(one("put 1 2 a=b", Dialect::CnosDb).metric(), "put");
}

#[test]
fn blanks_of_agents_are_taken() {
    // collectd's write_tsdb sends two blanks and CR LF.
    let body = "\r\n  put  m\t1 2.5  a=b  c=d \r\n\n put m 2 3 a=b";
    let lines: Vec<_> = Lines::new(body, Dialect::TdEngine).map(Result::unwrap).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].tags(), [("a", "b"), ("c", "d")]);
    assert_eq!((lines[0].line(), lines[1].line()), (2, 4));
    assert_eq!(lines[1].offset(), body.rfind("m 2").unwrap());
}

#[test]
fn cnosdb_joins_tags_by_commas_too() {
    let tags = [("a", "b"), ("c", "d"), ("e", "f")];
    assert_eq!(one("m 1 2 a=b,c=d e=f", Dialect::CnosDb).tags(), tags);
    assert_eq!(one("m 1 2 a=b,c=d e=f", Dialect::TdEngine).tags(), [("a", "b,c=d"), ("e", "f")]);
    assert_eq!(fault("m 1 2 a=b,c", Dialect::CnosDb), (10, LineErrorKind::NotATag("c".into())));
}

#[test]
fn what_is_missing_or_wrong_is_told_with_its_place() {
    let told = |body| fault(body, Dialect::Kwdb);
    assert_eq!(told("m"), (1, LineErrorKind::MissingTimestamp));
    assert_eq!(told("m 1  "), (3, LineErrorKind::MissingValue));
    assert_eq!(told("m 1 2"), (5, LineErrorKind::MissingTags));
    assert_eq!(told("m 1.5 2 a=b"), (2, LineErrorKind::InvalidTimestamp("1.5".into())));
    assert_eq!(
        told("m 9223372036854775808 2 a=b"),
        (2, LineErrorKind::InvalidTimestamp("9223372036854775808".into()))
    );
    assert_eq!(told("m 1 2 host"), (6, LineErrorKind::NotATag("host".into())));
    assert_eq!(told("m 1 2 =x"), (6, LineErrorKind::EmptyTagKey("=x".into())));
    assert_eq!(told("m 1 2 a=b k="), (10, LineErrorKind::EmptyTagValue("k".into())));
}

#[test]
fn lines_behind_a_faulty_one_are_read() {
    let results: Vec<_> = Lines::new("m 1 2 a=b\nm x\nm 3 4 a=b\n", Dialect::Kwdb).collect();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().line, 2);
}

#[test]
fn values_stay_as_written_and_numbers_are_checked_on_demand() {
    let line = one("m 1 L\"x\" a=b", Dialect::TdEngine);
    assert_eq!((line.value(), line.number()), ("L\"x\"", None));
    assert_eq!(one("m 1 -1.5e3 a=b", Dialect::CnosDb).number(), Some(-1500.0));
    assert_eq!(one("m 0001346846400 1 a=b", Dialect::TdEngine).timestamp_text().len(), 13);
}

#[test]
fn repeated_keys_are_found_in_short_and_long_lists() {
    assert_eq!(one("m 1 2 a=b c=d a=e", Dialect::Kwdb).duplicate_tag(), Some("a"));
    assert_eq!(one("m 1 2 a=b c=d", Dialect::Kwdb).duplicate_tag(), None);
    let many: String = (0..10_000).map(|at| format!(" k{at}=v")).collect();
    assert_eq!(one(&format!("m 1 2{many}"), Dialect::Kwdb).duplicate_tag(), None);
    assert_eq!(one(&format!("m 1 2{many} k77=w"), Dialect::Kwdb).duplicate_tag(), Some("k77"));
}
