"""Check the file of a fitted model as an import would, without importing it."""

from __future__ import annotations

from pathlib import Path

from app.data.csv_reader.options import CsvOptions
from app.errors import Invalid
from app.model.imported.formats import HEAD_BYTES, format_of
from app.model.imported.imported_estimator import HELD_BYTES
from app.model.imported.trial import TrialResult
from app.schemas.requests import ModelFile
from app.schemas.wording import counted
from app.service.contract.findings import Finding, Report
from app.service.importing import Importer, read_sample

TRIAL = "import"
SAMPLE = "rows were made up: give real ones by --data FILE to see that it predicts them"


def check_fitted_file(importer: Importer, path: Path, rows: Path | None, ignore: list[str]) -> Report:
    """Return the findings of a child process about a file; `rows` is a CSV file of rows to predict."""
    try:
        with path.open("rb") as file:
            form = format_of(file.read(HEAD_BYTES), path.name)
        sample, written = (None, None) if rows is None else read_sample(rows.read_bytes(), CsvOptions(), ignore)
        trial = importer.try_out(path, ModelFile("", "", form, name=path.name, sample=sample, written=written))
    except Invalid as error:
        advice = "an import would refuse it with these words"
        return Report(path.name, None, [Finding(TRIAL, "failed", error.detail, advice)])
    return Report(f"{path.name} ({form})", trial.task, _findings(trial))


def _findings(trial: TrialResult) -> list[Finding]:
    predicted = f"{counted(trial.rows, 'row')} predicted"
    known = Finding("sample", "ok", predicted) if trial.rows else Finding("sample", "warning", "none", SAMPLE)
    return [
        Finding(TRIAL, "ok", f"{counted(len(trial.columns), 'input')}, {counted(trial.outputs, 'output')}"),
        known,
        Finding("stacking", "ok", trial.stacks),
        Finding("memory", "ok", f"{trial.learned[HELD_BYTES]:,} bytes held"),
        Finding("load", "ok", f"{1000 * trial.load_s:.3g} ms"),
        *(Finding("libraries", "warning", text) for text in trial.warnings),
    ]
