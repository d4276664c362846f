//! Candlesticks of trades: opening, highest, lowest and closing price, volume.
//!
//! After TimescaleDB Toolkit's `candlestick_agg`, which CnosDB's enterprise product follows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ScalarUDF, Signature, Volatility,
};

use crate::args::{argument, double_type, time_type};
use crate::summary::{
    Point, Reading, each_double, member, point_fields, point_scalar, points, reader, structs, structure,
};

/// `candlestick_agg(time, price, volume)`: the structure `{open, high, low, close, volume, turnover}`, the
/// first four being points `{ts, val}`; turnover is the sum of price times volume. Rows without a time or
/// a price do not count; without rows it is NULL. Of equal prices the earliest is the highest or lowest.
pub fn candlestick_agg() -> AggregateUDF {
    AggregateUDF::from(CandlestickAgg { signature: Signature::user_defined(Volatility::Immutable) })
}

/// The functions that read a candlestick.
pub fn candlestick_readers() -> impl Iterator<Item = ScalarUDF> {
    CandlestickReading::ALL.into_iter().map(reader)
}

const NAME: &str = "candlestick_agg";
const PARTS: [&str; 4] = ["open", "high", "low", "close"];
const VOLUME: &str = "volume";
const TURNOVER: &str = "turnover";

fn fields(time: &DataType) -> Fields {
    let point = DataType::Struct(point_fields(time));
    let points = PARTS.map(|name| Field::new(name, point.clone(), true));
    let sums = [VOLUME, TURNOVER].map(|name| Field::new(name, DataType::Float64, true));
    points.into_iter().chain(sums).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CandlestickAgg {
    signature: Signature,
}

impl AggregateUDFImpl for CandlestickAgg {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, price, volume] = types else {
            return plan_err!("{NAME} takes a time, a price and a volume, got {} arguments", types.len());
        };
        Ok(vec![time_type(NAME, time)?, double_type(NAME, price)?, double_type(NAME, volume)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields(argument(types, 0)?)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            format!("{}[candlestick]", args.name),
            args.return_type().clone(),
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let time = argument(args.expr_fields, 0)?.data_type().clone();
        Ok(Box::new(Candlestick { time, prices: None, volume: None, turnover: None }))
    }
}

#[derive(Debug)]
struct Candlestick {
    time: DataType,
    prices: Option<Prices>,
    volume: Option<f64>,
    turnover: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Prices {
    open: Point,
    high: Point,
    low: Point,
    close: Point,
}

impl Prices {
    fn joined(self, other: Self) -> Self {
        let earlier = |a: Point, b: Point| if b.0 < a.0 { b } else { a };
        let better = |a: Point, b: Point, wins: bool| match () {
            () if wins => b,
            () if a.1 == b.1 => earlier(a, b),
            () => a,
        };
        Self {
            open: earlier(self.open, other.open),
            high: better(self.high, other.high, other.high.1 > self.high.1),
            low: better(self.low, other.low, other.low.1 < self.low.1),
            close: if other.close.0 >= self.close.0 { other.close } else { self.close },
        }
    }
}

impl Candlestick {
    fn join(&mut self, prices: Prices, volume: Option<f64>, turnover: Option<f64>) {
        self.prices = Some(self.prices.map_or(prices, |own| own.joined(prices)));
        for (sum, more) in [(&mut self.volume, volume), (&mut self.turnover, turnover)] {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0.0) + more);
            }
        }
    }
}

impl Accumulator for Candlestick {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_double(values, |time, price, volume| {
            let point = (time, price);
            let prices = Prices { open: point, high: point, low: point, close: point };
            self.join(prices, volume, volume.map(|v| v * price));
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sticks = structs(argument(states, 0)?)?;
        let [open, high, low, close] = PARTS;
        let sum = |name| {
            Ok::<_, datafusion::error::DataFusionError>(member(sticks, name)?.as_primitive::<Float64Type>())
        };
        let (volumes, turnovers) = (sum(VOLUME)?, sum(TURNOVER)?);
        let ends = points(sticks, open)?.zip(points(sticks, close)?);
        let extremes = points(sticks, high)?.zip(points(sticks, low)?);
        for (row, (ends, extremes)) in ends.zip(extremes).enumerate() {
            if let ((Some(open), Some(close)), (Some(high), Some(low))) = (ends, extremes) {
                let known = |sums: &Float64Array| sums.is_valid(row).then(|| sums.value(row));
                self.join(Prices { open, high, low, close }, known(volumes), known(turnovers));
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let fields = fields(&self.time);
        let Some(prices) = self.prices else { return ScalarValue::try_from(&DataType::Struct(fields)) };
        let points = [prices.open, prices.high, prices.low, prices.close];
        let mut members =
            points.into_iter().map(|p| point_scalar(&self.time, p)).collect::<Result<Vec<_>>>()?;
        members.extend([ScalarValue::Float64(self.volume), ScalarValue::Float64(self.turnover)]);
        structure(&fields, members)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// What is read from a candlestick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CandlestickReading {
    Open,
    High,
    Low,
    Close,
    OpenTime,
    HighTime,
    LowTime,
    CloseTime,
    /// The sum of the volumes.
    Volume,
    /// Turnover by volume: the price of the average unit; NULL if there was no volume.
    Vwap,
}

impl CandlestickReading {
    const ALL: [Self; 10] = [
        Self::Open,
        Self::High,
        Self::Low,
        Self::Close,
        Self::OpenTime,
        Self::HighTime,
        Self::LowTime,
        Self::CloseTime,
        Self::Volume,
        Self::Vwap,
    ];
}

impl Reading for CandlestickReading {
    const SUMMARY: &'static str = "CandlestickData";

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::OpenTime => "open_time",
            Self::HighTime => "high_time",
            Self::LowTime => "low_time",
            Self::CloseTime => "close_time",
            Self::Volume => "volume",
            Self::Vwap => "vwap",
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
            Self::OpenTime | Self::HighTime | Self::LowTime | Self::CloseTime => time,
            _ => DataType::Float64,
        }
    }

    fn read(self, sticks: &StructArray) -> Result<ArrayRef> {
        let part = |name: &str, of: &str| Ok(Arc::clone(member(structs(member(sticks, name)?)?, of)?));
        match self {
            Self::Open => part("open", "val"),
            Self::High => part("high", "val"),
            Self::Low => part("low", "val"),
            Self::Close => part("close", "val"),
            Self::OpenTime => part("open", "ts"),
            Self::HighTime => part("high", "ts"),
            Self::LowTime => part("low", "ts"),
            Self::CloseTime => part("close", "ts"),
            Self::Volume => Ok(Arc::clone(member(sticks, VOLUME)?)),
            Self::Vwap => {
                let turnovers = member(sticks, TURNOVER)?.as_primitive::<Float64Type>();
                let volumes = member(sticks, VOLUME)?.as_primitive::<Float64Type>();
                let prices = turnovers.iter().zip(volumes).map(|(turnover, volume)| {
                    let (turnover, volume) = (turnover?, volume?);
                    (volume != 0.0).then(|| turnover / volume)
                });
                Ok(Arc::new(prices.collect::<Float64Array>()))
            }
        }
    }
}
