//! The JSON mapping: names in lowerCamelCase, ids in hexadecimal digits, 64-bit integers as texts or numbers,
//! enumerations as numbers or names, unknown members passed over.

use triglot_parse_json::{JsonError, Kind, Reader, Scalar};

use crate::error::OtlpError;
use crate::message::{
    AnyValue, ArrayValue, CODES, Event, InstrumentationScope, KINDS, KeyValue, KeyValueList, Link, Resource,
    ResourceSpans, ScopeSpans, Span, Status, TracesRequest, Value,
};

type Result<T> = std::result::Result<T, OtlpError>;

/// Reads the text of a request. Nesting ends at 128.
///
/// # Errors
/// Text that is not JSON, values of other types than their members'.
pub fn parse(body: &str) -> Result<TracesRequest> {
    let mut reader = Reader::new(body);
    let mut request = TracesRequest::default();
    reader.object(|reader, name| match &*name {
        "resourceSpans" => list(reader, &mut request.resource_spans, resource_spans),
        _ => skip(reader),
    })?;
    reader.end()?;
    Ok(request)
}

fn skip(reader: &mut Reader<'_>) -> Result<()> {
    Ok(reader.skip()?)
}

/// An array, each element by `one`. `null` stands for none.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    into: &mut Vec<T>,
    one: fn(&mut Reader<'a>) -> Result<T>,
) -> Result<()> {
    if reader.kind()? == Kind::Scalar {
        return null(reader, "an array");
    }
    reader.array(|reader| {
        into.push(one(reader)?);
        Ok(())
    })
}

/// `null`, and nothing else.
fn null(reader: &mut Reader<'_>, member: &'static str) -> Result<()> {
    match reader.scalar()? {
        Scalar::Null => Ok(()),
        _ => Err(OtlpError::Member { offset: reader.offset(), member }),
    }
}

fn resource_spans(reader: &mut Reader<'_>) -> Result<ResourceSpans> {
    let mut of = ResourceSpans::default();
    reader.object(|reader, name| match &*name {
        "resource" => {
            of.resource = Some(resource(reader)?);
            Ok(())
        }
        "scopeSpans" => list(reader, &mut of.scope_spans, scope_spans),
        "schemaUrl" => text(reader, &mut of.schema_url),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn resource(reader: &mut Reader<'_>) -> Result<Resource> {
    let mut of = Resource::default();
    reader.object(|reader, name| match &*name {
        "attributes" => list(reader, &mut of.attributes, key_value),
        "droppedAttributesCount" => count(reader, &mut of.dropped_attributes_count),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn scope_spans(reader: &mut Reader<'_>) -> Result<ScopeSpans> {
    let mut of = ScopeSpans::default();
    reader.object(|reader, name| match &*name {
        "scope" => {
            of.scope = Some(scope(reader)?);
            Ok(())
        }
        "spans" => list(reader, &mut of.spans, span),
        "schemaUrl" => text(reader, &mut of.schema_url),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn scope(reader: &mut Reader<'_>) -> Result<InstrumentationScope> {
    let mut of = InstrumentationScope::default();
    reader.object(|reader, name| match &*name {
        "name" => text(reader, &mut of.name),
        "version" => text(reader, &mut of.version),
        "attributes" => list(reader, &mut of.attributes, key_value),
        "droppedAttributesCount" => count(reader, &mut of.dropped_attributes_count),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn span(reader: &mut Reader<'_>) -> Result<Span> {
    let mut of = Span::default();
    reader.object(|reader, name| match &*name {
        "traceId" => id(reader, "traceId", &mut of.trace_id),
        "spanId" => id(reader, "spanId", &mut of.span_id),
        "parentSpanId" => id(reader, "parentSpanId", &mut of.parent_span_id),
        "traceState" => text(reader, &mut of.trace_state),
        "name" => text(reader, &mut of.name),
        "kind" => enumeration(reader, "kind", &KINDS, &mut of.kind),
        "startTimeUnixNano" => nanos(reader, &mut of.start_time_unix_nano),
        "endTimeUnixNano" => nanos(reader, &mut of.end_time_unix_nano),
        "attributes" => list(reader, &mut of.attributes, key_value),
        "droppedAttributesCount" => count(reader, &mut of.dropped_attributes_count),
        "events" => list(reader, &mut of.events, event),
        "droppedEventsCount" => count(reader, &mut of.dropped_events_count),
        "links" => list(reader, &mut of.links, link),
        "droppedLinksCount" => count(reader, &mut of.dropped_links_count),
        "status" => {
            of.status = Some(status(reader)?);
            Ok(())
        }
        "flags" => count(reader, &mut of.flags),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn event(reader: &mut Reader<'_>) -> Result<Event> {
    let mut of = Event::default();
    reader.object(|reader, name| match &*name {
        "timeUnixNano" => nanos(reader, &mut of.time_unix_nano),
        "name" => text(reader, &mut of.name),
        "attributes" => list(reader, &mut of.attributes, key_value),
        "droppedAttributesCount" => count(reader, &mut of.dropped_attributes_count),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn link(reader: &mut Reader<'_>) -> Result<Link> {
    let mut of = Link::default();
    reader.object(|reader, name| match &*name {
        "traceId" => id(reader, "traceId", &mut of.trace_id),
        "spanId" => id(reader, "spanId", &mut of.span_id),
        "traceState" => text(reader, &mut of.trace_state),
        "attributes" => list(reader, &mut of.attributes, key_value),
        "droppedAttributesCount" => count(reader, &mut of.dropped_attributes_count),
        "flags" => count(reader, &mut of.flags),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn status(reader: &mut Reader<'_>) -> Result<Status> {
    let mut of = Status::default();
    reader.object(|reader, name| match &*name {
        "message" => text(reader, &mut of.message),
        "code" => enumeration(reader, "code", &CODES, &mut of.code),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn key_value(reader: &mut Reader<'_>) -> Result<KeyValue> {
    let mut of = KeyValue::default();
    reader.object(|reader, name| match &*name {
        "key" => text(reader, &mut of.key),
        "value" if reader.kind()? == Kind::Scalar => null(reader, "value"),
        "value" => {
            of.value = Some(any_value(reader)?);
            Ok(())
        }
        _ => skip(reader),
    })?;
    Ok(of)
}

fn any_value(reader: &mut Reader<'_>) -> Result<AnyValue> {
    let mut of = AnyValue::default();
    reader.object(|reader, name| {
        let wrong = |reader: &Reader<'_>, member| OtlpError::Member { offset: reader.offset(), member };
        of.value = Some(match &*name {
            "stringValue" => Value::String(reader.text()?.into_owned()),
            "boolValue" => match reader.scalar()? {
                Scalar::Bool(value) => Value::Bool(value),
                _ => return Err(wrong(reader, "boolValue")),
            },
            "intValue" => {
                let text = reader.scalar()?.into_text();
                Value::Int(text.parse().map_err(|_| wrong(reader, "intValue"))?)
            }
            "doubleValue" => {
                let text = reader.scalar()?.into_text();
                // NaN and Infinity come as texts.
                Value::Double(text.parse().map_err(|_| wrong(reader, "doubleValue"))?)
            }
            "bytesValue" => {
                let text = reader.text()?;
                Value::Bytes(base64(&text).ok_or_else(|| wrong(reader, "bytesValue"))?)
            }
            "arrayValue" => Value::Array(array(reader)?),
            "kvlistValue" => Value::List(pairs(reader)?),
            _ => return skip(reader),
        });
        Ok(())
    })?;
    Ok(of)
}

fn array(reader: &mut Reader<'_>) -> Result<ArrayValue> {
    let mut of = ArrayValue::default();
    reader.object(|reader, name| match &*name {
        "values" => list(reader, &mut of.values, any_value),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn pairs(reader: &mut Reader<'_>) -> Result<KeyValueList> {
    let mut of = KeyValueList::default();
    reader.object(|reader, name| match &*name {
        "values" => list(reader, &mut of.values, key_value),
        _ => skip(reader),
    })?;
    Ok(of)
}

fn text(reader: &mut Reader<'_>, into: &mut String) -> Result<()> {
    *into = reader.text()?.into_owned();
    Ok(())
}

fn count(reader: &mut Reader<'_>, into: &mut u32) -> Result<()> {
    *into = number(reader, "a count")?;
    Ok(())
}

fn nanos(reader: &mut Reader<'_>, into: &mut u64) -> Result<()> {
    *into = number(reader, "a time")?;
    Ok(())
}

/// An integer, as a number or as a text.
fn number<T: std::str::FromStr>(reader: &mut Reader<'_>, member: &'static str) -> Result<T> {
    let text = reader.scalar()?.into_text();
    text.parse().map_err(|_| OtlpError::Member { offset: reader.offset(), member })
}

fn enumeration(reader: &mut Reader<'_>, member: &'static str, names: &[&str], into: &mut i32) -> Result<()> {
    let text = reader.scalar()?.into_text();
    let by_name = names.iter().position(|name| *name == text).and_then(|at| i32::try_from(at).ok());
    let found = by_name.or_else(|| text.parse().ok());
    *into = found.ok_or(OtlpError::Member { offset: reader.offset(), member })?;
    Ok(())
}

/// Hexadecimal digits.
fn id(reader: &mut Reader<'_>, member: &'static str, into: &mut Vec<u8>) -> Result<()> {
    let text = reader.text().map_err(|error: JsonError| OtlpError::Json(error))?;
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    *into = pairs.collect::<Option<_>>().ok_or(OtlpError::Member { offset: reader.offset(), member })?;
    Ok(())
}

/// Standard or URL-safe alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut have) = (Vec::new(), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    // Six bits alone are no octet.
    if have == 6 { None } else { Some(out) }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn octets_are_base64() {
        let cases: [(&str, Option<&[u8]>); 8] = [
            ("", Some(b"")),
            ("Zg==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("-_-_", Some(&[0xfb, 0xff, 0xbf])),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("Z", None),
            ("Z!==", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(base64(text).as_deref(), bytes, "{text}");
        }
    }
}
