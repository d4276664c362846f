//! Prints the spans of an export request in JSON from standard input:
//! `cargo run -p triglot-parse-otlp --example spans < request.json`

use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut body = String::new();
    std::io::stdin().read_to_string(&mut body)?;
    for resource in triglot_parse_otlp::parse_json(&body)?.resource_spans {
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            println!("{} {} {}", span.start_time_unix_nano, span.kind_name(), span.name);
        }
    }
    Ok(())
}
