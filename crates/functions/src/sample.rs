//! A random sample of a column.

use std::collections::BinaryHeap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use crate::args::argument;
use crate::lists::{list_of, list_type, rows_of};

/// The largest sample.
pub const MAX_SAMPLE: usize = 2_000;

/// `sample(value, n)`: a list of `n` rows' values (NULLs too), each row being as likely as any other; all
/// of them if there are no more than `n`; NULL without rows. `n` is a constant from 1 to [`MAX_SAMPLE`].
pub fn sample() -> AggregateUDF {
    AggregateUDF::from(Sample { signature: Signature::any(2, Volatility::Volatile) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sample {
    signature: Signature,
}

impl AggregateUDFImpl for Sample {
    fn name(&self) -> &str {
        "sample"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(list_type(argument(types, 0)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new(format!("{}[values]", args.name), args.return_type().clone(), true)),
            Arc::new(Field::new(format!("{}[keys]", args.name), list_type(&DataType::UInt64), true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let element = argument(args.expr_fields, 0)?.data_type().clone();
        let wanted = sample_size(argument(args.exprs, 1)?)?;
        let seed = RandomState::new().build_hasher().finish();
        Ok(Box::new(Reservoir { element, wanted, random: SplitMix(seed), kept: BinaryHeap::new(), bytes: 0 }))
    }
}

fn sample_size(expr: &Arc<dyn PhysicalExpr>) -> Result<usize> {
    let Some(literal) = expr.downcast_ref::<Literal>() else {
        return plan_err!("sample expects a constant as its second argument");
    };
    let size = match literal.value().cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(Some(size))) if literal.value().data_type().is_integer() => size,
        _ => return plan_err!("sample expects an integer as its second argument, got {}", literal.value()),
    };
    match usize::try_from(size) {
        Ok(size) if (1..=MAX_SAMPLE).contains(&size) => Ok(size),
        _ => plan_err!("sample expects a size from 1 to {MAX_SAMPLE}, got {size}"),
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Gives each row a random key and keeps the rows with the smallest ones: a uniform sample, of which
/// several can be merged.
#[derive(Debug)]
struct Reservoir {
    element: DataType,
    wanted: usize,
    random: SplitMix,
    kept: BinaryHeap<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    key: u64,
    value: ScalarValue,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Reservoir {
    fn offer(&mut self, key: u64, values: &ArrayRef, row: usize) -> Result<()> {
        if self.kept.len() == self.wanted {
            if self.kept.peek().is_some_and(|largest| largest.key <= key) {
                return Ok(());
            }
            if let Some(dropped) = self.kept.pop() {
                self.bytes -= dropped.value.size();
            }
        }
        let mut value = ScalarValue::try_from_array(values, row)?;
        value.compact();
        self.bytes += value.size();
        self.kept.push(Kept { key, value });
        Ok(())
    }

    fn values(&self) -> Result<ScalarValue> {
        let values = ScalarValue::iter_to_array(self.kept.iter().map(|k| k.value.clone()));
        Ok(list_of(if self.kept.is_empty() { arrow::array::new_empty_array(&self.element) } else { values? }))
    }
}

impl Accumulator for Reservoir {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = argument(values, 0)?;
        for row in 0..values.len() {
            let key = self.random.next();
            self.offer(key, values, row)?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, keys) = (rows_of(argument(states, 0)?)?, rows_of(argument(states, 1)?)?);
        for (values, keys) in values.zip(keys) {
            let (Some(values), Some(keys)) = (values, keys) else { continue };
            for (row, key) in keys.as_primitive::<UInt64Type>().values().iter().enumerate() {
                self.offer(*key, &values, row)?;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let keys = UInt64Array::from_iter_values(self.kept.iter().map(|k| k.key));
        Ok(vec![self.values()?, list_of(Arc::new(keys))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.kept.is_empty() {
            return ScalarValue::try_from(&list_type(&self.element));
        }
        self.values()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.kept.capacity() * size_of::<Kept>()
    }
}
