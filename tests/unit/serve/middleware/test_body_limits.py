"""What stands in front of Falcon, on fakes: it waits for a body as long as it may and sets no needless timer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.errors import TooSlow
from app.serve.asgi import Asgi, Message, Receive, Send
from app.serve.middleware.body_limits import BodyLimits, receive_nowait, receive_within
from app.serve.middleware.request_telemetry import RequestTelemetry, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.telemetry.metrics import ServiceMetrics

HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]
SCOPE = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": HEADERS}
BEGIN: Message = {"type": "http.request", "body": b"{", "more_body": True}
END: Message = {"type": "http.request", "body": b"}", "more_body": False}
GONE: Message = {"type": "http.disconnect"}
SHORT_S = 0.01


class Timerless(asyncio.SelectorEventLoop):
    """An event loop that allows no timer."""

    def call_at(self, *_: object, **__: object) -> Any:
        raise AssertionError("a timer was set")


class Peer:
    """The server's side of a request: a queue of events, and the messages sent."""

    def __init__(self, *events: Message) -> None:
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        for event in events:
            self.put(event)

    def put(self, event: Message) -> None:
        self._events.put_nowait(event)

    async def receive(self) -> Message:
        return await self._events.get()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


async def read_all(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def whole_body(scope: Message, receive: Receive, send: Send) -> None:
    """An app that reads the body to its end and answers 200."""
    await read_all(receive)
    await send({"type": "http.response.start", "status": 200, "headers": []})


def behind_middleware(app: Asgi, timeout_s: float = SHORT_S) -> RequestTelemetry:
    return RequestTelemetry(app, Telemetry(ServiceMetrics()), RouteMatcher([]), BodyLimits(1_000, timeout_s))


def timerless(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Timerless) as runner:
        runner.run(work)


@pytest.mark.parametrize("events", [[END], [BEGIN, END]], ids=["one piece", "two pieces"])
def test_a_body_that_is_there_costs_no_timer(events: list[Message]) -> None:
    async def work() -> None:
        await read_all(BodyLimits(1_000, SHORT_S).timed(Peer(*events).receive, {}))

    timerless(work())


@pytest.mark.parametrize("events", [[], [BEGIN]], ids=["nothing", "a beginning"])
def test_a_body_that_does_not_come_is_too_slow(events: list[Message]) -> None:
    async def work() -> None:
        peer = Peer(*events)
        await behind_middleware(whole_body)(SCOPE, peer.receive, peer.send)
        assert peer.status == 408
        assert (b"connection", b"close") in peer.sent[0]["headers"]

    asyncio.run(work())


def test_a_body_that_comes_late_is_taken() -> None:
    async def work() -> None:
        peer = Peer()
        asyncio.get_running_loop().call_later(SHORT_S, peer.put, END)
        await behind_middleware(whole_body, timeout_s=10)(SCOPE, peer.receive, peer.send)
        assert peer.status == 200

    asyncio.run(work())


def test_a_wait_for_the_client_to_leave_has_no_limit() -> None:
    async def until_gone(scope: Message, receive: Receive, send: Send) -> None:
        assert [await receive(), await receive()] == [END, GONE]

    async def work() -> None:
        peer = Peer(END)
        asyncio.get_running_loop().call_later(5 * SHORT_S, peer.put, GONE)
        await behind_middleware(until_gone)(SCOPE, peer.receive, peer.send)
        assert not peer.sent

    asyncio.run(work())


def test_an_event_that_was_asked_for_too_early_is_not_lost() -> None:
    async def work() -> None:
        peer = Peer()
        assert receive_nowait(peer.receive) is None
        with pytest.raises(TooSlow):
            await receive_within(peer.receive, SHORT_S)
        peer.put(END)
        assert receive_nowait(peer.receive) == END

    asyncio.run(work())


@pytest.mark.parametrize("begun", [False, True], ids=["nothing sent", "an answer begun"])
def test_a_request_cut_off_by_a_stop_is_told(*, begun: bool) -> None:
    """With a problem and without waiting for its client; an answer that has begun can only be cut."""
    peer, waits = Peer(), asyncio.Event()

    async def endless(scope: Message, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        waits.set()
        await asyncio.Event().wait()

    async def work() -> None:
        answering: Any = behind_middleware(endless)(SCOPE, peer.receive, peer.send)
        request = asyncio.create_task(answering)
        await waits.wait()
        request.cancel()
        ended = (await asyncio.gather(request, return_exceptions=True))[0]
        assert isinstance(ended, asyncio.CancelledError) is begun

    asyncio.run(work())
    assert peer.status == (200 if begun else 503)
    assert [message["type"] for message in peer.sent].count("http.response.start") == 1
