//! Lists as states of aggregates.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use datafusion::scalar::ScalarValue;

/// A list of nullable elements of this type.
pub(crate) fn list_type(element: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element.clone(), true)))
}

/// One list of these elements.
pub(crate) fn list_of(elements: ArrayRef) -> ScalarValue {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([elements.len()]);
    ScalarValue::List(Arc::new(ListArray::new(field, offsets, elements, None)))
}

/// The elements of each list.
pub(crate) fn rows_of(lists: &ArrayRef) -> Result<impl Iterator<Item = Option<ArrayRef>>> {
    match lists.as_list_opt::<i32>() {
        Some(lists) => Ok(lists.iter()),
        None => exec_err!("expected lists, got {}", lists.data_type()),
    }
}
