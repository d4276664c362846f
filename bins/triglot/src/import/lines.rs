//! Line protocol from a stream: checked here, so that one bad line does not cost its batch.

use std::io::Read;

use triglot_parse_lp::{Dialect, Line, LineErrorKind, Parser};

use super::send::{Closed, Sink};
use crate::Failure;

/// Read at a time.
const BLOCK: usize = 4 << 20;
/// A string may hold newlines, so a point can reach over the end of a block. One that is longer than
/// this is a lost quote.
const MAX_POINT: usize = 1 << 20;

/// Reads all points of `input`.
pub(crate) fn read(mut input: impl Read, sink: &mut Sink<'_>) -> Result<Result<(), Closed>, Failure> {
    let mut buffer = Vec::with_capacity(2 * BLOCK);
    let mut lines_before = 0;
    loop {
        let read = (&mut input).take(BLOCK as u64).read_to_end(&mut buffer)?;
        let last = read == 0;
        let end = match buffer.iter().rposition(|b| *b == b'\n') {
            _ if last => buffer.len(),
            Some(newline) => newline + 1,
            None => continue,
        };
        let mut block = Block { lines_before, last, sink: &mut *sink };
        let used = match block.bytes(buffer.get(..end).unwrap_or_default()) {
            Ok(used) => used,
            Err(closed) => return Ok(Err(closed)),
        };
        sink.consumed(used as u64);
        lines_before += newlines(buffer.get(..used).unwrap_or_default());
        buffer.drain(..used);
        if last {
            return Ok(Ok(()));
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|b| **b == b'\n').count() as u64
}

struct Block<'s, 'a> {
    /// Lines of the input before what is being read.
    lines_before: u64,
    /// Nothing follows.
    last: bool,
    sink: &'s mut Sink<'a>,
}

impl Block<'_, '_> {
    /// Reads whole lines; how many bytes are done. Lines that are not UTF-8 are bad lines.
    fn bytes(&mut self, bytes: &[u8]) -> Result<usize, Closed> {
        let mut done = 0;
        loop {
            let rest = bytes.get(done..).unwrap_or_default();
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return Ok(done + self.text(text, self.last)?),
                Err(error) => error,
            };
            let valid = rest.get(..error.valid_up_to()).unwrap_or_default();
            let begin = valid.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
            // What stands before the bad line ends there in any case.
            if let Ok(text) = std::str::from_utf8(rest.get(..begin).unwrap_or_default()) {
                self.text(text, true)?;
            }
            let after = rest.get(begin..).unwrap_or_default();
            let length = after.iter().position(|b| *b == b'\n').map_or(after.len(), |n| n + 1);
            self.lines_before += newlines(rest.get(..begin).unwrap_or_default());
            self.sink.bad.add(self.lines_before + 1, "not UTF-8");
            self.lines_before += 1;
            done += begin + length;
        }
    }

    fn text(&mut self, text: &str, complete: bool) -> Result<usize, Closed> {
        let mut parser = Parser::new(text, Dialect::CnosDb);
        let mut line = Line::new();
        loop {
            let begin = parser.offset();
            let Some(result) = parser.next_line(&mut line) else { return Ok(text.len()) };
            match result {
                Ok(point) => {
                    let start = point.offset();
                    let number = self.lines_before + parser.line_number(start) as u64;
                    let point = text.get(start..parser.offset()).unwrap_or_default();
                    self.sink.point(point.trim_end_matches(['\r', '\n']).as_bytes(), number)?;
                }
                Err(error) => {
                    let cut_off = error.kind == LineErrorKind::EndOfLine && text.len() - begin < MAX_POINT;
                    if !complete && cut_off {
                        return Ok(begin);
                    }
                    self.sink.bad.add(self.lines_before + error.line as u64, &error);
                }
            }
        }
    }
}
