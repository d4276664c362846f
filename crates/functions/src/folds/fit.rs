use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::AggregateUDF;

use super::{AllPoints, Arguments, Fold, Number, udaf};

/// `least_squares(time, value)`: the straight line that fits the values best, the first (by time) standing at
/// `start` and each further one at `step` more: a structure of doubles `slope` and `intercept`. NULL without
/// values; of one value, or with a step of 0, the slope is 0. It keeps all points, 16 bytes each.
pub fn least_squares(start: f64, step: f64) -> AggregateUDF {
    udaf(LeastSquares { start: Number(start), step: Number(step) })
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LeastSquares {
    pub(super) start: Number,
    pub(super) step: Number,
}

impl LeastSquares {
    /// Slope and intercept.
    fn line(&self, values: &[(i64, f64)]) -> Option<(f64, f64)> {
        let count = values.len() as f64;
        let mean = values.iter().map(|p| p.1).sum::<f64>() / count;
        let middle = (count - 1.0) / 2.0;
        let from_middle = || values.iter().zip(0_u32..).map(|(p, i)| (f64::from(i) - middle, p.1 - mean));
        let spread: f64 = from_middle().map(|(x, _)| x * x).sum();
        let together: f64 = from_middle().map(|(x, y)| x * y).sum();
        if values.is_empty() {
            return None;
        }
        let slope = if spread == 0.0 || self.step.0 == 0.0 { 0.0 } else { together / spread / self.step.0 };
        Some((slope, mean - slope * (self.start.0 + middle * self.step.0)))
    }
}

fn fields() -> Fields {
    ["slope", "intercept"].into_iter().map(|name| Field::new(name, DataType::Float64, true)).collect()
}

impl Fold for LeastSquares {
    type Group = AllPoints;

    const ARGUMENTS: Arguments = Arguments::TimeAndValue;

    fn name(&self) -> &'static str {
        "least_squares"
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        DataType::Struct(fields())
    }

    fn add(&self, group: &mut AllPoints, time: i64, value: f64) {
        group.add(time, value);
    }

    fn save(&self, group: &AllPoints, integers: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        group.save(integers, numbers);
    }

    fn join(&self, group: &mut AllPoints, integers: &[i64], numbers: &[f64]) {
        group.join(integers, numbers);
    }

    fn results(&self, groups: Vec<AllPoints>, _ty: &DataType) -> Result<ArrayRef> {
        if groups.iter().any(|g| u32::try_from(g.points.len()).is_err()) {
            return exec_err!("a line through more than {} values", u32::MAX);
        }
        let lines: Vec<Option<(f64, f64)>> = groups.into_iter().map(|g| self.line(&g.in_order())).collect();
        let part = |part: fn((f64, f64)) -> f64| -> ArrayRef {
            Arc::new(lines.iter().map(|line| line.map(part)).collect::<Float64Array>())
        };
        let nulls: NullBuffer = lines.iter().map(Option::is_some).collect::<Vec<bool>>().into();
        Ok(Arc::new(StructArray::try_new(fields(), vec![part(|l| l.0), part(|l| l.1)], Some(nulls))?))
    }

    fn bytes(group: &AllPoints) -> usize {
        group.bytes()
    }
}
