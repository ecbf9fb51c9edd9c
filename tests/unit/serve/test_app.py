"""The application as the server calls it, with the server's side of a request made up."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from app.bootstrap import build
from app.dispatch.dispatcher import IdempotencyKey
from app.errors import Unavailable
from app.schemas.jobs import Job
from app.schemas.requests import Work
from app.serve.app import create_app
from app.serve.asgi import STOP_WAITING, Message
from app.settings import Mode, Settings
from tests.support.fakes import pool


class Dispatcher:
    """A dispatcher that takes no work."""

    turns = None

    def __init__(self) -> None:
        self.log: list[str] = []

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        raise AssertionError("work was done for nobody")

    async def latest_jobs(self) -> AsyncIterator[list[Job]]:
        yield []
        raise Unavailable("the ledger doesn't answer")

    def stop_waiting(self) -> None:
        self.log.append("stop waiting")

    async def close(self) -> None:
        self.log.append("close")


def called(folder: Path, dispatcher: Any, scope: Message, *events: Message) -> list[Message]:
    """What the application sends when it gets these events."""
    left, sent = list(events), []

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    with pool() as threads:
        settings = Settings(mode=Mode.ASYNC, store=str(folder))  # type: ignore[arg-type]
        app: Any = create_app(settings, build(settings).service, dispatcher, threads, {})
        asyncio.run(app(scope, receive, send))
    return sent


def test_a_client_that_hangs_up_before_the_body_has_no_work_done(tmp_path: Path) -> None:
    """The missing body isn't taken for an empty one."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": "/fit", "query_string": b"", "headers": headers}
    assert called(tmp_path, Dispatcher(), scope, {"type": "http.disconnect"}) == []


def test_a_client_that_hangs_up_in_the_middle_of_the_body_has_no_work_done(tmp_path: Path) -> None:
    """Half of a chunked CSV file isn't taken for a whole one, though it can be read."""
    headers = [(b"content-type", b"text/csv"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/fit", "query_string": b"target=y", "headers": headers}
    half = {"type": "http.request", "body": b"x,y\n1,2\n2,3\n3,4\n", "more_body": True}
    gone = {"type": "http.disconnect"}
    sent = called(tmp_path, Dispatcher(), scope, half, gone, gone)
    assert sent[0]["status"] == 400


def test_a_stream_of_events_ends_when_the_ledger_is_away(tmp_path: Path) -> None:
    """Its client connects again; the status was sent."""
    scope = {"type": "http", "method": "GET", "path": "/jobs/events", "query_string": b"", "headers": []}
    sent = called(tmp_path, Dispatcher(), scope, {"type": "http.request"}, {"type": "http.disconnect"})
    assert sent[0]["status"] == 200
    assert b"jobs" in sent[1]["body"]
    assert not sent[-1].get("more_body") and len(sent) == 3


def test_head_is_answered_where_get_is_but_for_streams(tmp_path: Path) -> None:
    """A stream of events has no head to describe."""
    for path, status in (("/ping", 200), ("/jobs/events", 405), ("/jobs/1/events", 405)):
        scope = {"type": "http", "method": "HEAD", "path": path, "query_string": b"", "headers": []}
        assert called(tmp_path, Dispatcher(), scope, {"type": "http.request"})[0]["status"] == status


def test_the_server_gets_a_way_to_end_waits_and_the_dispatcher_is_closed(tmp_path: Path) -> None:
    dispatcher, state = Dispatcher(), dict[str, Any]()
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = called(
        tmp_path,
        dispatcher,
        {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state},
        *events,
    )
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    state[STOP_WAITING]()
    assert dispatcher.log == ["close", "stop waiting"]
