"""Faults of broker, ledger and store: killed, wiped, cut off, slow, full, damaged, and with a clock that jumps."""

import time
from collections.abc import Callable
from pathlib import Path

from app.errors import Damaged, NotFound
from app.storage.model_store import Store
from tests.faults.run import Run
from tests.faults.running_stack import LEASE_S
from tests.support.servers import until

DRAIN_S = 30
ACCEPT_S = 0.25
UNAVAILABLE_S = 2
JUMP_S = 3600


def broker_killed(run: Run) -> None:
    """The broker dies under load: jobs are accepted all the time, and drained within 30 s of its return."""
    _without_broker(run, run.stack.broker.kill, run.stack.start_broker, 3 if run.long else 2)


def broker_wiped(run: Run) -> None:
    """All messages are gone while jobs wait: each job is published again."""
    for worker in run.stack.workers:
        worker.freeze()
    with run.load():
        time.sleep(1)
    run.stack.wipe_broker()
    for worker in run.stack.workers:
        worker.thaw()
    run.healed()
    run.quiesce_s = DRAIN_S


def broker_partitioned(run: Run) -> None:
    """The network to the broker swallows everything, for web and for workers."""
    _without_broker(run, run.stack.broker_wire.partition, run.stack.broker_wire.heal, 5 if run.long else 3)


def broker_slowed(run: Run) -> None:
    """Each piece to and from the broker takes 200 to 400 ms longer."""
    with run.load(pause_s=0.05):
        run.stack.broker_wire.delay_s = run.rng.uniform(0.2, 0.4)
        time.sleep(4)
        run.stack.broker_wire.heal()
        run.healed()
    run.quiesce_s = DRAIN_S


def ledger_killed(run: Run) -> None:
    """The ledger dies in the middle of a commit; web says so, and all goes on by itself when it is back."""
    tag = run.tag()
    with run.load():
        time.sleep(0.3)
        struck = run.stack.ledger_wire.strike(b"EVALSHA", run.stack.ledger.kill, after=run.rng.random() < 0.5)
        run.expect(struck.wait(10), "no commit was seen")
        began = time.monotonic()
        answer = run.client.ask("POST", "/fit", b'{"model": "recorder", "data": {"X": [[1]], "y": [1]}}')
        took_s = time.monotonic() - began
        refused = answer is not None and answer.status == 503 and "retry-after" in answer.headers
        run.expect(refused, f"without a ledger: {answer.status if answer else 'no answer'}, not 503 with Retry-After")
        run.expect(took_s <= UNAVAILABLE_S, f"the refusal took {took_s:.1f} s")
        ping = run.client.ask("GET", "/ping")
        run.expect(ping is not None and ping.status == 200, "/ping needs the ledger")
        run.stack.ledger.start()
        run.healed()
        run.client.fit(tag, key=tag, patience_s=20)


def ledger_power_cut(run: Run) -> None:
    """The ledger's machine loses its power under load: what was acknowledged is on its disk."""
    with run.load():
        time.sleep(run.rng.uniform(1, 2))
        run.stack.power_cut()
        run.stack.ledger.start()
        run.healed()
        time.sleep(0.5)
    run.figures.append("ext4 on a loop device" if run.stack.ledger_disk.mounted else "without mounts: a kill only")


def disk_full(run: Run) -> None:
    """The store is full: a fit ends with the reason or later with success; predictions go on."""
    run.stack.store.fill()
    tags = [run.tag("full") for _ in range(4)]
    ids = [run.client.fit(tag, key=tag, patience_s=5, expect=["FAILURE", "SUCCESS"]) for tag in tags]
    for number in range(5):
        tag = run.tag("meanwhile")
        run.client.predict(tag, number, key=tag, patience_s=5)
    for job_id in filter(None, ids):
        until(lambda found=job_id: run.client.look(found, 2) in ("SUCCESS", "FAILURE", "RETRY"), "an end", 15)  # type: ignore[misc]
    run.stack.store.empty()
    run.healed()
    after = run.tag("after")
    run.client.fit(after, key=after, patience_s=5)


def artefact_corrupt(run: Run) -> None:
    """Any one flipped bit of a version, or of an alias, is noticed: it is refused by name, and never used."""
    tag = run.tag()
    job_id = run.client.fit(tag, key=tag, patience_s=5) or ""
    until(lambda: run.client.look(job_id, 2) == "SUCCESS", "the fit", 15)
    number = int(run.client.envelope(job_id)["version"])
    folder = run.stack.store.folder / "models" / "recorder"
    version, aliases = sorted((folder / "versions" / str(number)).iterdir()), sorted((folder / "aliases").iterdir())
    unnoticed = {path: _unnoticed(run, path, lambda store: _read_version(store, number)) for path in version}
    for path in aliases:
        unnoticed[path] = _unnoticed(run, path, lambda store, alias=path.name: store.resolve("recorder", alias))  # type: ignore[misc]
    for path, bits in unnoticed.items():
        run.expect(not bits, f"{len(bits)} flipped bits of {path.name} go unnoticed, the first is bit {bits[:1]}")
    run.expect(len(unnoticed) >= 4, f"a version has three files, and an alias one: {[path.name for path in unnoticed]}")
    run.figures.append(f"{sum(path.stat().st_size for path in unnoticed) * 8:,} bits")


def clock_jump(run: Run) -> None:
    """The ledger's clock leaps an hour ahead and back while a job runs, and the services' clocks differ by as much."""
    run.stack.restart_with("tests.faults.without.time")
    tag = run.tag()
    try:
        run.client.fit(tag, hold_s=2 * LEASE_S, key=tag, patience_s=5)
        run.begun(tag)
        with run.load(pause_s=0.1):
            for jump_s in (JUMP_S, 0, -JUMP_S, 0):
                run.stack.redis.set("faults:clock", jump_s)
                time.sleep(1)
            run.healed()
        until(lambda: len(run.starts(tag)) > 0, "the job", 5)
        run.look_all()
        run.quiesce_s = 40
        _quiet(run, 30)
    finally:
        run.stack.redis.delete("faults:clock")
        run.stack.restart_with()


def _without_broker(run: Run, lose: Callable[[], object], regain: Callable[[], object], away_s: float) -> None:
    """Have the broker out of reach under load, for a while."""
    with run.load() as took_s:
        with run.stack.alone():
            time.sleep(0.5)
            lose()
            took_s.clear()
            time.sleep(away_s)
            _check_prompt(run, took_s)
        regain()
        run.healed()
    run.quiesce_s = DRAIN_S


def _quiet(run: Run, deadline_s: float) -> None:
    """Wait until no job waits or runs, as far as those are that the journal knows."""
    ids = {line.id for line in run.client.journal.lines() if hasattr(line, "n") and hasattr(line, "at")}
    end = time.monotonic() + deadline_s
    while ids and time.monotonic() < end:
        ids = {job_id for job_id in ids if run.client.look(job_id) not in ("SUCCESS", "FAILURE", "REVOKED")}
        time.sleep(0.1 if ids else 0)


def _check_prompt(run: Run, took_s: list[float]) -> None:
    """Submissions while the broker is away are accepted, and at once."""
    slowest = max(took_s, default=99.0)
    run.figures.append(f"accepted within {slowest * 1000:.0f} ms meanwhile")
    run.expect(slowest <= ACCEPT_S, f"without a broker a submission took {slowest:.2f} s (99: none was accepted)")


def _read_version(store: Store, number: int) -> None:
    """Read all that there is of a version."""
    manifest, _ = store.load("recorder", number)
    store.sample(manifest)


def _unnoticed(run: Run, path: Path, read: Callable[[Store], object]) -> list[int]:
    """Flip each bit of a file for itself; the bits whose flip a store that has seen nothing yet doesn't notice."""
    whole, missed = path.read_bytes(), []
    bits = range(len(whole) * 8) if run.long else range(run.rng.randrange(8), len(whole) * 8, 3)
    for bit in bits:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            read(Store(run.stack.store.folder))
        except (Damaged, NotFound):
            continue
        finally:
            path.write_bytes(whole)
        missed.append(bit)
    return missed
