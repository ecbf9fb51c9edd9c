"""The work of every reference: decode a request of one row, predict by the same model, return what is stored."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np

from app.model.polynomial import PolynomialRegressor

URL = os.environ.get("REFERENCE_URL", "redis://127.0.0.1:6379")  # without a database; each reference has its own
THREADS = 16  # of a synchronous client: with 64 or 500 of them the interpreter's lock costs more than it gains
BODY = '{"data":{"X":[[0.5]]}}'
_model = PolynomialRegressor(degree=3).fit(np.linspace(-1, 1, 50)[:, None], np.linspace(-1, 1, 50))


def prediction(body: str) -> list[float]:
    """Return the prediction for the rows of a request."""
    predicted: list[float] = _model.predict(np.array(msgspec.json.decode(body)["data"]["X"])).tolist()
    return predicted


def from_threads(submit: Callable[[], object], jobs: int, connections: int) -> None:
    """Call `submit` once for each job from as many threads as connections, at most THREADS."""
    threads = min(connections, THREADS)

    def submit_some(count: int) -> None:
        for _ in range(count):
            submit()

    shares = [jobs // threads + (number < jobs % threads) for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(submit_some, share) for share in shares]:
            done.result()
