//! A result on its way out: query → JSON → socket, pulled by the client's reading, so that memory is bounded by a few
//! batches however long the result is. The answer is cut between rows at the configured size.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{Stream, once, unfold};
use triglot_engine::EngineError;
use triglot_engine::query::QueryStream;
use triglot_http::HttpMetrics;
use triglot_http::ahead::ahead;
use triglot_sql_kwdb::{KwError, Rows};

use crate::DIALECT;
use crate::app::KwdbApp;
use crate::face::{JSON, OpenBatch, ResultFace};
use crate::routes::Endpoint;
use triglot_sql_kwdb::Zone;

/// Results of at most so many cells are written at once on the connection's own thread.
const INLINE_CELLS: usize = 4_096;
/// So much is held back before the first byte is sent: what fails before that is answered as a failure, and
/// `time` counts all of it.
const FIRST_PIECE: usize = 256 << 10;
/// Output is sent when it passes this length.
const PIECE: usize = 32 << 10;
/// What is kept free of the size limit for the answer's tail.
const TAIL: usize = 128;

/// The rows of a query. What fails before the first piece is full is an error like any other; behind that the
/// connection is cut, so that nobody takes a part for the whole.
pub(crate) async fn rows(
    app: &KwdbApp,
    rows: Rows,
    zone: Zone,
    started: Instant,
) -> Result<HttpResponse, KwError> {
    let columns = rows.columns.len();
    let is_short = rows.stream.rows_at_hand().is_some_and(|n| n.saturating_mul(columns) <= INLINE_CELLS);
    let producer = Producer::new(app, rows, zone, started);
    let mut pieces = if is_short {
        producer.pieces().boxed_local()
    } else {
        ahead(app.engine.query_threads(), producer.pieces(), cut_off)
    };
    let first = pieces.next().await.unwrap_or_else(|| Err(cut_off()))?;
    let body = once(std::future::ready(Ok(first))).chain(pieces);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, JSON)).streaming(body))
}

fn cut_off() -> KwError {
    KwError::new("57014", "query execution canceled")
}

type Piece = Result<Bytes, KwError>;

struct Producer {
    face: ResultFace,
    stream: QueryStream,
    /// A batch that is not written to its end.
    batch: Option<OpenBatch>,
    started: Instant,
    /// Time that went by in the query and in writing, until the first piece was full.
    limit: Option<u64>,
    sent: u64,
    is_at_begin: bool,
    is_at_end: bool,
    metrics: HttpMetrics,
}

impl Producer {
    fn new(app: &KwdbApp, rows: Rows, zone: Zone, started: Instant) -> Self {
        Self {
            face: ResultFace::new(app.config.wire, rows.columns, zone),
            stream: rows.stream,
            batch: None,
            started,
            limit: app.config.response_limit,
            sent: 0,
            is_at_begin: true,
            is_at_end: false,
            metrics: app.metrics.clone(),
        }
    }

    /// The pieces of the body, none of them empty.
    fn pieces(self) -> impl Stream<Item = Piece> + Send + 'static {
        unfold(self, |mut producer| async { Some((producer.next().await?, producer)) })
    }

    async fn next(&mut self) -> Option<Piece> {
        if self.is_at_end {
            return None;
        }
        let mut rows = Vec::with_capacity(PIECE + 1024);
        let filled = self.fill(&mut rows).await;
        if let Err(error) = filled {
            self.is_at_end = true;
            if self.face.rows() > 0 {
                tracing::error!(%error, rows = self.face.rows(), "a result is cut off");
            }
            return Some(Err(error));
        }
        let piece = if std::mem::take(&mut self.is_at_begin) {
            let mut whole = Vec::with_capacity(rows.len() + 1024);
            self.face.push_head(&mut whole, self.elapsed());
            whole.extend_from_slice(&rows);
            whole
        } else {
            rows
        };
        self.sent += piece.len() as u64;
        if self.is_at_end {
            self.metrics.returned(DIALECT, Endpoint::Query.name(), self.face.rows());
        }
        Some(Ok(Bytes::from(piece)))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes rows until the piece is full, and the tail behind the last one.
    async fn fill(&mut self, out: &mut Vec<u8>) -> Result<(), KwError> {
        let enough = if self.is_at_begin { FIRST_PIECE } else { PIECE };
        let most = self.room();
        while out.len() < enough {
            let mut batch = match self.batch.take() {
                Some(unfinished) => unfinished,
                None => match self.stream.next().await {
                    Some(batch) => self.open(&batch.map_err(EngineError::Query)?)?,
                    None => {
                        self.end(out, None);
                        return Ok(());
                    }
                },
            };
            if !self.face.push_rows(out, &mut batch, enough, most) {
                self.end(out, self.limit);
                return Ok(());
            }
            if !batch.is_done() {
                self.batch = Some(batch);
            }
        }
        Ok(())
    }

    fn open(&self, batch: &RecordBatch) -> Result<OpenBatch, KwError> {
        self.face.open(batch).map_err(|e| KwError::new("XX000", e.to_string()))
    }

    /// What the limit leaves to the rows of this piece.
    fn room(&self) -> usize {
        let Some(limit) = self.limit else { return usize::MAX };
        let mut head = Vec::new();
        if self.is_at_begin {
            self.face.push_head(&mut head, Duration::ZERO);
        }
        let taken = self.sent.saturating_add((head.len() + TAIL) as u64);
        usize::try_from(limit.saturating_sub(taken)).unwrap_or(usize::MAX)
    }

    fn end(&mut self, out: &mut Vec<u8>, cut_at: Option<u64>) {
        self.is_at_end = true;
        self.face.push_tail(out, cut_at);
    }
}
