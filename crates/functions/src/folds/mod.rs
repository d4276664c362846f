//! Aggregates over the points of a series: each is a [`Fold`], which says how a point changes what is known
//! of a group. [`udaf`] makes a function of it, for all groups of a query at once.

mod bins;
mod edges;
mod fit;
mod percentile;
#[cfg(test)]
mod tests;
mod udaf;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use std::fmt::Debug;
use std::hash::Hash;

pub use bins::{Bins, histogram};
pub use edges::{elapsed, instant_rate, spread, time_weight, time_weighted_mean, time_weighted_mean_between};
pub use fit::least_squares;
pub use percentile::{percentile, percentiles};
use udaf::udaf;

/// What an aggregate takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Arguments {
    /// A number.
    Value,
    /// A timestamp or a 64-bit integer.
    Time,
    /// A time and a number.
    TimeAndValue,
}

/// How points change what is known of a group, and what comes of it. Points with a NULL do not count.
trait Fold: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// What is known of a group.
    type Group: Default + Debug + Send + Sync + 'static;

    /// What it takes.
    const ARGUMENTS: Arguments;

    /// The function's name.
    fn name(&self) -> &'static str;

    /// The result's type; `time` is that of the argument of time, if there is one.
    fn return_type(&self, time: Option<&DataType>) -> DataType;

    /// Adds a point; what the function does not take is 0.
    fn add(&self, group: &mut Self::Group, time: i64, value: f64);

    /// What is known, as numbers for [`Self::join`].
    fn save(&self, group: &Self::Group, integers: &mut Vec<i64>, numbers: &mut Vec<f64>);

    /// Adds what another part of the group has saved.
    fn join(&self, group: &mut Self::Group, integers: &[i64], numbers: &[f64]);

    /// The results of groups; `ty` is their type.
    fn results(&self, groups: Vec<Self::Group>, ty: &DataType) -> Result<ArrayRef>;

    /// Bytes of a group beside itself.
    fn bytes(_group: &Self::Group) -> usize {
        0
    }
}

/// A number as part of a function's identity: equal if it has the same bits.
#[derive(Clone, Copy, Debug)]
struct Number(f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// All points of a group, in the order of time when read.
#[derive(Debug, Default)]
struct AllPoints {
    points: Vec<(i64, f64)>,
    /// Whether they lie in another order.
    shuffled: bool,
}

impl AllPoints {
    fn add(&mut self, time: i64, value: f64) {
        self.shuffled |= self.points.last().is_some_and(|last| last.0 > time);
        self.points.push((time, value));
    }

    fn in_order(mut self) -> Vec<(i64, f64)> {
        if self.shuffled {
            self.points.sort_by_key(|point| point.0);
        }
        self.points
    }

    fn save(&self, integers: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        integers.extend(self.points.iter().map(|p| p.0));
        numbers.extend(self.points.iter().map(|p| p.1));
    }

    fn join(&mut self, integers: &[i64], numbers: &[f64]) {
        integers.iter().zip(numbers).for_each(|(time, value)| self.add(*time, *value));
    }

    fn bytes(&self) -> usize {
        self.points.capacity() * size_of::<(i64, f64)>()
    }
}
