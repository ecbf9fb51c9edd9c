"""What stands in front of Falcon, on fakes: it waits for a body as long as it may and sets no needless timer."""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any

import pytest
from falcon.asgi import App, Request, Response

from app.errors import TooLarge, TooSlow, Unavailable
from app.serve.asgi import Asgi, Message, Receive, Send
from app.serve.middleware.body_limits import BodyLimits, receive_nowait, receive_within
from app.serve.middleware.request_middleware import RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.problems import add_error_handlers
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


def behind_middleware(app: Asgi, timeout_s: float = SHORT_S) -> RequestMiddleware:
    return RequestMiddleware(app, Telemetry(ServiceMetrics()), RouteMatcher([]), BodyLimits(1_000, timeout_s))


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


@pytest.mark.parametrize("error", [Unavailable("the ledger is away"), KeyError("a bug")], ids=["refusal", "bug"])
@pytest.mark.parametrize("begun", [False, True], ids=["nothing sent", "an answer begun"])
def test_an_error_is_answered_once(error: Exception, *, begun: bool) -> None:
    """An answer that has begun gets no second status: the server cuts it."""
    peer, metrics = Peer(END, GONE), ServiceMetrics()

    async def failing(scope: Message, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    async def work() -> None:
        middleware = RequestMiddleware(failing, Telemetry(metrics), RouteMatcher([]), BodyLimits(1_000, SHORT_S))
        with pytest.raises(type(error)) if begun else nullcontext():
            await middleware(SCOPE, peer.receive, peer.send)
        middleware.flush()

    asyncio.run(work())
    assert [message["type"] for message in peer.sent].count("http.response.start") == 1
    assert peer.status == (200 if begun else 503 if isinstance(error, Unavailable) else 500)
    if not begun:
        kind = b"unavailable" if isinstance(error, Unavailable) else b"internal-error"
        assert b"urn:trinity:" + kind in peer.sent[1]["body"] and b"a bug" not in peer.sent[1]["body"]


def test_a_body_that_is_refused_in_the_middle_is_discarded() -> None:
    """Its client reads the answer, and no reset."""
    peer = Peer(BEGIN, BEGIN, END, GONE)

    class Refusing:
        async def on_post(self, req: Request, resp: Response) -> None:
            async for _ in req.stream:
                raise TooLarge("more than the limit")

    async def work() -> None:
        api = App()
        add_error_handlers(api)
        api.add_route("/predict", Refusing())
        scope = {**SCOPE, "headers": [(b"transfer-encoding", b"chunked")], "http_version": "1.1"}
        await behind_middleware(api, timeout_s=10)(scope, peer.receive, peer.send)
        assert peer.status == 413
        assert await peer.receive() == GONE

    asyncio.run(work())


def test_a_body_that_the_client_cuts_is_malformed() -> None:
    """The end of the connection isn't taken for the end of the body."""

    async def work() -> None:
        peer = Peer(BEGIN, GONE)
        await behind_middleware(whole_body, timeout_s=10)(SCOPE, peer.receive, peer.send)
        assert peer.status == 400

    asyncio.run(work())
