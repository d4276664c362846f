//! A result set on the wire: `code desc time column_meta data rows`.

use std::time::Duration;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use std::sync::Arc;
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

/// How far the rows of a batch were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows of the batch.
    pub(crate) rows: usize,
    /// The next one does not go into what is left.
    pub(crate) is_full: bool,
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

    /// Rows of `batch` from row `from` on, until `out` is at least `enough` long; a row that would make it longer
    /// than `most` is not written.
    pub(crate) fn push_rows(
        &mut self,
        out: &mut Vec<u8>,
        batch: &RecordBatch,
        from: usize,
        enough: usize,
        most: usize,
    ) -> Result<Written, ArrowError> {
        let columns = self.columns.iter().zip(batch.columns());
        let columns: Vec<Column> =
            columns.map(|(meta, array)| Column::new(array, meta.ty)).collect::<Result<_, _>>()?;
        let mut row = from;
        while row < batch.num_rows() && out.len() < enough {
            let before = out.len();
            if self.rows > 0 {
                out.push(b',');
            }
            self.push_row(out, &columns, row);
            if out.len() > most {
                out.truncate(before);
                return Ok(Written { rows: row - from, is_full: true });
            }
            self.rows += 1;
            row += 1;
        }
        Ok(Written { rows: row - from, is_full: false })
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
