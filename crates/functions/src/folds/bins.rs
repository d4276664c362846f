use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::{Arguments, Fold, Number, udaf};
use crate::lists::list_type;

/// The bins of a histogram: `(lower, upper]` between each two neighbouring edges, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bins(Vec<Number>);

impl Bins {
    /// Between these edges.
    pub fn between(edges: &[f64]) -> Self {
        Self(edges.iter().map(|e| Number(*e)).collect())
    }

    /// `count` bins that are `width` wide; with `infinite` also what lies below and above them.
    pub fn linear(start: f64, width: f64, count: u32, infinite: bool) -> Self {
        Self::of((0..=count).map(|i| start + f64::from(i) * width).collect(), infinite)
    }

    /// `count` bins, each of whose edges is `factor` times the one before; with `infinite` also what lies
    /// below and above them.
    pub fn logarithmic(start: f64, factor: f64, count: u32, infinite: bool) -> Self {
        Self::of((0..=count).map(|i| start * factor.powf(f64::from(i))).collect(), infinite)
    }

    fn of(mut edges: Vec<f64>, infinite: bool) -> Self {
        let falls = edges.first().zip(edges.last()).is_some_and(|(first, last)| first > last);
        if infinite {
            let (first, last) =
                if falls { (f64::INFINITY, f64::NEG_INFINITY) } else { (f64::NEG_INFINITY, f64::INFINITY) };
            edges.insert(0, first);
            edges.push(last);
        }
        Self::between(&edges)
    }

    /// Lower and upper end of each bin.
    pub fn ends(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().zip(self.0.iter().skip(1)).map(|(a, b)| (a.0.min(b.0), a.0.max(b.0)))
    }
}

/// `histogram(value)`: how many values lie in each bin, as a list of structures `lower` (double), `upper`
/// (double), `count` (bigint). `normalized`: `count` is a double, the share of all values that lie in a bin
/// (0 if none does). A value counts in the first bin that holds it.
pub fn histogram(bins: Bins, normalized: bool) -> AggregateUDF {
    udaf(Histogram { bins, normalized })
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Histogram {
    pub(super) bins: Bins,
    pub(super) normalized: bool,
}

impl Histogram {
    fn fields(&self) -> Fields {
        let count = if self.normalized { DataType::Float64 } else { DataType::Int64 };
        let field = |name, ty| Field::new(name, ty, true);
        Fields::from(vec![
            field("lower", DataType::Float64),
            field("upper", DataType::Float64),
            field("count", count),
        ])
    }

    fn bins(&self) -> usize {
        self.bins.0.len().saturating_sub(1)
    }

    fn join_counts(&self, group: &mut Vec<i64>, counts: &[i64]) {
        group.resize(self.bins(), 0);
        group.iter_mut().zip(counts).for_each(|(all, count)| *all += count);
    }
}

impl Fold for Histogram {
    /// How many values in each bin; empty without any.
    type Group = Vec<i64>;

    const ARGUMENTS: Arguments = Arguments::Value;

    fn name(&self) -> &'static str {
        "histogram"
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        list_type(&DataType::Struct(self.fields()))
    }

    fn add(&self, group: &mut Vec<i64>, _time: i64, value: f64) {
        group.resize(self.bins(), 0);
        let bin = self.bins.ends().position(|(lower, upper)| lower < value && value <= upper);
        if let Some(count) = bin.and_then(|bin| group.get_mut(bin)) {
            *count += 1;
        }
    }

    fn save(&self, group: &Vec<i64>, integers: &mut Vec<i64>, _numbers: &mut Vec<f64>) {
        integers.extend(group);
    }

    fn join(&self, group: &mut Vec<i64>, integers: &[i64], _numbers: &[f64]) {
        self.join_counts(group, integers);
    }

    fn results(&self, groups: Vec<Vec<i64>>, _ty: &DataType) -> Result<ArrayRef> {
        let (mut counts, mut shares) = (Vec::new(), Vec::new());
        let total_groups = groups.len();
        for mut group in groups {
            self.join_counts(&mut group, &[]);
            let total = group.iter().sum::<i64>().max(1) as f64;
            shares.extend(group.iter().map(|count| *count as f64 / total));
            counts.extend(group);
        }
        let ends = || (0..total_groups).flat_map(|_| self.bins.ends());
        let counts: ArrayRef = if self.normalized {
            Arc::new(Float64Array::from(shares))
        } else {
            Arc::new(Int64Array::from(counts))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ends().map(|e| Some(e.0)).collect::<Float64Array>()),
            Arc::new(ends().map(|e| Some(e.1)).collect::<Float64Array>()),
            counts,
        ];
        let bins = StructArray::try_new(self.fields(), columns, None)?;
        let field = Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true));
        let offsets = OffsetBuffer::from_lengths(vec![self.bins(); total_groups]);
        Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(bins), None)?))
    }

    fn bytes(group: &Vec<i64>) -> usize {
        group.capacity() * size_of::<i64>()
    }
}
