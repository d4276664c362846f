//! A result set on the wire: `code desc time column_meta data rows`.

use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use triglot_http::text::json::push_string;
use triglot_sql_kwdb::{ColumnMeta, KwType};

use super::seconds;
use crate::config::Wire;
use crate::json::{Clock, Column};
use triglot_sql_kwdb::Zone;

/// Writes one result set, piece by piece.
#[derive(Debug)]
pub(crate) struct ResultFace {
    wire: Wire,
    columns: Arc<[ColumnMeta]>,
    clock: Clock,
    rows: u64,
}

/// A batch that is being written.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    columns: Vec<Column>,
    /// The next row, and how many there are.
    row: usize,
    rows: usize,
}

impl OpenBatch {
    /// Whether every row was written.
    pub(crate) fn is_done(&self) -> bool {
        self.row >= self.rows
    }
}

impl ResultFace {
    pub(crate) fn new(wire: Wire, columns: Arc<[ColumnMeta]>, zone: Zone) -> Self {
        Self { wire, columns, clock: Clock::new(zone, wire), rows: 0 }
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Everything before the rows.
    pub(crate) fn push_head(&self, out: &mut Vec<u8>, time: Duration) {
        out.extend_from_slice(match self.wire {
            Wire::Manual => b"{\"code\":0,\"desc\":null,\"time\":",
            Wire::Server => b"{\"code\":0,\"desc\":\"success\",\"time\":",
        });
        out.extend_from_slice(seconds(time).as_bytes());
        out.extend_from_slice(b",\"column_meta\":[");
        for (at, column) in self.columns.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
            push_string(out, &column.name);
            let rest = format!(",\"{}\",{}]", type_name(column.ty, self.wire), column.length);
            out.extend_from_slice(rest.as_bytes());
        }
        out.extend_from_slice(b"],\"data\":[");
    }

    /// Makes a batch ready to be written.
    pub(crate) fn open(&self, batch: &RecordBatch) -> Result<OpenBatch, ArrowError> {
        let columns = self.columns.iter().zip(batch.columns());
        let columns = columns.map(|(meta, array)| Column::new(array, meta.ty)).collect::<Result<_, _>>()?;
        Ok(OpenBatch { columns, row: 0, rows: batch.num_rows() })
    }

    /// Rows of a batch until `out` is at least `enough` long. False: the next row would make it longer than `most`.
    pub(crate) fn push_rows(
        &mut self,
        out: &mut Vec<u8>,
        batch: &mut OpenBatch,
        enough: usize,
        most: usize,
    ) -> bool {
        while !batch.is_done() && out.len() < enough {
            let before = out.len();
            if self.rows > 0 {
                out.push(b',');
            }
            self.push_row(out, &batch.columns, batch.row);
            if out.len() > most {
                out.truncate(before);
                return false;
            }
            self.rows += 1;
            batch.row += 1;
        }
        true
    }

    fn push_row(&self, out: &mut Vec<u8>, columns: &[Column], row: usize) {
        out.push(b'[');
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            column.push(out, row, &self.clock);
        }
        out.push(b']');
    }

    /// Everything behind the rows; an answer that was cut says so in a key of its own.
    pub(crate) fn push_tail(&self, out: &mut Vec<u8>, cut_at: Option<u64>) {
        out.extend_from_slice(format!("],\"rows\":{}", self.rows).as_bytes());
        if let Some(limit) = cut_at {
            let notice = format!(",\"notice\":\"the result was cut: an answer has at most {limit} bytes\"");
            out.extend_from_slice(notice.as_bytes());
        }
        out.push(b'}');
    }
}

/// The type in `column_meta`. The manual knows two of them by other names.
fn type_name(ty: KwType, wire: Wire) -> &'static str {
    match (ty, wire) {
        (KwType::Float8, Wire::Manual) => "FLOAT",
        (KwType::TimestampTz, Wire::Manual) => "TIMESTAMP",
        _ => ty.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
        Int16Array, Int64Array, IntervalMonthDayNanoArray, ListArray, NullArray, StringArray,
        StringViewArray, Time64MicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::{Int64Type, IntervalMonthDayNano};

    fn column(name: &str, ty: KwType, length: i64, array: ArrayRef) -> (ColumnMeta, ArrayRef) {
        (ColumnMeta { name: name.to_owned(), ty, length }, array)
    }

    fn every_type() -> Vec<(ColumnMeta, ArrayRef)> {
        let decimal = Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(10, 2).unwrap();
        let interval = IntervalMonthDayNano::new(0, 1, 7_200_000_000_000);
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None]), None]);
        vec![
            column("b", KwType::Bool, 1, Arc::new(BooleanArray::from(vec![Some(true), None]))),
            column("i", KwType::Int2, 2, Arc::new(Int16Array::from(vec![Some(-7), None]))),
            column("l", KwType::Int8, 8, Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
            column("f", KwType::Float4, 4, Arc::new(Float32Array::from(vec![Some(22.22), None]))),
            column("d", KwType::Float8, 8, Arc::new(Float64Array::from(vec![Some(1e6), None]))),
            column("n", KwType::Float8, 8, Arc::new(Float64Array::from(vec![Some(f64::NAN), None]))),
            column("m", KwType::Decimal, 0, Arc::new(decimal)),
            column(
                "t",
                KwType::TimestampTz,
                8,
                Arc::new(TimestampNanosecondArray::from(vec![Some(1_704_067_200_123_000_000), None])),
            ),
            column(
                "u",
                KwType::Timestamp,
                8,
                Arc::new(TimestampMillisecondArray::from(vec![Some(1_704_067_200_000), None])),
            ),
            column("y", KwType::Date, 8, Arc::new(Date32Array::from(vec![Some(19_782), None]))),
            column("z", KwType::Date, 8, Arc::new(TimestampMillisecondArray::from(vec![Some(0), None]))),
            column(
                "c",
                KwType::Time,
                8,
                Arc::new(Time64MicrosecondArray::from(vec![Some(45_296_500_000), None])),
            ),
            column("k", KwType::Time, 8, Arc::new(Int64Array::from(vec![Some(1_000_000), None]))),
            column(
                "p",
                KwType::Interval,
                8,
                Arc::new(IntervalMonthDayNanoArray::from(vec![Some(interval), None])),
            ),
            column("s", KwType::Varchar, 254, Arc::new(StringArray::from(vec![Some("a\"\n\tü"), None]))),
            column("v", KwType::Text, i64::MAX, Arc::new(StringViewArray::from(vec![Some("NULL"), None]))),
            column(
                "x",
                KwType::Varbytes,
                254,
                Arc::new(BinaryArray::from(vec![Some(&b"\x01\xff"[..]), None])),
            ),
            column("a", KwType::Unknown, 0, Arc::new(lists)),
            column("o", KwType::Unknown, 0, Arc::new(NullArray::new(2))),
        ]
    }

    fn written(wire: Wire, zone: &str) -> serde_json::Value {
        let (meta, arrays): (Vec<_>, Vec<_>) = every_type().into_iter().unzip();
        let batch = RecordBatch::try_from_iter_with_nullable(
            meta.iter().map(|m| m.name.clone()).zip(arrays).map(|(name, array)| (name, array, true)),
        );
        let mut face = ResultFace::new(wire, meta.into(), Zone::of(zone).unwrap());
        let mut out = Vec::new();
        face.push_head(&mut out, Duration::from_micros(2_134));
        let mut batch = face.open(&batch.unwrap()).unwrap();
        // One row at a time: nothing may depend on where pieces end.
        while !batch.is_done() {
            let enough = out.len() + 1;
            assert!(face.push_rows(&mut out, &mut batch, enough, usize::MAX));
        }
        face.push_tail(&mut out, None);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_manuals_cells_are_native() {
        let answer = written(Wire::Manual, "8");
        let row = serde_json::json!([
            true,
            -7,
            i64::MIN,
            22.22,
            1_000_000,
            "NaN",
            1.50,
            "2024-01-01T08:00:00.123+08:00",
            "2024-01-01T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "0000-01-01T12:34:56.5Z",
            "0000-01-01T00:00:01Z",
            "1 day 02:00:00",
            "a\"\n\tü",
            "NULL",
            "\\x01ff",
            "{1,NULL}",
            null
        ]);
        assert_eq!(answer["data"][0], row);
        assert!(answer["data"][1].as_array().unwrap().iter().all(serde_json::Value::is_null));
        assert_eq!(answer["desc"], serde_json::Value::Null);
        assert_eq!(answer["time"].to_string(), "0.002134");
        assert_eq!(answer["rows"], 2);
        assert_eq!(answer["column_meta"][4], serde_json::json!(["d", "FLOAT", 8]));
        assert_eq!(answer["column_meta"][7], serde_json::json!(["t", "TIMESTAMP", 8]));
        assert_eq!(answer["column_meta"][15], serde_json::json!(["v", "TEXT", i64::MAX]));
    }

    #[test]
    fn the_servers_cells_are_strings() {
        let answer = written(Wire::Server, "Asia/Shanghai");
        let row = serde_json::json!([
            "true",
            "-7",
            "-9223372036854775808",
            "22.22",
            "1e+06",
            "NaN",
            "1.50",
            "2024-01-01 08:00:00.123 +0800 CST",
            "2024-01-01 00:00:00 +0000 UTC",
            "2024-02-29 00:00:00 +0000 +0000",
            "1970-01-01 00:00:00 +0000 +0000",
            "0000-01-01 12:34:56.5 +0000 UTC",
            "0000-01-01 00:00:01 +0000 UTC",
            "1 day 02:00:00",
            "a\"\n\tü",
            "NULL",
            "\\x01ff",
            "{1,NULL}",
            "NULL"
        ]);
        assert_eq!(answer["data"][0], row);
        assert!(answer["data"][1].as_array().unwrap().iter().all(|cell| cell == "NULL"));
        assert_eq!(answer["desc"], "success");
        assert_eq!(answer["column_meta"][4], serde_json::json!(["d", "FLOAT8", 8]));
        assert_eq!(answer["column_meta"][7], serde_json::json!(["t", "TIMESTAMPTZ", 8]));
    }

    #[test]
    fn a_row_that_does_not_go_in_any_more_is_left_out_whole() {
        let meta = vec![ColumnMeta { name: "i".to_owned(), ty: KwType::Int8, length: 8 }];
        let array: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("i", array)]).unwrap();
        let mut face = ResultFace::new(Wire::Manual, meta.into(), Zone::UTC);
        let mut batch = face.open(&batch).unwrap();
        let mut out = Vec::new();
        // `[1],[2]` are seven bytes, and `,[3]` four more.
        assert!(!face.push_rows(&mut out, &mut batch, usize::MAX, 10));
        face.push_tail(&mut out, Some(10));
        let tail = "],\"rows\":2,\"notice\":\"the result was cut: an answer has at most 10 bytes\"}";
        assert_eq!(String::from_utf8(out).unwrap(), format!("[1],[2]{tail}"));
    }
}
