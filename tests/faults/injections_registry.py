"""Faults of the registry: a worker killed between publish and promotion, many moves at once, a full disk."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec

from app.errors import TrinityError
from app.storage.model_store import Store
from tests.bench.http import Answer
from tests.faults.models import SCORED, starts
from tests.faults.run import Run
from tests.support.servers import until

MOVERS = 100


def promotion_killed(run: Run) -> None:
    """A worker dies when a version is published and not yet compared: its job, run again, makes none, and promotes."""
    name, tag = run.tag("gated"), run.tag("gate")
    on = {"X": [[SCORED], [SCORED]], "y": [1.0, 3.0]}
    params = {"tag": tag, "effects": str(run.client.effects), "score_hold_s": run.rng.uniform(0.5, 1.5)}
    data = {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}
    body = {
        "model": name,
        "estimator": "recorder",
        "params": params,
        "data": data,
        "promote": {"on": on, "metric": "mae"},
    }
    job_id = run.client.submit("fit", tag, body, key=tag, patience_s=5) or ""
    scored = f"{tag}-scored"
    until(lambda: starts(run.client.effects, scored), "the comparison", 20)
    store = Store(run.stack.store.folder)
    run.expect(store.versions(name) == [1], "the version was not published before it was compared")
    run.expect(store.aliases(name) == {"latest": 1}, f"promoted before it was compared: {store.aliases(name)}")
    run.child(scored).kill()
    run.healed()
    until(lambda: run.client.look(job_id, 2) in ("SUCCESS", "FAILURE"), "the end of the job", 30)
    result = run.client.envelope(job_id).get("result") or {}
    run.expect(result.get("promotion", {}).get("promoted") is True, f"not promoted: {result}")
    run.expect(store.versions(name) == [1], f"versions {store.versions(name)}")
    run.expect(store.aliases(name) == {"champion": 1, "latest": 1}, f"aliases {store.aliases(name)}")
    moves = [(move.alias, move.from_, move.to) for move in store.registry.history(name)]
    run.expect(moves == [("champion", None, 1), ("latest", None, 1)], f"history {moves}")


def alias_race(run: Run) -> None:
    """A hundred callers move an alias from one version at once: one wins; while web is killed too, one at most."""
    name = _fitted(run, 3)
    store = Store(run.stack.store.folder)
    _put(run, name, 1)
    for before, to, kill in ((1, 2, False), (2, 3, False), (3, 1, True)):
        with ThreadPoolExecutor(MOVERS) as pool:
            moves = [pool.submit(_put, run, name, to, if_version=before) for _ in range(MOVERS)]
            if kill:
                time.sleep(run.rng.uniform(0, 0.1))
                run.stack.web.kill()
                run.stack.web.start()
            answers = [move.result() for move in moves]
        statuses = [answer.status for answer in answers if answer is not None]
        run.expect(set(statuses) <= {200, 409}, f"statuses {sorted(set(statuses))}")
        won = statuses.count(200)
        moved = [(m.from_, m.to) for m in store.registry.history(name) if m.alias == "champion"].count((before, to))
        stands = store.aliases(name)["champion"]
        run.expect(moved == (stands == to), f"{moved} moves in the history, and the alias stands at {stands}")
        run.expect(won <= moved if kill else won == moved == 1, f"{won} winners, {moved} moves")
        if stands != to:
            _put(run, name, to)
    run.figures.append(f"{MOVERS} callers a round")


def registry_disk_full(run: Run) -> None:
    """The store is full: an alias moves with its line in the history, or not at all; the version before serves on."""
    name = _fitted(run, 2)
    _put(run, name, 1)
    store = Store(run.stack.store.folder)
    run.stack.store.fill()
    refused = 0
    for _ in range(5):
        answer = _put(run, name, 2)
        refused += answer is not None and answer.status == 503
        run.expect(answer is not None and answer.status in (200, 503), f"answer {answer and answer.status}")
        _check_agreed(run, store, name)
    run.figures.append(f"{refused} of 5 moves refused")
    run.client.ask("DELETE", f"/models/{name}/aliases/champion")
    _check_agreed(run, store, name)
    tag = run.tag("full")
    body = _body(run, name, tag) | {"promote": {"on": {"X": [[1.0]], "y": [2.0]}, "metric": "mae"}}
    run.client.submit("fit", tag, body, key=tag, patience_s=5, expect=["FAILURE", "SUCCESS"])
    run.stack.store.empty()
    run.healed()
    answer = _put(run, name, 2)
    run.expect(answer is not None and answer.status == 200, "the alias does not move after the disk was emptied")
    _check_agreed(run, store, name)


def _check_agreed(run: Run, store: Store, name: str) -> None:
    """The newest move of the champion leads to where it stands."""
    newest = next((move.to for move in store.registry.history(name) if move.alias == "champion"), None)
    stands = None
    with suppress(TrinityError):
        stands = store.resolve(name, "champion")
    run.expect(newest == stands, f"the history says version {newest}, the alias {stands}")


def _fitted(run: Run, versions: int) -> str:
    """A new model with so many versions."""
    name = run.tag("model")
    for _ in range(versions):
        tag = run.tag("version")
        job_id = run.client.submit("fit", tag, _body(run, name, tag), key=tag, patience_s=5) or ""
        until(lambda job_id=job_id: run.client.look(job_id, 2) == "SUCCESS", "the fit", 20)  # type: ignore[misc]
    return name


def _body(run: Run, name: str, tag: str) -> dict[str, Any]:
    params = {"tag": tag, "effects": str(run.client.effects)}
    data = {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}
    return {"model": name, "estimator": "recorder", "params": params, "data": data}


def _put(run: Run, name: str, version: int, **more: Any) -> Answer | None:
    body = msgspec.json.encode({"version": version, **more})
    return run.client.ask("PUT", f"/models/{name}/aliases/champion", body, content_type="application/json")
