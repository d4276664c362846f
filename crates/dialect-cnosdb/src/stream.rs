//! A result on its way out: batch by batch through format and coding, pulled by the client's
//! reading, so that memory is bounded by a few batches however long the result is.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use triglot_engine::EngineError;
use triglot_engine::query::QueryStream;
use triglot_http::{Coding, Encoder, HttpMetrics};

use crate::DIALECT;
use crate::error::CnosDbError;
use crate::formats::{Format, Writer};

/// As long as a result is not longer than this it is held back, so that a late error still gets
/// its status and a short answer its `Content-Length`.
const HELD_BACK: usize = 256 << 10;
/// Batches with more cells are formatted and compressed on a blocking thread.
const INLINE_CELLS: usize = 4_096;

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
    fn response(self) -> actix_web::HttpResponseBuilder {
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
        metrics: HttpMetrics,
    ) -> Result<HttpResponse, CnosDbError> {
        let mut producer = Producer::new(self, rows, metrics)?;
        let mut head = BytesMut::new();
        // With `chunked=true` nothing is held back: each batch goes out as it comes.
        while !self.chunked && head.len() <= HELD_BACK {
            match producer.next().await {
                Some(chunk) => head.extend_from_slice(&chunk?),
                None => return Ok(self.response().body(head.freeze())),
            }
        }
        let head = head.freeze();
        let first = futures::stream::iter((!head.is_empty()).then_some(Ok(head)));
        let rest = futures::stream::unfold(producer, |mut producer| async {
            loop {
                match producer.next().await? {
                    // A coder that still gathers gives nothing; an empty chunk would end the body.
                    Ok(chunk) if chunk.is_empty() => {}
                    other => return Some((other, producer)),
                }
            }
        });
        Ok(self.response().streaming(first.chain(rest)))
    }
}

/// What is between the query and the wire; `None` while a blocking thread has it.
struct Pipe {
    writer: Writer,
    encoder: Encoder,
}

struct Producer {
    shape: Shape,
    rows: QueryStream,
    pipe: Option<Pipe>,
    metrics: HttpMetrics,
}

impl Producer {
    fn new(shape: Shape, rows: QueryStream, metrics: HttpMetrics) -> Result<Self, CnosDbError> {
        let schema: SchemaRef = rows.schema();
        let writer = Writer::new(shape.format, schema, shape.chunked);
        Ok(Self { shape, rows, pipe: Some(Pipe { writer, encoder: shape.encoder()? }), metrics })
    }

    /// The next piece of the body (maybe empty); none at the end or after a failure.
    async fn next(&mut self) -> Option<Result<Bytes, CnosDbError>> {
        let pipe = self.pipe.take()?;
        let produced = match self.rows.next().await {
            Some(Ok(batch)) => {
                self.metrics.returned(DIALECT, "sql", batch.num_rows() as u64);
                self.format(pipe, batch).await
            }
            None => self.end(pipe),
            Some(Err(error)) => Err(CnosDbError::Engine(EngineError::from(error))),
        };
        match produced {
            Err(error) if self.shape.chunked => Some(self.apology(&error)),
            other => Some(other),
        }
    }

    async fn format(&mut self, mut pipe: Pipe, batch: RecordBatch) -> Result<Bytes, CnosDbError> {
        let shape = self.shape;
        let cells = batch.num_rows().saturating_mul(batch.num_columns());
        let (pipe, bytes) = if cells <= INLINE_CELLS {
            let bytes = pipe.write(shape, &batch)?;
            (pipe, bytes)
        } else {
            let work = web::block(move || pipe.write(shape, &batch).map(|bytes| (pipe, bytes)));
            work.await.map_err(|stopped| CnosDbError::Fetch(stopped.to_string()))??
        };
        self.pipe = Some(pipe);
        Ok(bytes)
    }

    fn end(&self, mut pipe: Pipe) -> Result<Bytes, CnosDbError> {
        let mut plain = Vec::new();
        pipe.writer.finish(&mut plain);
        if self.shape.chunked && plain.is_empty() {
            return Ok(Bytes::new());
        }
        let first = pipe.encoder.push(plain).map_err(CnosDbError::Encode)?;
        let rest = pipe.encoder.finish().map_err(CnosDbError::Encode)?;
        Ok(joined(first, &rest))
    }

    /// A failure behind the status line: told in the body, as a member of its own.
    fn apology(&self, error: &CnosDbError) -> Result<Bytes, CnosDbError> {
        let text = error.to_string();
        let text = text.strip_prefix("Fetch result: ").unwrap_or(&text);
        let mut encoder = self.shape.encoder()?;
        let first = encoder.push(CnosDbError::appended(text)).map_err(CnosDbError::Encode)?;
        Ok(joined(first, &encoder.finish().map_err(CnosDbError::Encode)?))
    }
}

impl Pipe {
    /// With `chunked=true` each batch is a complete member of the coding.
    fn write(&mut self, shape: Shape, batch: &RecordBatch) -> Result<Bytes, CnosDbError> {
        let mut plain = Vec::new();
        self.writer.write(batch, &mut plain).map_err(|e| CnosDbError::Fetch(e.to_string()))?;
        if plain.is_empty() {
            return Ok(Bytes::new());
        }
        let first = self.encoder.push(plain).map_err(CnosDbError::Encode)?;
        if !shape.chunked {
            return Ok(first);
        }
        let member = std::mem::replace(&mut self.encoder, shape.encoder()?);
        Ok(joined(first, &member.finish().map_err(CnosDbError::Encode)?))
    }
}

fn joined(first: Bytes, rest: &Bytes) -> Bytes {
    if rest.is_empty() {
        return first;
    }
    let mut all = BytesMut::from(first);
    all.extend_from_slice(rest);
    all.freeze()
}
