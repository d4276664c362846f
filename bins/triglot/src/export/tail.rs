//! Streamed answers: the status is sent before the rows, so an error that comes later stands at the
//! end of the body, as CnosDB does it.

use std::io::{self, BufRead, BufReader, Read, Write};

use crate::Failure;
use crate::client::ClientError;
use crate::progress::Progress;

/// How such an error begins; no row does.
pub(super) const ERROR_BEGIN: &[u8] = b"{\"error_code\"";

/// The error in the text that begins with [`ERROR_BEGIN`].
pub(super) fn answer_error(text: &[u8]) -> Failure {
    ClientError::Answer(String::from_utf8_lossy(text).trim().to_owned()).into()
}

/// Copies CSV, counting rows (lines behind the header; newlines in quotes are no ends).
pub(super) fn copy_csv(answer: impl Read, out: &mut impl Write, progress: &Progress) -> Result<u64, Failure> {
    let mut answer = BufReader::with_capacity(1 << 20, answer);
    let (mut line, mut records, mut inside) = (Vec::new(), 0u64, false);
    loop {
        line.clear();
        if answer.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !inside && line.starts_with(ERROR_BEGIN) {
            return Err(answer_error(&line));
        }
        inside ^= line.iter().filter(|b| **b == b'"').count() % 2 == 1;
        records += u64::from(!inside);
        write(out, &line)?;
        progress.add(line.len() as u64, u64::from(!inside));
    }
    out.flush()?;
    Ok(records.saturating_sub(1))
}

/// A reader that went away (`| head`) is no failure of ours, but there is no going on.
fn write(out: &mut impl Write, line: &[u8]) -> Result<(), Failure> {
    match out.write_all(line) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::Message("the output was closed".to_owned()))
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Total;

    #[test]
    fn rows_are_counted_and_late_errors_found() {
        let progress = Progress::new(Total::Unknown, true);
        let mut out = Vec::new();
        let rows = copy_csv(&b"a,b\n1,\"x\ny\"\n2,z\n"[..], &mut out, &progress).unwrap();
        assert_eq!((rows, out.as_slice()), (2, &b"a,b\n1,\"x\ny\"\n2,z\n"[..]));
        let late = b"a\n1\n{\"error_code\": \"040007\", \"error_message\": \"Fetch result: x\"}";
        let error = copy_csv(&late[..], &mut Vec::new(), &progress).unwrap_err();
        assert!(error.to_string().contains("040007"), "{error}");
    }
}
