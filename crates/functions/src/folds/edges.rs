use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Float64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{AllPoints, Arguments, Fold, udaf};
use crate::args::{argument, times};
use crate::summary::{member, structs};

/// `spread(value)`: the largest value less the smallest, as a double. NULL without values. Of times it is
/// [`elapsed`] with a unit of 1, which is exact.
pub fn spread() -> AggregateUDF {
    udaf(Spread)
}

/// `elapsed(time)`: the last time less the first, in `unit`s (units of the time, above 0), as a double. NULL
/// without times.
pub fn elapsed(unit: i64) -> AggregateUDF {
    udaf(Elapsed { unit: unit.max(1) })
}

/// `instant_rate(time, value)`: the growth from the last point but one to the last, for each `unit` of time (above 0), as a
/// double. Where the last value is the smaller one, a counter was reset to 0, and the growth is the last
/// value. NULL with fewer than two points and if both have one time.
pub fn instant_rate(unit: i64) -> AggregateUDF {
    udaf(InstantRate { unit: unit.max(1) })
}

/// `time_weight(time, value)`: what [`time_weighted_mean`] needs of a group: a structure of the first and the last
/// point and the area between. NULL without points. It keeps all points, 16 bytes each, until it is
/// computed.
pub fn time_weight() -> AggregateUDF {
    udaf(TimeWeight)
}

/// `time_weighted_mean(weight)`: the mean of a value that goes on straight lines between its points, as a
/// double; of one point its value.
pub fn time_weighted_mean() -> ScalarUDF {
    Mean { between: false, signature: Signature::any(1, Volatility::Immutable) }.into()
}

/// `time_weighted_mean_between(weight, before, after, start, end)`: the mean from `start` to `end`, on lines from the last point
/// of the weight `before` and to the first one of `after` (those of the neighbouring windows, by `lag` and `lead`
/// that ignore NULLs). Where there is no such weight, from the first point, and up to the last.
pub fn time_weighted_mean_between() -> ScalarUDF {
    Mean { between: true, signature: Signature::any(5, Volatility::Immutable) }.into()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spread;

impl Fold for Spread {
    type Group = Option<(f64, f64)>;

    const ARGUMENTS: Arguments = Arguments::Value;

    fn name(&self) -> &'static str {
        "spread"
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        DataType::Float64
    }

    fn add(&self, group: &mut Self::Group, _time: i64, value: f64) {
        let (low, high) = group.unwrap_or((value, value));
        *group = Some((low.min(value), high.max(value)));
    }

    fn save(&self, group: &Self::Group, _integers: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        numbers.extend(group.iter().flat_map(|(low, high)| [*low, *high]));
    }

    fn join(&self, group: &mut Self::Group, _integers: &[i64], numbers: &[f64]) {
        numbers.iter().for_each(|value| self.add(group, 0, *value));
    }

    fn results(&self, groups: Vec<Self::Group>, _ty: &DataType) -> Result<ArrayRef> {
        Ok(Arc::new(groups.into_iter().map(|g| g.map(|(low, high)| high - low)).collect::<Float64Array>()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Elapsed {
    pub(super) unit: i64,
}

impl Fold for Elapsed {
    type Group = Option<(i64, i64)>;

    const ARGUMENTS: Arguments = Arguments::Time;

    fn name(&self) -> &'static str {
        "elapsed"
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        DataType::Float64
    }

    fn add(&self, group: &mut Self::Group, time: i64, _value: f64) {
        let (first, last) = group.unwrap_or((time, time));
        *group = Some((first.min(time), last.max(time)));
    }

    fn save(&self, group: &Self::Group, integers: &mut Vec<i64>, _numbers: &mut Vec<f64>) {
        integers.extend(group.iter().flat_map(|(first, last)| [*first, *last]));
    }

    fn join(&self, group: &mut Self::Group, integers: &[i64], _numbers: &[f64]) {
        integers.iter().for_each(|time| self.add(group, *time, 0.0));
    }

    fn results(&self, groups: Vec<Self::Group>, _ty: &DataType) -> Result<ArrayRef> {
        let span = |(first, last): (i64, i64)| difference(first, last) / self.unit as f64;
        Ok(Arc::new(groups.into_iter().map(|g| g.map(span)).collect::<Float64Array>()))
    }
}

/// The time between, exact until it becomes a double.
fn difference(first: i64, last: i64) -> f64 {
    (i128::from(last) - i128::from(first)) as f64
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InstantRate {
    pub(super) unit: i64,
}

impl Fold for InstantRate {
    /// The last point but one, the last.
    type Group = (Option<(i64, f64)>, Option<(i64, f64)>);

    const ARGUMENTS: Arguments = Arguments::TimeAndValue;

    fn name(&self) -> &'static str {
        "instant_rate"
    }

    fn return_type(&self, _time: Option<&DataType>) -> DataType {
        DataType::Float64
    }

    fn add(&self, (before, last): &mut Self::Group, time: i64, value: f64) {
        if last.is_none_or(|last| last.0 <= time) {
            *before = last.replace((time, value));
        } else if before.is_none_or(|before| before.0 <= time) {
            *before = Some((time, value));
        }
    }

    fn save(&self, (before, last): &Self::Group, integers: &mut Vec<i64>, numbers: &mut Vec<f64>) {
        for (time, value) in before.iter().chain(last) {
            integers.push(*time);
            numbers.push(*value);
        }
    }

    fn join(&self, group: &mut Self::Group, integers: &[i64], numbers: &[f64]) {
        integers.iter().zip(numbers).for_each(|(time, value)| self.add(group, *time, *value));
    }

    fn results(&self, groups: Vec<Self::Group>, _ty: &DataType) -> Result<ArrayRef> {
        let rate = |(before, last): Self::Group| {
            let ((t0, v0), (t1, v1)) = (before?, last?);
            let growth = if v1 < v0 { v1 } else { v1 - v0 };
            (t0 != t1).then(|| growth / (difference(t0, t1) / self.unit as f64))
        };
        Ok(Arc::new(groups.into_iter().map(rate).collect::<Float64Array>()))
    }
}

/// Members of a weight.
const FIRST_TIME: &str = "first_time";
const FIRST: &str = "first";
const LAST_TIME: &str = "last_time";
const LAST: &str = "last";
const AREA: &str = "area";

fn weight_fields(time: &DataType) -> Fields {
    let field = |name, ty: &DataType| Field::new(name, ty.clone(), true);
    let number = DataType::Float64;
    Fields::from(vec![
        field(FIRST_TIME, time),
        field(FIRST, &number),
        field(LAST_TIME, time),
        field(LAST, &number),
        field(AREA, &number),
    ])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeWeight;

/// A weight: first point, last point, area between in units of time.
type Weight = ((i64, f64), (i64, f64), f64);

fn weight(points: &[(i64, f64)]) -> Option<Weight> {
    let steps = points.iter().zip(points.iter().skip(1));
    let area = steps.map(|((t0, v0), (t1, v1))| trapezoid((*t0, *v0), (*t1, *v1))).sum();
    Some((*points.first()?, *points.last()?, area))
}

fn trapezoid((t0, v0): (i64, f64), (t1, v1): (i64, f64)) -> f64 {
    // Halved first: the sum of two large values may be beyond all doubles.
    (v0 / 2.0 + v1 / 2.0) * difference(t0, t1)
}

impl Fold for TimeWeight {
    type Group = AllPoints;

    const ARGUMENTS: Arguments = Arguments::TimeAndValue;

    fn name(&self) -> &'static str {
        "time_weight"
    }

    fn return_type(&self, time: Option<&DataType>) -> DataType {
        DataType::Struct(weight_fields(time.unwrap_or(&DataType::Int64)))
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

    fn results(&self, groups: Vec<AllPoints>, ty: &DataType) -> Result<ArrayRef> {
        let DataType::Struct(fields) = ty else { return exec_err!("a weight is no {ty}") };
        let Some(time) = fields.first().map(|f| f.data_type()) else { return exec_err!("an empty weight") };
        let weights: Vec<Option<Weight>> = groups.into_iter().map(|g| weight(&g.in_order())).collect();
        let times = |part: fn(Weight) -> i64| -> Result<ArrayRef> {
            Ok(cast(&weights.iter().map(|w| w.map(part)).collect::<Int64Array>(), time)?)
        };
        let numbers = |part: fn(Weight) -> f64| -> ArrayRef {
            Arc::new(weights.iter().map(|w| w.map(part)).collect::<Float64Array>())
        };
        let columns = vec![
            times(|w| w.0.0)?,
            numbers(|w| w.0.1),
            times(|w| w.1.0)?,
            numbers(|w| w.1.1),
            numbers(|w| w.2),
        ];
        let nulls: NullBuffer = weights.iter().map(Option::is_some).collect::<Vec<bool>>().into();
        Ok(Arc::new(StructArray::try_new(fields.clone(), columns, Some(nulls))?))
    }

    fn bytes(group: &AllPoints) -> usize {
        group.bytes()
    }
}

/// The weights of an array of structures.
fn weights(array: &ArrayRef) -> Result<Vec<Option<Weight>>> {
    if array.data_type().is_null() {
        return Ok(vec![None; array.len()]);
    }
    let weights = structs(array)?;
    let (t0, t1) = (times(member(weights, FIRST_TIME)?)?, times(member(weights, LAST_TIME)?)?);
    let number = |name: &str| {
        Ok::<_, datafusion::error::DataFusionError>(member(weights, name)?.as_primitive::<Float64Type>())
    };
    let (v0, v1, area) = (number(FIRST)?, number(LAST)?, number(AREA)?);
    let weight =
        |row: usize| ((t0.value(row), v0.value(row)), (t1.value(row), v1.value(row)), area.value(row));
    Ok((0..weights.len()).map(|row| weights.is_valid(row).then(|| weight(row))).collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mean {
    between: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Mean {
    fn name(&self) -> &str {
        if self.between { "time_weighted_mean_between" } else { "time_weighted_mean" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let is_weight = |ty: &DataType| match ty {
            DataType::Struct(fields) => {
                fields.iter().map(|f| f.name().as_str()).eq([FIRST_TIME, FIRST, LAST_TIME, LAST, AREA])
            }
            other => other.is_null(),
        };
        if types.iter().take(3).all(is_weight) {
            return Ok(DataType::Float64);
        }
        plan_err!("{} expects what time_weight gives, got {types:?}", self.name())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = |at: usize| argument(&args.args, at)?.to_array(args.number_rows);
        let own = weights(&array(0)?)?;
        if !self.between {
            let means = own.into_iter().map(|w| w.map(|(first, last, area)| mean(first, last, area)));
            return Ok(ColumnarValue::Array(Arc::new(means.collect::<Float64Array>())));
        }
        let (before, after) = (weights(&array(1)?)?, weights(&array(2)?)?);
        let (starts, ends) = (times(&array(3)?)?, times(&array(4)?)?);
        let rows = own.into_iter().zip(before).zip(after).zip(starts.iter().zip(ends.iter()));
        let means = rows.map(|(((own, before), after), (start, end))| {
            let (mut first, mut last, mut area) = own?;
            if let Some(((_, from, _), start)) = before.zip(start).filter(|(_, start)| *start < first.0) {
                let edge = (start, on_line(from, first, start));
                area += trapezoid(edge, first);
                first = edge;
            }
            if let Some(((to, _, _), end)) = after.zip(end).filter(|(_, end)| *end > last.0) {
                let edge = (end, on_line(last, to, end));
                area += trapezoid(last, edge);
                last = edge;
            }
            Some(mean(first, last, area))
        });
        Ok(ColumnarValue::Array(Arc::new(means.collect::<Float64Array>())))
    }
}

fn mean(first: (i64, f64), last: (i64, f64), area: f64) -> f64 {
    let span = difference(first.0, last.0);
    if span == 0.0 { first.1 } else { area / span }
}

fn on_line((t0, v0): (i64, f64), (t1, v1): (i64, f64), time: i64) -> f64 {
    if t0 == t1 {
        return v1;
    }
    v0 + (v1 - v0) * (difference(t0, time) / difference(t0, t1))
}
