"""Processes, nodes and callers in any order against a model: nobody's run is forgotten, and nobody's is taken away.

A job may be cancelled, retried and claimed again while the process that claimed it first still works on it.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from app.errors import Conflict
from app.queue.ledger.claims import Claim, WorkerLedger
from app.queue.ledger.maintenance import LedgerMaintenance
from app.queue.worker.lease_keeper import LeaseKeeper
from tests.support.ledger_fixture import DONE, LedgerFixture

NODES, SLOTS, JOBS = 2, 2, 2
TIMEOUT_S = 2.0  # the lease keeper takes a longer pause between its steps for an outage of the ledger
PROCESS_STEPS = ["claim", "claim", "claim batch", "lose answer", "finish", "give up", "die"]
JOB_STEPS = ["cancel", "retry", "cancel and retry", "cancel and retry", "expire"]
Step = tuple[str, int, int, int]


@dataclass
class Process:
    """A process of a node: what it works on, and what it claimed but does not work on."""

    ledger: WorkerLedger
    work: list[Claim] = field(default_factory=list)
    forgotten: list[Claim] = field(default_factory=list)


class Node:
    """Two processes and their lease keeper. A process that ends is replaced by one with another number."""

    def __init__(self, ledgers: LedgerFixture, name: str) -> None:
        self.name, self.now_s, self.kept_s, self.killed = name, 0.0, 0.0, list[str]()
        self.processes: dict[str, Process] = {}
        self.lost: list[Claim] = []  # of processes that ended
        self._ledgers, self._count = ledgers, 0
        maintenance = LedgerMaintenance(ledgers.redis, ledgers.limits, name)
        self.keeper = LeaseKeeper(maintenance, lambda: list(self.processes), self.end, lambda: self.now_s)
        for _ in range(SLOTS):
            self._start()

    def end(self, child: str) -> None:
        """End a process at once."""
        if child in self.processes:
            self.killed.append(child)
            process = self.processes.pop(child)
            self.lost += [*process.work, *process.forgotten]
            self._start()

    def _start(self) -> None:
        self._count += 1
        child = str(self._count)
        claims = WorkerLedger(self._ledgers.redis, self._ledgers.payloads, self._ledgers.limits, self.name, child)
        self.processes[child] = Process(claims)


class World:
    """The real ledger, and beside it a model: which claim of each job is valid."""

    def __init__(self, ledgers: LedgerFixture) -> None:
        ledgers.redis.flushall()
        self.ledgers = ledgers
        self.jobs = ledgers.accept(JOBS, timeout_s=TIMEOUT_S)
        self.nodes = [Node(ledgers, f"node{number}") for number in range(NODES)]
        self.valid: dict[str, Claim | None] = dict.fromkeys(self.jobs)
        self.expired: set[str] = set()  # the lease is over, nobody has noticed yet
        self.seen_s: dict[tuple[str, int], float] = {}

    def step(self, name: str, node: int, slot: int, job: int) -> None:
        """Do one step, and compare the state of all jobs."""
        if name in PROCESS_STEPS:
            self._process_step(name, self.nodes[node], slot, job)
        elif name in JOB_STEPS:
            self._job_step(name, self.jobs[job])
        elif name == "keep":
            self.keep(self.nodes[node])
        elif name == "time passes":
            self.nodes[node].now_s = self.nodes[node].kept_s + TIMEOUT_S
        else:
            self._reap()
        for job_id in self.jobs:
            runs = self.ledgers.status(job_id) == "STARTED"
            assert runs == (self.valid[job_id] is not None), f"{job_id} runs: {runs}"

    def _process_step(self, name: str, node: Node, slot: int, job: int) -> None:
        child = sorted(node.processes)[slot]
        process = node.processes[child]
        if name == "die":
            node.end(child)
        elif name == "give up":
            process.forgotten, process.work = process.forgotten + process.work, []
        elif name == "finish":
            self._finish(process)
        elif not process.work:
            asked = self.jobs if name == "claim batch" else [self.jobs[job]]
            claims = process.ledger.claim(asked)
            again = {(claim.job_id, claim.fence) for claim in claims}
            given_up = [one for one in process.forgotten if (one.job_id, one.fence) not in again]
            self.expired |= {one.job_id for one in given_up if self._is_valid(one)}
            self.valid |= {claim.job_id: claim for claim in claims}
            process.work, process.forgotten = ([], claims) if name == "lose answer" else (claims, [])

    def _finish(self, process: Process) -> None:
        """Finish all that a process works on: exactly the valid claims count."""
        if not process.work:
            return
        counted = [done.counted for done in process.ledger.finish([(claim, DONE) for claim in process.work])]
        assert counted == [self._is_valid(claim) for claim in process.work]
        self.valid |= {claim.job_id: None for claim in process.work if self._is_valid(claim)}
        process.work = []

    def _job_step(self, name: str, job_id: str) -> None:
        before = self.ledgers.status(job_id)
        if name.startswith("cancel") and before not in {"SUCCESS", "FAILURE"}:
            self.ledgers.ledger.cancel(job_id)
            self._invalidate(job_id)
        if name.endswith("retry"):
            try:
                self.ledgers.ledger.retry(job_id)
            except Conflict:
                assert self.ledgers.status(job_id) not in {"FAILURE", "REVOKED"}
        if name == "expire" and self.valid[job_id] is not None:
            self.ledgers.end_lease(job_id)
            self.expired.add(job_id)
            self._reap()

    def _reap(self) -> None:
        self.ledgers.maintenance().requeue_expired()
        for job_id in list(self.expired):
            self._invalidate(job_id)

    def keep(self, node: Node) -> None:
        """Step a lease keeper. A process is killed exactly if it has no valid claim any more, or one is overdue."""
        held = {child: [*one.work, *one.forgotten] for child, one in node.processes.items()}
        for claims in held.values():
            for claim in filter(self._is_valid, claims):
                self.seen_s.setdefault((claim.job_id, claim.fence), node.now_s)
        overdue = {child for child, claims in held.items() if any(self._overdue(one, node) for one in claims)}
        useless = {child for child, claims in held.items() if claims and not any(map(self._is_valid, claims))}
        node.kept_s = node.now_s
        node.killed.clear()
        node.keeper.step()
        assert {*node.killed} == overdue | useless
        for claim in filter(self._is_valid, node.lost):
            self._invalidate(claim.job_id)
        node.lost.clear()

    def _is_valid(self, claim: Claim) -> bool:
        valid = self.valid[claim.job_id]
        return valid is not None and valid.fence == claim.fence

    def _overdue(self, claim: Claim, node: Node) -> bool:
        seen_s = self.seen_s.get((claim.job_id, claim.fence), node.now_s)
        return self._is_valid(claim) and node.now_s - seen_s >= TIMEOUT_S

    def _invalidate(self, job_id: str) -> None:
        self.valid[job_id] = None
        self.expired.discard(job_id)


def steps() -> "st.SearchStrategy[list[Step]]":
    """Any sequence of steps; each with a node, one of its processes, and a job, of which it may need none."""
    names = st.sampled_from([*PROCESS_STEPS, *JOB_STEPS, "keep", "keep", "time passes", "reap"])
    numbers = (st.integers(0, most - 1) for most in (NODES, SLOTS, JOBS))
    return st.lists(st.tuples(names, *numbers), min_size=10, max_size=30)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps())
def test_every_run_is_watched_until_its_process_is_done_with_it(ledgers: LedgerFixture, steps: list[Step]) -> None:
    """A process whose job was taken away is ended, one whose job is its own is left alone, in any order of events."""
    world = World(ledgers.bounded(max_attempts=1000))
    for step in steps:
        note(str(step))
        world.step(*step)
    for job_id in world.jobs:
        if world.ledgers.status(job_id) != "SUCCESS" and world.ledgers.status(job_id) != "FAILURE":
            world.ledgers.ledger.cancel(job_id)
            world.valid[job_id] = None
    for node in world.nodes:
        world.keep(node)
        assert not any(process.work for process in node.processes.values())
