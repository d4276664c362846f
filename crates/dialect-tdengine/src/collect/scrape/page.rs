//! A page that was read to its end.

use bytes::Bytes;
use thiserror::Error;
use triglot_parse_prom::family::{Families, MemberError};
use triglot_parse_prom::text::{Entries, Entry, Format, TextError};

/// A page without faults: its text, and where the line of each sample ends.
#[derive(Debug)]
pub(super) struct Page {
    text: Bytes,
    format: Format,
    families: Families,
    ends: Vec<usize>,
    exemplars: u64,
}

/// A page that is refused as a whole.
#[derive(Debug, Error)]
#[error("{kind}")]
pub(super) struct PageError {
    /// How many samples it seems to have.
    records: u64,
    kind: PageErrorKind,
}

#[derive(Debug, Error)]
pub(super) enum PageErrorKind {
    #[error("byte {0} is not UTF-8")]
    Utf8(usize),
    #[error(transparent)]
    Line(#[from] TextError),
    #[error("line {line}: {source}")]
    Member { line: usize, source: MemberError },
    #[error("the page does not end with # EOF")]
    CutOff,
}

impl PageError {
    /// How many samples it seems to have.
    pub(super) fn records(&self) -> u64 {
        self.records
    }
}

impl Page {
    /// Reads all of a page. Families are known whatever their order in the page.
    pub(super) fn read(text: Bytes, format: Format) -> Result<Self, PageError> {
        let refused = |kind| PageError { records: records(&text), kind };
        let page = std::str::from_utf8(&text).map_err(|e| refused(PageErrorKind::Utf8(e.valid_up_to())))?;
        let mut families = Families::default();
        let mut ends = Vec::new();
        let mut exemplars = 0;
        let mut entries = Entries::new(page, format);
        while let Some(entry) = entries.next() {
            match entry.map_err(|error| refused(error.into()))? {
                Entry::Type { name, kind } => families.declare(&name, kind),
                Entry::Sample(sample) => {
                    exemplars += u64::from(sample.exemplar.is_some());
                    ends.push(entries.offset());
                }
            }
        }
        if !entries.is_complete() {
            return Err(refused(PageErrorKind::CutOff));
        }
        let page = Self { families, ends, exemplars, format, text: text.clone() };
        page.check_members().map_err(refused)?;
        Ok(page)
    }

    /// Bounds of buckets are numbers: known once the families are.
    fn check_members(&self) -> Result<(), PageErrorKind> {
        let mut entries = self.entries(0..self.text.len());
        while let Some(entry) = entries.next() {
            if let Entry::Sample(sample) = entry? {
                let line = entries.line();
                self.families.member(&sample).map_err(|source| PageErrorKind::Member { line, source })?;
            }
        }
        Ok(())
    }

    /// The entries of some of its lines.
    pub(super) fn entries(&self, range: std::ops::Range<usize>) -> Entries<'_> {
        let text = self.text.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok());
        Entries::new(text.unwrap_or_default(), self.format)
    }

    /// Its families.
    pub(super) fn families(&self) -> &Families {
        &self.families
    }

    /// Where the line of each sample ends.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// How many samples have an exemplar.
    pub(super) fn exemplars(&self) -> u64 {
        self.exemplars
    }
}

/// Lines that are neither blank nor comments.
fn records(text: &[u8]) -> u64 {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str, format: Format) -> Result<Page, (u64, String)> {
        Page::read(Bytes::from_static(text.as_bytes()), format).map_err(|e| (e.records(), e.to_string()))
    }

    #[test]
    fn lines_are_found_again() {
        let text = "# TYPE a counter\na 1\n\n# HELP b x\nb{c=\"d\"} 2";
        let page = read(text, Format::Prometheus).unwrap();
        assert_eq!(page.ends(), [text.find("\n\n").unwrap() + 1, text.len()]);
        let second: Vec<_> = page.entries(page.ends()[0]..page.ends()[1]).map(Result::unwrap).collect();
        assert!(matches!(&second[..], [Entry::Sample(sample)] if sample.name == "b"), "{second:?}");
    }

    #[test]
    fn faults_refuse_the_page_and_say_where_they_are() {
        for (text, format, records, wanted) in [
            ("a 1\nb x\nc 1\n", Format::Prometheus, 3, "line 2: malformed value"),
            ("a 1\n# EOF\n", Format::Prometheus, 0, ""),
            ("a 1 # {x=\"y\"} 1\n", Format::Prometheus, 1, "line 1: malformed timestamp"),
            ("# TYPE a counter\na_total 1\n", Format::OpenMetrics, 1, "the page does not end with # EOF"),
            (
                "h_bucket{le=\"x\"} 1\n# TYPE h histogram\n",
                Format::Prometheus,
                1,
                "line 1: h_bucket: a bucket has no label \"le\" with a number",
            ),
            ("<html>\n<body>\n", Format::Prometheus, 2, "line 1: a metric name is expected"),
        ] {
            let found = read(text, format).map(|_| ()).map_err(|e| (e.0, e.1));
            let wanted = if wanted.is_empty() { Ok(()) } else { Err((records, wanted.to_owned())) };
            assert_eq!(found, wanted, "{text}");
        }
        let latin =
            Page::read(Bytes::from_static(b"a 1\nb{c=\"\xe9\"} 1\n"), Format::Prometheus).unwrap_err();
        assert_eq!((latin.records(), latin.to_string()), (2, "byte 9 is not UTF-8".to_owned()));
    }

    #[test]
    fn exemplars_are_counted() {
        let page = read("a_total 1 # {x=\"y\"} 1\nb 1\n# EOF\n", Format::OpenMetrics).unwrap();
        assert_eq!((page.exemplars(), page.ends().len()), (1, 2));
    }
}
