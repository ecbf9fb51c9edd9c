"""execute: work ends in an outcome, whatever the model does, and nothing of the data reaches the log."""

import json
import logging
import re
from typing import Any, cast

import pytest

from app.dispatch.execute import execute, finished_job
from app.errors import Busy, Invalid, ModelFailed, NotFound, TrinityError
from app.model.polynomial import PolynomialRegressor
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.service import Service
from app.service.model_calls import refusal
from app.telemetry.context import RequestContext, on_behalf_of
from tests.support.fakes import Clock, FakeService, work


def outcome(raised: BaseException | None = None, result: Any = None) -> Outcome:
    """What comes of work that raises, or gives a result; it takes two seconds."""
    clock = Clock()

    def body(_: Work) -> Any:
        clock.now += 2
        if raised is not None:
            raise raised
        return result

    return execute(cast("Service", FakeService(body)), work(), "job", clock)


def test_success() -> None:
    """The result as JSON, the version, the times of the clock."""
    done = outcome(result={"y": [1.5, -0.0], "name": "é"})
    assert (done.started_s, done.finished_s, done.version, done.failure) == (1000, 1002, 1, None)
    assert bytes(done.result or b"") == '{"y":[1.5,-0.0],"name":"é"}'.encode()


@pytest.mark.parametrize("error", [NotFound.at("/version", "gone"), ModelFailed("damaged"), Busy("full")])
def test_a_domain_error_keeps_its_kind(error: TrinityError) -> None:
    """What the domain refuses is the failure, word for word."""
    done = outcome(error)
    assert done.failure == error.failure()
    assert (done.result, done.version, done.finished_s) == (None, None, 1002)


@pytest.mark.parametrize(
    "error",
    [KeyError("17.25"), ZeroDivisionError("17.25"), MemoryError("17.25"), RecursionError("17.25"), SystemExit("17.25")],
)
def test_a_bug_of_the_model_is_named_and_not_quoted(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """The caller and the log learn which error it was, and neither its message: it may quote data."""
    with caplog.at_level(logging.DEBUG):
        failure = outcome(error).failure
    assert failure is not None
    assert failure.kind == "model-failed"
    assert type(error).__name__ in failure.detail and type(error).__name__ in caplog.text
    assert "17.25" not in failure.detail + caplog.text
    assert "test_execute.py" in caplog.text


def test_the_line_of_a_bug_leads_to_its_job_and_its_request(caplog: pytest.LogCaptureFixture) -> None:
    """Beside its words, as members of their own."""
    with on_behalf_of(RequestContext("asked")):
        outcome(KeyError("17.25"))
    (record,) = caplog.records
    assert origin(record) == ("job", "asked", "KeyError")


def test_a_value_error_deep_in_a_library_is_logged_once_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets its words as a refusal; the log says where it was raised, without the words."""
    try:
        json.loads("17.25 x")
    except ValueError as cause:
        refused = refusal(cause)
        refused.__cause__ = cause
    with on_behalf_of(RequestContext("asked")):
        failure = outcome(refused).failure
    assert failure is not None and (failure.kind, "Extra data" in failure.detail) == ("invalid", True)
    (record,) = caplog.records
    assert re.search(
        r"predict of mean refused its data: JSONDecodeError at .*json/decoder\.py:\d+ in decode", record.message
    )
    assert origin(record) == ("job", "asked", "JSONDecodeError")
    assert "Extra data" not in caplog.text and "17.25" not in caplog.text


def test_a_refusal_of_our_own_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets all that there is to say."""
    with pytest.raises(ValueError, match="degree") as raised:
        PolynomialRegressor(degree=-1).fit([[1.0]], [1.0])
    refused = refusal(raised.value)
    refused.__cause__ = raised.value
    outcome(refused)
    assert caplog.records == []


def origin(record: logging.LogRecord) -> tuple[str, str, str]:
    """What a line says beside its words."""
    return record.job_id, record.request_id, record.error  # type: ignore[attr-defined]


@pytest.mark.parametrize("result", [{"y": object()}, {"y": 1j}, {1j: 1}])
def test_a_result_that_is_no_json_is_a_bug_of_the_model(result: Any) -> None:
    """It fails as any other bug does."""
    failure = outcome(result=result).failure
    assert failure is not None and failure.kind == "model-failed"


def test_the_job_of_a_success_has_the_version_made() -> None:
    """A fit's job names its new version."""
    job = finished_job("id", work("fit"), 999.0, outcome(result={}))
    assert (job.status, job.version, job.created_s, job.started_s, job.finished_s) == ("SUCCESS", 1, 999, 1000, 1002)


def test_the_job_of_a_failure_has_the_version_asked_for() -> None:
    """A failed prediction's job names the version it was for."""
    job = finished_job("id", work(version=5), 999.0, outcome(Invalid("no")))
    assert (job.status, job.version) == ("FAILURE", 5)
