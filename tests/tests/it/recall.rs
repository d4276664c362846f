//! Series that writers without a schema name again and again are known by the bytes that name them. What
//! becomes of the rows must not depend on that: after a drop, under other names, through another dialect.

use crate::read_back::Door;
use crate::server::Server;

const LINES: &[u8] = b"m.x,host=a v=1 1000\nm.x,host=b v=2 1000";
/// The children of [`LINES`], whose names are MD5 digests of `m_x,host=a` and `m_x,host=b`.
const LISTED: &str = "select tbname, host, v from `m_x` order by host";

fn write(taos: &Door, parameters: &str, lines: &[u8]) {
    let reply = taos.post(&format!("/influxdb/v1/write?db=public{parameters}"), lines);
    assert_eq!(reply.status, 204, "{}", reply.text());
}

fn taos_rows(taos: &Door, sql: &str) -> Vec<Vec<String>> {
    let rows = taos.rows("public", sql);
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

fn run(taos: &Door, sql: &str) {
    let reply = taos.post("/rest/sql/public", sql.as_bytes()).text();
    assert!(reply.starts_with("{\"code\":0,"), "{sql}: {reply}");
}

/// A series without labels has no bytes of its own, as one whose labels stand apart has none: they are never mixed up.
#[test]
fn series_without_labels_are_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let taos = Door::tdengine(&server);
    // One sample without labels; a label in front of a sample and one behind it.
    let bare = b"\x0a\x0d\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x01";
    let apart = b"\x0a\x1d\x0a\x06\x0a\x01a\x12\x011\x12\x0b\x09\0\0\0\0\0\0\x00\x40\x10\x01\x0a\x06\x0a\x01b\x12\x012";
    for message in [&bare[..], apart, bare, apart] {
        let body = snap::raw::Encoder::new().compress_vec(message).unwrap();
        let reply = taos.post("/prometheus/v1/remote_write/public", &body);
        assert_eq!(reply.status, 202, "{}", reply.text());
    }
    let found = taos_rows(&taos, "select labels, v from metrics order by v");
    assert_eq!(found, [["{}", "1.0"], [r#"{"a":"1","b":"2"}"#, "2.0"]]);
}

#[test]
fn rows_do_not_depend_on_what_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let taos = Door::tdengine(&server);
    for _ in 0..3 {
        write(&taos, "", LINES);
    }
    let first = taos_rows(&taos, LISTED);
    let hosts: Vec<&str> = first.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(hosts, ["a", "b"]);
    let child = first[0][0].clone();

    // A child table that is dropped comes back under its name, with its tags and without its old rows.
    run(&taos, &format!("drop table `{child}`"));
    write(&taos, "", b"m.x,host=a v=3 2000");
    assert_eq!(
        taos_rows(&taos, "select tbname, host, v from `m_x` where host = 'a'"),
        [[&child, "a", "3.0"]]
    );

    // Rows follow the child's name when its tags are changed: the vendor's writer looks for the name, too.
    run(&taos, &format!("alter table `{child}` set tag host = 'z'"));
    write(&taos, "", b"m.x,host=a v=4 3000");
    assert_eq!(
        taos_rows(&taos, "select host, v from `m_x` where host = 'z' order by _ts"),
        [["z", "3.0"], ["z", "4.0"]]
    );

    // The same bytes under another rule of names are another table.
    write(&taos, "&table_name_key=host", b"m.x,host=a v=5 4000");
    assert_eq!(taos_rows(&taos, "select tbname, v from `m_x` where v = 5"), [["a", "5.0"]]);

    // And through CnosDB's port a table with a dot in its name.
    assert_eq!(Door::cnosdb(&server).post("/api/v1/write?db=public", b"m.x,host=a v=6 5000").status, 200);
    assert_eq!(taos_rows(&taos, "select count(*) from `m_x` where v = 6"), [["0"]]);

    // The super table goes with everything that was known of it.
    run(&taos, "drop table `m_x`");
    write(&taos, "", LINES);
    assert_eq!(taos_rows(&taos, LISTED), first);
    run(&taos, "drop table `m_x`");
    write(&taos, "", b"m.x,host=a v=7i 1000");
    assert_eq!(taos_rows(&taos, "select host, v from `m_x`"), [["a", "7"]], "of another type now");
}
