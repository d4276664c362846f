//! Real agents against the real server: `cargo clients`. They come as packages of Debian, PyPI and npm ([`packages`]), run in
//! the foreground on loopback ([`process`]), and what they wrote is read back by SQL through all three dialects.

mod exporter;
mod libraries;
mod node_exporter;
mod packages;
mod process;
mod prometheus;
mod promtool;
mod vmagent;

use crate::read_back::{Door, lines};
use crate::server::Server;

/// The lines that a query gives through each dialect, which must be the same. Names stand between double quotes, which become
/// TDengine's; the query says in which order.
fn everywhere(server: &Server, database: &str, sql: &str) -> Vec<String> {
    let of_taos = sql.replace('"', "`");
    let [cnosdb, tdengine, kwdb] = Door::all(server);
    let found = lines(&cnosdb.rows(database, sql));
    assert_eq!(lines(&tdengine.rows(database, &of_taos)), found, "TDengine's and CnosDB's rows of {sql}");
    assert_eq!(lines(&kwdb.rows(database, sql)), found, "KWDB's and CnosDB's rows of {sql}");
    found
}
