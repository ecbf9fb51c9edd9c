"""The gate of a fit: its version takes over an alias only if it scores better than the version that has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from logging import getLogger
from typing import Any

from app.errors import Conflict, Damaged, Invalid, NotFound, TrinityError, Unavailable
from app.model.estimator import AnyEstimator
from app.schemas.columns import KINDS
from app.schemas.pointers import moved
from app.schemas.registry import Move
from app.schemas.requests import GATE_ROWS, FileInput, Gate, Promotion, Request, Source
from app.schemas.tables import Table
from app.schemas.tasks import Better, Task
from app.service.columns import require_y
from app.service.file_work import check_file
from app.service.sources import SourceKinds, check_source, check_task
from app.service.tables import fit_choice
from app.storage.aliases import LATEST
from app.storage.model_store import Store
from app.storage.registry import Author, Registry, check_alias_name
from app.telemetry.context import REQUEST

logger = getLogger(__name__)

METRICS: Mapping[Task, tuple[str, ...]] = {
    "regression": ("r2", "rmse", "mae"),
    "classification": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
}
"""The metrics to compare versions, unless their class has metrics of its own; the first is the default."""
LOWER_IS_BETTER = frozenset({"rmse", "mae", "log_loss"})
GATE_FILE = "/promote_on"
"""The pointer to the files of a gate, a field of a form."""
MAX_TRIES = 20  # each after another process moved the alias meanwhile
Score = Callable[[int], Mapping[str, Any]]
"""Returns the score of a version on the rows of the gate; raises TrinityError."""


def checked_gate(gate: Gate, estimator: AnyEstimator, sources: SourceKinds, target: list[str]) -> Promotion:
    """Check a gate, and read all columns of its rows, from which each version selects its own; raise Invalid."""
    metric, better = _compared_by(gate, estimator)
    try:
        data = _rows(gate, estimator, sources, target)
    except Invalid as error:
        raise moved(error, "/data", GATE_ROWS) from None
    return Promotion(gate.alias, metric, gate.gain, data, better)


def checked_file_gate(gate: Gate | None, estimator: AnyEstimator, held_out: FileInput | None) -> Promotion | None:
    """Check a gate whose versions are compared on the files of a zip file; raise Invalid or UnsupportedMediaType."""
    if gate is None:
        if held_out is not None:
            raise Invalid.at(GATE_FILE, "this file needs `promote` in the fit")
        return None
    metric, better = _compared_by(gate, estimator)
    if gate.source is not None:
        raise Invalid.at("/promote_source", f"versions of {estimator.name!r} are compared on files, not on a source")
    if held_out is None:
        raise Invalid.at(GATE_FILE, "send the files to compare on: a zip file as the field `promote_on` of a form")
    if estimator.files is not None:
        check_file(estimator.files, "score", held_out)
    return Promotion(gate.alias, metric, gate.gain, held_out, better)


def metrics_of(estimator: AnyEstimator) -> Sequence[str]:
    """Return the metrics by which versions may be compared; the first is the default."""
    return [*estimator.metrics] or METRICS.get(estimator.task, ())


def _compared_by(gate: Gate, estimator: AnyEstimator) -> tuple[str, Better]:
    """Return the metric of a gate and which values are better; also raise Invalid for an alias that is not valid."""
    try:
        check_alias_name(gate.alias)
    except Invalid as error:
        raise Invalid.at("/promote/alias", error.detail) from None
    known = metrics_of(estimator)
    if not known:
        raise Invalid.at("/promote", f"versions of {estimator.name!r} cannot be compared: its class has no `metrics`")
    metric = gate.metric or known[0]
    if metric not in known:
        raise Invalid.at("/promote/metric", f"a {estimator.task} is compared by one of {', '.join(known)}")
    lower = estimator.metrics[metric] == "lower" if estimator.metrics else metric in LOWER_IS_BETTER
    return metric, "lower" if lower else "higher"


def _rows(gate: Gate, estimator: AnyEstimator, sources: SourceKinds, target: list[str]) -> Table | Source:
    if gate.source is not None:
        source = check_source(sources, gate.source)
        check_task(sources, source, estimator.task)
        return source
    if gate.data is None:
        raise Invalid.at("/data", "name the rows to compare on: X and y, or a source")
    choice = fit_choice(estimator, Request(target=target), lambda _: None)
    table = gate.data.read(choice._replace(kinds=frozenset(KINDS), takes_missing=True))
    require_y(table)
    return table


def promote(store: Store, model: str, version: int, gate: Promotion, score: Score) -> dict[str, Any]:
    """Move the alias to a version if it is better than the present one; return both scores and the decision.

    A job that is tried again finds its earlier decision: it moves the alias once. A version that cannot be scored is
    not promoted, but that is not an error of the fit.
    """
    decision = _promote(store, model, version, gate, score)
    became = "is" if decision["promoted"] else "is not"
    compared = "" if decision["score"] is None else f": {gate.metric} {decision['score']:.6g}"
    if compared and decision["champion_score"] is not None:
        compared += f", {decision['score'] - decision['champion_score']:+.6g} to version {decision['champion']}"
    logger.info("%s version %d %s the %s: %s%s", model, version, became, gate.alias, decision["detail"], compared)
    return decision


def _promote(store: Store, model: str, version: int, gate: Promotion, score: Score) -> dict[str, Any]:
    known: dict[int, float | str] = {}

    def scored(number: int) -> float | str:
        if number not in known:
            known[number] = _scored(score, number, gate.metric)
        return known[number]

    for _ in range(MAX_TRIES):
        before = _earlier_move(store.registry, model, version, gate.alias)
        try:
            present = _present(store, model, gate.alias) if before is None else before.from_
        except Damaged as error:
            return _decision(gate, scored(version), None, None, error.detail, promoted=False)
        new, old = scored(version), None if present in {None, version} else scored(present or 0)
        promoted, why = (True, "it has the alias already") if present == version else _decided(gate, new, old)
        if before is None and promoted and not _moved(store.registry, model, version, gate.alias, present):
            continue
        return _decision(gate, new, present, old, why, promoted=promoted or before is not None)
    raise Unavailable(f"alias {gate.alias!r} was moved by other requests before each try to move it; try again")


def _present(store: Store, model: str, alias: str) -> int | None:
    """Return the version that has the alias, None for none; raise Damaged."""
    try:
        return store.resolve(model, alias)
    except NotFound:
        return None


def _decision(
    gate: Promotion,
    new: float | str,
    present: int | None,
    old: float | str | None,
    why: str,
    *,
    promoted: bool,
) -> dict[str, Any]:
    return {
        "alias": gate.alias,
        "promoted": promoted,
        "metric": gate.metric,
        "gain": gate.gain,
        "score": _number(new),
        "champion": present,
        "champion_score": _number(old),
        "detail": why,
    }


def _decided(gate: Promotion, new: float | str, old: float | str | None) -> tuple[bool, str]:
    """Return whether the new version is better, and the reason."""
    if isinstance(new, str):
        return False, f"the new version cannot be scored: {new}"
    if old is None:
        return True, f"there was no {gate.alias} to compare with"
    if isinstance(old, str):
        return False, f"the {gate.alias} cannot be scored: {old}"
    lower = gate.better == "lower" or gate.metric in LOWER_IS_BETTER  # the latter of jobs that an older release queued
    gained = old - new if lower else new - old
    if gained > 0 and gained >= gate.gain:
        return True, f"its {gate.metric} is better by {gained:.6g}"
    return False, f"its {gate.metric} is not better by {gate.gain:g} or more" if gate.gain else "it is not better"


def _scored(score: Score, version: int, metric: str) -> float | str:
    """Return the metric of a version, or the reason why it has none."""
    try:
        value = score(version).get(metric)
    except TrinityError as error:
        return error.detail
    return f"its {metric} is not defined on these rows" if value is None or not math.isfinite(value) else float(value)


def _earlier_move(registry: Registry, model: str, version: int, alias: str) -> Move | None:
    """Return the move that an earlier try of the job made; it is newer than the publication of its version."""
    for move in registry.history(model):
        if move.to == version and move.alias == LATEST:
            return None
        if move.to == version and move.alias == alias and move.why == "gate":
            return move
    return None


def _moved(registry: Registry, model: str, version: int, alias: str, present: int | None) -> bool:
    try:
        registry.move(model, alias, version, Author("gate", REQUEST.get().key_name), present)
    except Conflict:
        return False
    except OSError as error:  # a full disk; the version is published, and the job that is tried again finds it
        raise Unavailable(f"the alias could not be written to the store ({error.strerror}); try again") from error
    return True


def _number(score: float | str | None) -> float | None:
    return score if isinstance(score, float) else None
