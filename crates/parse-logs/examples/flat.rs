//! Prints the fields of newline-delimited documents from standard input:
//! `echo '{"a":{"b":[1,2]}}' | cargo run -p triglot-parse-logs --example flat`

use std::io::Read;

use triglot_parse_logs::LogErrorKind;
use triglot_parse_logs::document::flatten;
use triglot_parse_logs::ndjson::Lines;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut body = String::new();
    std::io::stdin().read_to_string(&mut body)?;
    for (number, line) in Lines::new(&body) {
        flatten(line, |field| {
            println!("{number}: {} = {}", field.path, field.value.into_text());
            Ok::<_, LogErrorKind>(())
        })?;
    }
    Ok(())
}
