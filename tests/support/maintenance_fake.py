"""A ledger for keepers and reconcilers: it says what the test told it, and writes down what it was asked to do."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from app.errors import TrinityError
from app.queue.ledger.maintenance import HeldJob, Unpublished
from app.schemas.verbs import Verb

State = Literal["live", "late", "lost", "void"]


class FakeMaintenance:
    """`fail` are raised by the next calls of that name, once each."""

    def __init__(self, *held: HeldJob) -> None:
        self.held = list(held)
        self.children: list[str] = []
        self.done: list[tuple[str, Any]] = []
        self.gone: dict[str, Unpublished] = {}
        self.lanes: dict[str, int] = {}
        self.expired = 0
        self.committing: set[str] = set()
        self.fail: dict[str, list[TrinityError]] = {}

    def ping(self) -> None:
        self._raise("ping")

    def renew(self, children: Iterable[str]) -> list[HeldJob]:
        self.children = list(children)
        self._raise("renew")
        return self.held

    def requeue(
        self,
        jobs: Sequence[HeldJob],
        *,
        count_attempt: bool = True,
        worker_lost: bool = False,
        unbatched: bool = False,
        stopped: bool = False,
    ) -> None:
        self._raise("requeue")
        if jobs:
            how = "requeue" + " the lost" * worker_lost + " uncounted" * (not count_attempt) + " unbatched" * unbatched
            how += " stopped" * stopped
            self.done.append((how, [held.job_id for held in jobs]))

    def time_out(self, held: HeldJob) -> bool:
        self.done.append(("time out", held.job_id))
        return held.job_id not in self.committing

    def requeue_expired(self) -> int:
        self._raise("reap")
        self.done.append(("reap", None))
        return self.expired

    def unpublished(self, verb: Verb, grace_s: float, *, empty: bool) -> Unpublished:
        self._raise("unpublished")
        self.done.append(("unpublished", (verb, grace_s, empty)))
        return self.gone.pop(verb, Unpublished([], []))

    def waiting(self, verb: Verb) -> int:
        self._raise("waiting")
        return self.lanes.get(verb, 0)

    def trim(self) -> None:
        self.done.append(("trim", None))

    def evict_oldest(self) -> int:
        return 0

    def did(self, name: str) -> list[Any]:
        """What it was asked to do by that name."""
        return [what for done, what in self.done if done == name]

    def _raise(self, name: str) -> None:
        if self.fail.get(name):
            raise self.fail[name].pop(0)


def held(job_id: str, state: State = "live", child: str = "1", size: int = 1) -> HeldJob:
    """A job that a child of the node has; "late" is one whose time is over as soon as it is seen."""
    if state == "late":
        return HeldJob(job_id, 1, child, size, 0, "live")
    return HeldJob(job_id, 1, child, size, 60, state)
