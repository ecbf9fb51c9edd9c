"""What a model warns of while it is fitted is collected for its fit alone, whatever runs beside it."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from app.service.fit_warnings import MAX_WARNINGS, WARNING_CHARACTERS, collect_warnings

WAIT_S = 20


@pytest.fixture(autouse=True)
def filters_of_a_server() -> Iterator[None]:
    """Python's own filters, in place of the tests', by which each warning is an error."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


def said(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn from one line of code, whoever calls."""
    warnings.warn(text, category, stacklevel=1)


def test_each_warning_is_kept_once_with_its_count() -> None:
    """Python alone would show a line's warning once in the life of the process."""
    for _ in range(2):
        with collect_warnings() as collected:
            said("doubtful")
            for _ in range(3):
                said("overflow\n  in exp", RuntimeWarning)
        assert collected.sentences() == ["doubtful", "RuntimeWarning: overflow in exp (3 times)"]


def test_number_and_length_are_bounded() -> None:
    with collect_warnings() as collected:
        for number in range(MAX_WARNINGS + 7):
            said(f"{number} " + "x" * 5000)
    *kept, last = collected.sentences()
    assert (len(kept), last) == (MAX_WARNINGS, "7 more warnings were left out")
    assert {len(text) for text in kept} == {WARNING_CHARACTERS}


def test_half_of_a_surrogate_pair_becomes_a_question_mark() -> None:
    with collect_warnings() as collected:
        said("bad \ud800")
    assert collected.sentences() == ["bad ?"]


def test_what_is_ignored_or_an_error_stays_so() -> None:
    """The filters of Python and of the user come first."""
    with collect_warnings() as collected:
        said("old", DeprecationWarning)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said("wanted so")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                said("raised")
    assert collected.sentences() == []


def test_a_fit_that_raises_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError), collect_warnings():
        raise ZeroDivisionError
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        said("later")
    assert [str(each.message) for each in seen] == ["later"]


def test_two_fits_and_a_prediction_at_once_each_have_their_own() -> None:
    """The prediction's goes where it always did, once for its line."""
    shown: list[str] = []
    warnings.showwarning = lambda message, *_: shown.append(str(message))  # the fixture puts back what was there
    meeting = threading.Barrier(3, timeout=WAIT_S)

    def fit(name: str) -> list[str]:
        with collect_warnings() as collected:
            meeting.wait()
            for _ in range(500):
                said(f"fit {name}")
            meeting.wait()
        return collected.sentences()

    def predict() -> None:
        meeting.wait()
        for _ in range(500):
            said("prediction")
        meeting.wait()

    with ThreadPoolExecutor(3) as pool:
        fits = [pool.submit(fit, name) for name in "ab"]
        pool.submit(predict).result(WAIT_S)
        assert [fit.result(WAIT_S) for fit in fits] == [["fit a (500 times)"], ["fit b (500 times)"]]
    assert shown == ["prediction"]


def test_a_library_that_catches_warnings_beside_a_fit_undoes_nothing_for_the_next() -> None:
    """`catch_warnings` in another thread puts back what it found, which may be from before the first fit."""
    caught = warnings.catch_warnings()
    caught.__enter__()
    with collect_warnings():
        caught.__exit__(None, None, None)
    with collect_warnings() as collected:
        said("here")
        said("here")
    assert collected.sentences() == ["here (2 times)"]


def test_scikit_learn_warns_in_a_fit_of_several_processes() -> None:
    """It hands the filters on to them, so these must be such as can be sent."""
    X = np.random.default_rng(1).normal(size=(60, 3))
    y = X[:, 0] + X[:, 1] > 0
    with collect_warnings() as collected:
        LogisticRegression(max_iter=1).fit(X, y)
        scores = cross_val_score(LogisticRegression(), X, y, n_jobs=2)
    assert collected.sentences()[0].startswith("ConvergenceWarning: lbfgs failed to converge") and len(scores) == 5


def test_the_import_changes_nothing() -> None:
    code = (
        "import warnings; before = warnings.showwarning; from app.service.fit_warnings import WarningInFit; "
        "assert warnings.showwarning is before and WarningInFit not in [each[2] for each in warnings.filters]"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
