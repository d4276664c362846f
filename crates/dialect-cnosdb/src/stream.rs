//! A result on its way out: query → format → coding → socket, pulled by the client's reading, so that
//! memory is bounded by a few batches however long the result is.
//!
//! A short answer is written where it is asked for. A long one is written by a task on the query
//! threads, a piece ahead of the socket: formatting must not keep other connections of the worker
//! waiting, and the query, the formatting and the sending go on at the same time.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use arrow::record_batch::RecordBatch;
use bytes::{Bytes, BytesMut};
use futures::stream::{Stream, iter, unfold};
use futures::{FutureExt, StreamExt};
use triglot_engine::query::QueryStream;
use triglot_engine::{Engine, EngineError, Flow, Session};
use triglot_http::ahead::ahead;
use triglot_http::{Coding, Encoder, HttpMetrics};

use crate::DIALECT;
use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::formats::{Format, Writer};

/// As long as a result is not longer than this it is held back, so that a late error still gets
/// its status and a short answer its `Content-Length`.
const HELD_BACK: usize = 256 << 10;
/// Results of at most so many cells are written at once on the connection's own thread.
const INLINE_CELLS: usize = 4_096;
/// A piece of the body is sent when it is this long, or when the query has no more rows ready.
const PIECE: usize = 128 << 10;
/// How a response is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) format: Format,
    /// The coding with the name to send, if the client asked for one.
    pub(crate) coding: Option<(&'static str, Coding)>,
    /// `chunked=true`.
    pub(crate) chunked: bool,
}

impl Shape {
    fn response(self) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, self.format.content_type()));
        if let Some((name, _)) = self.coding {
            response.insert_header((CONTENT_ENCODING, name));
        }
        response
    }

    fn encoder(self) -> Result<Encoder, CnosDbError> {
        Encoder::new(self.coding.map_or(Coding::Identity, |(_, c)| c)).map_err(CnosDbError::Encode)
    }

    /// An answer without rows (DDL, DELETE, no statement). The empty body is encoded like any
    /// other, so that a client that trusts `content-encoding` can decode it.
    pub(crate) fn empty(self) -> Result<HttpResponse, CnosDbError> {
        let body = self.encoder()?.finish().map_err(CnosDbError::Encode)?;
        Ok(self.response().body(body))
    }

    /// The rows of a query.
    pub(crate) async fn rows(
        self,
        rows: QueryStream,
        app: &CnosDbApp,
        session: &Session,
    ) -> Result<HttpResponse, CnosDbError> {
        let columns = rows.schema().fields().len();
        let is_short = rows.rows_at_hand().is_some_and(|n| n.saturating_mul(columns) <= INLINE_CELLS);
        let producer = Producer::new(self, rows, app, session)?;
        let mut pieces = if is_short {
            producer.pieces().boxed_local()
        } else {
            let cut_off = || CnosDbError::Fetch("the query was cut off".to_owned());
            ahead(app.engine.query_threads(), producer.pieces(), cut_off)
        };
        let (mut head, mut held) = (Vec::new(), 0);
        // With `chunked=true` nothing is held back: each batch goes out as it comes.
        while !self.chunked && held <= HELD_BACK {
            let Some(piece) = pieces.next().await else { return Ok(self.response().body(joined(head))) };
            let piece = piece?;
            held += piece.len();
            head.push(piece);
        }
        // An empty chunk would end the body.
        let head = iter(head).filter(|piece| std::future::ready(!piece.is_empty())).map(Ok);
        Ok(self.response().streaming(head.chain(pieces)))
    }
}

type Piece = Result<Bytes, CnosDbError>;

/// What is between the query and the wire.
struct Pipe {
    writer: Writer,
    encoder: Encoder,
}

struct Producer {
    shape: Shape,
    rows: QueryStream,
    /// None when the end was written, or something failed.
    pipe: Option<Pipe>,
    metrics: HttpMetrics,
    engine: Engine,
    /// Whose tenant the answer is charged to.
    session: Session,
}

impl Producer {
    fn new(shape: Shape, rows: QueryStream, app: &CnosDbApp, session: &Session) -> Result<Self, CnosDbError> {
        let writer = Writer::new(shape.format, rows.schema(), shape.chunked);
        let pipe = Some(Pipe { writer, encoder: shape.encoder()? });
        let (metrics, engine, session) = (app.metrics.clone(), app.engine.clone(), session.clone());
        Ok(Self { shape, rows, pipe, metrics, engine, session })
    }

    /// The pieces, written when they are asked for. None of them is empty.
    fn pieces(self) -> impl Stream<Item = Piece> + Send + 'static {
        unfold(self, |mut producer| async { Some((producer.next().await?, producer)) })
    }

    /// The next piece of the body, not empty; none at the end or after a failure.
    async fn next(&mut self) -> Option<Piece> {
        loop {
            let pipe = self.pipe.take()?;
            match self.fill(pipe).await {
                Ok((bytes, pipe)) => {
                    self.pipe = pipe;
                    if !bytes.is_empty() {
                        self.engine.charge_api(&self.session, Flow::BytesOut, bytes.len() as u64);
                        return Some(Ok(bytes));
                    }
                }
                Err(error) if self.shape.chunked => return Some(self.apology(&error)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Takes batches until there is enough for a piece. With `chunked=true` each batch is a piece of
    /// its own. Gives the pipe back unless this was the last piece.
    async fn fill(&mut self, mut pipe: Pipe) -> Result<(Bytes, Option<Pipe>), CnosDbError> {
        let mut plain = Vec::new();
        while plain.len() < PIECE {
            let next = if plain.is_empty() {
                Some(self.rows.next().await)
            } else {
                // What is there is not kept back until the query has found more.
                self.rows.next().now_or_never()
            };
            match next {
                None => break,
                Some(None) => return Ok((pipe.end(self.shape, plain)?, None)),
                Some(Some(batch)) => self.write(&mut pipe, &batch.map_err(EngineError::from)?, &mut plain)?,
            }
            if self.shape.chunked {
                break;
            }
        }
        Ok((pipe.encode(self.shape, plain)?, Some(pipe)))
    }

    fn write(&self, pipe: &mut Pipe, batch: &RecordBatch, plain: &mut Vec<u8>) -> Result<(), CnosDbError> {
        self.metrics.returned(DIALECT, "sql", batch.num_rows() as u64);
        pipe.writer.write(batch, plain).map_err(|e| CnosDbError::Fetch(e.to_string()))
    }

    /// A failure behind the status line: told in the body, as a member of its own.
    fn apology(&self, error: &CnosDbError) -> Piece {
        let text = error.to_string();
        let text = text.strip_prefix("Fetch result: ").unwrap_or(&text);
        let mut encoder = self.shape.encoder()?;
        let first = encoder.push(CnosDbError::appended(text)).map_err(CnosDbError::Encode)?;
        Ok(joined(vec![first, encoder.finish().map_err(CnosDbError::Encode)?]))
    }
}

impl Pipe {
    /// With `chunked=true` each batch is a complete member of the coding.
    fn encode(&mut self, shape: Shape, plain: Vec<u8>) -> Result<Bytes, CnosDbError> {
        if plain.is_empty() {
            return Ok(Bytes::new());
        }
        let first = self.encoder.push(plain).map_err(CnosDbError::Encode)?;
        if !shape.chunked {
            return Ok(first);
        }
        let member = std::mem::replace(&mut self.encoder, shape.encoder()?);
        Ok(joined(vec![first, member.finish().map_err(CnosDbError::Encode)?]))
    }

    /// Appends what belongs to the end of the result and of the coding.
    fn end(mut self, shape: Shape, mut plain: Vec<u8>) -> Result<Bytes, CnosDbError> {
        self.writer.finish(&mut plain);
        if shape.chunked && plain.is_empty() {
            return Ok(Bytes::new());
        }
        let first = self.encoder.push(plain).map_err(CnosDbError::Encode)?;
        Ok(joined(vec![first, self.encoder.finish().map_err(CnosDbError::Encode)?]))
    }
}

/// One text of several pieces; a lone one is not copied.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    pieces.retain(|piece| !piece.is_empty());
    if pieces.len() > 1 {
        let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
        for piece in &pieces {
            all.extend_from_slice(piece);
        }
        return all.freeze();
    }
    pieces.pop().unwrap_or_default()
}
