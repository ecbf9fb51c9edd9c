"""Parts that are asked whether they answer: one that hangs takes one thread, and nothing from anybody else."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from falcon.asgi import App

from app.bootstrap import build
from app.serve.health_checks import LATE, OK, ComponentStatus, HealthChecks, Probe, run_in_thread
from app.serve.oip.metadata import ServerReady
from app.serve.resources.health import Ping, Ready
from app.serve.resources.metrics import MetricsResource, ScrapeTargets
from app.serve.resources.models import ModelList
from app.settings import Mode, Settings
from app.telemetry.metrics import ServiceMetrics
from tests.support.fakes import DEADLINE_S, Gate, eventually, passed, run

POLLS = 40  # more than the threads that the event loop has for everybody
MOMENT_S = 0.1


def broken() -> None:
    raise ConnectionRefusedError


def asked(name: str) -> int:
    """How many threads ask a part."""
    return sum(thread.name == f"check-{name}" for thread in threading.enumerate())


def api(folder: Path, checks: dict[str, Probe], queue: Probe | None = None) -> httpx.AsyncClient:
    """The resources that tell how the parts are, and two that shouldn't care."""
    service = build(Settings(mode=Mode.SYNC, store=str(folder))).service
    health = HealthChecks(checks, MOMENT_S)
    app = App()
    app.add_route("/ping", Ping())
    app.add_route("/health/ready", Ready(health))
    app.add_route("/v2/health/ready", ServerReady(health))
    app.add_route("/models", ModelList(service))
    app.add_route("/metrics", MetricsResource(ServiceMetrics(service.models), service, ScrapeTargets(health, queue)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


def test_a_part_that_hangs_starves_nobody(tmp_path: Path) -> None:
    """However often it is asked for by whom, it is asked once; it is named, all else answers, and it may come back."""
    calls = []

    async def polled() -> None:
        with Gate() as gate:

            def hang() -> None:
                calls.append(1)
                gate.enter()

            async with api(tmp_path, {"ledger": hang}) as client:
                paths = ["/health/ready", "/v2/health/ready", "/metrics"] * POLLS
                answers = await asyncio.gather(*map(client.get, paths))
                assert {answer.status_code for answer in answers} == {200, 503}
                for path, answer in zip(paths, answers, strict=True):
                    assert answer.status_code == (200 if path == "/metrics" else 503)
                    assert ('trinity_up{part="ledger"} 0' if path == "/metrics" else LATE) in answer.text
                assert (len(calls), asked("ledger")) == (1, 1)
                assert (await client.get("/models")).status_code == 200
                assert (await client.get("/ping")).status_code == 200
                gate.open()
                async with asyncio.timeout(DEADLINE_S):
                    while (answer := await client.get("/health/ready")).status_code != 200:
                        pass
                assert answer.json() == {"status": "ready", "parts": {"ledger": OK}}

    run(polled())


def test_figures_that_hang(tmp_path: Path) -> None:
    """Are not told, and the ledger isn't up; the rest of the numbers is there."""

    async def scraped() -> str:
        with Gate() as gate:
            async with api(tmp_path, {"ledger": lambda: None, "broker": broken}, gate.enter) as client:
                return (await client.get("/metrics")).text

    text = run(scraped())
    assert 'trinity_up{part="ledger"} 0' in text and 'trinity_up{part="broker"} 0' in text
    assert "trinity_web_processes" in text and "trinity_queue_depth" not in text


def test_each_part_says_how_it_is() -> None:
    """`ok`, or the name of its error; no parts are none."""
    assert run(HealthChecks({"store": lambda: None, "ledger": broken}, DEADLINE_S).states()) == {
        "store": OK,
        "ledger": "ConnectionRefusedError",
    }
    assert run(HealthChecks({}).states()) == {}


def test_what_came_too_late_is_not_told_later() -> None:
    """An answer that nobody waited for is old: the part is asked again."""
    calls = iter((1, 2))

    async def told() -> dict[str, ComponentStatus]:
        with Gate() as gate:

            def count() -> int:
                gate.enter()
                return next(calls)

            checks = HealthChecks({"store": count}, DEADLINE_S)
            first = asyncio.create_task(checks.run())
            await passed(gate.reached)
            first.cancel()
            gate.open()
            await eventually(lambda: not asked("store"))
            await asyncio.sleep(0)  # the thread's last word was to the event loop
            return await checks.run()

    assert run(told()) == {"store": ComponentStatus(OK, 2)}


def test_who_comes_while_a_part_is_asked_gets_its_answer() -> None:
    """Also when the first who asked has gone."""

    async def told() -> dict[str, ComponentStatus]:
        with Gate() as gate:
            checks = HealthChecks({"store": gate.enter}, DEADLINE_S)
            first, second = (asyncio.create_task(checks.run()) for _ in range(2))
            await passed(gate.reached)
            first.cancel()
            gate.open()
            return await second

    assert run(told()) == {"store": ComponentStatus(OK)}


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_thread_of_ones_own_raises_where_it_is_awaited(error: BaseException) -> None:
    def fail() -> Any:
        raise error

    async def awaited(call: Callable[[], Any]) -> Any:
        return await run_in_thread(call, "test")

    with pytest.raises(type(error)):
        run(awaited(fail))


def test_a_part_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import asyncio, threading
from app.serve.health_checks import HealthChecks
print(asyncio.run(HealthChecks({"store": threading.Event().wait}, 0.01).states()))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == f"{{'store': '{LATE}'}}\n"
