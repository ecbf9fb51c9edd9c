"""Health checks of components: one that hangs takes one thread, and delays no other."""

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
from app.dispatch.inline import InlineDispatcher
from app.serve.health_checks import LATE, OK, ComponentStatus, HealthChecks, Probe, run_in_thread
from app.serve.oip.metadata import MetadataResource
from app.serve.resources.health import HealthResource
from app.serve.resources.metrics import MetricsResource
from app.serve.resources.models import ModelResource
from app.serve.resources.route import routes_of
from app.settings import Mode, Settings
from app.telemetry.metrics import ServiceMetrics
from tests.support.fakes import DEADLINE_S, Gate, eventually, passed, pool, run

POLLS = 40  # more than the threads of the event loop's own pool
MOMENT_S = 0.1


def broken() -> None:
    raise ConnectionRefusedError


def asked(name: str) -> int:
    """How many threads run a component's check."""
    return sum(thread.name == f"check-{name}" for thread in threading.enumerate())


def api(folder: Path, checks: dict[str, Probe], queue: Probe | None = None) -> httpx.AsyncClient:
    """The resources that report health, and two that must not depend on it."""
    service = build(Settings(mode=Mode.SYNC, store=str(folder))).service
    health = HealthChecks(checks, MOMENT_S)
    app = App()
    metrics = MetricsResource(ServiceMetrics(service.models.estimators), service, health, queue)
    inline = InlineDispatcher(service, pool(), max_fits=1)
    for each in routes_of(
        HealthResource(health), MetadataResource(service, health), ModelResource(service, inline), metrics
    ):
        app.add_route(each.path, each.resource, suffix=each.suffix)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


def test_a_component_that_hangs_delays_no_other(tmp_path: Path) -> None:
    """Its check runs once, whatever the number of callers; all else answers, and the component can come back."""
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


def test_queue_metrics_that_hang(tmp_path: Path) -> None:
    """They are left out and the ledger is down; the other metrics are sent."""

    async def scraped() -> str:
        with Gate() as gate:
            async with api(tmp_path, {"ledger": lambda: None, "broker": broken}, gate.enter) as client:
                return (await client.get("/metrics")).text

    text = run(scraped())
    assert 'trinity_up{part="ledger"} 0' in text and 'trinity_up{part="broker"} 0' in text
    assert "trinity_web_processes" in text and "trinity_queue_depth" not in text


def test_each_component_has_a_state() -> None:
    """`ok` or the name of its error; without components there is no state."""
    assert run(HealthChecks({"store": lambda: None, "ledger": broken}, DEADLINE_S).states()) == {
        "store": OK,
        "ledger": "ConnectionRefusedError",
    }
    assert run(HealthChecks({}).states()) == {}


def test_a_late_result_is_not_used_later() -> None:
    """A result that came after its caller's timeout is old: the check runs again."""
    calls = iter((1, 2))

    async def results() -> dict[str, ComponentStatus]:
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
            await asyncio.sleep(0)  # let the event loop take the thread's result
            return await checks.run()

    assert run(results()) == {"store": ComponentStatus(OK, 2)}


def test_callers_share_a_running_check() -> None:
    """Also when the first of them has gone."""

    async def results() -> dict[str, ComponentStatus]:
        with Gate() as gate:
            checks = HealthChecks({"store": gate.enter}, DEADLINE_S)
            first, second = (asyncio.create_task(checks.run()) for _ in range(2))
            await passed(gate.reached)
            first.cancel()
            gate.open()
            return await second

    assert run(results()) == {"store": ComponentStatus(OK)}


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_an_error_in_a_thread_is_raised_where_it_is_awaited(error: BaseException) -> None:
    def fail() -> Any:
        raise error

    async def awaited(call: Callable[[], Any]) -> Any:
        return await run_in_thread(call, "test")

    with pytest.raises(type(error)):
        run(awaited(fail))


def test_a_component_that_hangs_does_not_stop_the_process_from_ending() -> None:
    program = """
import asyncio, threading
from app.serve.health_checks import HealthChecks
print(asyncio.run(HealthChecks({"store": threading.Event().wait}, 0.01).states()))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == f"{{'store': '{LATE}'}}\n"


def test_warnings_delay_and_change_nothing() -> None:
    """One that fails or hangs is a warning itself."""

    def raising() -> list[str]:
        raise PermissionError

    with Gate() as gate:

        def hanging() -> list[str]:
            gate.enter()
            return []

        async def asked_for() -> list[list[str]]:
            each = [HealthChecks({}, MOMENT_S, warnings=probe) for probe in (list, lambda: ["old"], raising, hanging)]
            return [await checks.warnings() for checks in each]

        assert run(asked_for()) == [[], ["old"], ["versions: PermissionError"], [f"versions: {LATE}"]]
