//! How many connections there are at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts connections against a limit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    open: Arc<AtomicUsize>,
    /// 0 = no limit.
    limit: usize,
}

/// One connection, until it is dropped. Kept with the connection's data, where [`crate::edge`] looks for it.
#[derive(Debug)]
pub struct Connection {
    open: Arc<AtomicUsize>,
    is_excess: bool,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Arc::default(), limit }
    }

    /// A connection that has come. One beyond the limit is told from the others: its requests are refused.
    pub fn enter(&self) -> Connection {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        Connection { open: Arc::clone(&self.open), is_excess: self.limit > 0 && before >= self.limit }
    }
}

impl Connection {
    /// Whether the limit was reached before it came.
    pub(crate) fn is_excess(&self) -> bool {
        self.is_excess
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_beyond_the_limit_are_told() {
        let two = Connections::new(2);
        let (a, b, c) = (two.enter(), two.enter(), two.enter());
        assert_eq!([a.is_excess(), b.is_excess(), c.is_excess()], [false, false, true]);
        drop((a, c));
        assert!(!two.enter().is_excess());
        let endless = Connections::new(0);
        assert!((0..500).map(|_| endless.enter()).all(|c| !c.is_excess()));
    }
}
