//! External tables and COPY INTO over real files (sheet sections 12 and 13).

use std::io::Write;
use std::path::Path;

use crate::http;
use crate::server::Server;

/// `code: message` of a statement that must be refused.
fn refused(server: &Server, sql: &str) -> String {
    let reply = http::sql(server.port, "public", sql).unwrap();
    assert_eq!(reply.status, 422, "{sql}: {}", reply.text());
    let json: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
    format!("{}: {}", json["error_code"].as_str().unwrap(), json["error_message"].as_str().unwrap())
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Names of the files in a directory, hidden ones too.
fn listed(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_external_table_reads_what_is_in_its_directory_now() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let files = dir.path().join("in");
    write(&files, "a.csv", "id;name;price\n1;one;1.5\n2;two;2.5\n");
    write(&files, "notes.txt", "not a table");
    let mut server = Server::start(&data);
    let create = format!(
        "CREATE EXTERNAL TABLE e STORED AS CSV WITH HEADER ROW DELIMITER ';' LOCATION 'file://{}/'",
        files.display()
    );
    assert_eq!(server.sql("public", &create), "");
    assert_eq!(
        server.sql("public", "describe table e"),
        "column_name,data_type,column_type,compression_codec\n\
         id,Int64,FIELD,\nname,Utf8,FIELD,\nprice,Float64,FIELD,\n"
    );
    assert_eq!(server.sql("public", "show tables"), "table_name\ne\n");
    let sum = "select count(*) as n, sum(price) as s, max(name) as m from e where id <> 2";
    assert_eq!(server.sql("public", sum), "n,s,m\n1,1.5,one\n");
    write(&files, "sub/b.csv", "id;name;price\n3;three;4.0\n");
    assert_eq!(server.sql("public", sum), "n,s,m\n2,5.5,three\n", "a new file counts at once");
    assert_eq!(refused(&server, &create), "030020: Table e already exists.");
    let again = create.replace("TABLE e", "TABLE IF NOT EXISTS e");
    assert_eq!(server.sql("public", &again), "");
    assert_eq!(refused(&server, "create table e (a bigint)"), "030020: Table e already exists.");
    for statement in [
        "insert into e (id) values (1)",
        "delete from e",
        "alter table e add field x bigint",
        "show series from e",
    ] {
        assert!(refused(&server, statement).starts_with("010005: "), "{statement}");
    }
    // The table is in the catalog, and only there.
    server.kill();
    let server = Server::start(&data);
    assert_eq!(server.sql("public", sum), "n,s,m\n2,5.5,three\n");
    assert_eq!(server.sql("public", "drop table e"), "");
    assert_eq!(server.sql("public", "drop table if exists e"), "");
    assert_eq!(refused(&server, "select * from e"), "030019: Table not found: \"cnosdb.public.e\"");
    assert_eq!(listed(&files), ["a.csv", "notes.txt", "sub"]);
}

#[test]
fn locations_schemas_and_formats() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let files = dir.path().join("in");
    let file = write(&files, "one.txt", "1,a\n2,b\n");
    write(&files, "part-1.csv", "5,x\n");
    write(&files, "part-2.csv", "6,y\n");
    write(&files, "year=2023/m.csv", "v\n1\n");
    write(&files, "year=2024/m.csv", "v\n2\n3\n");
    let json = write(&files, "rows.json", "{\"a\":1,\"t\":\"x\",\"l\":[1,2]}\n{\"t\":\"y\"}\n");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gz.write_all(b"a\n41\n1\n").unwrap();
    std::fs::write(files.join("z.csv.gz"), gz.finish().unwrap()).unwrap();
    let root = files.display();
    for (create, query, answer) in [
        // A file may be called as it likes; without a header the columns are numbered.
        (
            format!("create external table t stored as csv location '{file}'"),
            "select * from t order by 1",
            "column_1,column_2\n1,a\n2,b\n",
        ),
        (
            format!("create external table t (n double, s string) stored as csv location '{file}'"),
            "select s, n from t order by n desc",
            "s,n\nb,2.0\na,1.0\n",
        ),
        (
            format!(
                "create external table t (n bigint, s string) stored as csv location '{root}/part-*.csv'"
            ),
            "select * from t order by n",
            "n,s\n5,x\n6,y\n",
        ),
        (
            format!(
                "create external table t (v bigint, year bigint) stored as csv with header row \
                 partitioned by (year) location '{root}/year=*/*.csv'"
            ),
            "select 1 as one",
            "one\n1\n",
        ),
        (
            format!("create external table t stored as ndjson location '{json}'"),
            "select a, t, l[2] as second from t order by t",
            "a,t,second\n1,x,2\n,y,\n",
        ),
        (
            format!(
                "create external table t stored as csv with header row compression type gzip location '{root}/z.csv.gz'"
            ),
            "select sum(a) as s from t",
            "s\n42\n",
        ),
        (
            format!(
                "create external table t stored as csv options (has_header 'true', 'format.compression' = 'gzip') location '{root}/z.csv.gz'"
            ),
            "select sum(a) as s from t",
            "s\n42\n",
        ),
    ] {
        server.sql("public", &create);
        assert_eq!(server.sql("public", query), answer, "{create}");
        server.sql("public", "drop table t");
    }
    let partitioned = dir.path().join("p");
    write(&partitioned, "year=2023/m.csv", "v\n1\n");
    write(&partitioned, "year=2024/m.csv", "v\n2\n3\n");
    server.sql(
        "public",
        &format!(
            "create external table p stored as csv with header row partitioned by (year) location '{}/'",
            partitioned.display()
        ),
    );
    assert_eq!(
        server.sql("public", "select year, sum(v) as s from p where year = '2024' group by year"),
        "year,s\n2024,5\n"
    );
    let plan = server.sql("public", "explain select v from p where year = '2024'");
    assert!(plan.contains("year=2024/m.csv") && !plan.contains("year=2023"), "pruned: {plan}");
    // Bad files are told, not guessed around.
    let bad = write(&files, "bad.csv", "1\nx\n");
    server.sql("public", &format!("create external table b (n bigint) stored as csv location '{bad}'"));
    assert!(
        refused(&server, "select sum(n) from b").starts_with("010001: Datafusion: "),
        "a text is no number"
    );
    let missing = format!("create external table m stored as parquet location '{root}/none.parquet'");
    assert!(refused(&server, &missing).contains("No files found"), "{}", refused(&server, &missing));
    let broken = write(&files, "broken.parquet", "PAR1 this is not parquet PAR1");
    let broken = format!("create external table m stored as parquet location '{broken}'");
    assert!(refused(&server, &broken).starts_with("010001: Datafusion: "));
}

/// Three rows with all types, NULLs, and texts that CSV must quote. (Literals of one column must
/// agree in type, hence two statements.)
const ROWS: [&str; 2] = [
    "insert into s (time, h, i, u, d, b, t) values \
        (1, 'a,b', -1, 18446744073709551615, 0.5, true, 'x \"y\"\nz'), \
        (2, '007', 2, 18446744073709551614, 1e300, false, '08')",
    "insert into s (time, h, u) values (1700000000123456789, 'c', 3)",
];

#[test]
fn copies_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let columns = "i bigint, u bigint unsigned, d double, b boolean, t string, tags(h)";
    server.sql("public", &format!("create table s ({columns})"));
    for rows in ROWS {
        server.sql("public", rows);
    }
    let all = "select time, h, i, u, d, b, t from {} order by time";
    let wanted = server.sql("public", &all.replace("{}", "s"));
    assert_eq!(wanted.lines().count(), 5, "{wanted}");
    let out = dir.path().join("out");
    for (at, (format, compression)) in [
        ("csv", ""),
        ("csv", "gzip"),
        ("csv", "bzip2"),
        ("csv", "xz"),
        ("csv", "zstd"),
        ("json", ""),
        ("json", "gzip"),
        ("parquet", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let compressed = if compression.is_empty() {
            String::new()
        } else {
            format!(", file_compression_type = '{compression}'")
        };
        let options = format!("file_format = (type = '{format}'{compressed})");
        let to = out.join(at.to_string());
        let copied = server.sql("public", &format!("copy into 'file://{}/' from s {options}", to.display()));
        assert_eq!(copied, "rows\n3\n");
        let names = listed(&to);
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(!names[0].starts_with('.') && names[0].contains(format), "{names:?}");
        server.sql("public", &format!("create table t{at} ({columns})"));
        let from = to.join(&names[0]);
        let copy = format!("copy into t{at} from '{}' {options}", from.display());
        assert_eq!(server.sql("public", &copy), "rows\n3\n", "{copy}");
        assert_eq!(server.sql("public", &all.replace("{}", &format!("t{at}"))), wanted, "{copy}");
        // Once more does no harm.
        server.sql("public", &copy);
        assert_eq!(server.sql("public", &all.replace("{}", &format!("t{at}"))), wanted);
    }
    let file = out.join("some.csv");
    let options = "file_format = (type = 'csv', delimiter = '\t', with_header = false)";
    let copy = format!("copy into '{}' from (select h, u from s order by time) {options}", file.display());
    assert_eq!(server.sql("public", &copy), "rows\n3\n");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "a,b\t18446744073709551615\n007\t18446744073709551614\nc\t3\n"
    );
    assert!(refused(&server, &copy).starts_with("010001: "), "an existing file is not replaced");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
}

#[test]
fn columns_go_by_name_and_nothing_is_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.sql("public", "create table t (f double, s string, tags(h))");
    let copy = |name: &str, text: &str, list: &str, options: &str| {
        let file = write(dir.path(), name, text);
        format!("copy into t{list} from '{file}' {options}")
    };
    let select = "select time, h, f, s from t order by time";
    let text = "s,h,time\n007,1e5,1970-01-01T00:00:00.000000001Z\ntrue,,1970-01-01T00:00:01\n";
    assert_eq!(server.sql("public", &copy("a.csv", text, "", "")), "rows\n2\n");
    assert_eq!(
        server.sql("public", select),
        "time,h,f,s\n1970-01-01T00:00:00.000000001,1e5,,007\n1970-01-01T00:00:01.000000000,,,true\n"
    );
    server.sql("public", "delete from t");
    // With inferred types the number 7 becomes the text 7.
    let inferred = "copy_options = (auto_infer_schema = true)";
    let text = "time,s\n5,007\n6,8\n";
    assert_eq!(server.sql("public", &copy("b.csv", text, "", inferred)), "rows\n2\n");
    assert_eq!(server.sql("public", "select s from t order by time"), "s\n7\n8\n");
    server.sql("public", "delete from t");
    let bare = "file_format = (type = 'csv', with_header = false)";
    assert_eq!(server.sql("public", &copy("c.csv", "x,1.5,9\n", "(s, f, time)", bare)), "rows\n1\n");
    assert_eq!(server.sql("public", "select f, s from t"), "f,s\n1.5,x\n");
    // A list picks columns of files that name them.
    let picked = copy("d.csv", "time,s,zzz\n9,y,1\n", "(time, s)", "");
    assert_eq!(server.sql("public", &picked), "rows\n1\n");
    assert_eq!(server.sql("public", "select f, s from t"), "f,s\n1.5,y\n", "fields that are not given stay");
    for (name, text, list, options, code) in [
        ("e.csv", "time,zzz\n1,1\n", "", "", "010044: Semantic error: Insert column 'zzz' does not exist"),
        ("f.csv", "s\nx\n", "", "", "010045: Semantic error: the files have no column time"),
        ("g.csv", "1,2\n", "", bare, "010003: Semantic error: the files at"),
        ("h.csv", "time,f\n1,abc\n", "", "", "010001: Datafusion: "),
        ("i.csv", "time,h\n1,a\n", "", "", "050034: Fields can't be empty"),
        ("j.csv", "time,s\nnever,a\n", "", "", "010002: Arrow: "),
        ("k.json", "{\"time\":1,\"f\":\"x\"}\n", "", "", "010001: Datafusion: "),
        ("l.csv", "time,s\n1,a\n", "(time, nope)", "", "010044: "),
    ] {
        let copy = copy(name, text, list, options);
        let error = refused(&server, &copy);
        assert!(error.starts_with(code), "{name}: {error}");
    }
}

#[test]
fn a_failed_export_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    // The last of 200,000 rows divides by zero.
    let query = "select 1 / (200000 - value) from generate_series(1, 200000)";
    for format in ["csv", "json", "parquet"] {
        let name = out.join(format!("x.{format}"));
        let error = refused(&server, &format!("copy into '{}' from ({query})", name.display()));
        assert!(error.contains("ivide by zero"), "{error}");
    }
    assert!(listed(&out).is_empty(), "{:?}", listed(&out));
    let inside = format!("copy into '{}/wal/x.csv' from (select 1)", data.display());
    assert!(refused(&server, &inside).starts_with("010005: "), "the data directory is ours");
    let external = format!("copy into '{}/external/x.csv' from (select 1 as a)", data.display());
    assert_eq!(server.sql("public", &external), "rows\n1\n");
}

/// What an export leaves behind when the server is killed is no file of any table, and stands in nobody's way.
#[test]
fn what_a_killed_export_leaves_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let files = dir.path().join("files");
    for (format, content) in [("csv", "n\n1\n"), ("json", "{\"n\":1}\n")] {
        let place = files.join(format);
        write(&place, &format!("a.{format}"), content);
        // As `engine/files.rs` names them: cut off in the middle.
        write(&place, &format!(".out.{format}.1700000000000000000.partial"), "n\n7\nbro\"ken");
        let header = if format == "csv" { " with header row" } else { "" };
        let create = format!(
            "create external table {format} stored as {format}{header} location '{}/'",
            place.display()
        );
        server.sql("public", &create);
        assert_eq!(server.sql("public", &format!("select sum(n) as s from {format}")), "s\n1\n");
        let options = format!("file_format = (type = '{format}', with_header = true)");
        let out = format!("copy into '{}/out.{format}' from (select 2 as n) {options}", place.display());
        assert_eq!(server.sql("public", &out), "rows\n1\n");
        assert_eq!(server.sql("public", &format!("select sum(n) as s from {format}")), "s\n3\n");
    }
}
