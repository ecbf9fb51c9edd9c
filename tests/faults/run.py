"""One fault on one stack, some times over: the load beside it, the judgement after it, and the row that comes of it."""

import math
import random
import secrets
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Thread

import psutil

from tests.faults.checker import Checker, Verdict
from tests.faults.client import Client, lay_base
from tests.faults.journal import Acknowledged, Journal
from tests.faults.models import starts
from tests.faults.running_stack import RunningStack
from tests.support.servers import until

QUIESCE_S = 30
LOAD_THREADS = 3


@dataclass
class Row:
    """A line of the table."""

    fault: str
    broker: str
    injections: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicates: int = 0
    phantoms: int = 0
    flaps: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    figures: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def ok(self) -> bool:
        return not (self.lost or self.duplicates or self.phantoms or self.flaps or self.failures)


class Run:
    """What an injection works with."""

    def __init__(self, stack: RunningStack, client: Client, rng: random.Random, *, long: bool) -> None:
        self.stack, self.client, self.rng, self.long = stack, client, rng, long
        self.figures: list[str] = []
        self.failures: list[str] = []
        self.recoveries_s: list[float] = []
        self.quiesce_s: float = QUIESCE_S
        self._healed_at: float | None = None

    def tag(self, word: str = "job") -> str:
        """A word that no other request has."""
        return f"{word}-{secrets.token_hex(6)}"

    def expect(self, fact: bool, otherwise: str) -> None:  # noqa: FBT001  a statement, as assert is
        """Note what isn't as it should be, and go on: the counts of this injection are wanted all the same."""
        if not fact:
            self.failures.append(otherwise)

    def healed(self) -> None:
        """From here on recovery is measured: until the last acknowledged job is final."""
        self._healed_at = time.time()

    def starts(self, tag: str) -> list[float]:
        """When fits of this tag began."""
        return [at for at, _ in starts(self.stack.effects, tag)]

    def child(self, tag: str) -> psutil.Process:
        """The worker's process in which the fit of this tag began last."""
        return psutil.Process(starts(self.stack.effects, tag)[-1][1])

    def look_all(self) -> None:
        """Read every acknowledged job once: what is final now must stay so."""
        for line in self.client.journal.lines():
            if isinstance(line, Acknowledged):
                self.client.look(line.id)

    def begun(self, tag: str, times: int = 1, deadline_s: float = 20) -> None:
        """Wait until a fit has begun for the `times`-th time; TimeoutError."""
        until(lambda: len(self.starts(tag)) >= times, f"start {times} of {tag}", deadline_s)

    def rerun(self, tag: str, since: float, limit_s: float) -> None:
        """Measure how long it took from `since` until a fit began once more; it must be within `limit_s`."""
        try:
            self.begun(tag, times=2, deadline_s=limit_s + 10)
        except TimeoutError as error:
            self.failures.append(str(error))
            return
        took_s = self.starts(tag)[1] - since
        self.recoveries_s.append(took_s)
        self.expect(took_s <= limit_s, f"ran again after {took_s:.1f} s, more than {limit_s} s")

    @contextmanager
    def load(self, pause_s: float = 0.02, *, keys: bool = True) -> Iterator[list[float]]:
        """Predictions and now and then a fit, from several threads; gives the list of seconds each submission took."""
        end, took_s = Event(), list[float]()
        threads = [Thread(target=self._submit, args=(end, pause_s, keys, took_s)) for _ in range(LOAD_THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield took_s
        finally:
            end.set()
            for thread in threads:
                thread.join()

    def _submit(self, end: Event, pause_s: float, keys: bool, took_s: list[float]) -> None:  # noqa: FBT001
        rng, mine = random.Random(self.rng.random()), list[str]()
        while not end.wait(pause_s):
            tag = self.tag("load")
            options = {"key": tag, "patience_s": 20} if keys else {}
            begin = time.monotonic()
            if rng.random() < 0.1:
                job_id = self.client.fit(tag, **options)
            else:
                job_id = self.client.predict(tag, rng.randrange(1_000_000) / 8, **options)
            took_s.append(time.monotonic() - begin)
            if not keys:  # a request that can't be repeated must not meet the end of an old connection
                self.client.hang_up()
            mine += [job_id] if job_id else []
            if mine and rng.random() < 0.2:
                self.client.look(rng.choice(mine))
        self.client.hang_up()

    def finish(self, checker: Checker) -> Verdict:
        """Heal what the injection left, wait for quiet, judge; what fell by itself is no wound but a fault."""
        for part in self.stack.parts:
            self.expect(not part.fallen, f"{part.name} ended by itself:\n{part.tail()}")
        self.stack.heal()
        self.stack.settle()
        verdict = checker.judge(self.quiesce_s)
        if self._healed_at is not None:
            self.recoveries_s.append(max(0.0, verdict.last_final_at - self._healed_at))
        return verdict


Injection = Callable[[Run], None]


def run_fault(
    stack: RunningStack, name: str, injection: Injection, *, times: int, seed: int, long: bool, timed: bool
) -> Row:
    """Inject a fault `times` times, judge each, and add them up; a `timed` one beside no other."""
    row, recoveries, begin = Row(name, stack.kind), list[float](), time.monotonic()
    figures: dict[str, None] = {}
    for number in range(times):
        rng = random.Random(f"{seed} {name} {stack.kind} {number}")
        with Journal(stack.folder / f"journal-{name}-{number}.jsonl") as journal:
            run = Run(stack, Client(stack.url, journal, stack.effects), rng, long=long)
            verdict = _inject(run, injection, stack.alone() if timed else nullcontext())
        _add(row, verdict, run)
        recoveries += run.recoveries_s
        figures |= dict.fromkeys(run.figures)
    row.figures = list(figures)[:3]
    row.p50_s, row.p95_s = percentile(recoveries, 50), percentile(recoveries, 95)
    row.took_s = time.monotonic() - begin
    return row


def _inject(run: Run, injection: Injection, turn: AbstractContextManager[None]) -> Verdict:
    """One injection; what breaks in it is a failure of the row, and the checker is asked all the same."""
    try:
        run.stack.heal()
        run.stack.settle()
        lay_base(run.client)
        checker = Checker(run.stack, run.client)
    except (OSError, RuntimeError) as error:
        run.failures.append(f"the stack was not in order before: {error}"[:2000])
        return Verdict()
    try:
        with turn:
            injection(run)
    except Exception as error:  # noqa: BLE001  any injection may break, the table must not
        where = traceback.extract_tb(error.__traceback__)[1]
        run.failures.append(f"{type(error).__name__}: {error} ({where.name}:{where.lineno})"[:1000])
    try:
        return run.finish(checker)
    except (OSError, RuntimeError) as error:
        run.failures.append(f"the stack doesn't heal: {error}"[:2000])
        return Verdict()


def _add(row: Row, verdict: Verdict, run: Run) -> None:
    row.injections += 1
    row.acknowledged += verdict.acknowledged
    row.lost += len(verdict.lost)
    row.duplicates += len(verdict.duplicates)
    row.phantoms += len(verdict.phantoms)
    row.flaps += len(verdict.flaps)
    kinds = {"lost": verdict.lost, "duplicate": verdict.duplicates, "phantom": verdict.phantoms, "flap": verdict.flaps}
    row.failures += [f"{kind}: {text}" for kind, texts in kinds.items() for text in texts[:5]]
    row.failures += run.failures


def percentile(values: list[float], percent: int) -> float | None:
    """The value below which so many percent lie (nearest rank); None for no values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
