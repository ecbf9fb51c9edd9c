"""The lines of the log: JSON that machines read, or words for a terminal, and nothing of what callers sent."""

import logging
import warnings
from typing import Any

import msgspec
import pytest

from app.queue.ledger.claims import Claim
from app.queue.worker.job_log import log_jobs
from app.queue.worker.runner import FinishedJob
from app.settings import Settings
from app.telemetry.log_records import PATH_CHARACTERS, RequestLog
from app.telemetry.logs import describe_warning, handler, line_sink
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED

JSON = Settings(log_format="json")
CONSOLE = Settings(log_format="console")
NOON = "1970-01-01T00:00:00.000Z"


class Page:
    """What was written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def __call__(self, lines: bytes) -> None:
        self.writes.append(lines)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in b"".join(self.writes).splitlines()]


@pytest.fixture
def page() -> Page:
    return Page()


def add(log: RequestLog, route: str = "/predict", path: str = "/predict", status: int = 200) -> None:
    log.add([("POST", path, status, 0.0123456, 330, "an-id", "")], {path: route})


def test_a_request_is_one_line(page: Page) -> None:
    log = RequestLog(line_sink(JSON, page), clock=lambda: 0.0)
    add(log)
    log.write()
    assert page.lines == [
        {
            "timestamp": NOON,
            "level": "info",
            "event": "request",
            "method": "POST",
            "route": "/predict",
            "path": "/predict",
            "status": 200,
            "duration_ms": 12.345,
            "bytes": 330,
            "request_id": "an-id",
        }
    ]


def test_requests_of_one_moment_are_written_together(page: Page) -> None:
    log = RequestLog(line_sink(JSON, page))
    for _ in range(20):
        add(log)
    log.write()
    log.write()
    assert len(page.writes) == 1 and len(page.lines) == 20


@pytest.mark.parametrize("route", ["/ping", "/health/live", "/health/ready", "/metrics"])
def test_what_machines_ask_all_day_is_for_debugging(page: Page, route: str) -> None:
    """Except for a response that reports a fault of the service."""
    log, debug = RequestLog(line_sink(JSON, page)), RequestLog(line_sink(JSON, page), debug=True)
    add(log, route, route)
    log.write()
    assert page.lines == []
    add(log, route, route, 503)
    add(debug, route, route)
    log.write()
    debug.write()
    assert [line["level"] for line in page.lines] == ["info", "debug"]


def test_a_path_is_bounded_and_never_breaks_a_line(page: Page) -> None:
    """Callers choose paths: in JSON and on a terminal, which acts on some characters."""
    path = "/\n\x1b[31m" + "x" * 10_000
    for settings in (JSON, CONSOLE):
        log = RequestLog(line_sink(settings, page))
        add(log, "unmatched", path, 404)
        log.write()
    machine, people = page.writes
    assert msgspec.json.decode(machine)["path"] == path[:PATH_CHARACTERS]
    assert people.count(b"\n") == 1 and b"\x1b[31m/" not in people and b"\\n\\x1b[31m" in people


def test_a_job_is_one_line_with_the_id_of_its_request(page: Page) -> None:
    """And with the kind of its failure, not the words of it: those may quote data."""
    claims = [Claim(f"job{n}", 1, work(), "", n, f"request{n}") for n in (1, 2)]
    jobs = [FinishedJob(claims[0], DONE, counted=True), FinishedJob(claims[1], FAILED, counted=False)]
    log_jobs(line_sink(JSON, page), jobs, lambda: 0.0)
    assert len(page.writes) == 1
    first, second = page.lines
    common = {"timestamp": NOON, "level": "info", "event": "job", "verb": "predict", "model": "mean"}
    assert first == common | {
        "job_id": "job1",
        "version": 7,
        "status": "SUCCESS",
        "attempts": 1,
        "duration_ms": 1000.0,
        "rows": 0,
        "counted": True,
        "request_id": "request1",
    }
    assert second == common | {
        "job_id": "job2",
        "version": 1,
        "status": "FAILURE",
        "attempts": 2,
        "duration_ms": 1000.0,
        "rows": 0,
        "counted": False,
        "request_id": "request2",
        "error": "invalid",
    }


def recorded(settings: Settings, page: Page, *message: object, **options: Any) -> bytes:
    """What a record of the standard library becomes."""
    made = handler(settings, page)
    record = logging.getLogger("celery.worker").makeRecord(
        "celery.worker", logging.WARNING, __file__, 1, message[0], message[1:], options.get("exc_info")
    )
    made.emit(record)
    return page.writes[-1]


def test_records_of_libraries_have_the_same_form(page: Page) -> None:
    recorded(JSON, page, "%d of %s\nare gone", 3, "them")
    (line,) = page.lines
    assert list(line) == ["timestamp", "level", "event", "logger"]
    assert (line["level"], line["event"], line["logger"]) == ("warning", "3 of them\nare gone", "celery.worker")


def test_a_record_may_name_its_job_and_request(page: Page) -> None:
    """Other members that a library adds stay out: they may be anything."""
    record = logging.makeLogRecord({"msg": "it failed", "job_id": "a", "request_id": "b", "error": "KeyError", "x": 1})
    handler(JSON, page).emit(record)
    (line,) = page.lines
    assert {name: line[name] for name in ("job_id", "request_id", "error")} == {
        "job_id": "a",
        "request_id": "b",
        "error": "KeyError",
    }
    assert "x" not in line


def test_a_warning_is_its_category_and_place(page: Page) -> None:
    """Whatever was said, and whatever stands in the line of code: both may quote data."""
    with pytest.warns(UserWarning, match="7654") as caught:
        warnings.warn("the mean is\n7654.25", stacklevel=1)
    (each,) = caught
    place = each.filename, each.lineno
    recorded(JSON, page, describe_warning(each.message, each.category, *place, "mean = 7654.25"))
    (line,) = page.lines
    assert line["event"] == f"{__file__}:{each.lineno}: UserWarning"


def test_an_exception_is_part_of_its_line(page: Page) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        _ = 1 / 0
    recorded(JSON, page, "failed", exc_info=(raised.type, raised.value, raised.tb))
    (line,) = page.lines
    assert "Traceback" in line["exception"] and "ZeroDivisionError" in line["exception"]


def test_on_a_terminal_records_are_for_people(page: Page) -> None:
    text = recorded(CONSOLE, page, "it is away")
    assert b"it is away" in text and not text.startswith(b"{")
