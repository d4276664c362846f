//! The most frequent value.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::args::argument;
use crate::lists::{list_of, list_type, rows_of};

/// `mode(value)`: the most frequent value, of any type; the smallest of several. NULLs do not count;
/// without values it is NULL.
pub fn mode() -> AggregateUDF {
    AggregateUDF::from(Mode { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mode {
    signature: Signature,
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(argument(types, 0)?.clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new(format!("{}[values]", args.name), list_type(args.return_type()), true)),
            Arc::new(Field::new(format!("{}[counts]", args.name), list_type(&DataType::UInt64), true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_type().clone();
        let converter = RowConverter::new(vec![SortField::new(ty.clone())])?;
        Ok(Box::new(Counts { ty, converter, counts: HashMap::new(), key_bytes: 0 }))
    }
}

/// Counts by value. Values are kept in Arrow's row format, whose bytes compare like the values.
struct Counts {
    ty: DataType,
    converter: RowConverter,
    counts: HashMap<Box<[u8]>, u64>,
    key_bytes: usize,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").field("values", &self.counts.len()).finish_non_exhaustive()
    }
}

impl Counts {
    fn add(&mut self, values: &ArrayRef, weight: impl Fn(usize) -> u64) -> Result<()> {
        let nulls = values.logical_nulls();
        let rows = self.converter.convert_columns(std::slice::from_ref(values))?;
        for (at, row) in rows.iter().enumerate() {
            if nulls.as_ref().is_some_and(|n| n.is_null(at)) {
                continue;
            }
            if let Some(count) = self.counts.get_mut(row.data()) {
                *count += weight(at);
            } else {
                self.key_bytes += row.data().len();
                self.counts.insert(row.data().into(), weight(at));
            }
        }
        Ok(())
    }

    fn values<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(keys.map(|key| parser.parse(key)))?;
        columns.into_iter().next().ok_or_else(|| exec_datafusion_err!("a row without a column"))
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(argument(values, 0)?, |_| 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (rows_of(argument(states, 0)?)?, rows_of(argument(states, 1)?)?);
        for (values, counts) in values.zip(counts) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            let counts: UInt64Array = counts.as_primitive::<UInt64Type>().clone();
            self.add(&values, |at| counts.values().get(at).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.values(self.counts.keys().map(AsRef::as_ref))?;
        let counts = UInt64Array::from_iter_values(self.counts.values().copied());
        Ok(vec![list_of(values), list_of(Arc::new(counts))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let most = self.counts.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
        match most {
            None => ScalarValue::try_from(&self.ty),
            Some((key, _)) => ScalarValue::try_from_array(&self.values(std::iter::once(key.as_ref()))?, 0),
        }
    }

    fn size(&self) -> usize {
        let entry = size_of::<(Box<[u8]>, u64)>() + 1;
        size_of_val(self) + self.converter.size() + self.key_bytes + self.counts.capacity() * entry
    }
}
