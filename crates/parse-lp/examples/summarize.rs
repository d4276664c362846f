//! Reads line protocol from standard input and tells what it holds:
//! `printf 'cpu,host=a x=1i 7\n' | cargo run -p triglot-parse-lp --example summarize -- influx`

use std::collections::BTreeMap;
use std::io::Read;

use triglot_parse_lp::{Dialect, Line, Parser};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dialect = match std::env::args().nth(1).as_deref() {
        None | Some("cnosdb") => Dialect::CnosDb,
        Some("influx") => Dialect::Influx,
        Some("tdengine") => Dialect::TdEngine,
        Some("kwdb") => Dialect::Kwdb,
        Some(other) => return Err(format!("no dialect {other:?}: cnosdb, influx, tdengine or kwdb").into()),
    };
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;

    let mut parser = Parser::from_bytes(&body, dialect)?;
    let mut line = Line::new();
    let mut tables: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    while let Some(result) = parser.next_line(&mut line) {
        match result {
            Ok(point) => {
                let (points, values) = tables.entry(point.measurement().into_owned()).or_default();
                *points += 1;
                *values += point.fields().len();
            }
            Err(error) => eprintln!("line {}: {error}", error.line),
        }
    }
    for (table, (points, values)) in tables {
        println!("{table}: {points} points, {values} values");
    }
    Ok(())
}
