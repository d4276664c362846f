//! Prints StatsD's values from standard input:
//! `echo 'gorets:1|c|@0.1' | cargo run -p triglot-parse-collectors --example statsd`

use std::io::Read;

use triglot_parse_collectors::statsd::Metrics;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    for metric in Metrics::new(&text) {
        match metric {
            Ok(metric) => println!("{metric:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
