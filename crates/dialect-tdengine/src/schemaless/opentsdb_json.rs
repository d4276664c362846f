//! JSON puts with TDengine's typed values (sheet section 5.4).

use std::borrow::Cow;

use triglot_parse_opentsdb::json::{Point, Points as Parsed, Typed, Value as Json};
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::{Points, Time, Value};

use super::influx::invalid;
use super::opentsdb::{VALUE, epoch};

pub(super) fn parse<'a>(body: &'a [u8], points: &mut Points<'a>) -> Result<(), TaosError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    for (index, point) in Parsed::from_bytes(body).map_err(invalid)?.enumerate() {
        let point = point.map_err(invalid)?;
        add(point, points).map_err(|error| match error.code {
            0x3002 => TaosError::new(error.code, format!("{}, point {index}", error.text)),
            _ => error,
        })?;
    }
    Ok(())
}

fn add<'a>(point: Point<'a>, points: &mut Points<'a>) -> Result<(), TaosError> {
    if let Some(name) = &point.unknown {
        return Err(invalid(format!("unexpected member {name:?}")));
    }
    if point.tags.is_empty() {
        return Err(invalid("tags must be an object with members"));
    }
    let metric = point.metric().ok_or_else(|| invalid("metric must be a text"))?.to_owned();
    let time = time(&point.timestamp)?;
    let found = value(point.value)?;
    let tags: Result<Vec<_>, TaosError> =
        point.tags.into_iter().map(|(name, tag)| Ok((name, value(tag)?))).collect();
    let series = points.series(None, &metric, tags?)?;
    points.row(series, time, [(Cow::Borrowed(VALUE), found)])
}

/// A number by its digits, or with its unit.
fn time(given: &Json<'_>) -> Result<Option<Time>, TaosError> {
    let wrong = || invalid("timestamp must be seconds, milliseconds or a value with a type");
    match given {
        Json::I64(value) => epoch(&value.to_string(), *value).map_err(|()| wrong()),
        Json::Typed(typed) => {
            let Json::I64(value) = typed.value else { return Err(wrong()) };
            let unit_ns = match typed.ty.to_ascii_lowercase().as_str() {
                "s" => 1_000_000_000,
                "ms" => 1_000_000,
                "us" => 1_000,
                "ns" => 1,
                _ => return Err(wrong()),
            };
            Ok(if value == 0 { None } else { Some(Time { value, unit_ns }) })
        }
        _ => Err(wrong()),
    }
}

fn value(given: Json<'_>) -> Result<Value<'_>, TaosError> {
    match given {
        Json::Bool(value) => Ok(Value::Bool(value)),
        Json::Str(text) => Ok(Value::Varchar(text)),
        Json::Typed(typed) => of_type(*typed),
        number => number.as_number().map(Value::F64).ok_or_else(|| invalid("a value is of no known type")),
    }
}

fn of_type(typed: Typed<'_>) -> Result<Value<'_>, TaosError> {
    let Typed { value, ty } = typed;
    let ty = ty.to_ascii_lowercase();
    let wrong = || invalid(format!("a value does not suit its type {ty}"));
    let whole = || match value {
        Json::I64(v) => Ok(v),
        Json::F64(v) if v.fract() == 0.0 && v.abs() < 9.0e15 => Ok(v as i64),
        _ => Err(wrong()),
    };
    let number = || match value {
        Json::I64(_) | Json::U64(_) | Json::F64(_) => value.as_number().ok_or_else(wrong),
        _ => Err(wrong()),
    };
    Ok(match ty.as_str() {
        "bool" => match value {
            Json::Bool(v) => Value::Bool(v),
            _ => return Err(wrong()),
        },
        "tinyint" | "i8" => Value::I8(whole()?.try_into().map_err(|_| wrong())?),
        "smallint" | "i16" => Value::I16(whole()?.try_into().map_err(|_| wrong())?),
        "int" | "i32" => Value::I32(whole()?.try_into().map_err(|_| wrong())?),
        "bigint" | "i64" => Value::I64(whole()?),
        "float" | "f32" => {
            let narrow = number()? as f32;
            if narrow.is_infinite() {
                return Err(wrong());
            }
            Value::F32(narrow)
        }
        "double" | "f64" => Value::F64(number()?),
        "binary" | "varbinary" | "nchar" => match (value, ty.as_str()) {
            (Json::Str(text), "binary") => Value::Varchar(text),
            (Json::Str(text), "nchar") => Value::Nchar(text),
            (Json::Str(text), _) => Value::Varbinary(match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }),
            _ => return Err(wrong()),
        },
        _ => return Err(invalid(format!("unknown type {ty}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value_json: &str) -> Result<Value<'static>, u16> {
        let body = format!("{{\"value\":{value_json}}}");
        let point = Parsed::new(&body).next().unwrap().unwrap();
        match value(point.value).map_err(|e| e.code)? {
            Value::Varchar(text) => Ok(Value::Varchar(text.into_owned().into())),
            Value::Nchar(text) => Ok(Value::Nchar(text.into_owned().into())),
            Value::Varbinary(bytes) => Ok(Value::Varbinary(bytes.into_owned().into())),
            Value::F64(v) => Ok(Value::F64(v)),
            Value::F32(v) => Ok(Value::F32(v)),
            Value::Bool(v) => Ok(Value::Bool(v)),
            Value::I8(v) => Ok(Value::I8(v)),
            Value::I64(v) => Ok(Value::I64(v)),
            _ => Err(0),
        }
    }

    #[test]
    fn values_have_the_types_that_they_name() {
        assert_eq!(read("18"), Ok(Value::F64(18.0)));
        assert_eq!(read("true"), Ok(Value::Bool(true)));
        assert_eq!(read("\"x\""), Ok(Value::Varchar("x".into())));
        assert_eq!(read(r#"{"value":-128,"type":"i8"}"#), Ok(Value::I8(-128)));
        assert_eq!(read(r#"{"value":9223372036854775807,"type":"BIGINT"}"#), Ok(Value::I64(i64::MAX)));
        assert_eq!(read(r#"{"value":1.5,"type":"float"}"#), Ok(Value::F32(1.5)));
        assert_eq!(read(r#"{"value":"ü","type":"nchar"}"#), Ok(Value::Nchar("ü".into())));
        assert_eq!(read(r#"{"value":"ab","type":"varbinary"}"#), Ok(Value::Varbinary(b"ab"[..].into())));
    }

    #[test]
    fn values_that_do_not_suit_are_refused() {
        for wrong in [
            "null",
            "[1]",
            r#"{"value":128,"type":"tinyint"}"#,
            r#"{"value":1.5,"type":"int"}"#,
            r#"{"value":"1","type":"int"}"#,
            r#"{"value":1e39,"type":"f32"}"#,
            r#"{"value":1,"type":"bool"}"#,
            r#"{"value":1,"type":"decimal"}"#,
            r#"{"value":1}"#,
        ] {
            assert_eq!(read(wrong), Err(0x3002), "{wrong}");
        }
    }
}
