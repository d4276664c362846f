//! TDengine's own clients over REST, unchanged: Python's `taosrest` with pandas and SQLAlchemy, npm's
//! `@tdengine/rest`, and the calls of the manual with curl. Their scripts are in `tests/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients::{run, skip, venv};
use crate::server::{Server, profile_dir};

/// Without their dependencies: taospy pins a `typing-extensions` that others cannot share.
const TAOSPY: &str = "taospy==2.8.10";
const PACKAGES: [&str; 5] =
    ["iso8601==2.1.0", "pytz==2026.6", "requests==2.32.3", "SQLAlchemy==2.1.9", "pandas==3.1.1"];
const NPM_PACKAGE: &str = "@tdengine/rest@3.0.3";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A Python with taospy; none (only on a developer's machine) if it cannot be had.
fn python() -> Option<PathBuf> {
    let python = venv("taos-venv", &PACKAGES)?;
    let taosrest = Command::new(&python).args(["-c", "import taosrest"]).output().unwrap();
    if !taosrest.status.success() {
        let install = ["-m", "pip", "install", "--quiet", "--no-deps", TAOSPY];
        run(Command::new(&python).args(install));
    }
    Some(python)
}

#[test]
fn taosrest_with_pandas_and_sqlalchemy_works_unchanged() {
    if skip("python3") {
        return;
    }
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let mut command = Command::new(python);
    command.arg(script("taosrest_client.py")).arg(server.taos_port.to_string());
    assert_eq!(run(&mut command), "ok\n");
}

#[test]
fn tdengine_rest_of_npm_works_unchanged() {
    if skip("node") || skip("npm") {
        return;
    }
    let modules = profile_dir().parent().unwrap().join("test-npm");
    std::fs::create_dir_all(&modules).unwrap();
    if !modules.join("node_modules/@tdengine/rest/package.json").exists() {
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-save", "--prefix"]).arg(&modules).arg(NPM_PACKAGE);
        run(&mut install);
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules.join("node_modules"));
    command.arg(script("tdengine_rest.js")).arg(server.taos_port.to_string());
    assert_eq!(run(&mut command), "ok\n");
}

/// The calls that TDengine's manual shows for its REST interface.
#[test]
fn curl_calls_of_the_manual() {
    if skip("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let base = format!("http://127.0.0.1:{}", server.taos_port);
    let curl = |arguments: &[&str], path: &str| {
        run(Command::new("curl").arg("-sS").args(arguments).arg(format!("{base}{path}")))
    };
    let affected =
        |n: u32| format!(r#"{{"code":0,"column_meta":[["affected_rows","INT",4]],"data":[[{n}]],"rows":1}}"#);
    let root = ["-u", "root:taosdata", "-d"];
    let sql = |statement: &str, path: &str| curl(&[&root[..], &[statement]].concat(), path);
    assert_eq!(sql("create database demo", "/rest/sql"), affected(0));
    let create = "create table demo.d1001 (ts timestamp, current float, voltage int, phase float)";
    assert_eq!(sql(create, "/rest/sql"), affected(0));
    let insert = "insert into demo.d1001 values ('2022-07-30T06:44:40.32Z', 10.3, 219, 0.31)";
    assert_eq!(sql(insert, "/rest/sql"), affected(1));
    let meta = concat!(
        r#"{"code":0,"column_meta":[["ts","TIMESTAMP",8],["current","FLOAT",4],["voltage","INT",4],"#,
        r#"["phase","FLOAT",4]],"data":"#
    );
    let row = r#"[["2022-07-30T06:44:40.320Z",10.3,219,0.31]],"rows":1}"#;
    assert_eq!(sql("select * from demo.d1001", "/rest/sql"), format!("{meta}{row}"));
    // A database in the path, a time zone, a request id; compressed.
    let shifted = r#"[["2022-07-30T14:44:40.320+08:00",10.3,219,0.31]],"rows":1}"#;
    assert_eq!(
        sql("select * from d1001", "/rest/sql/demo?tz=Asia/Shanghai&req_id=5"),
        format!("{meta}{shifted}")
    );
    let packed = [&["--compressed"], &root[..], &["select * from d1001;"]].concat();
    assert_eq!(curl(&packed, "/rest/sql/demo"), format!("{meta}{row}"));
    let objects = sql("select ts, voltage from d1001", "/rest/sql/demo?row_with_meta=true");
    assert!(objects.contains(r#""data":[{"ts":"2022-07-30T06:44:40.320Z","voltage":219}],"#), "{objects}");
    // The token that the manual prints, and a request with it.
    let token = "/KfeAzX/f9na8qdtNZmtONryp201ma04bEl8LcvLUd7a8qdtNZmtONryp201ma04";
    assert_eq!(curl(&[], "/rest/login/root/taosdata"), format!(r#"{{"code":0,"desc":"{token}"}}"#));
    let header = format!("Authorization: Taosd {token}");
    let with_token = ["-L", "-H", header.as_str(), "-d", "select voltage from demo.d1001"];
    let voltage = r#"{"code":0,"column_meta":[["voltage","INT",4]],"data":[[219]],"rows":1}"#;
    assert_eq!(curl(&with_token, "/rest/sql"), voltage);
    assert_eq!(curl(&with_token, "/rest/sql/"), voltage, "redirected");
    let wrong = curl(&["-w", "[%{http_code}]", "-u", "root:wrong", "-d", "show databases"], "/rest/sql");
    assert!(wrong.starts_with(r#"{"code":855,"desc":"Authentication failure","timing":"#), "{wrong}");
    assert!(wrong.ends_with("}[401]"), "{wrong}");
}
