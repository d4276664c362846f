use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{ScalarValue, internal_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::physical_expr::expressions::Literal;

use super::options::{Options, ValueRepair, parse_fill, parse_times, parse_values};
use super::{Series, TimesError, TooFewValues, fill_values, limit_speed_changes, repair_times, screen};

/// `f(time, value [, 'option=value&…'])`: the repaired series of a group, as a list of `{time, value}`
/// by time. `time` is a timestamp, `value` a number, both may be NULL: rows without a time are left
/// out, a NULL value is one to be filled. Values that stay unknown are NULL. It holds the group in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeriesRepair {
    /// Regular times. Options `method` (`median`, `mode`, `cluster`), `interval` (milliseconds, instead of
    /// a method), `start_mode` (`linear`, `mode`).
    Times,
    /// No unknown values. Option `method`: `mean`, `previous`, `linear`, `ar`, `ma`.
    Fill,
    /// No unlikely values. Options `method` (`screen`, `lsgreedy`), `min_speed`, `max_speed` (screen),
    /// `center`, `sigma` (lsgreedy); speeds are changes of value for each millisecond.
    Values,
}

/// What a repair may refuse.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RepairError {
    /// Fewer than two known values.
    #[error(transparent)]
    TooFewValues(#[from] TooFewValues),
    /// See [`TimesError`].
    #[error(transparent)]
    Times(#[from] TimesError),
    /// No such method.
    #[error("Invalid method: {0}")]
    Method(String),
    /// No such start mode.
    #[error("Invalid start mode: {0}")]
    StartMode(String),
    /// Not an option of the function, or not of the form `option=value`.
    #[error("Invalid option: {0}")]
    Option(String),
    /// A value that the option does not take.
    #[error("Invalid value of {option}: {value}")]
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
    },
}

impl From<RepairError> for DataFusionError {
    fn from(error: RepairError) -> Self {
        Self::Execution(error.to_string())
    }
}

/// The first field of a repaired row.
pub const TIME: &str = "time";
/// The second field of a repaired row.
pub const VALUE: &str = "value";

impl SeriesRepair {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Times, Self::Fill, Self::Values];

    /// The neutral name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Times => "timestamp_repair",
            Self::Fill => "value_fill",
            Self::Values => "value_repair",
        }
    }

    /// The aggregate.
    pub fn udaf(self) -> AggregateUDF {
        RepairFunction { repair: self, signature: Signature::user_defined(Volatility::Immutable) }.into()
    }

    /// The repair that `function` makes, if it is one of these.
    pub fn of(function: &AggregateUDF) -> Option<Self> {
        function.inner().downcast_ref::<RepairFunction>().map(|f| f.repair)
    }

    /// The repaired series, by the options in `text`.
    ///
    /// # Errors
    /// See [`RepairError`].
    pub fn apply(self, series: &Series, text: &str) -> Result<Series, RepairError> {
        let mut options = Options::parse(text)?;
        let with = |values| Series { times: series.times.clone(), values };
        Ok(match self {
            Self::Times => repair_times(series, parse_times(&mut options)?)?,
            Self::Fill => {
                let method = parse_fill(&mut options)?;
                if series.values.iter().filter(|v| !v.is_nan()).count() < 2 {
                    return Err(TooFewValues.into());
                }
                with(fill_values(&series.values, method))
            }
            Self::Values => with(match parse_values(&mut options)? {
                ValueRepair::Screen { min_speed, max_speed } => screen(series, min_speed, max_speed)?,
                ValueRepair::LsGreedy { center, sigma } => limit_speed_changes(series, center, sigma)?,
            }),
        })
    }

    /// Refuses `text` if [`Self::apply`] would, whatever the series.
    fn check(self, text: &str) -> Result<(), RepairError> {
        let mut options = Options::parse(text)?;
        match self {
            Self::Times => parse_times(&mut options).map(|_| ()),
            Self::Fill => parse_fill(&mut options).map(|_| ()),
            Self::Values => parse_values(&mut options).map(|_| ()),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RepairFunction {
    repair: SeriesRepair,
    signature: Signature,
}

fn row_fields(time: &DataType) -> Fields {
    [Field::new(TIME, time.clone(), true), Field::new(VALUE, DataType::Float64, true)].into_iter().collect()
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

impl AggregateUDFImpl for RepairFunction {
    fn name(&self) -> &str {
        self.repair.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, args: &[DataType]) -> Result<Vec<DataType>> {
        match args {
            [time @ DataType::Timestamp(..), value, options @ ..]
                if (value.is_numeric() || *value == DataType::Null)
                    && options.len() < 2
                    && options.iter().all(DataType::is_string) =>
            {
                let options = options.iter().map(|_| DataType::Utf8);
                Ok([time.clone(), DataType::Float64].into_iter().chain(options).collect())
            }
            _ => {
                plan_err!("{} takes a timestamp, a number and a text of options, found {args:?}", self.name())
            }
        }
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args {
            [time, ..] => Ok(list_of(DataType::Struct(row_fields(time)))),
            [] => plan_err!("{} without arguments", self.name()),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field =
            |name, item| Arc::new(Field::new(format_state_name(args.name, name), list_of(item), true));
        Ok(vec![field(TIME, DataType::Int64), field(VALUE, DataType::Float64)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let options = match args.exprs.get(2).map(|e| e.downcast_ref::<Literal>().map(Literal::value)) {
            None => String::new(),
            Some(Some(ScalarValue::Utf8(Some(text)))) => text.clone(),
            Some(_) => return plan_err!("the options of {} must be a literal", self.name()),
        };
        self.repair.check(&options)?;
        let DataType::List(item) = args.return_field.data_type() else {
            return internal_err!("{} gives {}", self.name(), args.return_field.data_type());
        };
        let DataType::Struct(fields) = item.data_type() else {
            return internal_err!("{} gives a list of {}", self.name(), item.data_type());
        };
        let time = fields.first().map_or(DataType::Null, |f| f.data_type().clone());
        Ok(Box::new(RepairAccumulator { repair: self.repair, options, time, points: Vec::new() }))
    }
}

/// Collects the points of a group.
#[derive(Debug)]
struct RepairAccumulator {
    repair: SeriesRepair,
    options: String,
    /// The type of times outside; inside they are nanoseconds.
    time: DataType,
    points: Vec<(i64, f64)>,
}

impl RepairAccumulator {
    fn extend(&mut self, times: &Int64Array, values: &Float64Array) {
        let points = times.iter().zip(values).filter_map(|(t, v)| Some((t?, v.unwrap_or(f64::NAN))));
        self.points.extend(points);
    }

    fn nanoseconds(&self) -> DataType {
        match &self.time {
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
            other => other.clone(),
        }
    }

    /// Times in nanoseconds as an array of the outer type.
    fn outer_times(&self, times: Vec<i64>) -> Result<ArrayRef> {
        let ns = cast(&Int64Array::from(times), &self.nanoseconds())?;
        Ok(cast(&ns, &self.time)?)
    }
}

impl Accumulator for RepairAccumulator {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let [times, values, ..] = columns else { return internal_err!("a repair needs time and value") };
        // A time beyond the range of nanoseconds is an error, not NULL.
        let strict = arrow::compute::CastOptions { safe: false, ..Default::default() };
        let ns = arrow::compute::cast_with_options(times, &self.nanoseconds(), &strict)?;
        let ns = cast(&ns, &DataType::Int64)?;
        self.extend(ns.as_primitive::<Int64Type>(), values.as_primitive::<Float64Type>());
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [times, values] = states else { return internal_err!("a repair has two states") };
        for (times, values) in times.as_list::<i32>().iter().zip(values.as_list::<i32>().iter()) {
            if let (Some(times), Some(values)) = (times, values) {
                self.extend(times.as_primitive::<Int64Type>(), values.as_primitive::<Float64Type>());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times: ArrayRef = Arc::new(Int64Array::from_iter_values(self.points.iter().map(|p| p.0)));
        let values: ArrayRef = Arc::new(Float64Array::from_iter_values(self.points.iter().map(|p| p.1)));
        Ok([times, values].into_iter().map(|a| ScalarValue::List(Arc::new(one_list(a)))).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut points = std::mem::take(&mut self.points);
        points.sort_by_key(|p| p.0);
        let (times, values) = points.into_iter().unzip();
        let Series { times, values } = self.repair.apply(&Series { times, values }, &self.options)?;
        let values: Float64Array = values.into_iter().map(|v| (!v.is_nan()).then_some(v)).collect();
        let columns: Vec<ArrayRef> = vec![self.outer_times(times)?, Arc::new(values)];
        let rows = StructArray::try_new(row_fields(&self.time), columns, None)?;
        Ok(ScalarValue::List(Arc::new(one_list(Arc::new(rows)))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.options.capacity() + self.points.capacity() * size_of::<(i64, f64)>()
    }
}

/// A list array of one list.
fn one_list(items: ArrayRef) -> ListArray {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    ListArray::new(field, OffsetBuffer::from_lengths([items.len()]), items, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_choose_the_method() {
        let nan = f64::NAN;
        let series = Series { times: vec![0, 1, 2], values: vec![1.0, nan, 5.0] };
        let fill = |options| SeriesRepair::Fill.apply(&series, options).map(|s| s.values[1]);
        assert_eq!(fill(""), Ok(3.0));
        assert_eq!(fill("method=previous"), Ok(1.0));
        assert_eq!(fill("method=MEAN"), Ok(3.0));
        assert_eq!(fill("method=x"), Err(RepairError::Method("x".to_owned())));
        assert_eq!(fill("metod=mean"), Err(RepairError::Option("metod=mean".to_owned())));
        let few = Series { times: vec![0, 1], values: vec![1.0, nan] };
        for repair in [SeriesRepair::Fill, SeriesRepair::Values] {
            let error = repair.apply(&few, "").unwrap_err();
            assert_eq!(error.to_string(), "At least two non-NaN values are needed");
        }
        for options in ["interval=0", "interval=-1", "interval=x"] {
            assert!(matches!(SeriesRepair::Times.apply(&series, options), Err(RepairError::Value { .. })));
        }
    }
}
