"""One trace of a request, its job, and the run of that job, though a message carries the jobs of many."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.errors import Invalid
from app.queue.ledger.acceptance import Submission
from app.queue.worker.runner import JobRunner
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.request_middleware import RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.settings import Settings
from app.telemetry.context import REQUEST
from app.telemetry.metrics import ServiceMetrics
from app.telemetry.tracing import Tracing
from app.telemetry.tracing_setup import tracing, wanted
from tests.support.fakes import FakeService, run, work
from tests.support.ledger_fixture import LedgerFixture

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Half:
    """The spans of one process."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def web() -> Iterator[Half]:
    half = Half()
    yield half
    half.tracing.close()


@pytest.fixture
def worker() -> Iterator[Half]:
    half = Half()
    yield half
    half.tracing.close()


def post(web: Half, ledgers: LedgerFixture, job_id: str, *headers: tuple[bytes, bytes]) -> None:
    """A request that makes a job, as the web process has it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        submitted = work()
        with web.tracing.submission_span(submitted, job_id) as trace:
            ledgers.submit(Submission(job_id, submitted, 60, "", "", REQUEST.get().request_id, trace))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        raise AssertionError

    async def send(message: object) -> None:
        """Nobody reads it."""

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [*headers]}
    telemetry = Telemetry(ServiceMetrics(), tracing=web.tracing)
    observed = RequestMiddleware(app, telemetry, RouteMatcher(["/predict"]), BodyLimits(10**6, 1.0))
    run(observed(scope, receive, send))


def test_one_trace_from_the_caller_to_the_run(ledgers: LedgerFixture, web: Half, worker: Half) -> None:
    """Each span is the child of the one before, over the ledger too."""
    post(web, ledgers, "first", (b"traceparent", CALLER.encode()))
    service: Any = FakeService(lambda work_: {"y": [1.0]})
    JobRunner(service, ledgers.worker(), tracing=worker.tracing).run("fit", ["first"])
    (request,), (submit,), (ran,) = web.spans("POST /predict"), web.spans("submit predict"), worker.spans("run predict")
    trace = int(CALLER.split("-")[1], 16)
    assert {span.context.trace_id for span in (request, submit, ran) if span.context} == {trace}
    parents = [span.parent.span_id for span in (request, submit, ran) if span.parent]
    assert request.context and submit.context
    assert parents == [int(CALLER.split("-")[2], 16), request.context.span_id, submit.context.span_id]
    assert [span.kind for span in (request, submit, ran)] == [SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER]
    assert request.attributes and request.attributes["http.response.status_code"] == 202
    assert ran.attributes and ran.attributes["trinity.job"] == "first" and ran.attributes["trinity.attempts"] == 1


def test_jobs_of_one_message_stay_in_their_own_traces(ledgers: LedgerFixture, web: Half, worker: Half) -> None:
    """The claim that they share is linked to all of them."""
    for job_id in ("first", "second"):
        post(web, ledgers, job_id)
    service: Any = FakeService(lambda work_: {"y": [1.0]})
    JobRunner(service, ledgers.worker(), tracing=worker.tracing).run("predict", ["first", "second"])
    submitted = {span.context.trace_id for span in web.spans("submit predict") if span.context}
    assert len(submitted) == 2
    assert {span.context.trace_id for span in worker.spans("run predict") if span.context} == submitted
    (claim,) = worker.spans("claim")
    assert {link.context.trace_id for link in claim.links} == submitted


def test_a_failure_marks_its_span_without_its_words(ledgers: LedgerFixture, web: Half, worker: Half) -> None:
    """A model's message may quote data."""

    def fail(_: object) -> Any:
        raise ZeroDivisionError("secret")

    post(web, ledgers, "first")
    service: Any = FakeService(fail)
    JobRunner(service, ledgers.worker(), tracing=worker.tracing).run("fit", ["first"])
    (ran,) = worker.spans("run predict")
    assert (ran.status.status_code, ran.status.description) == (StatusCode.ERROR, "model-failed")
    assert "secret" not in ran.to_json()


def test_a_refusal_marks_the_span_of_the_submission_without_its_words(web: Half) -> None:
    """It may quote data, too."""
    with pytest.raises(Invalid), web.tracing.submission_span(work(), "first"):
        raise Invalid("secret")
    (submit,) = web.spans("submit predict")
    assert (submit.status.status_code, submit.status.description) == (StatusCode.ERROR, "invalid")
    assert "secret" not in submit.to_json()


def test_traces_are_off_unless_they_go_somewhere() -> None:
    assert tracing(Settings(), "web") is None
    assert wanted(Settings(otlp_url="http://127.0.0.1:1"))


def test_nothing_of_it_is_imported_while_it_is_off(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import app, sys; app.api; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    environment = {"TRINITY_STORE": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
