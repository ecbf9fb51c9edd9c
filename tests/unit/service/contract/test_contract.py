"""Checks of a model: what each finds, and that a model which hangs or crashes is a finding and no end."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from app.model.isolation.isolated_calls import CallLimits
from app.service.contract.contract import check_file, check_model
from app.service.contract.findings import Finding, Report
from app.service.contract.subject import Subject

MIB = 1024**2
QUICK = CallLimits(1024 * MIB, 5.0)
HEAD = """
import os, signal, time
import numpy as np
from app.model.base import Classifier, Regressor
"""
MEAN = """
class Mean(Regressor):
    name = "mean"

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)
"""


def found(report: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings}


def checked(folder: Path, body: str, **changed: str) -> dict[str, Finding]:
    """Check a model that differs from the mean in these methods."""
    methods = "".join(indent(dedent(method), "    ") for method in changed.values())
    (folder / "mine.py").write_text(HEAD + body + methods)
    return found(check_file(folder / "mine.py", limits=QUICK))


def test_a_built_in_model_passes_every_check() -> None:
    report = check_model(Subject(modules=["app.model.models"], name="multivariate"))
    assert {finding.result for finding in report.findings} == {"ok"}, report
    checks = found(report)
    assert [*checks][:4] == ["parameters", "fit", "restore", "attributes"]
    assert checks["stacking"].figure.startswith("exact")
    assert checks["predict 1,000 rows"].figure.endswith("µs a row")
    assert "bytes held" in checks["memory"].figure


def test_a_classifier_is_checked_with_labels() -> None:
    report = check_model(Subject(modules=["app.model.logistic"], name="logistic"))
    assert report.task == "classification"
    assert not report.failures, report
    assert found(report)["one class"].figure.startswith("refused")


def test_a_pipeline_of_scikit_learn_passes_with_rows_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "churn.py").write_text(
        dedent("""
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        churn = make_pipeline(
            make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["age"])),
            LogisticRegression(),
        )
        """)
    )
    rows = "".join(f"{['Bern', 'Basel'][i % 2]},{20 + i},{['no', 'yes'][i % 3 == 0]}\n" for i in range(40))
    (tmp_path / "rows.csv").write_text("city,age,gone\n" + rows)
    subject = Subject(
        modules=["churn"], folder=str(tmp_path), name="churn", rows=str(tmp_path / "rows.csv"), target=["gone"]
    )
    report = check_model(subject)
    assert not report.failures, report
    assert found(report)["fit"].figure.startswith("40 rows, 2 inputs")


def test_rows_that_a_model_refuses_are_told_from_a_fault(tmp_path: Path) -> None:
    checks = checked(tmp_path, MEAN, fit="def fit(self, X, y):\n    raise ValueError('needs a column age')")
    assert checks["fit"] == Finding("fit", "failed", "needs a column age", checks["fit"].advice)
    assert "--data" in checks["fit"].advice
    assert checks["restore"].result == "skipped"


def test_an_attribute_that_is_not_stored_is_named(tmp_path: Path) -> None:
    checks = checked(tmp_path, MEAN.replace("mean_", "_mean"))
    assert checks["restore"].result == "failed"
    assert "call it `mean_`" in checks["restore"].figure
    assert "attributes that end in _" in checks["restore"].advice
    assert checks["predict 1 row"].result == "ok"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("time.sleep(60)", "took too long (5 s are allowed in all"),
        ("np.ones(2**33)", "MemoryError"),
    ],
)
def test_a_model_that_would_take_the_process_with_it_fails_its_check_alone(
    tmp_path: Path, body: str, words: str
) -> None:
    method = f"""
    def fit(self, X, y):
        if len(set(y)) == 1:
            {body}
        self.mean_ = float(np.mean(y))
        return self
    """
    checks = checked(tmp_path, MEAN, fit=method)
    failed = [finding for finding in checks.values() if finding.result == "failed"]
    assert len(failed) == 1, checks
    assert words in failed[0].figure


def test_an_error_that_is_no_refusal_fails_its_check(tmp_path: Path) -> None:
    method = """
    def fit(self, X, y):
        self.mean_ = 1 / float(np.std(y))
        return self
    """
    finding = checked(tmp_path, MEAN, fit=method)["one value of y"]
    assert finding.result == "failed"
    assert "ZeroDivisionError" in finding.figure
    assert "ValueError" in finding.advice


def test_what_is_random_or_depends_on_other_rows_is_a_warning(tmp_path: Path) -> None:
    method = """
    def fit(self, X, y):
        self.mean_ = float(np.random.default_rng().normal())
        return self

    def predict(self, X):
        return self.mean_ + np.arange(len(X))
    """
    checks = checked(tmp_path, MEAN, fit=method)
    assert checks["determinism"].result == "warning"
    assert checks["stacking"].result == "warning"
    assert checks["stacking"].figure.startswith("no: for row ")
    assert checks["stacking"].figure.endswith(" among 16 rows")
    assert "depend on nothing but the row" in checks["stacking"].advice
    assert ", the most for row " in checks["determinism"].figure
    assert not [finding for finding in checks.values() if finding.result == "failed"]


def test_sums_in_float32_are_told_from_other_rows(tmp_path: Path) -> None:
    """With the row, and what to do: they are no bug, but cost the shared calls."""
    method = """
    def predict(self, X):
        single = X.astype(np.float32)
        return (single.sum(axis=1) + np.float32(3e-7 * (len(X) > 1)) * np.abs(single).max()).astype(float)
    """
    finding = checked(tmp_path, MEAN, predict=method)["stacking"]
    assert (finding.result, finding.figure[:12]) == ("warning", "no: for row ")
    assert "compute in float64" in finding.advice


def test_rounding_is_shown_by_its_row(tmp_path: Path) -> None:
    method = """
    def predict(self, X):
        return np.full(len(X), self.mean_ * (1 + 4e-13 * (len(X) > 1)))
    """
    finding = checked(tmp_path, MEAN, predict=method)["stacking"]
    assert (finding.result, finding.figure[:15]) == ("ok", "close: for row ")
    assert "TRINITY_STACKING=exact" in finding.advice


def test_a_predict_that_takes_no_single_row_is_told_apart(tmp_path: Path) -> None:
    method = """
    def predict(self, X):
        if len(X) == 1:
            raise KeyError("a bug")
        return np.full(len(X), self.mean_)
    """
    finding = checked(tmp_path, MEAN, predict=method)["stacking"]
    assert (finding.result, finding.figure) == ("warning", "no: predict raised KeyError: 'a bug'")
    assert "one row" in finding.advice


def test_what_is_printed_is_warned_of(tmp_path: Path) -> None:
    """By its first line, and not in the output of the command."""
    method = """
    def fit(self, X, y):
        print("fitting", len(X), "rows")
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        print(X[0])
        return np.full(len(X), self.mean_)
    """
    finding = checked(tmp_path, MEAN, fit=method)["printing"]
    assert (finding.result, finding.figure) == ("warning", "fit and predict print 'fitting 100 rows'")
    assert "logging" in finding.advice


def test_a_model_that_holds_more_than_it_says_is_warned_of(tmp_path: Path) -> None:
    method = """
    def prepare(self):
        self._table = [float(i) for i in range(200_000)]

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        self.prepare()
        return self
    """
    checks = checked(tmp_path, MEAN, fit=method)
    assert checks["memory"].result == "warning"
    assert "held_bytes" in checks["memory"].advice
    assert checks["attributes"] == Finding("attributes", "ok", "not stored, but made again: `_table`")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject(modules=["app.model.models"], name="nothing"), "name one of logistic, multivariate, polynomial"),
        (Subject(modules=["there_is_no_such_module"]), "can't import"),
    ],
)
def test_a_model_that_is_not_there_is_a_finding(subject: Subject, words: str) -> None:
    report = check_model(subject)
    assert words in report.failures[0].figure
    assert report.task is None


def test_a_parameter_without_a_default_is_asked_for(tmp_path: Path) -> None:
    checks = checked(tmp_path, MEAN, init="def __init__(self, k: int) -> None:\n    self.k = k")
    assert checks["parameters"].result == "failed"
    assert "--params" in checks["parameters"].advice


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        ("def predict(self, X):\n    return self.mean_ + np.random.default_rng().normal(size=len(X))\n", "random"),
        ("def predict(self, X):\n    self.mean_ += 1.0\n    return np.full(len(X), self.mean_)\n", "change nothing"),
    ],
)
def test_predictions_that_differ_from_call_to_call_are_found(tmp_path: Path, predict: str, words: str) -> None:
    """The advice names both ways in which they come about."""
    repetition = checked(tmp_path, MEAN, predict=predict)["repetition"]
    assert repetition.result == "failed" and words in repetition.advice


@pytest.mark.parametrize(
    ("methods", "by"),
    [
        ({"predict": "def predict(self, X):\n    X -= 1.0\n    return X.sum(axis=1)\n"}, "predict"),
        ({"fit": "def fit(self, X, y):\n    X *= 2.0\n    self.mean_ = float(np.mean(y))\n    return self\n"}, "fit"),
        ({"fit": "def fit(self, X, y):\n    y *= 2.0\n    self.mean_ = float(np.mean(y))\n    return self\n"}, "fit"),
    ],
)
def test_who_changes_the_rows_that_are_handed_to_it_is_told(tmp_path: Path, methods: dict[str, str], by: str) -> None:
    rows = checked(tmp_path, MEAN, **methods)["rows"]
    assert (rows.result, rows.figure) == ("failed", f"changed by {by}")
    assert "X.copy()" in rows.advice


def test_what_a_fit_warns_of_is_a_line_of_the_table(tmp_path: Path) -> None:
    fit = """
    def fit(self, X, y):
        import warnings

        warnings.warn("few rows")
        self.mean_ = float(np.mean(y))
        return self
    """
    (tmp_path / "mine.py").write_text(HEAD + MEAN + indent(dedent(fit), "    "))
    report = check_file(tmp_path / "mine.py", limits=QUICK)
    said = [each for each in report.findings if each.check == "fit"]
    assert [(each.result, each.figure) for each in said][1:] == [("warning", "few rows")]
