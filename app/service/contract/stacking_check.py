"""Checks whether predictions of a model may share a call; if they differ, names a row and gives advice."""

from __future__ import annotations

from app.service.batchability import Difference, compare_stacked, find_stacks
from app.service.contract.findings import Finding
from app.service.contract.subject import Case
from app.service.model_calls import MESSAGE_CHARACTERS

ALONE = "requests are predicted one by one"
AROUND = f"{ALONE}: a row's prediction must depend on nothing but the row: no means or ranks over X, no random numbers"
SINGLE = f"{ALONE}: these differences are those of float32; compute in float64, such as X = X.astype(np.float64)"
RAISED = f"{ALONE}: predict must take one row, and any number of rows"
CLOSE = "they share calls; TRINITY_STACKING=exact has the service predict them one by one"


def check_stacking(case: Case) -> list[Finding]:
    """Find out whether predictions may share a call."""
    model, X = case.fitted(), case.table.X
    if model.stacks is not None:
        return [Finding("stacking", "ok", f"{find_stacks(model, X)}, as the model says")]
    try:
        stacks, difference = compare_stacked(model, X)
    except Exception as error:  # noqa: BLE001  anybody's code
        raised = f"no: predict raised {type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]
        return [Finding("stacking", "warning", raised, RAISED)]
    if difference is None:
        return [Finding("stacking", "ok", stacks)]
    found = f"{stacks}: {_words(difference, case)}"
    if stacks == "close":
        return [Finding("stacking", "ok", found, CLOSE)]
    return [Finding("stacking", "warning", found, SINGLE if difference.of_float32 else AROUND)]


def _words(found: Difference, case: Case) -> str:
    values = [found.alone, found.together]
    labels = case.table.labels
    if labels is not None and not found.of_probabilities:
        alone, together = (repr(labels[int(value)]) for value in values)
    else:
        alone, together = (f"{value:.17g}" for value in values)
    what = "a probability is" if found.of_probabilities else "it predicts"
    return f"for row {found.row} {what} {alone} alone, {together} among {found.rows} rows"
