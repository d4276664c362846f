//! Statement × right × dialect: what a right on one table allows through each port, and that it allows nothing else
//! (`kwdb.md` section 14.2). Rights are given through KWDB's port and hold on all.

use serde_json::Value;

use crate::http;
use crate::server::Server;

const RIGHTS: [&str; 7] = ["CREATE", "DROP", "GRANT", "SELECT", "INSERT", "UPDATE", "DELETE"];
const PASSWORD: &str = "Secret_123";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    /// `/api/v1/sql`.
    CnosSql,
    /// `/api/v1/write`.
    CnosLines,
    /// `/rest/sql`.
    Taos,
    /// `/restapi/ddl`.
    KwdbDdl,
    /// `/restapi/insert`.
    KwdbInsert,
    /// `/restapi/query`.
    KwdbQuery,
}

/// A statement about the table `{t}` (made by line protocol: tag `host`, field `v`) and the right that it needs. The
/// one that drops it comes last.
const STATEMENTS: [(Via, &str, &str); 14] = [
    (Via::CnosSql, "SELECT count(*) FROM {t}", "SELECT"),
    (Via::Taos, "select count(*) from d.{t}", "SELECT"),
    (Via::KwdbQuery, "SELECT count(*) FROM {t}", "SELECT"),
    (Via::CnosSql, "INSERT INTO {t} (time, host, v) VALUES (10, 'a', 1.5)", "INSERT"),
    (Via::CnosLines, "{t},host=a v=2.5 11", "INSERT"),
    (Via::KwdbInsert, "INSERT INTO {t} (time, host, v) VALUES (12, 'a', 2.5)", "INSERT"),
    // CnosDB looks at the rows first: no one right is enough.
    (Via::CnosSql, "UPDATE {t} SET v = 3.5 WHERE host = 'a'", "SELECT and UPDATE"),
    (Via::CnosSql, "DELETE FROM {t} WHERE time = 10", "SELECT and DELETE"),
    (Via::Taos, "delete from d.{t} where time < 5", "DELETE"),
    (Via::KwdbDdl, "DELETE FROM {t} WHERE time = 11", "DELETE"),
    (Via::CnosSql, "ALTER TABLE {t} ADD FIELD w BIGINT", "CREATE"),
    (Via::Taos, "alter table d.{t} add column x bigint", "CREATE"),
    (Via::KwdbDdl, "ALTER TABLE {t} ADD COLUMN y INT8", "CREATE"),
    (Via::KwdbDdl, "DROP TABLE {t}", "DROP"),
];

struct User<'s> {
    server: &'s Server,
    headers: [(String, String); 2],
}

impl<'s> User<'s> {
    fn of(server: &'s Server, name: &str, password: &str) -> Self {
        let headers = [
            ("authorization".to_owned(), http::basic(name, password)),
            ("accept".to_owned(), "application/csv".to_owned()),
        ];
        Self { server, headers }
    }

    fn post(&self, via: Via, text: &str) -> (u16, String) {
        let (port, target) = match via {
            Via::CnosSql => (self.server.port, "/api/v1/sql?db=d"),
            Via::CnosLines => (self.server.port, "/api/v1/write?db=d"),
            Via::Taos => (self.server.taos_port, "/rest/sql"),
            Via::KwdbDdl => (self.server.kwdb_port, "/restapi/ddl?db=d"),
            Via::KwdbInsert => (self.server.kwdb_port, "/restapi/insert?db=d"),
            Via::KwdbQuery => (self.server.kwdb_port, "/restapi/query?db=d"),
        };
        let reply = http::exchange(port, "POST", target, &self.headers, text.as_bytes()).unwrap();
        (reply.status, reply.text())
    }

    /// Whether the statement was carried out. What is neither done nor refused for want of a right fails the test.
    fn may(&self, via: Via, text: &str) -> bool {
        let (status, body) = self.post(via, text);
        let json = || serde_json::from_str::<Value>(&body).unwrap_or_else(|_| panic!("{text}: {body}"));
        let (done, refused) = match via {
            Via::CnosSql | Via::CnosLines => (status == 200, body.contains("\"010004\"")),
            // "Insufficient privilege for operation", "Permission denied or target object not exist".
            Via::Taos => (json()["code"] == 0, json()["code"] == 0x0303 || json()["code"] == 0x2644),
            Via::KwdbDdl | Via::KwdbInsert | Via::KwdbQuery => {
                (json()["code"] == 0, body.contains(" privilege on "))
            }
        };
        assert!(done != refused, "{via:?} {text}: {status} {body}");
        done
    }
}

fn start(dir: &tempfile::TempDir) -> Server {
    let environment = [("TRIGLOT_KWDB__WIRE", "server")];
    Server::start_with(&dir.path().join("data"), &environment)
}

/// Root with one password for every port, after the database was made.
fn root(server: &Server) -> User<'_> {
    let root = User::of(server, "root", "");
    assert!(root.may(Via::CnosSql, "CREATE DATABASE d"));
    assert!(root.may(Via::CnosSql, "ALTER USER root SET PASSWORD = 'Root_123'"));
    User::of(server, "root", "Root_123")
}

#[test]
fn a_right_on_a_table_allows_its_statements_in_every_dialect_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&dir);
    let root = root(&server);
    let mut wrong = Vec::new();
    for right in RIGHTS {
        let (table, user) = (format!("t_{}", right.to_lowercase()), format!("u_{}", right.to_lowercase()));
        assert!(root.may(Via::CnosLines, &format!("{table},host=a v=1 1")));
        assert!(root.may(Via::KwdbDdl, &format!("CREATE USER {user} WITH PASSWORD '{PASSWORD}'")));
        let holder = User::of(&server, &user, PASSWORD);
        let check = |granted: bool, wrong: &mut Vec<String>| {
            for (via, text, needs) in STATEMENTS {
                let text = text.replace("{t}", &table);
                let may = holder.may(via, &text);
                if may != (granted && needs == right) {
                    wrong.push(format!("{right} granted: {granted}, {via:?} {text}: allowed {may}"));
                }
            }
        };
        check(false, &mut wrong);
        assert!(root.may(Via::KwdbDdl, &format!("GRANT {right} ON TABLE {table} TO {user}")));
        check(true, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The table of the one who may read is still there.
    let both = User::of(&server, "u_select", PASSWORD);
    assert!(root.may(Via::KwdbDdl, "GRANT UPDATE, DELETE ON TABLE t_select TO u_select"));
    assert!(both.may(Via::CnosSql, "UPDATE t_select SET v = 3.5 WHERE host = 'a'"));
    assert!(both.may(Via::CnosSql, "DELETE FROM t_select WHERE time = 10"));
}

/// Names that a user is told of through each port.
fn names(user: &User<'_>) -> [String; 3] {
    let cnos = user.post(Via::CnosSql, "SHOW TABLES").1;
    let taos =
        user.post(Via::Taos, "select stable_name from information_schema.ins_stables where db_name = 'd'").1;
    let kwdb = user.post(Via::KwdbQuery, "SHOW TABLES").1;
    [cnos, taos, kwdb]
}

#[test]
fn nobody_is_told_of_what_he_has_no_right_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&dir);
    let root = root(&server);
    for table in ["seen", "hidden"] {
        assert!(root.may(Via::CnosLines, &format!("{table},host=a v=1 1")));
    }
    assert!(root.may(Via::KwdbDdl, &format!("CREATE USER u WITH PASSWORD '{PASSWORD}'")));
    let user = User::of(&server, "u", PASSWORD);
    for told in names(&user) {
        assert!(!told.contains("seen") && !told.contains("hidden"), "{told}");
    }
    assert!(!user.may(Via::CnosLines, "fresh,host=a v=1 1"));
    assert!(root.may(Via::KwdbDdl, "GRANT SELECT ON TABLE seen TO u"));
    for told in names(&user) {
        assert!(told.contains("seen") && !told.contains("hidden"), "{told}");
    }
    // A right on the database makes tables, which start with the rights on it.
    assert!(root.may(Via::KwdbDdl, "GRANT CREATE, INSERT ON DATABASE d TO u"));
    assert!(user.may(Via::CnosLines, "fresh,host=a v=1 1"));
    assert!(user.may(Via::CnosLines, "fresh,host=b v=1,w=2 2"));
    assert!(!user.may(Via::CnosLines, "hidden,host=a v=1 2"));
    assert!(!user.may(Via::CnosSql, "SELECT * FROM fresh"));
}

/// Rights that come by a group, by everyone and by the role of administrators; log-ins that are refused.
#[test]
fn groups_everyone_and_log_ins_hold_on_every_port() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&dir);
    let root = root(&server);
    let ddl = |text: &str| assert!(root.may(Via::KwdbDdl, text), "{text}");
    assert!(root.may(Via::CnosLines, "t,host=a v=1 1\no,host=a v=1 1"));
    ddl("CREATE ROLE readers");
    ddl(&format!("CREATE USER u WITH PASSWORD '{PASSWORD}'"));
    ddl("GRANT SELECT ON TABLE t TO readers");
    let user = User::of(&server, "u", PASSWORD);
    let reads = |table: &str| {
        let sql = user.may(Via::CnosSql, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(user.may(Via::Taos, &format!("select count(*) from d.{table}")), sql);
        assert_eq!(user.may(Via::KwdbQuery, &format!("SELECT count(*) FROM {table}")), sql);
        sql
    };
    assert!(!reads("t"));
    ddl("GRANT readers TO u");
    assert!(reads("t") && !reads("o"));
    ddl("REVOKE readers FROM u");
    assert!(!reads("t"));
    ddl("GRANT SELECT ON TABLE o TO public");
    assert!(reads("o") && !reads("t"));
    ddl("GRANT admin TO u");
    assert!(reads("t"));
    ddl("REVOKE admin FROM u");
    assert!(!reads("t"));
    for refused in ["ALTER USER u WITH NOLOGIN", "ALTER USER u WITH LOGIN VALID UNTIL '2020-01-01'"] {
        ddl(refused);
        for via in [Via::CnosSql, Via::Taos, Via::KwdbQuery] {
            let (status, body) = user.post(via, "SELECT 1");
            assert!(status == 401 || body.contains("\"code\":-1"), "{refused} {via:?}: {status} {body}");
        }
    }
    ddl("ALTER USER u WITH VALID UNTIL NULL");
    assert!(reads("o"));
}
