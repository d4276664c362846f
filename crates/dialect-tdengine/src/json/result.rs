//! `{"code":0,"column_meta":[…],"data":[…],"rows":n}`.

use std::sync::Arc;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;
use triglot_model::Precision;
use triglot_sql_tdengine::ColumnMeta;

use super::cell::Column;
use super::text::push_string;
use super::zone::ZoneClock;

/// Writes one result set, piece by piece.
#[derive(Debug)]
pub(crate) struct ResultWriter {
    columns: Arc<[ColumnMeta]>,
    /// `"name":` before each value, where rows are objects.
    keys: Option<Vec<Vec<u8>>>,
    clock: ZoneClock,
    rows: u64,
}

impl ResultWriter {
    pub(crate) fn new(columns: Arc<[ColumnMeta]>, precision: Precision, zone: Tz, with_meta: bool) -> Self {
        let key = |column: &ColumnMeta| {
            let mut key = Vec::new();
            push_string(&mut key, &column.name);
            key.push(b':');
            key
        };
        let keys = with_meta.then(|| columns.iter().map(key).collect());
        Self { columns, keys, clock: ZoneClock::new(zone, precision), rows: 0 }
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Everything before the rows.
    pub(crate) fn push_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"code\":0,\"column_meta\":[");
        for (at, column) in self.columns.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
            push_string(out, &column.name);
            out.extend_from_slice(format!(",\"{}\",{}]", column.ty, column.length).as_bytes());
        }
        out.extend_from_slice(b"],\"data\":[");
    }

    /// Rows of `batch` from row `from` on, until `out` is at least `enough` long; how many.
    pub(crate) fn push_rows(
        &mut self,
        out: &mut Vec<u8>,
        batch: &RecordBatch,
        from: usize,
        enough: usize,
    ) -> Result<usize, ArrowError> {
        let columns: Vec<Column> = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(meta, array)| Column::new(array, meta.ty))
            .collect::<Result<_, _>>()?;
        let mut row = from;
        while row < batch.num_rows() && out.len() < enough {
            if self.rows > 0 {
                out.push(b',');
            }
            self.push_row(out, &columns, row);
            self.rows += 1;
            row += 1;
        }
        Ok(row - from)
    }

    fn push_row(&self, out: &mut Vec<u8>, columns: &[Column], row: usize) {
        let (open, close) = if self.keys.is_some() { (b'{', b'}') } else { (b'[', b']') };
        out.push(open);
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if let Some(key) = self.keys.as_ref().and_then(|keys| keys.get(at)) {
                out.extend_from_slice(key);
            }
            column.push(out, row, &self.clock);
        }
        out.push(close);
    }

    /// Everything behind the rows.
    pub(crate) fn push_tail(&self, out: &mut Vec<u8>, timing_ns: Option<u128>) {
        out.extend_from_slice(format!("],\"rows\":{}", self.rows).as_bytes());
        push_timing(out, timing_ns);
    }
}

/// The whole answer of a statement without rows.
pub(crate) fn push_affected(out: &mut Vec<u8>, rows: u64, with_meta: bool, timing_ns: Option<u128>) {
    out.extend_from_slice(br#"{"code":0,"column_meta":[["affected_rows","INT",4]],"data":["#);
    let row = if with_meta { format!("{{\"affected_rows\":{rows}}}") } else { format!("[{rows}]") };
    out.extend_from_slice(row.as_bytes());
    out.extend_from_slice(b"],\"rows\":1");
    push_timing(out, timing_ns);
}

fn push_timing(out: &mut Vec<u8>, timing_ns: Option<u128>) {
    if let Some(ns) = timing_ns {
        out.extend_from_slice(format!(",\"timing\":{ns}").as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array,
        Int64Array, StringArray, StringViewArray, TimestampMicrosecondArray, UInt64Array,
    };
    use triglot_sql_tdengine::TaosType;

    fn column(name: &str, ty: TaosType, length: u32, array: ArrayRef) -> (ColumnMeta, ArrayRef) {
        (ColumnMeta { name: name.to_owned(), ty, length }, array)
    }

    fn every_type() -> Vec<(ColumnMeta, ArrayRef)> {
        let decimal = Decimal128Array::from(vec![Some(44_674_407_370_955_161_230), None]);
        let decimal = decimal.with_precision_and_scale(20, 4).unwrap();
        let ty = TaosType::Decimal { precision: 20, scale: 4 };
        vec![
            column(
                "ts",
                TaosType::Timestamp,
                8,
                Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None])),
            ),
            column("b", TaosType::Bool, 1, Arc::new(BooleanArray::from(vec![Some(true), None]))),
            column("t", TaosType::TinyInt, 1, Arc::new(Int8Array::from(vec![Some(-128), None]))),
            column("l", TaosType::BigInt, 8, Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
            column("u", TaosType::UBigInt, 8, Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
            column("f", TaosType::Float, 4, Arc::new(Float32Array::from(vec![Some(10.123), None]))),
            column("d", TaosType::Double, 8, Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
            column("m", ty, 16, Arc::new(decimal)),
            column("v", TaosType::Varchar, 9, Arc::new(StringViewArray::from(vec![Some("a\"</é"), None]))),
            column("j", TaosType::Json, 4095, Arc::new(StringArray::from(vec![Some("{\"k\":1}"), None]))),
            column(
                "x",
                TaosType::Varbinary,
                5,
                Arc::new(BinaryArray::from(vec![Some(&b"\x01\xff"[..]), None])),
            ),
            column("w", TaosType::Varchar, 5, Arc::new(BinaryArray::from(vec![Some(&b"text"[..]), None]))),
        ]
    }

    fn written(with_meta: bool) -> String {
        let (meta, arrays): (Vec<_>, Vec<_>) = every_type().into_iter().unzip();
        let batch = RecordBatch::try_from_iter(meta.iter().map(|m| m.name.clone()).zip(arrays)).unwrap();
        let mut writer = ResultWriter::new(meta.into(), Precision::Milli, Tz::UTC, with_meta);
        let mut out = Vec::new();
        writer.push_head(&mut out);
        // One row at a time: nothing may depend on where pieces end.
        assert_eq!(writer.push_rows(&mut out, &batch, 0, 1).unwrap(), 0);
        let first = out.len() + 1;
        assert_eq!(writer.push_rows(&mut out, &batch, 0, first).unwrap(), 1);
        assert_eq!(writer.push_rows(&mut out, &batch, 1, usize::MAX).unwrap(), 1);
        writer.push_tail(&mut out, None);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_type_is_written_as_the_sheet_says() {
        let meta = concat!(
            r#"{"code":0,"column_meta":[["ts","TIMESTAMP",8],["b","BOOL",1],["t","TINYINT",1],["l","BIGINT",8],"#,
            r#"["u","BIGINT UNSIGNED",8],["f","FLOAT",4],["d","DOUBLE",8],["m","DECIMAL(20,4)",16],"#,
            r#"["v","VARCHAR",9],["j","JSON",4095],["x","VARBINARY",5],["w","VARCHAR",5]],"data":["#,
        );
        let first = concat!(
            r#"["1970-01-01T00:00:00.000Z",true,-128,-9223372036854775808,18446744073709551615,10.123,null,"#,
            r#""4467440737095516.1230","a\"</é",{"k":1},"01ff","text"]"#,
        );
        let nulls = ["null"; 12].join(",");
        assert_eq!(written(false), format!("{meta}{first},[{nulls}]],\"rows\":2}}"));
    }

    #[test]
    fn rows_are_objects_with_meta() {
        let text = written(true);
        assert!(text.contains(r#"[{"ts":"1970-01-01T00:00:00.000Z","b":true,"t":-128,"#), "{text}");
        assert!(text.ends_with(r#""x":null,"w":null}],"rows":2}"#), "{text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn statements_without_rows_have_one_row() {
        let affected = |with_meta, timing| {
            let mut out = Vec::new();
            push_affected(&mut out, 7, with_meta, timing);
            String::from_utf8(out).unwrap()
        };
        let meta = r#"{"code":0,"column_meta":[["affected_rows","INT",4]],"data":["#;
        assert_eq!(affected(false, None), format!("{meta}[7]],\"rows\":1}}"));
        assert_eq!(
            affected(true, Some(5)),
            format!("{meta}{{\"affected_rows\":7}}],\"rows\":1,\"timing\":5}}")
        );
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let writer = ResultWriter::new(Arc::from([]), Precision::Milli, Tz::UTC, false);
        let mut out = Vec::new();
        writer.push_head(&mut out);
        writer.push_tail(&mut out, Some(1));
        assert_eq!(out, br#"{"code":0,"column_meta":[],"data":[],"rows":0,"timing":1}"#);
    }
}
