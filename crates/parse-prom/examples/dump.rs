//! Prints the samples of a `/metrics` page from standard input:
//! `printf 'up{job="x"} 1\n' | cargo run -p triglot-parse-prom --example dump`

use std::io::Read;

use triglot_parse_prom::text::{Entries, Entry, Format};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut page = String::new();
    std::io::stdin().read_to_string(&mut page)?;
    let format = if page.contains("\n# EOF") { Format::OpenMetrics } else { Format::Prometheus };
    for entry in Entries::new(&page, format) {
        match entry {
            Ok(Entry::Sample(sample)) => println!("{} {:?} = {}", sample.name, sample.labels, sample.value),
            Ok(Entry::Type { name, kind }) => println!("{name} is a {kind}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
