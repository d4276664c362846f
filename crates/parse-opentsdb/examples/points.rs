//! Prints the points of a body of JSON or telnet lines from standard input:
//! `echo 'put sys.cpu 1346846400 42.5 host=a' | cargo run -p triglot-parse-opentsdb --example points`

use std::io::Read;

use triglot_parse_opentsdb::{Dialect, json, telnet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut body = String::new();
    std::io::stdin().read_to_string(&mut body)?;
    if body.trim_start().starts_with(['[', '{']) {
        for point in json::Points::new(&body) {
            println!("{:?}", point?);
        }
        return Ok(());
    }
    for line in telnet::Lines::new(&body, Dialect::TdEngine) {
        match line {
            Ok(line) => {
                println!("{} {} {} {:?}", line.metric(), line.timestamp(), line.value(), line.tags())
            }
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
