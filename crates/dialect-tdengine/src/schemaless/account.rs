//! `?summary` and `?details` of OpenTSDB's puts: what came of the points, in OpenTSDB's words.
//!
//! Its clients read the body of every answer, whatever the status, and send again what answers with none. The adapter
//! knows neither parameter; statuses and `message` stay its own. A put is stored as a whole or not at all, so either
//! no point failed, or all did.

use std::borrow::Cow;

use actix_web::HttpRequest;
use triglot_parse_json::{JsonError, Reader};

use super::opentsdb::Form;
use crate::json;

/// As many points that failed are named.
const NAMED: usize = 100;

/// What a client asks to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// How many points.
    Summary,
    /// Those that failed, too. It wins over a summary.
    Details,
}

impl Account {
    /// What the parameters ask for; they need no value.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let asks = |wanted: &str| {
            let mut names = request.query_string().split('&').map(|pair| pair.split('=').next());
            names.any(|name| name == Some(wanted))
        };
        if asks("details") { Some(Self::Details) } else { asks("summary").then_some(Self::Summary) }
    }

    /// `"success":0,"failed":m,"errors":[…]` of a body that was refused for `reason`.
    pub(super) fn push_failure(self, out: &mut Vec<u8>, form: Form, body: &[u8], reason: &str) {
        let text = String::from_utf8_lossy(body);
        let (count, points) = match form {
            Form::Json => of_json(&text),
            Form::Telnet => of_lines(&text),
        };
        // What cannot be read as points is at least one.
        let count = count.max(1);
        out.extend_from_slice(format!("\"success\":0,\"failed\":{count},\"errors\":[").as_bytes());
        if self == Self::Details {
            for (at, point) in points.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"datapoint\":");
                out.extend_from_slice(point.as_bytes());
                out.extend_from_slice(b",\"error\":");
                json::push_escaped_html(out, reason);
                out.push(b'}');
            }
        }
        out.push(b']');
    }
}

/// The account of a put that is stored.
pub(super) fn success(rows: u64) -> Vec<u8> {
    format!("{{\"success\":{rows},\"failed\":0,\"errors\":[]}}").into_bytes()
}

/// How many points there are up to a fault, and the first of them as JSON.
fn of_json(text: &str) -> (usize, Vec<Cow<'_, str>>) {
    let (mut count, mut points) = (0, Vec::new());
    let mut reader = Reader::new(text);
    let mut one = |reader: &mut Reader<'_>| -> Result<(), JsonError> {
        reader.kind()?;
        let start = reader.offset();
        // A point that ends in the middle is one that failed.
        count += 1;
        reader.skip()?;
        if points.len() < NAMED {
            points.push(Cow::Borrowed(text.get(start..reader.offset()).unwrap_or("null")));
        }
        Ok(())
    };
    // The fault itself has been told as the reason.
    let _ = if text.trim_start().starts_with('[') { reader.array(one) } else { one(&mut reader) };
    (count, points)
}

/// The lines that hold something, and the first of them as JSON texts.
fn of_lines(text: &str) -> (usize, Vec<Cow<'_, str>>) {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let quoted = |line: &str| {
        let mut out = Vec::new();
        json::push_escaped_html(&mut out, line);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    };
    (lines().count(), lines().take(NAMED).map(quoted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn asked(query: &str) -> Option<Account> {
        Account::of(&TestRequest::with_uri(&format!("/p?{query}")).to_http_request())
    }

    fn failure(account: Account, form: Form, body: &str) -> String {
        let mut out = Vec::new();
        account.push_failure(&mut out, form, body.as_bytes(), "no");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parameters_need_no_value_and_details_win() {
        assert_eq!(asked(""), None);
        assert_eq!(asked("ttl=1&detail"), None);
        assert_eq!(asked("summary"), Some(Account::Summary));
        assert_eq!(asked("details=true"), Some(Account::Details));
        assert_eq!(asked("summary=&ttl=1&details"), Some(Account::Details));
    }

    #[test]
    fn all_points_of_a_put_that_is_refused_failed() {
        let one = r#"{"datapoint":{"a": 1},"error":"no"}"#;
        for (account, form, body, wanted) in [
            (Account::Summary, Form::Json, "[{},{}]", r#""success":0,"failed":2,"errors":[]"#.to_owned()),
            (
                Account::Details,
                Form::Json,
                "[{\"a\": 1} ,  3]",
                format!(r#""success":0,"failed":2,"errors":[{one},{{"datapoint":3,"error":"no"}}]"#),
            ),
            (
                Account::Details,
                Form::Json,
                "{\"a\": 1}",
                format!(r#""success":0,"failed":1,"errors":[{one}]"#),
            ),
            (
                Account::Details,
                Form::Json,
                "[{\"a\": 1},{\"b\"",
                format!(r#""success":0,"failed":2,"errors":[{one}]"#),
            ),
            (Account::Details, Form::Json, "x", r#""success":0,"failed":1,"errors":[]"#.to_owned()),
            (
                Account::Details,
                Form::Telnet,
                "put a 1 \"\n\n",
                r#""success":0,"failed":1,"errors":[{"datapoint":"put a 1 \"","error":"no"}]"#.to_owned(),
            ),
        ] {
            assert_eq!(failure(account, form, body), wanted, "{body}");
        }
        let many = failure(Account::Details, Form::Json, &format!("[{}1]", "1,".repeat(999)));
        assert!(many.starts_with(r#""success":0,"failed":1000,"#));
        assert_eq!(many.matches("datapoint").count(), NAMED);
    }
}
