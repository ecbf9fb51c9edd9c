"""A model of the registry beside the real one: publishes, moves and removals, by processes that may die at any sync."""

import os
import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.errors import Conflict, NotFound
from app.storage.durable_files import DurableFiles
from app.storage.model_store import Store
from app.storage.registry import Author
from tests.support.fakes import publish

KEEP = 3
DIED, DONE, REFUSED = 9, 0, 1
ALIASES = ("champion", "trial")
SYNCS = st.none() | st.integers(0, 14)
Call = Callable[[Store], object]


@dataclass
class Expected:
    """What a model should be."""

    versions: set[int] = field(default_factory=set)
    aliases: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[str, int | None, int | None]] = field(default_factory=list)
    highest: int = 0

    def move(self, alias: str, to: int | None) -> None:
        """Move an alias, and keep that."""
        before = self.aliases.pop(alias, None)
        if to is not None:
            self.aliases[alias] = to
        if before != to:
            self.moves.insert(0, (alias, before, to))

    def shown(self) -> tuple[set[int], dict[str, int], list[Any]]:
        """What a process that comes now sees of it."""
        return self.versions, self.aliases, self.moves


def seen(store: Store) -> tuple[set[int], dict[str, int], list[Any]]:
    moves = [(move.alias, move.from_, move.to) for move in store.registry.history("m")]
    return set(store.versions("m")), store.aliases("m"), moves


class RegistryMachine(RuleBasedStateMachine):
    """Each rule does something in a process of its own, which is killed before the sync that `syncs` says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.expected = Expected()
        self.jobs = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(syncs=SYNCS)
    def publish(self, syncs: int | None) -> None:
        """A publish that is killed is tried again, as jobs are; then it has made one version, announced once."""
        self.jobs += 1
        job = f"job{self.jobs}"
        if self._run(lambda store: publish(store, job), syncs) == DIED:
            versions, aliases, moves = seen(Store(self.folder))
            assert versions - self.expected.versions in (set(), {max(versions, default=0)})
            assert {**aliases, "latest": 0} == {**self.expected.aliases, "latest": 0}
            assert moves in (self.expected.moves, moves[:1] + self.expected.moves)
            assert self._run(lambda store: publish(store, job), None) == DONE
        number = max(Store(self.folder).versions("m"))
        assert number > self.expected.highest, "a number was given twice"
        self.expected.highest = number
        self.expected.versions.add(number)
        self.expected.move("latest", number)
        if syncs is None:
            self._prune()
        found = set(Store(self.folder).versions("m"))
        assert found <= self.expected.versions
        assert self._kept() <= found
        self.expected.versions = found

    @rule(
        alias=st.sampled_from(ALIASES),
        to=st.none() | st.integers(1, 8),
        right=st.booleans(),
        wrong=st.none() | st.integers(1, 8),
        syncs=SYNCS,
    )
    def move(self, alias: str, to: int | None, wrong: int | None, syncs: int | None, *, right: bool) -> None:
        """A move by compare-and-set, with the right expectation or another."""
        stands = self.expected.aliases.get(alias)
        expects = stands if right else wrong
        possible = (to is None or to in self.expected.versions) and expects == stands
        after = deepcopy(self.expected)
        if possible:
            after.move(alias, to)
        self._change(
            lambda store: store.registry.move("m", alias, to, Author("request"), expects),
            after,
            syncs,
            refused=not possible or not self.expected.versions,
        )

    @rule(version=st.integers(1, 8), syncs=SYNCS)
    def remove_version(self, version: int, syncs: int | None) -> None:
        """A version that is named stays."""
        after = deepcopy(self.expected)
        possible = version in after.versions and version not in after.aliases.values()
        if possible:
            after.versions.discard(version)
        self._change(lambda store: store.registry.remove_version("m", version), after, syncs, refused=not possible)

    @rule(syncs=SYNCS)
    def remove_model(self, syncs: int | None) -> None:
        """All of it goes."""
        refused = not self.expected.versions
        self._change(lambda store: store.registry.remove_model("m"), Expected(), syncs, refused=refused)

    @invariant()
    def what_is_seen_is_right(self) -> None:
        """In a process that comes now; and every alias names a version that is there, whole."""
        store = Store(self.folder)
        assert seen(store) == self.expected.shown()
        for version in self.expected.aliases.values():
            store.load("m", version)
        served = self.expected.aliases.get("champion", self.expected.aliases.get("latest"))
        if served is not None:
            assert store.resolve("m", None) == served

    def _change(self, call: Call, after: Expected, syncs: int | None, *, refused: bool) -> None:
        """Make a change; if its process dies, either all of it was made or nothing."""
        ended = self._run(call, syncs)
        if ended == DIED:
            state = seen(Store(self.folder))
            assert state in (self.expected.shown(), after.shown())
            if state == after.shown():
                self.expected = after
            return
        assert ended == (REFUSED if refused else DONE)
        self.expected = after

    def _kept(self) -> set[int]:
        """The versions that stay: those that aliases name, and the newest."""
        return {*sorted(self.expected.versions)[-KEEP:], *self.expected.aliases.values()}

    def _prune(self) -> None:
        self.expected.versions = self._kept()

    def _run(self, call: Call, syncs: int | None) -> int:
        """Run something in a process that is killed before that sync; return how it ended."""
        child = os.fork()
        if child == 0:
            os._exit(self._ended(call, syncs))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _ended(self, call: Call, syncs: int | None) -> int:
        left = iter(range(syncs or 0, -1, -1))

        def fsync(_: int) -> None:
            if syncs is not None and next(left) == 0:
                os._exit(DIED)

        try:
            call(Store(self.folder, DurableFiles(fsync), keep_versions=KEEP))
        except (Conflict, NotFound):
            return REFUSED
        except BaseException:  # noqa: BLE001  the parent only sees the status
            return 2
        return DONE


def test_the_registry_is_never_half_changed() -> None:
    """Whatever is done, and wherever a process dies, the old or the new state is seen."""
    run_state_machine_as_test(
        RegistryMachine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
