//! `multipart/form-data` (RFC 7578), of bodies that are in memory.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

/// The contents of all parts of this name, in order; none if the body is not what its type says.
pub(super) fn parts<'b>(headers: &HeaderMap, body: &'b [u8], name: &str) -> Option<Vec<&'b [u8]>> {
    let boundary = boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?)?;
    let delimiter = format!("--{boundary}").into_bytes();
    let mut rest = body.get(find(body, &delimiter)? + delimiter.len()..)?;
    let mut found = Vec::new();
    // Behind a delimiter: the line's end, or `--` where it is the last one.
    while !rest.starts_with(b"--") {
        let part = rest.get(find(rest, b"\r\n")? + 2..)?;
        let separator = [b"\r\n", delimiter.as_slice()].concat();
        let end = find(part, &separator)?;
        let (part, behind) = (part.get(..end)?, part.get(end + separator.len()..)?);
        // Headers may be missing altogether.
        let (head, content) = match part.strip_prefix(b"\r\n") {
            Some(content) => (&[][..], content),
            None => {
                let blank = find(part, b"\r\n\r\n")?;
                (part.get(..blank)?, part.get(blank + 4..)?)
            }
        };
        if name_of(&String::from_utf8_lossy(head)).as_deref() == Some(name) {
            found.push(content);
        }
        rest = behind;
    }
    Some(found)
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameter(parameters, "boundary")?;
    (1..=70).contains(&value.len()).then_some(value)
}

/// The name that a part's headers give it.
fn name_of(head: &str) -> Option<String> {
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (_, parameters) = disposition.split_once(';')?;
    parameter(parameters, "name").map(str::to_owned)
}

/// A parameter of a header's value, quoted or not.
fn parameter<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    text.split(';').find_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn read(content_type: &'static str, body: &str) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let found = parts(&headers, body.as_bytes(), "data")?;
        Some(found.into_iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect())
    }

    const TYPE: &str = "multipart/form-data; boundary=\"X-Y\"";

    #[test]
    fn parts_are_found_by_their_names() {
        let body = "preamble\r\n--X-Y\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.csv\"\r\n\
                    Content-Type: text/csv\r\n\r\n1,2\r\n3,4\r\n\r\n--X-Y\r\nContent-Disposition: form-data; \
                    name=\"other\"\r\n\r\nx\r\n--X-Y\r\ncontent-disposition: form-data; name=data\r\n\r\n\r\n--X-Y--\r\n";
        assert_eq!(read(TYPE, body), Some(vec!["1,2\r\n3,4\r\n".to_owned(), String::new()]));
    }

    #[test]
    fn what_is_no_multipart_is_told() {
        let whole = "--X-Y\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n1\r\n--X-Y--";
        assert_eq!(read(TYPE, whole), Some(vec!["1".to_owned()]));
        for end in 0..whole.len() - 2 {
            assert_eq!(read(TYPE, whole.get(..end).unwrap()), None, "{end}");
        }
        assert_eq!(read("text/csv", whole), None);
        assert_eq!(read("multipart/form-data", whole), None);
        assert_eq!(read("multipart/form-data; boundary=", whole), None);
    }
}
