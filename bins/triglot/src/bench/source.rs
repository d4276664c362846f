//! Where batches come from: the generator or a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::tsbs::Generator;

/// Lines of one request.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) body: Vec<u8>,
    pub(crate) rows: u64,
}

/// Gives batches in order.
#[derive(Debug)]
pub(crate) enum Source {
    /// Makes them.
    Generator { generator: Box<Generator>, left: u64 },
    /// Reads them.
    File { reader: BufReader<File>, capacity: usize },
}

impl Source {
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let file =
            File::open(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        Ok(Self::File { reader: BufReader::with_capacity(1 << 20, file), capacity: 0 })
    }

    /// The next batch of `rows` rows, fewer at the end; none behind it. Blank lines and comments of
    /// a file are left out.
    pub(crate) fn next(&mut self, rows: u32) -> io::Result<Option<Batch>> {
        match self {
            Self::Generator { generator, left } => {
                let count = u64::from(rows).min(*left);
                if count == 0 {
                    return Ok(None);
                }
                *left -= count;
                let mut body = Vec::new();
                generator.fill(&mut body, count as usize);
                Ok(Some(Batch { body, rows: count }))
            }
            Self::File { reader, capacity } => {
                let mut batch = Batch { body: Vec::with_capacity(*capacity), rows: 0 };
                while batch.rows < u64::from(rows) {
                    let begin = batch.body.len();
                    if reader.read_until(b'\n', &mut batch.body)? == 0 {
                        break;
                    }
                    let line = batch.body.get(begin..).unwrap_or_default().trim_ascii_start();
                    if line.is_empty() || line.starts_with(b"#") {
                        batch.body.truncate(begin);
                    } else {
                        batch.rows += 1;
                    }
                }
                *capacity = batch.body.len() + batch.body.len() / 64;
                Ok((batch.rows > 0).then_some(batch))
            }
        }
    }
}
