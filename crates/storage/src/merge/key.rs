//! Comparing row keys.

use std::cmp::Ordering;

use super::rows::Aligned;

/// A row of an aligned batch.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) batch: &'a Aligned,
    pub(super) row: usize,
}

impl At<'_> {
    /// Orders two rows by (sid, time[, composite key]).
    pub(super) fn compare(self, other: At<'_>) -> Ordering {
        let key = |at: &At<'_>| (at.batch.sids.value(at.row), at.batch.times.value(at.row));
        key(&self).cmp(&key(&other)).then_with(|| match (&self.batch.ck, &other.batch.ck) {
            (Some(a), Some(b)) => a.row(self.row).cmp(&b.row(other.row)),
            _ => Ordering::Equal,
        })
    }

    /// The number of rows, from this one to the end of its batch, that are below `bound`, found by
    /// exponential search: runs are long when inputs hardly overlap and short when they interleave.
    pub(super) fn gallop_below(self, bound: At<'_>) -> usize {
        let left = self.batch.len() - self.row;
        let below = |n: usize| At { batch: self.batch, row: self.row + n }.compare(bound) == Ordering::Less;
        let mut step = 1;
        let mut low = 0; // all rows before `low` are below the bound
        while low + step <= left && below(low + step - 1) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(left); // row `high` is not below, or is the end
        while low < high {
            let middle = low + (high - low) / 2;
            if below(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// What one pass over a sorted batch tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// First row that is below its predecessor.
    pub(super) descent: Option<usize>,
    /// Whether two neighbours have the same key.
    pub(super) duplicates: bool,
}

/// Checks the order of a batch in one pass; without composite key it reads just two slices.
pub(super) fn check_order(batch: &Aligned) -> Order {
    let (sids, times) = (batch.sids.values(), batch.times.values());
    let mut order = Order::default();
    let mut plain = true;
    for row in 1..batch.len() {
        let (before, this) = ((sids[row - 1], times[row - 1]), (sids[row], times[row]));
        if before >= this {
            plain = false;
            break;
        }
    }
    if plain {
        return order;
    }
    for row in 1..batch.len() {
        match (At { batch, row: row - 1 }).compare(At { batch, row }) {
            Ordering::Less => {}
            Ordering::Equal => order.duplicates = true,
            Ordering::Greater => {
                order.descent = Some(row);
                return order;
            }
        }
    }
    order
}
