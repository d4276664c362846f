//! Columns of answers that are computed: SHOW, DESCRIBE, `information_schema`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int8Array, Int16Array, Int32Array, Int64Array, StringArray,
    StringViewArray, TimestampMillisecondArray,
};
use arrow::compute::filter;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use triglot_engine::query::typed_tags;
use triglot_model::ColumnDef;

use crate::{ColumnMeta, TaosType};

/// A column with all its values.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// What the client is told.
    pub(crate) meta: ColumnMeta,
    /// One for each row.
    pub(crate) values: ArrayRef,
}

impl Column {
    fn fixed(name: &str, ty: TaosType, values: ArrayRef) -> Self {
        let length = ty.fixed_length().unwrap_or(0);
        Self { meta: ColumnMeta { name: name.to_owned(), ty, length }, values }
    }

    /// VARCHAR of this width.
    pub(crate) fn text<T: AsRef<str>>(
        name: &str,
        length: u32,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        let values: StringArray = values.into_iter().collect();
        let meta = ColumnMeta { name: name.to_owned(), ty: TaosType::Varchar, length };
        Self { meta, values: Arc::new(values) }
    }

    /// BOOL
    pub(crate) fn boolean(name: &str, values: impl IntoIterator<Item = Option<bool>>) -> Self {
        Self::fixed(name, TaosType::Bool, Arc::new(values.into_iter().collect::<BooleanArray>()))
    }

    /// TINYINT
    pub(crate) fn tiny(name: &str, values: impl IntoIterator<Item = Option<i8>>) -> Self {
        Self::fixed(name, TaosType::TinyInt, Arc::new(values.into_iter().collect::<Int8Array>()))
    }

    /// SMALLINT
    pub(crate) fn small(name: &str, values: impl IntoIterator<Item = Option<i16>>) -> Self {
        Self::fixed(name, TaosType::SmallInt, Arc::new(values.into_iter().collect::<Int16Array>()))
    }

    /// INT
    pub(crate) fn int(name: &str, values: impl IntoIterator<Item = Option<i32>>) -> Self {
        Self::fixed(name, TaosType::Int, Arc::new(values.into_iter().collect::<Int32Array>()))
    }

    /// BIGINT
    pub(crate) fn big(name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        Self::fixed(name, TaosType::BigInt, Arc::new(values.into_iter().collect::<Int64Array>()))
    }

    /// TIMESTAMP in milliseconds.
    pub(crate) fn time(name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        let values: TimestampMillisecondArray = values.into_iter().collect();
        Self::fixed(name, TaosType::Timestamp, Arc::new(values))
    }

    /// The values of a tag, from the texts that the series index keeps.
    pub(crate) fn tag<'v>(
        tag: &ColumnDef,
        values: impl Iterator<Item = Option<&'v String>>,
    ) -> Result<Self, ArrowError> {
        let (ty, length) = crate::query::columns::of_column(tag);
        let texts: ArrayRef = Arc::new(values.collect::<StringViewArray>());
        let values = typed_tags(&texts, tag.ty)?;
        Ok(Self { meta: ColumnMeta { name: tag.name.clone(), ty, length }, values })
    }

    /// Which texts are `wanted`.
    pub(crate) fn equals(&self, wanted: &str) -> BooleanArray {
        let texts = self.values.as_string_opt::<i32>();
        let none = || BooleanArray::from(vec![false; self.values.len()]);
        texts.map_or_else(none, |t| t.iter().map(|v| Some(v == Some(wanted))).collect())
    }

    /// Only these rows.
    pub(crate) fn filtered(self, rows: &BooleanArray) -> Result<Self, ArrowError> {
        Ok(Self { values: filter(&self.values, rows)?, ..self })
    }

    /// A column of this type without values; `V64` is VARCHAR(64), other words are types.
    pub(crate) fn empty(name: &str, ty: &str) -> Self {
        match ty {
            "BOOL" => Self::boolean(name, []),
            "TINYINT" => Self::tiny(name, []),
            "SMALLINT" => Self::small(name, []),
            "INT" => Self::int(name, []),
            "BIGINT" => Self::big(name, []),
            "TIMESTAMP" => Self::time(name, []),
            text => {
                let length = text.strip_prefix('V').and_then(|n| n.parse().ok()).unwrap_or(64);
                Self::text(name, length, std::iter::empty::<Option<&str>>())
            }
        }
    }
}

/// The columns as one batch; the width of texts is a field's metadata `length`.
pub(crate) fn batch(columns: Vec<Column>) -> Result<RecordBatch, ArrowError> {
    let field = |column: &Column| {
        let length = ("length".to_owned(), column.meta.length.to_string());
        Field::new(&column.meta.name, column.values.data_type().clone(), true)
            .with_metadata(HashMap::from([length]))
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|c| c.values).collect())
}
