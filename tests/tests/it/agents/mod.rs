//! Real agents against the real server: `cargo clients`. They come as packages of Debian, PyPI and npm ([`packages`]), run in
//! the foreground on loopback ([`process`]), and what they wrote is read back by SQL through all three dialects.

mod collectd;
mod exporter;
mod libraries;
mod listeners;
mod node_exporter;
mod packages;
mod process;
mod prometheus;
mod promtool;
mod vmagent;

use crate::http;
use crate::read_back::{Door, lines};
use crate::server::Server;

/// The lines that a query gives through each dialect, which must be the same. Names stand between double quotes, which become
/// TDengine's; the query says in which order.
fn everywhere(server: &Server, database: &str, sql: &str) -> Vec<String> {
    let [cnosdb, tdengine, kwdb] = through_each(server, database, sql);
    assert_eq!(tdengine, cnosdb, "TDengine's and CnosDB's rows of {sql}");
    assert_eq!(kwdb, cnosdb, "KWDB's and CnosDB's rows of {sql}");
    cnosdb
}

/// The same in the order of the lines as texts, for queries without an order; none while there is no such table.
fn rows_of(server: &Server, database: &str, sql: &str) -> Option<Vec<String>> {
    if http::sql(server.port, database, sql).unwrap().status != 200 {
        return None;
    }
    let [cnosdb, tdengine, kwdb] = through_each(server, database, sql).map(|mut lines| {
        lines.sort();
        lines
    });
    // Rows may arrive between two reads: the caller asks again.
    (tdengine == cnosdb && kwdb == cnosdb).then_some(cnosdb)
}

fn through_each(server: &Server, database: &str, sql: &str) -> [Vec<String>; 3] {
    let of_taos = sql.replace('"', "`");
    let [cnosdb, tdengine, kwdb] = Door::all(server);
    [(cnosdb, sql), (tdengine, &of_taos), (kwdb, sql)].map(|(door, sql)| lines(&door.rows(database, sql)))
}
