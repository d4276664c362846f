//! Bytes a second of export requests with 1,000 spans: `cargo bench -p triglot-parse-otlp`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_otlp::{
    AnyValue, KeyValue, ResourceSpans, ScopeSpans, Span, TracesRequest, Value, parse_json, parse_protobuf,
};

fn request() -> TracesRequest {
    let pair = |key: &str, value| KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }) };
    let spans = (0..1000u64).map(|at| Span {
        trace_id: (u128::from(at) * 0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec(),
        span_id: at.to_be_bytes().to_vec(),
        name: format!("GET /api/items/{}", at % 10),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000 + at,
        end_time_unix_nano: 1_700_000_000_000_500_000 + at,
        attributes: vec![
            pair("http.request.method", Value::String("GET".into())),
            pair("http.response.status_code", Value::Int(200)),
            pair("url.full", Value::String(format!("https://shop.example/api/items/{at}"))),
        ],
        ..Span::default()
    });
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    TracesRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn json(request: &TracesRequest) -> String {
    let spans: Vec<String> = request.resource_spans[0].scope_spans[0].spans.iter().map(|span| {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        format!(
            r#"{{"traceId":"{}","spanId":"{}","name":"{}","kind":2,"startTimeUnixNano":"{}","attributes":[{{"key":"url.full","value":{{"stringValue":"{}"}}}}]}}"#,
            hex(&span.trace_id), hex(&span.span_id), span.name, span.start_time_unix_nano, span.attributes[2].text()
        )
    }).collect();
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","))
}

fn parse(criterion: &mut Criterion) {
    let request = request();
    let (bytes, text) = (request.to_bytes(), json(&request));
    let mut group = criterion.benchmark_group("traces");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("protobuf", |b| b.iter(|| parse_protobuf(black_box(&bytes)).unwrap()));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("json", |b| b.iter(|| parse_json(black_box(&text)).unwrap()));
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
