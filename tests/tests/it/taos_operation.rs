//! What operators of TDengine's listener do: upload files, record statements, change the log level.

use crate::http::{self, Reply};
use crate::server::Server;

fn request(server: &Server, method: &str, target: &str, more: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut headers = vec![("authorization".to_owned(), http::basic("root", "taosdata"))];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    http::exchange(server.taos_port, method, target, &headers, body).unwrap()
}

fn sql(server: &Server, target: &str, statement: &str) -> String {
    request(server, "POST", target, &[], statement.as_bytes()).text()
}

fn done(server: &Server, statement: &str) {
    let answer = sql(server, "/rest/sql", statement);
    assert!(answer.starts_with(r#"{"code":0,"#), "{statement}: {answer}");
}

fn without_timing(body: &str) -> &str {
    body.split(",\"timing\":").next().unwrap()
}

#[test]
fn files_are_uploaded_as_csv() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    done(&server, "create database d");
    done(&server, "create table d.t (ts timestamp, v int, s varchar(40))");
    let form = ("content-type", "multipart/form-data; boundary=XX");
    let part = |name: &str, csv: &str| {
        format!(
            "--XX\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f.csv\"\r\n\r\n{csv}\r\n"
        )
    };
    let files = [
        part("other", "nonsense"),
        part("data", "2024-01-01T00:00:00Z,1,\"a, \"\"quoted\"\"\nfield (it's)\"\n1704067201000,,x,beyond"),
        part("data", "1704067202000,3,y\n"),
        "--XX--\r\n".to_owned(),
    ]
    .concat();
    let answer = request(&server, "POST", "/rest/upload?db=d&table=t", &[form], files.as_bytes());
    assert_eq!(
        answer.text(),
        r#"{"code":0,"column_meta":[["affected_rows","INT",4]],"data":[[3]],"rows":1}"#
    );
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(
        sql(&server, "/rest/sql/d", "select * from t order by ts"),
        concat!(
            r#"{"code":0,"column_meta":[["ts","TIMESTAMP",8],["v","INT",4],["s","VARCHAR",40]],"data":["#,
            r#"["2024-01-01T00:00:00.000Z",1,"a, \"quoted\"\nfield (it's)"],"#,
            r#"["2024-01-01T00:00:01.000Z",null,"x"],["2024-01-01T00:00:02.000Z",3,"y"]],"rows":3}"#
        )
    );
    let refused = |target: &str, body: &str| {
        let answer = request(&server, "POST", target, &[form], body.as_bytes());
        (answer.status, without_timing(&answer.text()).to_owned())
    };
    let generic = |text: &str| format!("{{\"code\":65535,\"desc\":\"{text}\"");
    assert_eq!(refused("/rest/upload?table=t", &files), (400, generic("db required")));
    assert_eq!(refused("/rest/upload?db=d", &files), (400, generic("table required")));
    let short = [part("data", "1704067203000,3\n"), "--XX--\r\n".to_owned()].concat();
    assert_eq!(refused("/rest/upload?db=d&table=t", &short), (200, generic("column count not enough")));
    let (status, text) = refused("/rest/upload?db=d&table=nope", &files);
    assert_eq!((status, text.starts_with("{\"code\":9731,")), (200, true), "{text}");
}

#[test]
fn statements_are_recorded_while_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let records = dir.path().join("records");
    let place =
        [("TRIGLOT_TDENGINE__RECORD_DIR", records.to_str().unwrap()), ("TRIGLOT_TDENGINE__TIMEZONE", "UTC")];
    let server = Server::start_with(&dir.path().join("data"), &place);
    let api = |method: &str, body: &str| request(&server, method, "/record_sql", &[], body.as_bytes());
    let idle = r#"{"code":0,"desc":"","exists":false,"running":false,"start_time":"","end_time":"","current_concurrent":0}"#;
    assert_eq!(api("GET", "").text(), idle);
    assert_eq!(api("DELETE", "").text(), r#"{"code":0,"desc":""}"#);
    sql(&server, "/rest/sql", "show databases");
    assert_eq!(api("POST", "").text(), r#"{"code":0,"desc":""}"#);
    let running = api("GET", "").text();
    assert!(running.contains(r#""exists":true,"running":true,"#), "{running}");
    assert!(running.contains(r#""end_time":"2300-01-01 00:00:00""#), "{running}");
    let again = api("POST", "");
    assert_eq!(again.status, 400);
    assert!(again.text().starts_with(r#"{"code":65535,"desc":"start record error: "#), "{}", again.text());
    sql(&server, "/rest/sql?req_id=255&app=tests", "select 1, \"x\"");
    let ended = api("DELETE", "").text();
    assert!(ended.ends_with(r#""end_time":"2300-01-01 00:00:00"}"#), "{ended}");
    assert_eq!(api("GET", "").text(), idle);
    // The writing thread ends with the recording; what it wrote is there then.
    let file = std::fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
    let begin = std::time::Instant::now();
    let mut text = String::new();
    while text.is_empty() && begin.elapsed() < std::time::Duration::from_secs(60) {
        text = std::fs::read_to_string(&file).unwrap();
    }
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(",\"select 1, \"\"x\"\"\",127.0.0.1,root,http,0xff,"), "{text}");
    assert!(text.trim_end().ends_with(",tests"), "{text}");
    for bad in [
        r#"{"start_time":"2024-01-01 00:00:00","end_time":"2024-01-02 00:00:00"}"#,
        r#"{"start_time":"2290-01-02 00:00:00","end_time":"2290-01-01 00:00:00"}"#,
        r#"{"start_time":"soon","end_time":"2290-01-01 00:00:00"}"#,
        r#"{"start_time":"2280-01-01 00:00:00","end_time":"2290-01-01 00:00:00","location":"Mars/Base"}"#,
        "no json",
    ] {
        let refused = api("POST", bad);
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.text().contains("start record error: "), "{}", refused.text());
    }
    let later =
        r#"{"start_time":"2280-01-01 08:00:00","end_time":"2290-01-01 00:00:00","location":"Asia/Shanghai"}"#;
    assert_eq!(api("POST", later).text(), r#"{"code":0,"desc":""}"#);
    assert!(
        api("GET", "").text().contains(r#""exists":true,"running":false,"start_time":"2280-01-01 08:00:00""#)
    );
}

#[test]
fn the_log_level_changes_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let put = |body: &str| {
        let answer = request(&server, "PUT", "/config", &[], body.as_bytes());
        (answer.status, without_timing(&answer.text()).to_owned())
    };
    assert_eq!(put(r#"{"log.level":"error"}"#), (200, r#"{"code":0,"desc":""}"#.to_owned()));
    sql(&server, "/rest/sql?req_id=11111", "show databases");
    assert_eq!(put(r#"{"log.level":"info","unknown":1}"#), (200, r#"{"code":0,"desc":""}"#.to_owned()));
    sql(&server, "/rest/sql?req_id=22222", "show databases");
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    assert!(log.contains("22222") && !log.contains("11111"), "{log}");
    for body in ["", "{", "[]"] {
        let (status, text) = put(body);
        assert_eq!(status, 400, "{body}");
        assert!(text.starts_with(r#"{"code":65535,"desc":"unmarshal json error"#), "{text}");
    }
    let (status, text) = put(r#"{"log.level":"loud"}"#);
    assert_eq!(status, 400);
    assert!(text.starts_with(r#"{"code":65535,"desc":"change log.level error"#), "{text}");
    let wrong = [("authorization".to_owned(), http::basic("root", "wrong"))];
    let answer = http::exchange(server.taos_port, "PUT", "/config", &wrong, b"{}").unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.text().starts_with(r#"{"code":855,"#), "{}", answer.text());
}

/// A long answer leaves piece by piece: the server's memory does not grow with it.
#[test]
fn a_million_rows_leave_at_constant_memory() {
    const ROWS: usize = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    done(&server, "create database d");
    for block in 0..20 {
        let lines: Vec<String> = (0..ROWS / 20)
            .map(|n| {
                let at = block * (ROWS / 20) + n;
                format!("m,host=h{} v={at}i,f={}.5 {}", at % 10, at, 1_704_067_200_000_u64 + at as u64)
            })
            .collect();
        let headers = [("authorization".to_owned(), http::ROOT.to_owned())];
        let target = "/api/v1/write?db=d&precision=ms";
        let reply =
            http::exchange(server.port, "POST", target, &headers, lines.join("\n").as_bytes()).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    // The first query sorts what is in memory, which is kept.
    assert_eq!(request(&server, "POST", "/rest/sql/d", &[], b"select * from m").status, 200);
    let before = server.resident_bytes();
    let answer = request(&server, "POST", "/rest/sql/d", &[], b"select * from m");
    let after = server.peak_bytes();
    assert!(answer.header("content-length").is_none());
    let text = answer.text();
    assert!(text.ends_with(&format!("],\"rows\":{ROWS}}}")), "{}", &text[text.len() - 80..]);
    assert_eq!(text.matches("],[").count(), ROWS - 1 + 3, "between rows and between columns");
    let grown = after.saturating_sub(before);
    assert!(grown < text.len() as u64 / 2, "{grown} bytes of memory for {} bytes of answer", text.len());
}

/// `INSERT … FILE`: files in the directory that the configuration names, rows as in VALUES, one on each line.
#[test]
fn rows_are_inserted_from_files_in_the_configured_directory() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let listed = files.display().to_string();
    let server = Server::start_with(&dir.path().join("data"), &[("TRIGLOT_STORAGE__EXTERNAL_DIRS", &listed)]);
    done(&server, "create database d keep 36500d");
    done(&server, "create stable d.s (ts timestamp, v int, n varchar(8)) tags (g int)");
    done(&server, "create table d.t (ts timestamp, v int, n varchar(8))");
    let write = |name: &str, text: &str| {
        let path = files.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let answer = |statement: String| without_timing(&sql(&server, "/rest/sql/d", &statement)).to_owned();
    let affected = |rows: usize| {
        format!(r#"{{"code":0,"column_meta":[["affected_rows","INT",4]],"data":[[{rows}]],"rows":1}}"#)
    };
    let a = write("a.csv", "'2024-01-01 00:00:00', 1, 'one'\r\n\n1704067201000,null,\"it's, 2\"\n");
    assert_eq!(answer(format!("insert into t file '{a}'")), affected(2));
    let b = write("b.csv", "'c1',1704067202000,7\n'c2',1704067202000,8");
    assert_eq!(
        answer(format!("insert into s (tbname, ts, g) file '{b}' c3 using s tags (9) (ts, v) file '{b}2'")),
        r#"{"code":2,"desc":"No such file or directory""#
    );
    let c = write("c.csv", "1704067203000,3");
    let both = format!("insert into s (tbname, ts, g) file '{b}' c3 using s tags (9) (ts, v) file '{c}'");
    assert_eq!(answer(both), affected(3));
    assert_eq!(
        answer("select tbname, ts, v, g from s order by tbname".to_owned())
            .split("\"data\":")
            .nth(1)
            .unwrap(),
        concat!(
            r#"[["c1","2024-01-01T00:00:02.000Z",null,7],["c2","2024-01-01T00:00:02.000Z",null,8],"#,
            r#"["c3","2024-01-01T00:00:03.000Z",3,9]],"rows":3}"#
        )
    );
    assert_eq!(
        answer("select v, n from t order by ts".to_owned()).split("\"data\":").nth(1).unwrap(),
        r#"[[1,"one"],[null,"it's, 2"]],"rows":2}"#
    );
    // One bad line, and nothing is written.
    let bad = write("bad.csv", "1704067210000,1,'x'\n1704067211000,oops,'y'\n");
    let refused = answer(format!("insert into t file '{bad}'"));
    assert!(refused.starts_with(r#"{"code":534,"desc":"syntax error near 'oops"#), "{refused}");
    assert!(answer("select count(*) from t".to_owned()).contains("[[2]]"));
    let short = write("short.csv", "1704067210000,1");
    assert!(answer(format!("insert into t file '{short}'")).contains("\"code\":9791"));
    let empty = write("empty.csv", " \n");
    assert_eq!(answer(format!("insert into t file '{empty}'")), r#"{"code":538,"desc":"File is empty""#);
    // root may name no other files either.
    for path in ["/etc/passwd", "../../../etc/passwd"] {
        assert_eq!(
            answer(format!("insert into t file '{path}'")),
            r#"{"code":771,"desc":"Insufficient privilege for operation""#
        );
    }
}
