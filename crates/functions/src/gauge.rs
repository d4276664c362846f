//! Summary of a gauge, a value that goes up and down: its first two and last two points.
//!
//! After TimescaleDB Toolkit's `gauge_agg`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, IntervalMonthDayNanoArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, UInt64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ScalarUDF, Signature, Volatility,
};

use crate::args::{argument, double_type, interval, per_second, time_type};
use crate::summary::{
    Point, Reading, each_double, member, point_fields, point_scalar, points, reader, structs, structure,
};

/// `gauge_agg(time, value)`: the structure `{first, second, penultimate, last, num_elements}`, points being
/// `{ts, val}` with the value as a double. Rows with a NULL do not count; without rows it is NULL. With
/// one row all four points are that row.
pub fn gauge_agg() -> AggregateUDF {
    AggregateUDF::from(GaugeAgg { signature: Signature::user_defined(Volatility::Immutable) })
}

/// The functions that read a gauge's summary.
pub fn gauge_readers() -> impl Iterator<Item = ScalarUDF> {
    GaugeReading::ALL.into_iter().map(reader)
}

const NAME: &str = "gauge_agg";
const PARTS: [&str; 4] = ["first", "second", "penultimate", "last"];
const COUNT: &str = "num_elements";

fn fields(time: &DataType) -> Fields {
    let point = DataType::Struct(point_fields(time));
    let points = PARTS.map(|name| Field::new(name, point.clone(), true));
    points.into_iter().chain([Field::new(COUNT, DataType::UInt64, true)]).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GaugeAgg {
    signature: Signature,
}

impl AggregateUDFImpl for GaugeAgg {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, value] = types else {
            return plan_err!("{NAME} takes a time and a value, got {} arguments", types.len());
        };
        Ok(vec![time_type(NAME, time)?, double_type(NAME, value)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields(argument(types, 0)?)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[gauge]", args.name), args.return_type().clone(), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let time = argument(args.expr_fields, 0)?.data_type().clone();
        Ok(Box::new(Gauge { time, ends: None, count: 0 }))
    }
}

#[derive(Debug)]
struct Gauge {
    time: DataType,
    ends: Option<Ends>,
    count: u64,
}

/// The first two and the last two points; of one point all four.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: Point,
    second: Point,
    penultimate: Point,
    last: Point,
}

impl Ends {
    const fn of(only: Point) -> Self {
        Self { first: only, second: only, penultimate: only, last: only }
    }

    /// Of two points or more, and two points or more.
    fn joined(self, other: Self) -> Self {
        let mut ends = self;
        for point in [other.first, other.second] {
            ends.early(point);
        }
        for point in [other.penultimate, other.last] {
            ends.late(point);
        }
        ends
    }

    fn early(&mut self, point: Point) {
        if point.0 < self.first.0 {
            (self.first, self.second) = (point, self.first);
        } else if point.0 < self.second.0 {
            self.second = point;
        }
    }

    fn late(&mut self, point: Point) {
        if point.0 >= self.last.0 {
            (self.penultimate, self.last) = (self.last, point);
        } else if point.0 >= self.penultimate.0 {
            self.penultimate = point;
        }
    }
}

impl Gauge {
    fn push(&mut self, point: Point) {
        match (&mut self.ends, self.count) {
            (None, _) => self.ends = Some(Ends::of(point)),
            (Some(ends), 1) => {
                let (a, b) = if point.0 < ends.first.0 { (point, ends.first) } else { (ends.first, point) };
                *ends = Ends { first: a, second: b, penultimate: a, last: b };
            }
            (Some(ends), _) => {
                ends.early(point);
                ends.late(point);
            }
        }
        self.count += 1;
    }

    fn join(&mut self, other: Ends, count: u64) {
        match (self.ends, self.count, count) {
            (_, _, 0) => {}
            (_, _, 1) => self.push(other.first),
            (None, _, _) => (self.ends, self.count) = (Some(other), count),
            (Some(own), 1, _) => {
                (self.ends, self.count) = (Some(other), count);
                self.push(own.first);
            }
            (Some(own), _, _) => {
                self.ends = Some(own.joined(other));
                self.count += count;
            }
        }
    }
}

impl Accumulator for Gauge {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_double(values, |time, value, _| self.push((time, value)))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let gauges = structs(argument(states, 0)?)?;
        let [first, second, penultimate, last] = PARTS;
        let counts = member(gauges, COUNT)?.as_primitive::<UInt64Type>();
        let early = points(gauges, first)?.zip(points(gauges, second)?);
        let late = points(gauges, penultimate)?.zip(points(gauges, last)?);
        for (row, (early, late)) in early.zip(late).enumerate() {
            if let ((Some(first), Some(second)), (Some(penultimate), Some(last))) = (early, late) {
                self.join(Ends { first, second, penultimate, last }, counts.value(row));
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let fields = fields(&self.time);
        let Some(ends) = self.ends else { return ScalarValue::try_from(&DataType::Struct(fields)) };
        let points = [ends.first, ends.second, ends.penultimate, ends.last];
        let mut members =
            points.into_iter().map(|p| point_scalar(&self.time, p)).collect::<Result<Vec<_>>>()?;
        members.push(ScalarValue::UInt64(Some(self.count)));
        structure(&fields, members)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// What is read from a gauge's summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum GaugeReading {
    /// Last value less first value: double.
    Delta,
    /// Last time less first time: interval.
    TimeDelta,
    /// Delta per nanosecond: double; NULL if no time passed.
    Rate,
    /// Time of the first point.
    FirstTime,
    /// Time of the last point.
    LastTime,
    /// First value: double.
    FirstVal,
    /// Last value: double.
    LastVal,
    /// Second value less first value: double.
    IdeltaLeft,
    /// Last value less the one before: double.
    IdeltaRight,
}

impl GaugeReading {
    const ALL: [Self; 9] = [
        Self::Delta,
        Self::TimeDelta,
        Self::Rate,
        Self::FirstTime,
        Self::LastTime,
        Self::FirstVal,
        Self::LastVal,
        Self::IdeltaLeft,
        Self::IdeltaRight,
    ];
}

impl Reading for GaugeReading {
    const SUMMARY: &'static str = "GaugeData";

    fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::TimeDelta => "time_delta",
            Self::Rate => "rate",
            Self::FirstTime => "first_time",
            Self::LastTime => "last_time",
            Self::FirstVal => "first_val",
            Self::LastVal => "last_val",
            Self::IdeltaLeft => "idelta_left",
            Self::IdeltaRight => "idelta_right",
        }
    }

    fn time_type(summary: &DataType) -> Option<DataType> {
        let DataType::Struct(members) = summary else { return None };
        let DataType::Struct(point) = members.first()?.data_type() else { return None };
        let time = point.first()?.data_type().clone();
        (*members == fields(&time)).then_some(time)
    }

    fn result(self, time: DataType) -> DataType {
        match self {
            Self::FirstTime | Self::LastTime => time,
            Self::TimeDelta => DataType::Interval(IntervalUnit::MonthDayNano),
            _ => DataType::Float64,
        }
    }

    fn read(self, gauges: &StructArray) -> Result<ArrayRef> {
        let change = |from: &str, to: &str| -> Result<ArrayRef> {
            let pairs = points(gauges, from)?.zip(points(gauges, to)?);
            Ok(Arc::new(pairs.map(|(from, to)| Some(to?.1 - from?.1)).collect::<Float64Array>()))
        };
        let part = |name: &str, of: &str| Ok(Arc::clone(member(structs(member(gauges, name)?)?, of)?));
        match self {
            Self::Delta => change("first", "last"),
            Self::IdeltaLeft => change("first", "second"),
            Self::IdeltaRight => change("penultimate", "last"),
            Self::FirstTime => part("first", "ts"),
            Self::LastTime => part("last", "ts"),
            Self::FirstVal => part("first", "val"),
            Self::LastVal => part("last", "val"),
            Self::TimeDelta => {
                let unit = per_second(part("first", "ts")?.data_type())?;
                let spans = points(gauges, "first")?.zip(points(gauges, "last")?).map(|(first, last)| {
                    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
                    interval(i128::from(last.0) - i128::from(first.0), unit).map(Some)
                });
                Ok(Arc::new(spans.collect::<Result<IntervalMonthDayNanoArray>>()?))
            }
            Self::Rate => {
                let unit = 1_000_000_000 / per_second(part("first", "ts")?.data_type())?;
                let rates = points(gauges, "first")?.zip(points(gauges, "last")?).map(|(first, last)| {
                    let (first, last) = (first?, last?);
                    let time = (i128::from(last.0) - i128::from(first.0)) * i128::from(unit);
                    (time != 0).then(|| (last.1 - first.1) / time as f64)
                });
                Ok(Arc::new(rates.collect::<Float64Array>()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(points: &[Point]) -> Gauge {
        let mut gauge = Gauge { time: DataType::Null, ends: None, count: 0 };
        points.iter().for_each(|p| gauge.push(*p));
        gauge
    }

    /// However the points are dealt to two parts and ordered, the ends are those of the sorted points.
    #[test]
    fn parts_join_to_the_whole() {
        for points in 1..6_u32 {
            for (deal, turn) in
                (0..1_u32 << points).flat_map(|deal| (0..points).map(move |turn| (deal, turn)))
            {
                let times = (0..points).map(|i| (i + turn) % points);
                let (left, right): (Vec<u32>, Vec<u32>) = times.partition(|i| deal & (1 << i) != 0);
                let as_points = |times: &[u32]| -> Vec<Point> {
                    times.iter().map(|i| (i64::from(*i), f64::from(*i))).collect()
                };
                let mut whole = gauge(&as_points(&left));
                let other = gauge(&as_points(&right));
                if let Some(ends) = other.ends {
                    whole.join(ends, other.count);
                }
                let ends = whole.ends.unwrap();
                let last = i64::from(points) - 1;
                assert_eq!(whole.count, u64::from(points));
                assert_eq!((ends.first.0, ends.last.0), (0, last), "{left:?} {right:?}");
                assert_eq!(ends.second.0, 1.min(last), "{left:?} {right:?}");
                assert_eq!(ends.penultimate.0, (last - 1).max(0), "{left:?} {right:?}");
            }
        }
    }
}
