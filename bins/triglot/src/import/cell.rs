//! Columns of a table to import, and their values as line protocol.

use std::collections::HashMap;
use std::io::BufReader;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use triglot_parse_lp::Dialect;
use triglot_parse_lp::encode::{Point, Value, encode};

use crate::Failure;
use crate::client::{Client, ClientError, Precision};
use crate::csv::{Record, Records};

/// The types that line protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    Bool,
    I64,
    U64,
    F64,
    Text,
}

impl FieldType {
    /// From CnosDB's name of it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().replace('_', " ").as_str() {
            "BOOLEAN" | "BOOL" => Some(Self::Bool),
            "BIGINT" => Some(Self::I64),
            "BIGINT UNSIGNED" => Some(Self::U64),
            "DOUBLE" => Some(Self::F64),
            "STRING" => Some(Self::Text),
            name if name.starts_with("GEOMETRY") => Some(Self::Text),
            _ => None,
        }
    }

    /// The value that a text stands for.
    pub(crate) fn value(self, text: &str) -> Option<Value<'_>> {
        match self {
            Self::Text => Some(Value::Str(text)),
            Self::I64 => text.trim().parse().ok().map(Value::I64),
            Self::U64 => text.trim().parse().ok().map(Value::U64),
            Self::F64 => text.trim().parse().ok().map(Value::F64),
            Self::Bool => match text.trim() {
                "t" | "T" | "true" | "True" | "TRUE" => Some(Value::Bool(true)),
                "f" | "F" | "false" | "False" | "FALSE" => Some(Value::Bool(false)),
                _ => None,
            },
        }
    }

    /// The narrowest type of all these values; none if there is no value.
    pub(crate) fn infer<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        values.clone().next()?;
        [Self::Bool, Self::I64, Self::U64, Self::F64]
            .into_iter()
            .find(|t| values.clone().all(|v| t.value(v).is_some()))
            .or(Some(Self::Text))
    }
}

/// What a column of the input becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Time,
    Tag,
    /// Type as declared by the table or `--types`; none = found out from the input.
    Field(Option<FieldType>),
}

/// A column of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// The table's columns by name, as the server tells; empty if there is no such table.
pub(crate) fn describe(client: &Client, table: &str) -> Result<HashMap<String, Role>, Failure> {
    let statement = format!("DESCRIBE TABLE \"{}\"", table.replace('"', "\"\""));
    let answer = match client.sql(&statement, "text/csv") {
        Ok(answer) => answer,
        Err(ClientError::Status { code, .. }) if code == "030019" => return Ok(HashMap::new()),
        Err(error) => return Err(error.into()),
    };
    let mut records = Records::new(BufReader::new(answer), b',');
    let mut record = Record::default();
    let mut columns = HashMap::new();
    let mut header = true;
    while records.read(&mut record).map_err(|e| Failure::doing("DESCRIBE TABLE", e))? {
        let (Some(name), Some(data_type), Some(kind)) = (record.get(0), record.get(1), record.get(2)) else {
            return Err(ClientError::Answer(format!("DESCRIBE TABLE, line {}", record.line)).into());
        };
        let role = match kind {
            "TIME" => Role::Time,
            "TAG" => Role::Tag,
            _ => Role::Field(FieldType::parse(data_type)),
        };
        if !std::mem::take(&mut header) {
            columns.insert(name.to_owned(), role);
        }
    }
    Ok(columns)
}

/// What the user says of the columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) time: String,
    pub(crate) tags: Vec<String>,
    pub(crate) types: Vec<(String, FieldType)>,
}

impl Mapping {
    /// The roles of the input's columns: what the user says goes over what the table has.
    pub(crate) fn columns(
        &self,
        names: &[String],
        table: &HashMap<String, Role>,
    ) -> Result<Vec<Column>, Failure> {
        let absent = |name: &&String| !names.contains(*name);
        let named = std::iter::once(&self.time).chain(&self.tags).chain(self.types.iter().map(|t| &t.0));
        if let Some(name) = named.clone().find(absent) {
            let all = names.join(", ");
            return Err(Failure::Message(format!("the input has no column {name:?}; it has {all}")));
        }
        let role = |name: &String| {
            if *name == self.time {
                return Role::Time;
            }
            if self.tags.contains(name) {
                return Role::Tag;
            }
            let given = self.types.iter().find(|(n, _)| n == name).map(|(_, t)| Role::Field(Some(*t)));
            let known = table.get(name).filter(|role| **role != Role::Time).cloned();
            given.or(known).unwrap_or(Role::Field(None))
        };
        Ok(names.iter().map(|name| Column { name: name.clone(), role: role(name) }).collect())
    }
}

/// A timestamp: a whole number in `precision`, or a date and time (without zone: UTC).
pub(crate) fn timestamp(text: &str, precision: Precision) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let nanos = string_to_timestamp_nanos(text).ok()?;
        Some(nanos.div_euclid(1_000_000_000 / precision.per_second()))
    })
}

/// Builds points of one table.
#[derive(Debug)]
pub(crate) struct Rows {
    table: String,
    out: String,
}

impl Rows {
    pub(crate) fn new(table: &str) -> Self {
        Self { table: table.to_owned(), out: String::new() }
    }

    /// One row as line protocol, or why it cannot be written.
    pub(crate) fn encode(
        &mut self,
        tags: &[(&str, &str)],
        fields: &[(&str, Value<'_>)],
        time: Option<i64>,
    ) -> Result<&[u8], String> {
        if time.is_none() {
            return Err("the time is missing".to_owned());
        }
        if fields.is_empty() {
            return Err("no field has a value".to_owned());
        }
        self.out.clear();
        let point = Point { measurement: &self.table, tags, fields, timestamp: time };
        encode(&mut self.out, &point, Dialect::CnosDb).map_err(|e| e.to_string())?;
        Ok(self.out.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred_from_all_values() {
        for (values, wanted) in [
            (&["1", "-2"][..], Some(FieldType::I64)),
            (&["1", "18446744073709551615"], Some(FieldType::U64)),
            (&["1", "2.5", "1e3"], Some(FieldType::F64)),
            (&["true", "False"], Some(FieldType::Bool)),
            (&["1", "x"], Some(FieldType::Text)),
            (&[], None),
        ] {
            assert_eq!(FieldType::infer(values.iter().copied()), wanted, "{values:?}");
        }
    }

    #[test]
    fn times_are_numbers_or_dates() {
        assert_eq!(timestamp("1642176000000", Precision::Ms), Some(1_642_176_000_000));
        assert_eq!(
            timestamp("2022-01-14T16:00:00.000001500", Precision::Ns),
            Some(1_642_176_000_000_001_500)
        );
        assert_eq!(timestamp("2022-01-14 16:00:00Z", Precision::Us), Some(1_642_176_000_000_000));
        assert_eq!(timestamp("1969-12-31T23:59:59.999999999Z", Precision::Ms), Some(-1));
        assert_eq!(timestamp("yesterday", Precision::Ns), None);
    }

    #[test]
    fn the_user_goes_over_the_table() {
        let names = ["ts", "host", "v", "w"].map(str::to_owned);
        let table = HashMap::from([
            ("time".to_owned(), Role::Time),
            ("v".to_owned(), Role::Field(Some(FieldType::F64))),
            ("w".to_owned(), Role::Field(Some(FieldType::F64))),
        ]);
        let mapping = Mapping {
            time: "ts".to_owned(),
            tags: vec!["host".to_owned()],
            types: vec![("w".to_owned(), FieldType::I64)],
        };
        let roles: Vec<Role> = mapping.columns(&names, &table).unwrap().into_iter().map(|c| c.role).collect();
        assert_eq!(
            roles,
            [Role::Time, Role::Tag, Role::Field(Some(FieldType::F64)), Role::Field(Some(FieldType::I64))]
        );
        let wrong = Mapping { time: "when".to_owned(), ..mapping };
        assert!(wrong.columns(&names, &table).unwrap_err().to_string().contains("no column \"when\""));
    }
}
