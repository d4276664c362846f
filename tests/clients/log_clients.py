"""Clients of logs and traces against CnosDB's port: `log_clients.py <client> <port>`. Each checks what it is told; the rows are
compared by log_clients.rs."""

import base64
import sys

PORT = int(sys.argv[2])
BASE = "http://127.0.0.1:%d" % PORT
ROOT = ("root", "")


def opensearch():
    from opensearchpy import OpenSearch, helpers
    from opensearchpy.exceptions import TransportError

    client = OpenSearch([BASE + "/api/v1/es"], http_auth=ROOT, http_compress=True)
    assert client.ping()
    assert client.info()["version"]["number"] == "8.4.0"
    where = {"table": "shop", "time_column": "date", "tag_columns": "host,level"}
    documents = [
        {"_op_type": "index", "date": "2024-01-01T00:00:00Z", "host": "h 1", "level": "info", "message": "started",
         "took": 0.30000000000000004, "ok": True, "tags": ["a", "b"]},
        {"_op_type": "create", "date": "2024-01-01T01:00:00+01:00", "host": "h 1", "level": "info",
         "message": 'say "hi", ü'},
        {"_op_type": "index", "date": 1704067201000000002, "host": "h 2", "level": 5, "message": "stopped",
         "took": -1e100, "ok": False},
    ]
    documents = [dict(document, _index="ignored") for document in documents]
    # A batch that is sent again changes nothing.
    for _ in range(2):
        assert helpers.bulk(client, documents, params=where) == (3, [])
    # One document that cannot be stored: none is, and the client raises what the server says.
    for bad, said in [
        ({"_op_type": "delete", "_id": "1"}, "es log must be a pair of command and fields"),
        ({"_op_type": "update", "_id": "1", "doc": {"a": 1}}, "es log must be a pair of command and fields"),
        ({"date": "soon", "message": "x"}, "invalid time format"),
        ({"message": None}, "unsupported field type: null"),
    ]:
        good = {"_index": "ignored", "date": 1, "message": "must not be there"}
        for raise_on_error in (True, False):
            try:
                helpers.bulk(client, [good, dict(bad, _index="ignored")], params=where, raise_on_error=raise_on_error,
                             raise_on_exception=True)
            except TransportError as error:
                assert error.status_code == 422, error
                assert error.info["error_code"] == "040016", error.info
                assert said in error.info["error_message"], error.info
            else:
                raise AssertionError(bad)
    # Without raising each document of the batch is told to have failed.
    done, errors = helpers.bulk(client, [dict(good), dict(bad, _index="ignored")], params=where, raise_on_error=False,
                                raise_on_exception=False)
    assert done == 0 and [item["index"]["status"] for item in errors] == [422, 422], errors


def elasticsearch():
    from elasticsearch import ApiError, Elasticsearch, helpers

    client = Elasticsearch(BASE + "/api/v1/es", basic_auth=ROOT, http_compress=True)
    assert client.ping()
    assert client.info()["version"]["number"] == "8.4.0"
    documents = [
        {"time": "2024-01-01T00:00:00Z", "message": "one", "n": 1, "deep": {"x": True}},
        {"time": "2024-01-01T00:00:00Z", "message": "two"},
    ]
    actions = [dict(document, _index="shop-logs") for document in documents]
    for _ in range(2):
        assert helpers.bulk(client, actions) == (2, [])
    lines = [line for document in documents for line in ({"create": {"_index": "shop-logs"}}, document)]
    answer = client.bulk(operations=lines)
    assert answer["errors"] is False
    assert answer["items"] == [{"create": {"_index": "shop-logs", "status": 201}}] * 2, answer
    undated = [{"_index": "undated", "message": "one"}, {"_index": "undated", "message": "two"}]
    for _ in range(2):
        assert helpers.bulk(client, undated) == (2, [])
    try:
        helpers.bulk(client, [{"_index": "shop-logs", "message": None}])
    except ApiError as error:
        assert error.status_code == 422, error
        assert error.body["error_code"] == "040016", error.body
    else:
        raise AssertionError("null was stored")


def loki():
    import logging

    import logging_loki

    for path in ("/api/v1/es/_bulk?table=app_logs&log_type=loki", "/loki/api/v1/push"):
        handler = logging_loki.LokiHandler(url=BASE + path, tags={"application": "shop"}, auth=ROOT, version="1")

        def fail(record):
            raise

        # It would print a traceback and go on.
        handler.handleError = fail
        logger = logging.getLogger("app.orders")
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.error("no money", extra={"tags": {"service": "pay"}})
        logger.info('two\nlines, "quoted", ü')
        logger.warning("again")
        logger.warning("again")


TRACE = 0x5B8AA5A2D2C872E8321CF37308D69DF2
FIRST, SECOND = 0x051581BF3CB55C13, 0x5FB397BE34D26B51
BEGIN = 1704067200000000000


def traces():
    """The exporter program of CnosDB's manual, with ids and times that are known beforehand."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Link, SpanKind, Status, StatusCode

    class Known(IdGenerator):
        def __init__(self):
            self.spans = [SECOND, FIRST]

        def generate_trace_id(self):
            return TRACE

        def generate_span_id(self):
            return self.spans.pop()

    headers = {
        "Authorization": "Basic " + base64.b64encode(b"root:").decode(),
        "tenant": "cnosdb", "db": "public", "table": "spans",
    }
    exporter = OTLPSpanExporter(endpoint=BASE + "/api/v1/traces", headers=headers, compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "vm"}), id_generator=Known())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("lib", "1.2")
    first = tracer.start_span("GET /cart", kind=SpanKind.SERVER, start_time=BEGIN,
                              attributes={"http.method": "GET", "n": 3, "ok": True, "half": 0.5, "list": ["x", "y"]})
    first.add_event("cached", {"k": 1}, timestamp=BEGIN + 1000)
    second = tracer.start_span("charge", context=trace.set_span_in_context(first), kind=SpanKind.CLIENT,
                               start_time=BEGIN + 250_000_000, links=[Link(first.get_span_context(), {"why": "test"})])
    second.set_status(Status(StatusCode.ERROR, "no money"))
    second.end(BEGIN + 750_000_000)
    first.end(BEGIN + 1_500_000_000)
    assert provider.force_flush()
    # The batch once more, as an exporter sends it after an answer that was lost.
    from opentelemetry.sdk.trace.export import SpanExportResult

    assert exporter.export([first, second]) == SpanExportResult.SUCCESS
    provider.shutdown()
    jaeger()


def jaeger():
    import requests

    def ask(path, **parameters):
        answer = requests.get(BASE + path, params=parameters, auth=ROOT, headers={"table": "spans"}, timeout=60)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["errors"] is None, body
        return body["data"]

    assert ask("/api/services") == ["shop"]
    assert sorted(ask("/api/services/shop/operations")) == ["GET /cart", "charge"]
    kinds = [{"name": "GET /cart", "spanKind": "server"}, {"name": "charge", "spanKind": "client"}]
    assert sorted(ask("/api/operations", service="shop"), key=lambda o: o["name"]) == kinds
    assert ask("/api/operations", service="nobody") == []
    wanted = "%032x" % TRACE
    [by_id] = ask("/api/traces/" + wanted)
    for query in [{"service": "shop"}, {"traceID": wanted}, {"service": "shop", "start": BEGIN // 1000, "end": BEGIN // 1000 + 1_500_000}]:
        assert ask("/api/traces", **query) == [by_id], query
    assert ask("/api/traces", service="shop", operation="refund") == []
    assert ask("/api/traces", service="shop", minDuration="2s") == []
    # What a search finds of a trace are the spans that satisfy it.
    [part] = ask("/api/traces", service="shop", tags='{"http.method":"GET"}')
    assert [span["spanID"] for span in part["spans"]] == ["%016x" % FIRST]

    assert by_id["traceID"] == wanted
    spans = {span["spanID"]: span for span in by_id["spans"]}
    first, second = spans.pop("%016x" % FIRST), spans.pop("%016x" % SECOND)
    assert not spans
    assert (first["operationName"], first["startTime"], first["duration"]) == ("GET /cart", BEGIN // 1000, 1_500_000)
    assert (second["operationName"], second["startTime"], second["duration"]) == ("charge", BEGIN // 1000 + 250_000, 500_000)
    assert (first["parentSpanID"], second["parentSpanID"]) == ("", "%016x" % FIRST)
    assert first["references"] == []
    assert second["references"] == [{"refType": "ChildOf", "traceID": wanted, "spanID": "%016x" % FIRST}]

    def tags(of):
        return {tag["key"]: tag["value"] for tag in of}

    assert tags(first["tags"])["span.kind"] == "server" and tags(second["tags"])["span.kind"] == "client"
    [event] = first["logs"]
    # Through a double, as the vendor's.
    assert abs(event["timestamp"] - (BEGIN + 1000)) <= 256 and tags(event["fields"])["name"] == "cached", event
    processes = [by_id["processes"][span["processID"]] for span in (first, second)]
    assert [process["serviceName"] for process in processes] == ["shop", "shop"]
    of_first, of_second = (tags(process["tags"]) for process in processes)
    assert of_first["ResourceSpans/Resource/attributes/host.name"] == "vm"
    sent = {"http.method": "GET", "n": "3", "ok": "true", "half": "0.5", "list": '["x","y"]'}
    prefix = "ResourceSpans/ScopeSpans/Span/attributes/"
    assert {key[len(prefix):]: value for key, value in of_first.items() if key.startswith(prefix)} == sent
    assert (of_first["otel.library.name"], of_first["otel.library.version"]) == ("lib", "1.2")
    assert (of_second["otel.status_code"], of_second["otel.status_description"]) == ("STATUS_CODE_ERROR", "no money")
    assert of_second["error"] is True and "error" not in of_first
    assert not any(key.startswith(prefix) for key in of_second), of_second


{"opensearch": opensearch, "elasticsearch": elasticsearch, "loki": loki, "traces": traces}[sys.argv[1]]()
print("ok")
