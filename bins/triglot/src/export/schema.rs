//! The Arrow schema of what is exported.

use std::io::{BufRead, BufReader, Seek};
use std::sync::Arc;

use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Failure;
use crate::client::{Client, ClientError};
use crate::csv::{Record, Records};

/// The schema of a table, in the order of `SELECT *`, from `DESCRIBE TABLE`.
pub(super) fn of_table(client: &Client, table: &str) -> Result<SchemaRef, Failure> {
    let answer = client.sql(&format!("DESCRIBE TABLE {table}"), "text/csv")?;
    let mut records = Records::new(BufReader::new(answer), b',');
    let mut record = Record::default();
    let mut fields = Vec::new();
    while records.read(&mut record).map_err(|e| Failure::doing("DESCRIBE TABLE", e))? {
        if record.line == 1 {
            continue;
        }
        let (Some(name), Some(declared), Some(kind)) = (record.get(0), record.get(1), record.get(2)) else {
            return Err(ClientError::Answer(format!("DESCRIBE TABLE, line {}", record.line)).into());
        };
        fields.push(Field::new(name, data_type(declared), kind != "TIME"));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// From CnosDB's name of a type; what has no better form is kept as text.
fn data_type(declared: &str) -> DataType {
    match declared.to_ascii_uppercase().replace('_', " ").as_str() {
        "BIGINT" => DataType::Int64,
        "BIGINT UNSIGNED" => DataType::UInt64,
        "DOUBLE" => DataType::Float64,
        "BOOLEAN" => DataType::Boolean,
        "TIMESTAMP" | "TIMESTAMP(NANOSECOND)" => DataType::Timestamp(TimeUnit::Nanosecond, None),
        "TIMESTAMP(MICROSECOND)" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "TIMESTAMP(MILLISECOND)" => DataType::Timestamp(TimeUnit::Millisecond, None),
        _ => DataType::Utf8,
    }
}

/// The schema of a query's rows, inferred from all values of its CSV.
pub(super) fn of_csv(csv: &mut (impl BufRead + Seek)) -> Result<SchemaRef, Failure> {
    let failed = |e: arrow::error::ArrowError| Failure::doing("the answer", e);
    let (schema, _) = Format::default().with_header(true).infer_schema(&mut *csv, None).map_err(failed)?;
    csv.rewind()?;
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            // No value at all, or times that CSV cannot tell from text.
            DataType::Null => Field::new(field.name(), DataType::Utf8, true),
            other => Field::new(field.name(), other.clone(), true),
        })
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn csv_columns_get_the_types_of_their_values() {
        let csv = "time,a,b,c,d,e\n2022-11-03T06:20:11.000001000,1,1.5,true,x,\n2022-11-03T06:20:12.000000000,2,3.0,false,,\n";
        let schema = of_csv(&mut Cursor::new(csv)).unwrap();
        let types: Vec<&DataType> = schema.fields().iter().map(|f| f.data_type()).collect();
        assert_eq!(
            types,
            [
                &DataType::Timestamp(TimeUnit::Nanosecond, None),
                &DataType::Int64,
                &DataType::Float64,
                &DataType::Boolean,
                &DataType::Utf8,
                &DataType::Utf8
            ]
        );
    }
}
