//! Lines out of a stream of bytes, each of a bounded length.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;

/// Bytes that one look at the socket may bring.
const CHUNK: usize = 64 << 10;

/// What is received and not yet taken as lines. Empty, it holds no memory: idle connections are many.
#[derive(Debug)]
pub(super) struct LineBuffer {
    bytes: BytesMut,
    /// How many of them hold no end of a line.
    searched: usize,
    longest: usize,
    /// Whether the present line is passed over because it is too long.
    is_skipping: bool,
}

/// What stands before an end of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A line without its end.
    Line(Bytes),
    /// A line that is longer than allowed; it is lost.
    TooLong,
}

impl LineBuffer {
    /// For lines of at most `longest` bytes.
    pub(super) fn new(longest: usize) -> Self {
        Self { bytes: BytesMut::new(), searched: 0, longest, is_skipping: false }
    }

    /// Waits for bytes; how many came, 0 = the peer has ended.
    pub(super) async fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        loop {
            stream.readable().await?;
            match self.fill_now(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Takes what is there.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is.
    pub(super) fn fill_now(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.bytes.reserve(CHUNK);
        let read = stream.try_read_buf(&mut self.bytes);
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
        read
    }

    #[cfg(test)]
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<Taken> {
        let unseen = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(at) = unseen.iter().position(|b| *b == b'\n') else {
            self.searched = self.bytes.len();
            if self.searched > self.longest {
                // The rest of the line is passed over as it comes.
                self.is_skipping = true;
            }
            if self.is_skipping {
                self.clear();
            }
            return None;
        };
        let mut line = self.bytes.split_to(self.searched + at + 1);
        self.searched = 0;
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
        line.truncate(line.len() - 1);
        if std::mem::take(&mut self.is_skipping) || line.len() > self.longest {
            return Some(Taken::TooLong);
        }
        Some(Taken::Line(line.freeze()))
    }

    /// Whether a line has begun and not ended.
    pub(super) fn is_inside_line(&self) -> bool {
        self.is_skipping || !self.bytes.is_empty()
    }

    fn clear(&mut self) {
        self.bytes = BytesMut::new();
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&str], longest: usize) -> (Vec<String>, bool) {
        let mut buffer = LineBuffer::new(longest);
        let mut all = Vec::new();
        for piece in pieces {
            buffer.push(piece.as_bytes());
            while let Some(taken) = buffer.next() {
                all.push(match taken {
                    Taken::Line(line) => String::from_utf8_lossy(&line).into_owned(),
                    Taken::TooLong => "(too long)".to_owned(),
                });
            }
        }
        (all, buffer.is_inside_line())
    }

    #[test]
    fn pieces_do_not_matter() {
        let text = "put a\r\n\nput bc\nhalf";
        for cut in 0..=text.len() {
            let (left, right) = text.split_at(cut);
            let (lines, is_inside) = taken(&[left, right], 100);
            assert_eq!(lines, ["put a\r", "", "put bc"], "cut at {cut}");
            assert!(is_inside);
        }
        assert_eq!(taken(&["a\n"], 100), (vec!["a".to_owned()], false));
    }

    #[test]
    fn lines_that_are_too_long_cost_themselves_only_and_no_memory() {
        let long = "x".repeat(11);
        for pieces in [
            vec!["a\n", &long, "\nb\n"],
            vec!["a\n", &long, "xx", "xx\n", "b\n"],
            vec!["a\nxxxxxxxxxxx\nb\n"],
        ] {
            assert_eq!(
                taken(&pieces, 10),
                (vec!["a".into(), "(too long)".into(), "b".into()], false),
                "{pieces:?}"
            );
        }
        assert_eq!(taken(&[&"x".repeat(10), "\n"], 10).0, ["x".repeat(10)]);
        let mut buffer = LineBuffer::new(10);
        buffer.push(&[b'x'; 1000]);
        assert_eq!(buffer.next(), None);
        assert_eq!((buffer.bytes.capacity(), buffer.is_inside_line()), (0, true));
    }
}
