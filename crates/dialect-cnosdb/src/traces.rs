//! Traces: `POST /api/v1/traces`, an export request of OTLP (sheet section 9.1). One row for each span; its time is
//! the span's start. What the vendor gives tags of identity are tags here, everything else is a field.

use std::borrow::Cow;

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue};
use triglot_model::hex;
use triglot_parse_otlp::{
    InstrumentationScope, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesRequest, parse_json,
    parse_protobuf,
};

use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::ingest::{receive, store};
use crate::receive::Params;

/// Begins the keys of series, as no line of line protocol does.
const TRACE_KEY: u8 = 5;

const RESOURCE: &str = "ResourceSpans/";
const SCOPE: &str = "ResourceSpans/ScopeSpans/";
pub(crate) const SPAN: &str = "ResourceSpans/ScopeSpans/Span/";
/// The column of the service.
pub(crate) const SERVICE_COLUMN: &str = "ResourceSpans/Resource/attributes/service.name";
/// The one attribute of a resource that is a tag.
const SERVICE: &str = "service.name";

/// Tenant, database and table of a request, from its headers.
pub(crate) struct Target {
    pub(crate) tenant: String,
    pub(crate) db: String,
    pub(crate) table: String,
}

impl Target {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, CnosDbError> {
        let text = |name: &str| headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        Ok(Self {
            tenant: text("tenant").unwrap_or_else(|| "cnosdb".to_owned()),
            db: text("db").unwrap_or_else(|| "public".to_owned()),
            table: text("table").ok_or_else(|| CnosDbError::Log("table param is None".to_owned()))?,
        })
    }
}

/// The two forms of a request. The vendor takes protocol buffers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Protobuf,
    Json,
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, CnosDbError> {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().unwrap_or_default().trim() {
            "application/x-protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(CnosDbError::Log("invalid log type: unsupported".to_owned())),
        }
    }
}

/// What the headers of an export say.
struct Export {
    target: Target,
    form: Form,
}

impl Export {
    fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let headers = request.headers();
        Ok(Self { target: Target::of(headers)?, form: Form::of(headers)? })
    }
}

impl Params for Export {
    fn place(&self) -> (&str, &str) {
        (&self.target.tenant, &self.target.db)
    }
}

pub(crate) async fn export(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (export, write) = receive(&app, &request, payload, "traces", Export::of).await?;
    let Export { target: Target { table, .. }, form } = export;
    let parse = move |body: &Bytes, batcher: &mut Batcher| rows(body, batcher, &table, form);
    store(&app, write, parse).await?;
    Ok(HttpResponse::Ok().finish())
}

fn rows(body: &Bytes, batcher: &mut Batcher, table: &str, form: Form) -> Result<(), CnosDbError> {
    let request = request(body, form)?;
    for of in &request.resource_spans {
        for scope in &of.scope_spans {
            for span in &scope.spans {
                Row { batcher, table }.add(of, scope, span)?;
            }
        }
    }
    Ok(())
}

fn request(body: &Bytes, form: Form) -> Result<TracesRequest, CnosDbError> {
    let read = match form {
        Form::Protobuf => parse_protobuf(body),
        Form::Json => parse_json(std::str::from_utf8(body)?),
    };
    read.map_err(|error| CnosDbError::Log(format!("invalid log syntax: {error}")))
}

/// One row on its way.
struct Row<'b> {
    batcher: &'b mut Batcher,
    table: &'b str,
}

impl Row<'_> {
    fn add(&mut self, of: &ResourceSpans, scope: &ScopeSpans, span: &Span) -> Result<(), CnosDbError> {
        let time = i64::try_from(span.start_time_unix_nano);
        let time = time.map_err(|_| CnosDbError::Log("invalid time format".to_owned()))?;
        self.begin(of.resource.as_ref(), scope.scope.as_ref(), span)?;
        if let Some(resource) = &of.resource {
            let others: Vec<&KeyValue> = resource.attributes.iter().filter(|a| a.key != SERVICE).collect();
            self.attributes(&format!("{RESOURCE}Resource/"), others)?;
            self.number(RESOURCE, "Resource/dropped_attributes_count", resource.dropped_attributes_count)?;
        }
        self.text(RESOURCE, "schema_url", &of.schema_url)?;
        if let Some(library) = &scope.scope {
            self.attributes(&format!("{SCOPE}InstrumentationScope/"), &library.attributes)?;
            let dropped = library.dropped_attributes_count;
            self.number(SCOPE, "InstrumentationScope/dropped_attributes_count", dropped)?;
        }
        self.text(SCOPE, "schema_url", &scope.schema_url)?;
        self.span(span)?;
        Ok(self.batcher.end_row(Some(time)).map_err(EngineError::from)?)
    }

    fn begin(
        &mut self,
        resource: Option<&Resource>,
        scope: Option<&InstrumentationScope>,
        span: &Span,
    ) -> Result<(), CnosDbError> {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = attributes.iter().find(|a| a.key == SERVICE).map(KeyValue::text);
        let status = span.status.as_ref().map(|status| status.code_name().to_owned());
        let tags: [(&str, &str, Option<String>); 9] = [
            (RESOURCE, "Resource/attributes/service.name", service),
            (SCOPE, "InstrumentationScope/name", scope.map(|scope| scope.name.clone())),
            (SCOPE, "InstrumentationScope/version", scope.map(|scope| scope.version.clone())),
            (SPAN, "Status/code", status),
            (SPAN, "name", Some(span.name.clone())),
            (SPAN, "parent_span_id", Some(hex::encode(&span.parent_span_id))),
            (SPAN, "span_id", Some(hex::encode(&span.span_id))),
            (SPAN, "trace_id", Some(hex::encode(&span.trace_id))),
            (SPAN, "trace_state", Some(span.trace_state.clone())),
        ];
        let mut key = vec![TRACE_KEY];
        let mut given = Vec::with_capacity(tags.len());
        for (prefix, name, value) in tags {
            key.extend_from_slice(&(value.as_ref().map_or(0, |v| v.len() as u64 + 1)).to_le_bytes());
            let Some(value) = value else { continue };
            key.extend_from_slice(value.as_bytes());
            given.push((Cow::Owned::<str>(format!("{prefix}{name}")), Cow::Owned::<str>(value)));
        }
        key.extend_from_slice(self.table.as_bytes());
        if self.batcher.begin_known(&key) {
            return Ok(());
        }
        Ok(self.batcher.begin(self.table, &key, given).map_err(EngineError::from)?)
    }

    fn span(&mut self, span: &Span) -> Result<(), CnosDbError> {
        self.text(SPAN, "kind", span.kind_name())?;
        self.number(SPAN, "flags", span.flags)?;
        self.float(SPAN, "end_time_unix_nano", span.end_time_unix_nano as f64)?;
        let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        self.float(SPAN, "duration_nano", duration as f64)?;
        self.attributes(SPAN, &span.attributes)?;
        self.number(SPAN, "dropped_attributes_count", span.dropped_attributes_count)?;
        for (at, event) in span.events.iter().enumerate() {
            let prefix = format!("{SPAN}Event_{at}/");
            self.float(&prefix, "time_unix_nano", event.time_unix_nano as f64)?;
            self.text(&prefix, "name", &event.name)?;
            self.attributes(&prefix, &event.attributes)?;
            self.number(&prefix, "dropped_attributes_count", event.dropped_attributes_count)?;
        }
        self.number(SPAN, "dropped_events_count", span.dropped_events_count)?;
        for (at, link) in span.links.iter().enumerate() {
            let prefix = format!("{SPAN}Link_{at}/");
            self.text(&prefix, "trace_id", &hex::encode(&link.trace_id))?;
            self.text(&prefix, "span_id", &hex::encode(&link.span_id))?;
            self.text(&prefix, "trace_state", &link.trace_state)?;
            self.attributes(&prefix, &link.attributes)?;
            self.number(&prefix, "dropped_attributes_count", link.dropped_attributes_count)?;
            self.number(&prefix, "flags", link.flags)?;
        }
        self.number(SPAN, "dropped_links_count", span.dropped_links_count)?;
        match &span.status {
            Some(status) => self.text(SPAN, "Status/message", &status.message),
            None => Ok(()),
        }
    }

    /// Attributes under `prefix`; the first of several of one name stays.
    fn attributes<'k>(
        &mut self,
        prefix: &str,
        attributes: impl IntoIterator<Item = &'k KeyValue>,
    ) -> Result<(), CnosDbError> {
        for attribute in attributes {
            let name = format!("{prefix}attributes/{}", attribute.key);
            let text = attribute.text();
            self.batcher.field(&name, FieldValue::Str(&text)).map_err(EngineError::from)?;
        }
        Ok(())
    }

    fn text(&mut self, prefix: &str, name: &str, text: &str) -> Result<(), CnosDbError> {
        let value = FieldValue::Str(text);
        Ok(self.batcher.field(&format!("{prefix}{name}"), value).map_err(EngineError::from)?)
    }

    fn number(&mut self, prefix: &str, name: &str, number: u32) -> Result<(), CnosDbError> {
        self.float(prefix, name, f64::from(number))
    }

    fn float(&mut self, prefix: &str, name: &str, number: f64) -> Result<(), CnosDbError> {
        let value = FieldValue::F64(number);
        Ok(self.batcher.field(&format!("{prefix}{name}"), value).map_err(EngineError::from)?)
    }
}
