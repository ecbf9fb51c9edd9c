"""A real web server and a real worker send the spans of one trace to a collector."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.servers import until
from tests.support.trinity import trinity

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


class Span(NamedTuple):
    service: str
    name: str
    trace: str
    id: str
    parent: str


class Collector(ThreadingHTTPServer):
    """Receives spans by OTLP (protobuf over HTTP)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.spans: list[Span] = []


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent: Any = ExportTraceServiceRequest()
        sent.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
        assert self.path == "/v1/traces"
        for resource in sent.resource_spans:
            (service,) = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
            for scope in resource.scope_spans:
                for one in scope.spans:
                    ids = one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex()
                    self.server.spans.append(Span(service, one.name, *ids))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_one_trace_across_web_broker_and_worker(tmp_path: Path, collector: Collector) -> None:
    settings = {
        "TRINITY_OTLP_URL": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "WEB_CONCURRENCY": "1",
    }
    with trinity("redis", tmp_path, **settings) as api:
        assert api.call("fit", {}, headers={"traceparent": CALLER})["status"] == "SUCCESS"
        until(lambda: {"POST /fit", "run fit"} <= {span.name for span in collector.spans}, "the spans")
    spans = {span.name: span for span in collector.spans if span.trace == TRACE}
    assert {(span.service, span.name) for span in spans.values()} == {
        ("trinity-web", "POST /fit"),
        ("trinity-web", "submit fit"),
        ("trinity-worker", "run fit"),
    }
    assert spans["POST /fit"].parent == CALLER.split("-")[2]
    assert spans["submit fit"].parent == spans["POST /fit"].id
    assert spans["run fit"].parent == spans["submit fit"].id
