//! A result on its way out: query → JSON → socket, pulled by the client's reading, so that memory is
//! bounded by a few batches however long the result is.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use arrow::record_batch::RecordBatch;
use bytes::{Bytes, BytesMut};
use chrono_tz::Tz;
use futures::StreamExt;
use futures::stream::{Stream, once, unfold};
use tokio::sync::OwnedSemaphorePermit;
use triglot_engine::query::QueryStream;
use triglot_http::ahead::ahead;
use triglot_http::{Coding, Encoder, HttpMetrics};
use triglot_sql_tdengine::{Rows, TaosError};

use crate::DIALECT;
use crate::admin::Recording;
use crate::app::TdengineApp;
use crate::error::{AdapterError, JSON};
use crate::json::ResultWriter;

/// Results of at most so many cells are written at once on the connection's own thread.
const INLINE_CELLS: usize = 4_096;
/// Output is sent when it passes this length, as the vendor does.
const PIECE: usize = 16 << 10;

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// `row_with_meta`
    pub(crate) with_meta: bool,
    /// `timing`
    pub(crate) timing: bool,
    /// Of times.
    pub(crate) zone: Tz,
    /// Whether the client takes gzip.
    pub(crate) gzip: bool,
    /// When the request began.
    pub(crate) started: Instant,
}

/// What a request has until its last row is sent: kept for what happens when it is dropped.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "held for what their drops do")]
pub(crate) struct Held {
    pub(crate) recording: Option<Recording>,
    /// Its place in the pool.
    pub(crate) place: Option<OwnedSemaphorePermit>,
    /// Its turn among queries.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
}

/// The rows of a query. What fails before the first piece is full is an error like any other; behind that the
/// array just ends early, as at the vendor's.
pub(crate) async fn rows(
    app: &TdengineApp,
    rows: Rows,
    shape: Shape,
    held: Held,
) -> Result<HttpResponse, AdapterError> {
    let columns = rows.columns.len();
    let is_short = rows.stream.rows_at_hand().is_some_and(|n| n.saturating_mul(columns) <= INLINE_CELLS);
    // Short answers are compressed as all others are; of long ones that is work for the query threads, too.
    let gzip = shape.gzip && !is_short;
    let encoder = if gzip { Some(Encoder::new(Coding::Gzip).map_err(not_encoded)?) } else { None };
    let producer = Producer::new(app, rows, shape, encoder, held);
    let mut pieces = if is_short {
        producer.pieces().boxed_local()
    } else {
        let cut_off = || AdapterError::Engine(TaosError::new(0x022D, "Query killed"));
        ahead(app.engine.query_threads(), producer.pieces(), cut_off)
    };
    let Some(first) = pieces.next().await else {
        return Err(TaosError::new(0x022D, "Query killed").into());
    };
    let body = once(std::future::ready(Ok(first?))).chain(pieces);
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, JSON));
    if gzip {
        response.insert_header((CONTENT_ENCODING, "gzip")).insert_header((VARY, "Accept-Encoding"));
    }
    Ok(response.streaming(body))
}

fn not_encoded(error: std::io::Error) -> TaosError {
    TaosError::new(0x2700, format!("Planner internal error: {error}"))
}

type Piece = Result<Bytes, AdapterError>;

struct Producer {
    shape: Shape,
    writer: ResultWriter,
    stream: QueryStream,
    /// A batch that is not written to its end, and where to go on.
    batch: Option<(RecordBatch, usize)>,
    /// Rows that may still be written.
    left: u64,
    is_at_begin: bool,
    is_at_end: bool,
    /// Time that went by while pieces waited for the socket, which does not count as time taken.
    waited: Duration,
    paused: Option<Instant>,
    metrics: HttpMetrics,
    /// Of long answers, if the client takes it; none when the end was sent, too.
    encoder: Option<Encoder>,
    _held: Held,
}

impl Producer {
    fn new(app: &TdengineApp, rows: Rows, shape: Shape, encoder: Option<Encoder>, held: Held) -> Self {
        Self {
            writer: ResultWriter::new(rows.columns, rows.precision, shape.zone, shape.with_meta),
            stream: rows.stream,
            shape,
            batch: None,
            left: app.config.row_limit.unwrap_or(u64::MAX),
            is_at_begin: true,
            is_at_end: false,
            waited: Duration::ZERO,
            paused: None,
            metrics: app.metrics.clone(),
            encoder,
            _held: held,
        }
    }

    /// The pieces of the body, none of them empty.
    fn pieces(self) -> impl Stream<Item = Piece> + Send + 'static {
        unfold(self, |mut producer| async { Some((producer.next().await?, producer)) })
    }

    async fn next(&mut self) -> Option<Piece> {
        loop {
            match self.plain().await? {
                // Nothing while the coder gathers; an empty chunk would end the body.
                Ok(plain) => match self.encoded(plain) {
                    Ok(bytes) if bytes.is_empty() => {}
                    encoded => return Some(encoded.map_err(Into::into)),
                },
                Err(error) => return Some(Err(error.into())),
            }
        }
    }

    /// What is sent for a plain piece, with the coder's rest behind the last one.
    fn encoded(&mut self, plain: Vec<u8>) -> Result<Bytes, TaosError> {
        let Some(encoder) = &mut self.encoder else { return Ok(Bytes::from(plain)) };
        let encoded = encoder.push(plain).map_err(not_encoded)?;
        let Some(encoder) = self.encoder.take_if(|_| self.is_at_end) else { return Ok(encoded) };
        let mut all = BytesMut::from(encoded);
        all.extend_from_slice(&encoder.finish().map_err(not_encoded)?);
        Ok(all.freeze())
    }

    async fn plain(&mut self) -> Option<Result<Vec<u8>, TaosError>> {
        if self.is_at_end {
            return None;
        }
        if let Some(paused) = self.paused.take() {
            self.waited += paused.elapsed();
        }
        let is_first = self.is_at_begin;
        let mut out = Vec::with_capacity(PIECE + 1024);
        if std::mem::take(&mut self.is_at_begin) {
            self.writer.push_head(&mut out);
        }
        if let Err(error) = self.fill(&mut out).await {
            if is_first {
                self.is_at_end = true;
                return Some(Err(error));
            }
            tracing::error!(%error, rows = self.writer.rows(), "a result ends early");
            self.end(&mut out);
        }
        self.paused = Some(Instant::now());
        Some(Ok(out))
    }

    /// Writes rows until the piece is full, and the tail behind the last one.
    async fn fill(&mut self, out: &mut Vec<u8>) -> Result<(), TaosError> {
        while out.len() < PIECE {
            let (batch, from) = match self.batch.take() {
                Some(unfinished) => unfinished,
                None if self.left == 0 => {
                    self.end(out);
                    return Ok(());
                }
                None => match self.stream.next().await {
                    Some(batch) => (self.cut(batch?), 0),
                    None => {
                        self.end(out);
                        return Ok(());
                    }
                },
            };
            let written = self.writer.push_rows(out, &batch, from, PIECE);
            let written = written.map_err(|e| TaosError::new(0x2700, e.to_string()))?;
            if from + written < batch.num_rows() {
                self.batch = Some((batch, from + written));
            }
        }
        Ok(())
    }

    /// Cuts a batch to what `restfulRowLimit` leaves.
    fn cut(&mut self, batch: RecordBatch) -> RecordBatch {
        let rows = batch.num_rows();
        let kept = usize::try_from(self.left).map_or(rows, |left| left.min(rows));
        self.left -= kept as u64;
        self.metrics.returned(DIALECT, "sql", kept as u64);
        if kept < rows { batch.slice(0, kept) } else { batch }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.is_at_end = true;
        let taken = self.shape.started.elapsed().saturating_sub(self.waited);
        self.writer.push_tail(out, self.shape.timing.then_some(taken.as_nanos()));
    }
}
