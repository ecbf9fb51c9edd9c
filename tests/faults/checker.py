"""The checker: when all is healed and quiet, compares the answers that clients got with the ledger and the store."""

import itertools
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.client import FINAL, Client
from tests.faults.journal import Acknowledged, Attempt, Cancelled, Line, Refused, Retried, Seen
from tests.faults.running_stack import RunningStack

READERS = 4
UNCERTAIN = (500, 502, 503, 504)  # refusals after which the job may be there all the same


class Version(NamedTuple):
    """An effect: a version in the store, with the job that made it and the tag it was asked for with."""

    model: str
    number: int
    job: str
    tag: str


@dataclass
class Verdict:
    """What went wrong, in words, by kind; all must be empty."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    phantoms: list[str] = field(default_factory=list)
    flaps: list[str] = field(default_factory=list)
    last_final_at: float = 0.0


class Story:
    """A journal, sorted."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.attempts: dict[int, Attempt] = {}
        self.acknowledged: dict[str, Acknowledged] = {}
        self.attempt_of: dict[str, Attempt] = {}
        self.refused: dict[int, Refused] = {}
        self.cancelled: set[str] = set()
        self.seen: dict[str, list[Seen]] = defaultdict(list)
        self.answered: set[int] = set()
        self.keys: dict[str, set[str]] = defaultdict(set)
        for line in lines:
            self._take(line)

    def _take(self, line: Line) -> None:
        match line:
            case Attempt():
                self.attempts[line.n] = line
            case Acknowledged():
                attempt = self.attempts[line.n]
                self.acknowledged.setdefault(line.id, line)
                self.attempt_of[line.id] = attempt
                self.answered.add(line.n)
                if attempt.key:
                    self.keys[attempt.key].add(line.id)
            case Refused():
                self.refused[line.n] = line
            case Cancelled():
                self.cancelled.add(line.id)
            case Retried():
                self.cancelled.discard(line.id)
            case Seen():
                self.seen[line.id].append(line)

    def expected(self, job_id: str) -> list[str]:
        return ["REVOKED"] if job_id in self.cancelled else self.attempt_of[job_id].expect


class Checker:
    """One for each injection: what was there before is not its effect."""

    def __init__(self, stack: RunningStack, client: Client) -> None:
        self._house, self._client = stack, client
        self._before = {*self._versions()}
        self._jobs_before = self._jobs()

    def judge(self, quiesce_s: float) -> Verdict:
        """Wait until every acknowledged job is final, read each twice more, and compare."""
        story = Story(self._client.journal.lines())
        self._quiesce(story, quiesce_s)
        with ThreadPoolExecutor(READERS) as pool:
            for _ in range(2):
                list(pool.map(self._client.look, story.acknowledged))
        story = Story(self._client.journal.lines())
        verdict = Verdict(len(story.acknowledged))
        versions = [version for version in self._versions() if version not in self._before]
        self._check_lost(story, versions, verdict)
        self._check_duplicates(story, versions, verdict)
        self._check_phantoms(story, versions, verdict)
        _check_flaps(story, verdict)
        firsts = [next((s.at for s in seen if s.status in FINAL), 0.0) for seen in story.seen.values()]
        verdict.last_final_at = max(firsts, default=0.0)
        return verdict

    def _quiesce(self, story: Story, quiesce_s: float) -> None:
        end = time.monotonic() + quiesce_s
        waiting = [job_id for job_id in story.acknowledged if not _ended(story.seen[job_id])]
        with ThreadPoolExecutor(READERS) as pool:
            while waiting and time.monotonic() < end:
                states = list(pool.map(self._client.look, waiting))
                ended = [state in (*FINAL, "GONE") for state in states]
                waiting = list(itertools.compress(waiting, [not each for each in ended]))
                time.sleep(0.05 if waiting else 0)

    def _check_lost(self, story: Story, versions: list[Version], verdict: Verdict) -> None:
        made = {version.job for version in versions}
        for job_id in story.acknowledged:
            last = story.seen[job_id][-1].status if story.seen[job_id] else "unread"
            expected = story.expected(job_id)
            if last not in expected:
                verdict.lost.append(f"{story.attempt_of[job_id].tag}: {last}, not {' or '.join(expected)} ({job_id})")
            elif last == "SUCCESS" and story.attempt_of[job_id].verb == "fit" and job_id not in made:
                verdict.lost.append(f"{story.attempt_of[job_id].tag}: SUCCESS, but no version ({job_id})")

    def _check_duplicates(self, story: Story, versions: list[Version], verdict: Verdict) -> None:
        for job, count in Counter(version.job for version in versions).items():
            if count > 1:
                verdict.duplicates.append(f"{count} versions of job {job}")
        for key, ids in story.keys.items():
            if len(ids) > 1:
                verdict.duplicates.append(f"{len(ids)} jobs for the key {key}")
        keyed = {attempt.tag for attempt in story.attempts.values() if attempt.key}
        for tag, count in Counter(version.tag for version in versions).items():
            if tag in keyed and count > 1:
                verdict.duplicates.append(f"{count} versions for the key of {tag}")

    def _check_phantoms(self, story: Story, versions: list[Version], verdict: Verdict) -> None:
        tags = self._house.tags
        tags |= {attempt.tag for attempt in story.attempts.values()}
        for version in versions:
            state = self._state(version.job)
            if version.tag not in tags:
                verdict.phantoms.append(f"version {version.number} of {version.model}, which no request asked for")
            elif state != "SUCCESS":
                verdict.phantoms.append(f"version {version.number} of {version.tag}, whose job is {state or 'unknown'}")
        strangers = self._jobs() - self._jobs_before - story.acknowledged.keys()
        uncertain = {n for n in story.attempts if n not in story.answered and not _certainly_refused(story, n)}
        if len(strangers) > len(uncertain):
            verdict.phantoms.append(
                f"{len(strangers)} jobs without a request, {len(uncertain)} attempts without an answer"
            )
        for job_id, attempt in story.attempt_of.items():
            if attempt.y is not None and not self._right(job_id, attempt.y):
                verdict.phantoms.append(f"another's result for {attempt.tag} ({job_id})")

    def _right(self, job_id: str, y: float) -> bool:
        result = self._house.redis.hget(f"trinity:job:{job_id}", "result")
        return not result or math.isclose(json.loads(result)["y"][0], y, rel_tol=1e-9, abs_tol=1e-9)

    def _state(self, job_id: str) -> str:
        return str((self._house.redis.hget(f"trinity:job:{job_id}", "status") or b"").decode())

    def _jobs(self) -> set[str]:
        keys = self._house.redis.scan_iter("trinity:job:*", count=1000)
        return {key.decode().rpartition(":")[2] for key in keys}

    def _versions(self) -> list[Version]:
        found = []
        for path in (self._house.store.folder / "models").glob("*/versions/*/manifest.json"):
            manifest: dict[str, Any] = json.loads(path.read_bytes())
            tag = manifest["params"].get("tag", "")
            found.append(Version(manifest["model"], manifest["version"], manifest["job"], tag))
        return found


def _ended(seen: list[Seen]) -> bool:
    return bool(seen) and seen[-1].status in (*FINAL, "GONE")


def _certainly_refused(story: Story, n: int) -> bool:
    return n in story.refused and story.refused[n].status not in UNCERTAIN


def _check_flaps(story: Story, verdict: Verdict) -> None:
    """A final state is for ever: neither another state nor another word may be read after it."""
    for job_id, seen in story.seen.items():
        after = list(itertools.dropwhile(lambda s: s.status not in FINAL, seen))
        if len({(s.status, s.digest) for s in after}) > 1:
            states = " → ".join(dict.fromkeys(s.status for s in after))
            verdict.flaps.append(f"{job_id}: {states}, or its result or times changed")
