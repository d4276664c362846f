//! Lines that are written together, and what happens when some of them cannot be.

use std::ops::Range;

use bytes::Bytes;
use triglot_sql_tdengine::TaosError;

use super::sink::is_of_all_rows;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    /// Where each line ends in `text`.
    ends: Vec<usize>,
}

impl Batch {
    /// Adds a line, without its end.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        self.ends.push(self.text.len());
    }

    pub(super) fn lines(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The lines, to be written; leaves an empty batch without memory.
    pub(super) fn take(&mut self) -> Whole {
        let Self { text, ends } = std::mem::take(self);
        Whole { text: Bytes::from(text), ends }
    }
}

/// Lines that are written.
#[derive(Debug)]
pub(super) struct Whole {
    text: Bytes,
    ends: Vec<usize>,
}

impl Whole {
    /// The numbers of the lines.
    pub(super) fn lines(&self) -> Range<usize> {
        0..self.ends.len()
    }

    /// The text of some lines.
    pub(super) fn text(&self, lines: Range<usize>) -> Bytes {
        let text = self.text.get(bytes_of(&self.ends, lines));
        text.map(|text| self.text.slice_ref(text)).unwrap_or_default()
    }
}

/// Where the bytes of some records are, given where each record ends.
pub(super) fn bytes_of(ends: &[usize], records: Range<usize>) -> Range<usize> {
    let end_of = |count: usize| count.checked_sub(1).and_then(|at| ends.get(at)).copied().unwrap_or(0);
    end_of(records.start)..end_of(records.end)
}

/// Writes records, by their numbers, with `write`. The engine takes a write as a whole or not at all: where it refuses
/// one because of what is in it, the two halves are tried, so that only the faulty records are lost. Order is kept. Calls
/// `lost` with the number of records and why.
pub(super) async fn by_halves<W, F>(records: Range<usize>, write: W, lost: impl Fn(u64, &TaosError))
where
    W: Fn(Range<usize>) -> F,
    F: Future<Output = Result<u64, TaosError>>,
{
    // What is still to be written, the next range last.
    let mut open = vec![records];
    while let Some(range) = open.pop() {
        if range.is_empty() {
            continue;
        }
        let Err(error) = write(range.clone()).await else { continue };
        if range.len() == 1 || is_of_all_rows(&error) {
            lost(range.len() as u64, &error);
            continue;
        }
        let middle = range.start + range.len() / 2;
        open.push(middle..range.end);
        open.push(range.start..middle);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Writes numbered records, of which those in `bad` are refused with `code`; what was written in which order, how many were lost, how many writes it
    /// took.
    async fn run(count: usize, bad: &[usize], code: u16) -> (Vec<usize>, u64, usize) {
        let mut batch = Batch::default();
        (0..count).for_each(|n| batch.push(n.to_string().as_bytes()));
        let whole = batch.take();
        let (written, lost, writes) = (RefCell::default(), Cell::new(0), Cell::new(0));
        let write = |lines| {
            let text = String::from_utf8(whole.text(lines).to_vec()).unwrap();
            let numbers: Vec<usize> = text.lines().map(|n| n.parse().unwrap()).collect();
            writes.set(writes.get() + 1);
            let refused = numbers.iter().any(|n| bad.contains(n));
            if !refused {
                RefCell::<Vec<usize>>::borrow_mut(&written).extend(&numbers);
            }
            async move { if refused { Err(TaosError::new(code, "x")) } else { Ok(numbers.len() as u64) } }
        };
        by_halves(whole.lines(), write, |records, _| lost.set(lost.get() + records)).await;
        assert!(batch.is_empty());
        (written.into_inner(), lost.get(), writes.get())
    }

    #[tokio::test]
    async fn only_faulty_records_are_lost_and_order_is_kept() {
        for count in 0..20 {
            for bad in [
                &[][..],
                &[0],
                &[7],
                &[3, 4],
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
            ] {
                let wanted: Vec<usize> = (0..count).filter(|n| !bad.contains(n)).collect();
                let (written, lost, _) = run(count, bad, 0x3002).await;
                assert_eq!(
                    (written, lost),
                    (wanted.clone(), (count - wanted.len()) as u64),
                    "{count} {bad:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn one_bad_record_of_many_costs_few_writes() {
        let (written, lost, writes) = run(1000, &[500], 0x3002).await;
        assert_eq!((written.len(), lost), (999, 1));
        assert!(writes <= 2 * 10 + 1, "{writes}");
        // Where no record could be written, one attempt is enough.
        assert_eq!(run(1000, &[500], 0x0388).await, (Vec::new(), 1000, 1));
    }
}
