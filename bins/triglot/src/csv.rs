//! CSV records (RFC 4180) with their line numbers. Unlike a reader of columns it goes on behind a bad
//! record, and it tells an empty cell (NULL) from an empty quoted one.

use std::io::{self, BufRead};

/// One record. Reused.
#[derive(Debug, Default)]
pub(crate) struct Record {
    text: Vec<u8>,
    /// End of each cell in `text`, and whether it was quoted.
    cells: Vec<(usize, bool)>,
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// Bytes that it took of the input.
    pub(crate) bytes: u64,
}

impl Record {
    /// Cells.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The text of cell `n`, none for NULL (empty without quotes) and for cells that do not exist.
    pub(crate) fn get(&self, n: usize) -> Option<&str> {
        let begin = if n == 0 { 0 } else { self.cells.get(n - 1)?.0 };
        let (end, quoted) = *self.cells.get(n)?;
        let text = std::str::from_utf8(self.text.get(begin..end)?).ok()?;
        (quoted || !text.is_empty()).then_some(text)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.bytes = 0;
    }
}

/// Why a record is bad.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The input failed: there is no going on.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A quoted cell has no end, or something follows its end.
    #[error("a quote is not closed, or text follows a closing quote")]
    Quote,
    /// Not text.
    #[error("not UTF-8")]
    Utf8,
}

/// Reads records.
#[derive(Debug)]
pub(crate) struct Records<R> {
    input: R,
    delimiter: u8,
    next_line: u64,
    raw: Vec<u8>,
}

/// A record longer than this has lost its closing quote.
const MAX_RECORD: usize = 16 << 20;

impl<R: BufRead> Records<R> {
    pub(crate) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, next_line: 1, raw: Vec::new() }
    }

    /// Reads the next record, `false` at the end. Behind an error (other than of the input) reading
    /// goes on with the next line. Blank lines are skipped.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        loop {
            record.clear();
            record.line = self.next_line;
            self.raw.clear();
            if !self.read_line(record)? {
                return Ok(false);
            }
            if !self.raw.trim_ascii().is_empty() {
                break;
            }
        }
        while self.quote_is_open() {
            if self.raw.len() > MAX_RECORD || !self.read_line(record)? {
                return Err(RecordError::Quote);
            }
        }
        if std::str::from_utf8(&self.raw).is_err() {
            return Err(RecordError::Utf8);
        }
        self.split(record)?;
        Ok(true)
    }

    fn read_line(&mut self, record: &mut Record) -> io::Result<bool> {
        let read = self.input.read_until(b'\n', &mut self.raw)?;
        self.next_line += u64::from(read > 0);
        record.bytes += read as u64;
        Ok(read > 0)
    }

    /// A doubled quote opens and closes again, so only the parity counts.
    fn quote_is_open(&self) -> bool {
        self.raw.iter().filter(|b| **b == b'"').count() % 2 == 1
    }

    fn split(&self, record: &mut Record) -> Result<(), RecordError> {
        let mut rest = self.raw.as_slice();
        rest = rest.strip_suffix(b"\n").unwrap_or(rest);
        rest = rest.strip_suffix(b"\r").unwrap_or(rest);
        if record.line == 1 {
            rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        }
        loop {
            let quoted = rest.first() == Some(&b'"');
            let used = if quoted {
                unquote(rest, &mut record.text).ok_or(RecordError::Quote)?
            } else {
                let end = rest.iter().position(|b| *b == self.delimiter).unwrap_or(rest.len());
                record.text.extend_from_slice(rest.get(..end).unwrap_or_default());
                end
            };
            record.cells.push((record.text.len(), quoted));
            match rest.get(used..) {
                Some([first, after @ ..]) if *first == self.delimiter => rest = after,
                Some([]) | None => return Ok(()),
                Some(_) => return Err(RecordError::Quote),
            }
        }
    }
}

/// Appends the quoted cell at the begin of `rest`; how many bytes it takes with its quotes.
fn unquote(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut at = 1;
    loop {
        let next = rest.get(at..)?.iter().position(|b| *b == b'"')?;
        out.extend_from_slice(rest.get(at..at + next)?);
        at += next + 1;
        if rest.get(at) != Some(&b'"') {
            return Some(at);
        }
        out.push(b'"');
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = Vec<Option<String>>;

    fn read(text: &[u8]) -> Vec<(u64, Result<Row, String>)> {
        let mut records = Records::new(text, b',');
        let mut record = Record::default();
        let mut all = Vec::new();
        loop {
            match records.read(&mut record) {
                Ok(false) => return all,
                Ok(true) => {
                    let row = (0..record.len()).map(|n| record.get(n).map(str::to_owned)).collect();
                    all.push((record.line, Ok(row)));
                }
                Err(e) => all.push((record.line, Err(e.to_string()))),
            }
        }
    }

    fn row(cells: &[Option<&str>]) -> Result<Row, String> {
        Ok(cells.iter().map(|c| c.map(str::to_owned)).collect())
    }

    #[test]
    fn quotes_nulls_and_line_numbers() {
        let text = b"\xef\xbb\xbfa,b,c\r\n1,,\"\"\n\n\"x \"\"y\"\"\",\"two\nlines, one cell\",z\nlast,,";
        assert_eq!(
            read(text),
            [
                (1, row(&[Some("a"), Some("b"), Some("c")])),
                (2, row(&[Some("1"), None, Some("")])),
                (4, row(&[Some("x \"y\""), Some("two\nlines, one cell"), Some("z")])),
                (6, row(&[Some("last"), None, None])),
            ]
        );
    }

    #[test]
    fn a_bad_record_does_not_end_the_file() {
        let all = read(b"\"a\"b,1\n\xff,2\nc,3\n");
        assert!(all[0].1.is_err() && all[1].1.is_err());
        assert_eq!(all[2], (3, row(&[Some("c"), Some("3")])));
        assert!(read(b"a,\"open\n")[0].1.is_err());
    }
}
