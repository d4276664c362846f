//! Prints path and value of every scalar of a JSON text from standard input:
//! `echo '{"a":[1,{"b":"x"}]}' | cargo run -p triglot-parse-json --example paths`

use std::io::Read;

use triglot_parse_json::{JsonError, Kind, Reader};

fn walk(reader: &mut Reader<'_>, path: &str) -> Result<(), JsonError> {
    match reader.kind()? {
        Kind::Scalar => println!("{path} = {}", reader.scalar()?.into_text()),
        Kind::Object => reader.object(|reader, name| walk(reader, &format!("{path}.{name}")))?,
        Kind::Array => {
            let mut index = 0;
            reader.array(|reader| {
                index += 1;
                walk(reader, &format!("{path}[{}]", index - 1))
            })?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut reader = Reader::new(&text);
    walk(&mut reader, "")?;
    Ok(reader.end()?)
}
