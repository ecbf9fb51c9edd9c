"""The requirements of the contract of models whose input is a file; they run in an isolated process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from app.errors import Invalid
from app.schemas.wording import counted
from app.service.checked_files import differences, outside, some_files
from app.service.contract.bad_files import BadFile, empty_file, random_files, wrong_file
from app.service.contract.file_case import FileCase
from app.service.contract.findings import SEED, Finding
from app.service.contract.measured_checks import best_s, check_memory, load_time
from app.service.contract.printing_check import check_printing
from app.service.contract.restore_check import check_restore
from app.service.contract.trying import first_line, tried
from app.service.file_work import FILE, score_files

FileCheck: TypeAlias = Callable[[FileCase], list[Finding]]
SINGLE = 1e-4
"""Relative: sums of float32 differ by less in a batch of another size."""
GIVE = "name a file that the model takes: --file FILE"
GIVE_FIT = "name files to fit, with labels if it needs them: --file ZIP, or a folder"
WARNED = "it is in the warnings of each fit to such files, and of its version"
REPEAT = "unless it is a date or a time, predict must draw no random numbers and change nothing of the model"
ALONE = "set max_batch_files = 1, or let a result depend on nothing but its own file: callers share a call"
PATH = "name the file by `file.name`: the path is that of the service's store, and callers get these words"
NAMED = "return them from score, None if undefined: a gate compares by `metrics`"


def check_fit(case: FileCase) -> list[Finding]:
    """Fit to the files, or to none."""
    started_s = time.perf_counter()
    fit = case.fit_aloud()
    took_ms = 1000 * (time.perf_counter() - started_s)
    count = 0 if case.folder is None else sum(1 for path in case.folder.rglob("*") if path.is_file())
    found = f"{counted(count, 'file')}: {took_ms:.3g} ms{_numbers(fit.model.diagnostics())}"
    said = [*fit.model.warnings(), *fit.warnings, some_files(fit.model, case.folder).unchecked]
    return [Finding("fit", "ok", found), *(Finding("fit", "warning", text, WARNED) for text in said if text)]


def check_predict(case: FileCase) -> list[Finding]:
    """Predict each file, as a service does; raise the errors that callers would get."""
    results = case.predict(case.served())
    if not results:
        return [Finding("predict", "skipped", "no file to predict", GIVE)]
    members = list(dict.fromkeys(key for each in results for key in each))
    return [Finding("predict", "ok", f"{counted(len(results), 'file')}: {', '.join(members) or 'no members'}")]


def check_restored_files(case: FileCase) -> list[Finding]:
    """Restore the model; say so if there is no file for it to predict."""
    findings = check_restore(case)
    if not case.files(case.fitted()):
        return [Finding("restore", "warning", "restored, but no file was predicted", GIVE)]
    return findings


def check_determinism(case: FileCase) -> list[Finding]:
    """Fit twice and compare what the two models predict."""
    first, second = (case.predict(case.fitted()) for _ in range(2))
    return [_same("determinism", first, second, "two fits predict the same", SEED)]


def check_repetition(case: FileCase) -> list[Finding]:
    """Predict the same files twice with one model."""
    model = case.fitted()
    first, second = (case.predict(model) for _ in range(2))
    return [_same("repetition", first, second, "the same files are predicted the same again", REPEAT)]


def check_batch(case: FileCase) -> list[Finding]:
    """Predict files alone, and together with others."""
    most = case.estimator.kind.max_batch_files
    if most <= 1:
        return [Finding("batch", "ok", "one file a call: max_batch_files is 1")]
    model = case.fitted()
    files = [*case.files(model)] * 2  # a single one is predicted beside itself
    if not files:
        return [Finding("batch", "skipped", "no file to predict", GIVE)]
    files = files[: max(2, min(most, len(files)))]
    alone, again = ([case.predict_together(model, [each])[0] for each in files] for _ in range(2))
    together = case.predict_together(model, files)
    varying = differences(alone, again)
    for tolerance, words in ((0.0, "the same"), (SINGLE, "the same but for rounding")):
        places = outside(differences(alone, together, tolerance), varying)
        if not places:
            return [Finding("batch", "ok", f"{counted(len(files), 'file')} together are predicted {words}")]
    return [Finding("batch", "failed", f"{_places(places)} of a result is otherwise in a call for {len(files)}", ALONE)]


def check_score(case: FileCase) -> list[Finding]:
    """Score the files of the fit."""
    if case.folder is None:
        return [Finding("score", "skipped", "no zip file", GIVE_FIT)]
    try:
        found = score_files(case.fitted(), case.folder, FILE)
    except Invalid as error:
        return [Finding("score", "ok", f"refused: {first_line(error)}")]
    if lacking := [name for name in case.estimator.kind.metrics if name not in found]:
        return [Finding("score", "failed", f"returned no {', '.join(lacking)}", NAMED)]
    return [Finding("score", "ok", _numbers(found).removeprefix(", ") or "no metrics")]


def check_empty(case: FileCase) -> list[Finding]:
    """Send an empty file."""
    return [_sent(case, "empty file", [empty_file(case.estimator.kind.media_types)])]


def check_wrong_type(case: FileCase) -> list[Finding]:
    """Send a file of another type."""
    wrong = wrong_file(case.estimator.kind.media_types)
    return [_sent(case, "wrong type", [] if wrong is None else [wrong])]


def check_random(case: FileCase) -> list[Finding]:
    """Send files of its types by the first bytes alone."""
    return [_sent(case, "random bytes", random_files(case.estimator.kind.media_types))]


def check_cut_off(case: FileCase) -> list[Finding]:
    """Send the first half of each file."""
    files = case.files(case.fitted())
    if not files:
        return [Finding("cut off", "skipped", "no file to predict", GIVE)]
    contents = [case.payloads.get(each.reference) for each in files]
    halves = [
        BadFile(each.name, each.media_type, content[: len(content) // 2])
        for each, content in zip(files, contents, strict=True)
    ]
    return [_sent(case, "cut off", halves)]


def check_speed(case: FileCase) -> list[Finding]:
    """Measure the time to restore the model, and to predict one file and several."""
    findings, model = [load_time(case, case.fitted())], case.served()
    files = case.files(model)[: case.estimator.kind.max_batch_files]
    if not files:
        return [*findings, Finding("predict 1 file", "skipped", "no file to predict", GIVE)]
    for few in [files[:1], files] if len(files) > 1 else [files]:
        each_ms = 1000 * best_s(partial(case.predict_together, model, few)) / len(few)
        findings.append(Finding(f"predict {counted(len(few), 'file')}", "ok", f"{each_ms:.3g} ms a file"))
    return findings


FILE_CHECKS: Mapping[str, FileCheck] = {
    "fit": check_fit,
    "predict": check_predict,
    "restore": check_restored_files,
    "determinism": check_determinism,
    "repetition": check_repetition,
    "batch": check_batch,
    "score": check_score,
    "printing": check_printing,
    "empty file": check_empty,
    "wrong type": check_wrong_type,
    "random bytes": check_random,
    "cut off": check_cut_off,
    "memory": check_memory,
    "speed": check_speed,
}
"""The checks in their order; those after the first need a model that can be fitted."""


def _sent(case: FileCase, check: str, files: Iterable[BadFile]) -> Finding:
    """Send bad files, each as a request does, and return the first finding that is not ok, or else the last."""
    model = case.served()
    finding = Finding(check, "ok", "the model takes every type")
    for file in files:
        data = case.put(file.name, file.content)
        finding = tried(check, partial(case.send, model, data), "predicted")
        if finding.result != "ok":
            return Finding(check, finding.result, f"{file.media_type}: {finding.figure}", finding.advice)
        if str(case.payloads.path(data.reference)) in finding.figure:
            return Finding(check, "warning", finding.figure, PATH)
    return finding


def _same(check: str, first: object, second: object, words: str, advice: str) -> Finding:
    if not first:
        return Finding(check, "skipped", "no file to predict", GIVE)
    if not (places := differences(first, second)):
        return Finding(check, "ok", words)
    return Finding(check, "warning", f"{_places(places)} of a result is otherwise the second time", advice)


def _places(pointers: Iterable[str]) -> str:
    """Return the different places of pointers into a list of results, without the number of the result."""
    return ", ".join(dict.fromkeys("/" + each[1:].partition("/")[2] for each in pointers))


def _numbers(found: Mapping[str, float | None]) -> str:
    return "".join(f", {name} {'undefined' if value is None else f'{value:.4g}'}" for name, value in found.items())
