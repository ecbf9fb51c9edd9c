"""Requests that wait for their turn while models predict in threads of the process."""

import asyncio
from typing import Any

from uvloop import run

from app.dispatch.turns import Turns
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.request_middleware import RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.telemetry.metrics import ServiceMetrics

POSTS = 10


def middleware(turns: Turns, served: list[str]) -> RequestMiddleware:
    async def app(scope: Any, _receive: object, _send: object) -> None:
        served.append(scope["method"])

    return RequestMiddleware(app, Telemetry(ServiceMetrics()), RouteMatcher([]), BodyLimits(100, 1.0), turns=turns)


async def ask(to: RequestMiddleware, method: str) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("nobody reads")

    async def send(message: object) -> None:
        raise AssertionError(message)

    await to({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": []}, receive, send)


def test_posts_wait_for_their_turn_while_turns_are_limited_and_other_requests_do_not() -> None:
    async def main() -> None:
        turns, served = Turns(), list[str]()
        to, turns.limited = middleware(turns, served), True
        posts = [asyncio.create_task(ask(to, "POST")) for _ in range(POSTS)]
        get = asyncio.create_task(ask(to, "GET"))
        await get
        assert served.count("POST") <= 1
        await asyncio.gather(*posts)
        assert served.count("POST") == len(posts)

    run(main())


def test_no_request_waits_while_turns_are_not_limited() -> None:
    async def main() -> None:
        served = list[str]()
        to = middleware(Turns(), served)
        posts = [asyncio.create_task(ask(to, "POST")) for _ in range(POSTS)]
        await asyncio.sleep(0)
        assert len(served) == len(posts)
        await asyncio.gather(*posts)

    run(main())
