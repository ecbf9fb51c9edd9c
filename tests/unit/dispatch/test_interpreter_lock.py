"""The event loop's thread has the interpreter's lock before those of models."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from app.dispatch.interpreter_lock import (
    INTERVAL_S,
    LOOP_SLACK_NS,
    MODEL_SLACK_NS,
    defer_this_thread,
    prefer_this_thread,
)

WAKEUPS, SLEEP_S, MAX_LATE_S = 100, 0.005, 0.02


@pytest.fixture(autouse=True)
def interval() -> Iterator[None]:
    """Give the interpreter its own interval back."""
    before_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before_s)


def slack_ns() -> int:
    """The timer slack of this thread."""
    return int(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())


def test_threads_of_models_do_not_inherit_the_slack_of_the_event_loop() -> None:
    """The event loop's thread has hardly any, theirs have the usual one."""

    def main() -> tuple[int, int]:
        prefer_this_thread()
        with ThreadPoolExecutor(1, initializer=defer_this_thread) as models:
            return slack_ns(), models.submit(slack_ns).result()

    with ThreadPoolExecutor(1) as loop:
        assert loop.submit(main).result() == (LOOP_SLACK_NS, MODEL_SLACK_NS)
    assert sys.getswitchinterval() == pytest.approx(INTERVAL_S)


def test_a_forest_does_not_keep_the_event_loop_from_running() -> None:
    """It releases the lock for each of its trees, so that who waits for it would begin to wait anew each time."""
    X = np.random.default_rng(1).random((200, 4))
    forest = RandomForestClassifier(100, random_state=0).fit(X, X[:, 0] > 0.5)
    ended = threading.Event()

    def predict() -> None:
        defer_this_thread()
        while not ended.is_set():
            forest.predict_proba(X[:30])

    def late_s() -> float:
        begin_s = time.perf_counter()
        time.sleep(SLEEP_S)
        return time.perf_counter() - begin_s - SLEEP_S

    def main() -> list[float]:
        prefer_this_thread()
        return [late_s() for _ in range(WAKEUPS)]

    with ThreadPoolExecutor(1) as model, ThreadPoolExecutor(1) as loop:
        predicting = model.submit(predict)
        try:
            assert median(loop.submit(main).result()) < MAX_LATE_S
        finally:
            ended.set()
        predicting.result()
