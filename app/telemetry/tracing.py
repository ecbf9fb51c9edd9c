"""Traces (OpenTelemetry): one trace for a request, its job, and the run of that job in a worker.

Imported only if spans are exported; needs the extra `tracing`. The job carries the W3C traceparent of the span that
accepted it: a message carries many jobs, each with a trace of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.errors import TrinityError
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.telemetry.context import REQUEST
from app.telemetry.log_records import SERVER_ERROR

_HEADERS = frozenset({b"traceparent", b"tracestate"})
_w3c = TraceContextTextMapPropagator()


def make_tracing(service: str, url: str | None) -> Tracing:
    """Return tracing that exports spans by OTLP over HTTP; without a URL, OpenTelemetry's own variables apply."""
    exporter = OTLPSpanExporter(None if url is None else f"{url.rstrip('/')}/v1/traces")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)


class Tracing:
    """Makes the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("trinity")

    def request_span(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> RequestSpan:
        """Begin the span of a request; it joins the caller's trace if the headers name one."""
        context = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in _HEADERS}
        return RequestSpan(self._tracer.start_span(method, _w3c.extract(context, Context()), SpanKind.SERVER))

    @contextmanager
    def submission_span(self, work: Work, job_id: str) -> Iterator[str]:
        """Make the span of accepting a job; give the traceparent that the job carries."""
        attributes = {**_of(work), "trinity.job": job_id}
        with self._tracer.start_as_current_span(
            f"submit {work.verb}",
            _context(REQUEST.get().trace),
            SpanKind.PRODUCER,
            attributes,
            record_exception=False,  # its message may quote data
            set_status_on_exception=False,
        ) as span:
            try:
                yield traceparent(span)
            except Exception as error:
                kind = error.kind if isinstance(error, TrinityError) else TrinityError.kind
                span.set_status(Status(StatusCode.ERROR, kind))
                raise

    def record_claim(self, traces: Iterable[str], begun_s: float, ended_s: float) -> None:
        """Make the span of claiming a message's jobs. It belongs to none of their traces, and links to all of them."""
        links = [Link(get_current_span(_context(trace)).get_span_context()) for trace in traces if trace]
        span = self._tracer.start_span("claim", Context(), SpanKind.CONSUMER, None, links, _ns(begun_s))
        span.end(_ns(ended_s))

    def record_run(self, work: Work, job_id: str, trace: str, attempts: int, outcome: Outcome) -> None:
        """Make the span of running a job."""
        attributes = {**_of(work), "trinity.job": job_id, "trinity.attempts": attempts, "trinity.rows": outcome.rows}
        span = self._tracer.start_span(
            f"run {work.verb}", _context(trace), SpanKind.CONSUMER, attributes, start_time=_ns(outcome.started_s)
        )
        if outcome.failure is not None:
            span.set_status(Status(StatusCode.ERROR, outcome.failure.kind))
        span.end(_ns(outcome.finished_s))

    def close(self) -> None:
        """Send the spans that are left."""
        self._provider.shutdown()


class RequestSpan:
    """The span of a request that is being answered."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace = traceparent(span)

    def end(self, method: str, route: str, status: int, request_id: str) -> None:
        """End the span with the response's status."""
        self._span.update_name(f"{method} {route}")
        answer: dict[str, str | int] = {"http.response.status_code": status, "trinity.request_id": request_id}
        self._span.set_attributes({"http.request.method": method, "http.route": route, **answer})
        if status >= SERVER_ERROR:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def traceparent(span: Span) -> str:
    """Return the traceparent header of a span (W3C Trace Context)."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent", "")


def _context(trace: str) -> Context:
    return _w3c.extract({"traceparent": trace}, Context()) if trace else Context()


def _of(work: Work) -> dict[str, str | int]:
    return {"trinity.verb": work.verb, "trinity.model": work.model}


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
