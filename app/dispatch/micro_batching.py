"""Predictions of one version that arrive while it predicts share the next call of the model, in a separate thread."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from app.dispatch.batching import JobWork, predict_together
from app.dispatch.execute import Clock
from app.dispatch.interpreter_lock import defer_this_thread
from app.dispatch.slow_versions import VersionKey
from app.dispatch.turns import Turns
from app.errors import Unavailable
from app.schemas.jobs import Outcome
from app.schemas.requests import Work, stacked_rows
from app.service import Service

GATHER_SHARE, MAX_GATHER_S = 0.2, 0.005  # of the previous call's time: the wait before the next call
STEP_SHARE, MAX_STEPS = 0.25, 16  # of that wait: further steps while predictions arrive in every step
Done = Callable[[Work, Outcome], None]
THREADS = 32  # one for each version that predicts; further versions wait for one of them


class Waiting(NamedTuple):
    """A prediction, and who waits for it."""

    asked: JobWork
    outcome: asyncio.Future[Outcome]

    @property
    def rows(self) -> int:
        """The number of its rows, or 1 for a file."""
        return stacked_rows(self.asked.work)


class Gathering:
    """The wait of a version between two calls for further requests of the clients that just got their predictions.

    Without it, these and the waiting clients would form two groups that alternate, each call with half of all. The wait
    is a small share of the time of their call, and a little longer while requests keep arriving: the event loop is then
    busy with them, and a call would only slow it down.
    """

    timer: asyncio.TimerHandle | None = None

    def __init__(self, expected: int, took_s: float) -> None:
        """Take how many are expected, those who wait and those who were answered, and how long their call took."""
        self._expected = expected
        self._first_s = min(GATHER_SHARE * took_s, MAX_GATHER_S)
        self._steps = 0
        self._before = 0

    def is_complete(self, waiting: int) -> bool:
        """Return whether as many wait as are expected."""
        return waiting >= self._expected

    def wait_s(self, waiting: int) -> float:
        """Return how long to wait from now on, with so many that wait; 0 when the next call is to start."""
        has_grown, self._before = waiting > self._before, waiting
        self._steps += 1
        if self._steps == 1:
            return self._first_s
        return STEP_SHARE * self._first_s if has_grown and self._steps <= 1 + MAX_STEPS else 0.0


class MicroBatcher:
    """Runs predictions, each version's in one thread at a time. A version that is idle starts at once.

    All methods are called on the event loop.
    """

    def __init__(
        self,
        service: Service,
        clock: Clock = time.time,
        done: Done = lambda *_: None,
        turns: Turns | None = None,
    ) -> None:
        """`done` is called with each work that was done, also where its caller has gone.

        Outcomes are handed over in `turns`, which are limited while a version predicts.
        """
        self._service = service
        self._clock = clock
        self._done = done
        self._turns = turns or Turns()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="predict", initializer=defer_this_thread)
        self._waiting: dict[VersionKey, deque[Waiting]] = {}
        """The versions that predict, each with what waits for the end of its call."""
        self._gathering: dict[VersionKey, Gathering] = {}

    async def predict(self, asked: JobWork, max_rows: int) -> Outcome:
        """Predict for a table, in a call of up to `max_rows` rows, or of its own if it has more."""
        loop = asyncio.get_running_loop()
        one = Waiting(asked, loop.create_future())
        version = asked.work.model, asked.work.version
        waiting = self._waiting.get(version)
        if waiting is None:
            self._waiting[version] = deque()
            self._turns.limited = True
            self._start(loop, version, [one], max_rows)
        else:
            waiting.append(one)
            gathering = self._gathering.get(version)
            if gathering is not None and gathering.is_complete(len(waiting)):
                self._next(loop, version, max_rows)
        return await one.outcome

    @property
    def busy(self) -> int:
        """How many versions predict now."""
        return len(self._waiting)

    async def close(self) -> None:
        """Let running predictions end."""
        await asyncio.to_thread(self._threads.shutdown)

    def _start(self, loop: asyncio.AbstractEventLoop, version: VersionKey, stack: list[Waiting], max_rows: int) -> None:
        started_s = loop.time()
        try:
            call = loop.run_in_executor(self._threads, self._run, loop, stack)
        except RuntimeError:  # the threads have ended, as the process is about to
            _fail([*stack, *self._end(version)], Unavailable("this process ends; try again"))
            return

        def ended(call: asyncio.Future[None]) -> None:
            if error := call.exception():  # what each predicts may raise anything, but not this
                _fail(stack, error)
            took_s = loop.time() - started_s
            # after the outcomes
            self._turns.call(lambda: self._gather(loop, version, max_rows, len(stack), took_s))

        call.add_done_callback(ended)

    def _run(self, loop: asyncio.AbstractEventLoop, stack: list[Waiting]) -> None:
        """Predict, in a thread; hand over each outcome when it is ready."""
        for ended in predict_together(self._service, [one.asked for one in stack], self._clock):
            loop.call_soon_threadsafe(self._hand_over, [(stack[place], outcome) for place, outcome in ended])

    def _hand_over(self, outcomes: list[tuple[Waiting, Outcome]]) -> None:
        for one, outcome in outcomes:
            self._turns.call(partial(self._answer, one, outcome))

    def _answer(self, one: Waiting, outcome: Outcome) -> None:
        self._done(one.asked.work, outcome)
        if not one.outcome.done():  # its caller may have gone
            one.outcome.set_result(outcome)

    def _gather(
        self, loop: asyncio.AbstractEventLoop, version: VersionKey, max_rows: int, answered: int, took_s: float
    ) -> None:
        """Wait for those who were just answered, or start the next call; a single caller never waits."""
        waiting = len(self._waiting[version])
        if waiting or answered > 1:
            self._gathering[version] = Gathering(waiting + answered, took_s)
            self._wait(loop, version, max_rows)
        else:
            self._next(loop, version, max_rows)

    def _wait(self, loop: asyncio.AbstractEventLoop, version: VersionKey, max_rows: int) -> None:
        gathering = self._gathering[version]
        if wait_s := gathering.wait_s(len(self._waiting[version])):
            gathering.timer = loop.call_later(wait_s, self._wait, loop, version, max_rows)
        else:
            self._next(loop, version, max_rows)

    def _next(self, loop: asyncio.AbstractEventLoop, version: VersionKey, max_rows: int) -> None:
        """Start the next call of a version, with what has come meanwhile."""
        gathering = self._gathering.pop(version, None)
        if gathering is not None and gathering.timer is not None:
            gathering.timer.cancel()
        stack = list(_next_stack(self._waiting[version], max_rows))
        if stack:
            self._start(loop, version, stack, max_rows)
        else:
            self._end(version)

    def _end(self, version: VersionKey) -> deque[Waiting]:
        """Forget a version that predicts no more; return what waits for it."""
        waiting = self._waiting.pop(version)
        self._turns.limited = bool(self._waiting)
        return waiting


def _next_stack(waiting: deque[Waiting], max_rows: int) -> Iterator[Waiting]:
    """Take what comes next, up to a number of rows; leave out those whose callers have gone."""
    rows = 0
    while waiting and (not rows or rows + waiting[0].rows <= max_rows):
        one = waiting.popleft()
        if not one.outcome.cancelled():
            rows += one.rows
            yield one


def _fail(stack: Iterable[Waiting], error: BaseException) -> None:
    """Let those fail that have no outcome: nobody may wait for ever."""
    for one in stack:
        if not one.outcome.done():
            one.outcome.set_exception(error)
