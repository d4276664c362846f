use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::{Arguments, Fold, Number, udaf};
use crate::lists::list_type;

/// `percentile(value)`: the exact percentile `p` (0 to 100; beyond is as the nearer end) as a double: between the values at the ranks around
/// `p / 100 * (n - 1)` on a straight line. NULL without values. It keeps all values, 8 bytes each.
pub fn percentile(p: f64) -> AggregateUDF {
    udaf(Percentiles { ps: vec![Number(p)], list: false })
}

/// `percentiles(value)`: several of [`percentile`] as a list of doubles; NULL without values.
pub fn percentiles(ps: &[f64]) -> AggregateUDF {
    udaf(Percentiles { ps: ps.iter().map(|p| Number(*p)).collect(), list: true })
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Percentiles {
    pub(super) ps: Vec<Number>,
    pub(super) list: bool,
}

impl Fold for Percentiles {
    type Group = Vec<f64>;

    const ARGUMENTS: Arguments = Arguments::Value;

    fn name(&self) -> &'static str {
        if self.list { "percentiles" } else { "percentile" }
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        if self.list { list_type(&DataType::Float64) } else { DataType::Float64 }
    }

    fn add(&self, group: &mut Vec<f64>, _time: i64, value: f64) {
        group.push(value);
    }

    fn save(&self, group: &Vec<f64>, _integers: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        numbers.extend(group);
    }

    fn join(&self, group: &mut Vec<f64>, _integers: &[i64], numbers: &[f64]) {
        group.extend(numbers);
    }

    fn results(&self, groups: Vec<Vec<f64>>, _ty: &DataType) -> Result<ArrayRef> {
        let (mut found, mut lengths) = (Vec::new(), Vec::new());
        let mut known = Vec::with_capacity(groups.len());
        for mut values in groups {
            values.sort_by(f64::total_cmp);
            let before = found.len();
            let all = self.ps.iter().map(|p| at_rank(&values, p.0));
            match all.collect::<Option<Vec<f64>>>() {
                Some(all) => found.extend(all.into_iter().map(Some)),
                None if self.list => {}
                None => found.push(None),
            }
            known.push(!values.is_empty());
            lengths.push(found.len() - before);
        }
        let found: ArrayRef = Arc::new(Float64Array::from(found));
        if !self.list {
            return Ok(found);
        }
        let field = Arc::new(Field::new_list_field(DataType::Float64, true));
        let lists =
            ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), found, Some(known.into()))?;
        Ok(Arc::new(lists))
    }

    fn bytes(group: &Vec<f64>) -> usize {
        group.capacity() * size_of::<f64>()
    }
}

fn at_rank(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = (p.clamp(0.0, 100.0) / 100.0) * last as f64;
    let below = (rank.floor() as usize).min(last);
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    let share = rank - below as f64;
    // Not over infinities, whose difference is none.
    Some(if share == 0.0 || low == high { low } else { low + (high - low) * share })
}
