"""Stand-ins for the parts around the one under test, and small work for it to do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from app.disk import Permit, permitted
from app.model.base import Array, Regressor
from app.schemas import Job, Table, Verb, Work
from app.store import Manifest, Schema, Store

DEADLINE_S = 5.0
T = TypeVar("T")


def run(main: Awaitable[T]) -> T:
    """The result of a coroutine, which may hang for no longer than the deadline."""

    async def bounded() -> T:
        return await asyncio.wait_for(main, DEADLINE_S)

    return asyncio.run(bounded())


async def passed(event: threading.Event) -> None:
    """Wait until another thread has come by."""
    assert await asyncio.to_thread(event.wait, DEADLINE_S)


def work(verb: Verb = "predict", rows: int = 1, model: str = "mean", version: int | None = 1) -> Work:
    """Work on `rows` rows of one column."""
    return Work(verb, model, None if verb == "fit" else version, {}, Table(np.zeros((rows, 1)), np.zeros(rows)))


def job(job_id: str, submitted: Work, status: Any = "PENDING") -> Job:
    """A job as the ledger would tell it."""
    result = msgspec.Raw(b"{}") if status == "SUCCESS" else None
    return Job(
        id=job_id,
        verb=submitted.verb,
        model=submitted.model,
        version=submitted.version,
        status=status,
        created_s=1.0,
        result=result,
    )


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """A door in another thread's way: `reached` tells that somebody stands before it, `open` lets all through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def open(self) -> None:
        self._open.set()

    def enter(self) -> None:
        self.reached.set()
        assert self._open.wait(DEADLINE_S), "nobody opened the gate"


class FakeService:
    """Runs what the test says, and remembers which thread it was called on."""

    def __init__(self, body: Callable[[Work], dict[str, Any]]) -> None:
        self._body = body
        self.threads: list[threading.Thread] = []

    def run(self, asked: Work, job_id: str, created_s: float, permit: Permit = permitted) -> tuple[int, dict[str, Any]]:
        self.threads.append(threading.current_thread())
        return 1, self._body(asked)


class FakeLedger:
    """Jobs in a dict. `gate` holds up acceptance; `fail_*` are raised, once each."""

    def __init__(self, room: int = 10_000, gate: Gate | None = None) -> None:
        self.jobs: dict[str, Job] = {}
        self.commits: list[list[str]] = []
        self.claimed: set[str] = set()
        self.closed = False
        self.fail_accept: list[Exception] = []
        self.fail_discard: list[Exception] = []
        self._room = room
        self._gate = gate

    def accept(self, jobs: Sequence[tuple[str, Work]]) -> list[Job]:
        self.commits.append([job_id for job_id, _ in jobs])
        if self._gate is not None:
            self._gate.enter()
        if self.fail_accept:
            raise self.fail_accept.pop()
        accepted = [job(job_id, submitted) for job_id, submitted in jobs[: self._room - len(self.jobs)]]
        self.jobs |= {one.id: one for one in accepted}
        return accepted

    def discard(self, job_ids: Sequence[str]) -> list[str]:
        if self.fail_discard:
            raise self.fail_discard.pop()
        forgotten = [job_id for job_id in job_ids if job_id not in self.claimed]
        for job_id in forgotten:
            self.jobs.pop(job_id, None)
        return forgotten

    def job(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    def finish(self, job_id: str) -> None:
        """What a worker would do."""
        self.jobs[job_id] = msgspec.structs.replace(self.jobs[job_id], status="SUCCESS", result=msgspec.Raw(b"{}"))

    def close(self) -> None:
        self.closed = True


class FakeWatch:
    """Notices that the test sends itself."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.events: dict[str, asyncio.Event] = {}
        self.closed = False

    @asynccontextmanager
    async def finished(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        self.entered.set()
        yield self.events.setdefault(job_id, asyncio.Event())

    def wake(self) -> None:
        for event in self.events.values():
            event.set()

    async def close(self) -> None:
        self.closed = True


class Broker:
    """Takes messages, or raises what it is told to, once each."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str]]] = []
        self.fail: list[Exception] = []
        self.before: Callable[[list[str]], None] = lambda job_ids: None

    def publish(self, verb: Verb, job_ids: list[str]) -> None:
        self.before(job_ids)
        if self.fail:
            raise self.fail.pop()
        self.messages.append((verb, job_ids))


def pool(threads: int = 4) -> ThreadPoolExecutor:
    """Threads that say whose they are."""
    return ThreadPoolExecutor(threads, thread_name_prefix="pool")


class Mean(Regressor):
    """The mean of y, whatever X is."""

    name = "mean"

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.mean_ = np.asarray(y, dtype=np.float64).mean(axis=0) + self.shift
        return self

    def predict(self, X: ArrayLike) -> Array:
        return np.broadcast_to(self.mean_, (len(np.asarray(X)), *np.shape(self.mean_))).copy()


class First(Regressor):
    """The first column of X: it shows in which order the columns came."""

    name = "first"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.outputs_ = 1 if np.ndim(y) == 1 else np.shape(y)[1]
        return self

    def predict(self, X: ArrayLike) -> Array:
        return np.asarray(X, dtype=np.float64)[:, 0]


class _Hidden(Mean):
    """Nobody's business."""

    name = "hidden"


def manifest(job: str, model: str = "m") -> Manifest:
    """The manifest of a small version."""
    return Manifest(
        model=model,
        estimator="tests.Mean",
        params={"shift": 0.5},
        schema=Schema(["x"], ["y"], vector=True),
        terms=[],
        metrics={"r2": None, "n": 1},
        data={},
        libraries={},
        created=datetime(2020, 1, 1, tzinfo=UTC),
        job=job,
        learned={"mean_": 1.5},
    )


def publish(store: Store, job: str, value: float = 1.0, model: str = "m") -> int:
    """Publish a version whose only array holds `value`."""
    return store.publish(manifest(job, model), {"value_": np.array([value])}).version
