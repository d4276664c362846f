//! Lines that are written together, and what happens when some of them cannot be.

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

    /// All lines as one text, and where each ends; leaves an empty batch without memory.
    pub(super) fn take(&mut self) -> Option<(Bytes, Vec<usize>)> {
        let Self { text, ends } = std::mem::take(self);
        (!ends.is_empty()).then(|| (Bytes::from(text), ends))
    }
}

/// Writes the records that end at `ends` with `write(from, to)`. The engine takes a write as a whole or not at all: where it refuses one
/// because of what is in it, the two halves are tried, so that only the faulty records are lost. Order is kept. Calls `lost` with the number of records and why.
pub(super) async fn by_halves<W, F>(ends: &[usize], write: W, lost: impl Fn(u64, &TaosError))
where
    W: Fn(usize, usize) -> F,
    F: Future<Output = Result<u64, TaosError>>,
{
    // Ranges of records that are still to be written, the next one last.
    let mut open = vec![0..ends.len()];
    while let Some(range) = open.pop() {
        let begin = range.start.checked_sub(1).and_then(|at| ends.get(at)).copied().unwrap_or(0);
        let Some(end) = range.end.checked_sub(1).and_then(|at| ends.get(at)).copied() else { continue };
        let Err(error) = write(begin, end).await else { continue };
        if range.len() <= 1 || is_of_all_rows(&error) {
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
        let Some((text, ends)) = batch.take() else { return (Vec::new(), 0, 0) };
        let (written, lost, writes) = (RefCell::default(), Cell::new(0), Cell::new(0));
        let write = |from, to| {
            let text = String::from_utf8(text.slice(from..to).to_vec()).unwrap();
            let numbers: Vec<usize> = text.lines().map(|n| n.parse().unwrap()).collect();
            writes.set(writes.get() + 1);
            let refused = numbers.iter().any(|n| bad.contains(n));
            if !refused {
                RefCell::<Vec<usize>>::borrow_mut(&written).extend(&numbers);
            }
            async move { if refused { Err(TaosError::new(code, "x")) } else { Ok(numbers.len() as u64) } }
        };
        by_halves(&ends, write, |records, _| lost.set(lost.get() + records)).await;
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
