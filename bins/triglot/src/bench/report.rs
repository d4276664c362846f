//! What a run comes to.

use serde::Serialize;

/// Latencies of requests in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) min: f64,
    pub(crate) avg: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// Of latencies in microseconds, in any order; all zero if there is none. A percentile is the
    /// least value that so many percent of the values do not exceed (nearest rank).
    pub(crate) fn of(micros: &mut [u64]) -> Self {
        micros.sort_unstable();
        let ms = |us: u64| us as f64 / 1000.0;
        let rank = |percent: usize| {
            let n = (micros.len() * percent).div_ceil(100).max(1);
            ms(micros.get(n - 1).copied().unwrap_or(0))
        };
        let sum: u64 = micros.iter().sum();
        Self {
            min: ms(micros.first().copied().unwrap_or(0)),
            avg: ms(sum) / micros.len().max(1) as f64,
            p50: rank(50),
            p90: rank(90),
            p95: rank(95),
            p99: rank(99),
            max: ms(micros.last().copied().unwrap_or(0)),
        }
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) requests: usize,
    pub(crate) connections: u16,
    pub(crate) batch: u32,
    pub(crate) seconds: f64,
    pub(crate) rows_per_second: f64,
    pub(crate) latency_ms: Latency,
}

impl Report {
    pub(crate) fn text(&self) -> String {
        let l = &self.latency_ms;
        format!(
            "rows        {}\nrequests    {} (batches of {} on {} connections)\nseconds     {:.3}\nrows/s      {:.0}\nMB/s        {:.1}\n\
             latency ms  min {:.2}  avg {:.2}  p50 {:.2}  p90 {:.2}  p95 {:.2}  p99 {:.2}  max {:.2}",
            self.rows,
            self.requests,
            self.batch,
            self.connections,
            self.seconds,
            self.rows_per_second,
            self.bytes as f64 / 1e6 / self.seconds.max(1e-9),
            l.min,
            l.avg,
            l.p50,
            l.p90,
            l.p95,
            l.p99,
            l.max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut micros: Vec<u64> = (1..=100).rev().map(|n| n * 1000).collect();
        let l = Latency::of(&mut micros);
        assert_eq!((l.min, l.p50, l.p90, l.p95, l.p99, l.max), (1.0, 50.0, 90.0, 95.0, 99.0, 100.0));
        assert!((l.avg - 50.5).abs() < 1e-9);
        assert_eq!(Latency::of(&mut [7000]).p99, 7.0);
        assert_eq!(Latency::of(&mut []).max, 0.0);
    }
}
