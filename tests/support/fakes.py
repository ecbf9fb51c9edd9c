"""Fakes of the objects around the one under test, and small works for it."""

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

from app.errors import NotFound, QueueFull, TrinityError
from app.model.base import Array, Regressor
from app.queue.ledger.acceptance import Duplicate, StoredWork, Submission
from app.queue.messages import JobRef
from app.schemas.jobs import Event, Job
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.durable_files import Permit, always_permit
from app.storage.manifest import ARRAYS_FILE, Manifest, Schema
from app.storage.model_store import Store

DEADLINE_S = 5.0
T = TypeVar("T")


def run(main: Awaitable[T]) -> T:
    """Run a coroutine, at most until the deadline."""

    async def bounded() -> T:
        return await asyncio.wait_for(main, DEADLINE_S)

    return asyncio.run(bounded())


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until other threads have made the condition true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  other threads can't set an event of the loop
            await asyncio.sleep(0.001)


async def passed(event: threading.Event) -> None:
    """Wait until another thread has set the event."""
    assert await asyncio.to_thread(event.wait, DEADLINE_S)


def work(verb: Verb = "predict", rows: int = 1, model: str = "mean", version: int | None = 1) -> Work:
    """Work on `rows` rows of one column."""
    return Work(verb, model, None if verb == "fit" else version, {}, Table(np.zeros((rows, 1)), np.zeros(rows)))


def job(job_id: str, submitted: Work, status: Any = "PENDING") -> Job:
    """A job as the ledger would return it."""
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
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, pace_s: float) -> float:
        """Move the clock and return the time."""
        self.now += pace_s
        return self.now


class Gate:
    """Stops another thread: `reached` is set when a thread waits at the gate, `open` lets all of them through."""

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
    """Runs a function of the test, and remembers the threads it was called in."""

    def __init__(self, body: Callable[[Work], dict[str, Any]]) -> None:
        self._body = body
        self.threads: list[threading.Thread] = []

    def run(
        self, work: Work, job_id: str, created_s: float, permit: Permit = always_permit
    ) -> tuple[int, dict[str, Any]]:
        self.threads.append(threading.current_thread())
        return 1, self._body(work)

    def may_be_quick(self, name: str, version: int) -> bool:
        return True

    def max_stack_rows(self, work: Work) -> int:
        return 0

    def loaded(self, name: str, number: int) -> object:
        return self

    def rows(self, work: Work) -> int:
        return len(work.data.X) if isinstance(work.data, Table) else 0


class FakeLedger:
    """Jobs in a dict. `gate` delays acceptance; each error in `fail_accept` is raised once.

    `stored` names the works stored beside the ledger; `before_keep` is called before each, and may wait or raise.
    """

    def __init__(self, capacity: int = 10_000, gate: Gate | None = None) -> None:
        self.jobs: dict[str, Job] = {}
        self.keys: dict[str, str] = {}
        self.log: dict[str, list[Event]] = {}
        self.commits: list[list[Submission]] = []
        self.closed = False
        self.looks = 0
        self.fail_accept: list[Exception] = []
        self.stored: set[str] = set()
        self.before_keep: Callable[[], object] = lambda: None
        self._capacity = capacity
        self._gate = gate

    def store_work(self, job_id: str, work: Work) -> StoredWork:
        self.before_keep()
        self.stored.add(f"{job_id}.work")
        return StoredWork(b"", f"{job_id}.work")

    def discard_work(self, reference: str) -> None:
        self.stored.remove(reference)

    def accept(self, submissions: Sequence[tuple[Submission, StoredWork]]) -> list[Job | Duplicate | TrinityError]:
        self.commits.append([each for each, _ in submissions])
        if self._gate is not None:
            self._gate.enter()
        if self.fail_accept:
            raise self.fail_accept.pop()
        return [self._accept(each) for each, _ in submissions]

    def job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise NotFound("no such job")
        return self.jobs[job_id]

    def status(self, job_id: str) -> Any:
        self.looks += 1
        return self.job(job_id).status

    def events(self, job_id: str, after: int) -> list[Event]:
        return [event for event in self.log.get(job_id, []) if event.seq > after]

    def cancel(self, job_id: str) -> str:
        self.set(job_id, "REVOKED")
        return "PENDING"

    def retry(self, job_id: str) -> Verb:
        self.set(job_id, "PENDING")
        return self.jobs[job_id].verb

    def finish(self, job_id: str) -> None:
        """What a worker would do."""
        self.set(job_id, "SUCCESS")

    def set(self, job_id: str, status: Any) -> None:
        """Set the job's status and append an event."""
        result = msgspec.Raw(b"{}") if status == "SUCCESS" else None
        self.jobs[job_id] = msgspec.structs.replace(self.job(job_id), status=status, result=result)
        events = self.log.setdefault(job_id, [])
        events.append(Event(len(events) + 1, status.encode()))

    def close(self) -> None:
        self.closed = True

    def _accept(self, each: Submission) -> Job | Duplicate | TrinityError:
        if each.key in self.keys:
            return Duplicate(self.keys[each.key])
        if len(self.jobs) >= self._capacity:
            return QueueFull("full")
        if each.key:
            self.keys[each.key] = each.job_id
        self.jobs[each.job_id] = job(each.job_id, each.work)
        return self.jobs[each.job_id]


class FakeNotifications:
    """Notifications that the test sends itself."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.events: dict[str, asyncio.Event] = {}
        self.closed = False
        self.before: Callable[[str], object] = lambda job_id: None

    @asynccontextmanager
    async def subscribe(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        self.before(job_id)
        self.entered.set()
        yield self.events.setdefault(job_id, asyncio.Event())

    def wake_all(self) -> None:
        for event in self.events.values():
            event.set()

    async def close(self) -> None:
        self.closed = True


class Broker:
    """Takes messages; each error in `fail` is raised once."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str]]] = []
        self.fail: list[Exception] = []
        self.before: Callable[[list[str]], object] = lambda job_ids: None

    def publish(self, verb: Verb, calls: list[JobRef]) -> None:
        job_ids = [call.job_id for call in calls]
        self.before(job_ids)
        if self.fail:
            raise self.fail.pop()
        self.messages.append((verb, job_ids))


def pool(threads: int = 4) -> ThreadPoolExecutor:
    """Threads with a name prefix of their own."""
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
    """Predicts the first column of X, which shows the order of the columns."""

    name = "first"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.outputs_ = 1 if np.ndim(y) == 1 else np.shape(y)[1]
        return self

    def predict(self, X: ArrayLike) -> Array:
        return np.asarray(X, dtype=np.float64)[:, 0]


class _Hidden(Mean):
    """Not public, so it is not served."""

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


def stored_value(store: Store, version: int) -> float:
    """Return the value that `publish` put into a version."""
    _, files = store.load("m", version)
    (value,) = unpack_arrays(files[ARRAYS_FILE])["value_"].tolist()
    return float(value)


def publish(store: Store, job: str, value: float = 1.0, model: str = "m") -> int:
    """Publish a version whose only array holds `value`."""
    return store.publish(manifest(job, model), {ARRAYS_FILE: pack_arrays({"value_": np.array([value])})}).version
