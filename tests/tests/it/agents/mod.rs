//! Real agents against the real server: `cargo clients`. They come as packages of Debian, PyPI and npm ([`packages`]), run in
//! the foreground on loopback ([`process`]), and what they wrote is read back by SQL through all three dialects.

mod collectd;
mod exporter;
mod libraries;
mod listeners;
mod node_exporter;
pub(crate) mod packages;
mod process;
mod prometheus;
mod promtool;
mod rsyslog;
mod syslog_ng;
mod vmagent;

use crate::agents::process::{Agent, eventually};
use crate::http;
use crate::read_back::{Door, lines};
use crate::server::Server;

/// The lines that a query gives through each dialect, which must be the same. Names stand between double quotes, which become
/// TDengine's; the query says in which order.
pub(crate) fn everywhere(server: &Server, database: &str, sql: &str) -> Vec<String> {
    let [cnosdb, tdengine, kwdb] = through_each(server, database, sql);
    assert_eq!(tdengine, cnosdb, "TDengine's and CnosDB's rows of {sql}");
    assert_eq!(kwdb, cnosdb, "KWDB's and CnosDB's rows of {sql}");
    cnosdb
}

/// The same in the order of the lines as texts, for queries without an order.
fn everywhere_sorted(server: &Server, database: &str, sql: &str) -> Vec<String> {
    let [cnosdb, tdengine, kwdb] = through_each(server, database, sql).map(|mut lines| {
        lines.sort();
        lines
    });
    assert_eq!(tdengine, cnosdb, "TDengine's and CnosDB's rows of {sql}");
    assert_eq!(kwdb, cnosdb, "KWDB's and CnosDB's rows of {sql}");
    cnosdb
}

/// The lines that a query gives at this moment, sorted, while rows arrive; an error while there is no such table.
fn rows_of(server: &Server, database: &str, sql: &str) -> Result<Vec<String>, String> {
    let reply = http::sql(server.port, database, sql).unwrap();
    if reply.status != 200 {
        return Err(reply.text());
    }
    let mut found = lines(&Door::tdengine(server).rows(database, &sql.replace('"', "`")));
    found.sort();
    Ok(found)
}

/// Tries until the query gives these lines, in the order of texts; then every dialect must.
fn await_rows(server: &Server, database: &str, sql: &str, wanted: &[String], agents: &[&Agent]) {
    eventually(sql, agents, || match rows_of(server, database, sql)? {
        found if found == wanted => Ok(()),
        found => Err(format!("wanted {wanted:#?}\nfound {found:#?}")),
    });
    assert_eq!(everywhere_sorted(server, database, sql), wanted);
}

fn through_each(server: &Server, database: &str, sql: &str) -> [Vec<String>; 3] {
    let of_taos = sql.replace('"', "`");
    let [cnosdb, tdengine, kwdb] = Door::all(server);
    [(cnosdb, sql), (tdengine, &of_taos), (kwdb, sql)].map(|(door, sql)| lines(&door.rows(database, sql)))
}
