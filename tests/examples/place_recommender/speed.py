"""Prints the table of the README: the time to find and rank places of a million for one user, in both databases.

`python -m tests.examples.place_recommender.speed`; it takes minutes, for places in one town and over a country.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from sqlalchemy import text

from examples.place_recommender.database import engine, migrate
from examples.place_recommender.model import PlaceRanker
from examples.place_recommender.simulate import fill, people
from examples.place_recommender.sources import Candidates
from tests.support.postgres import postgres

PLACES, USERS, SEED = 1_000_000, 100, 3
SPREADS = {"in one town": 0.08, "over 300 km": 1.0}


def measure(spread: float) -> list[float]:
    """Milliseconds for each user; the first one warms up."""
    migrate()
    fill(engine(), PLACES, USERS, SEED, spread)
    with engine().begin() as connection:
        connection.execute(text("ANALYZE"))
    ranker = PlaceRanker.restore({}, {"weights_": np.ones(5), "n_features_in_": 7})
    times = []
    for user in people(USERS, SEED, spread):
        started = time.perf_counter()
        asked = {name: user[name] for name in ("latitude", "longitude", "affinity")}
        table = Candidates(**asked).read()
        np.argsort(-ranker.predict(table.X[:, :-1]))
        times.append(1000 * (time.perf_counter() - started))
    return times[1:]


def main() -> None:
    for where, spread in SPREADS.items():
        cells = [where]
        for kind in ("sqlite", "postgresql"):
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                url = f"sqlite:///{folder}/places.sqlite"
                os.environ["DATABASE_URL"] = url if kind == "sqlite" else stack.enter_context(postgres(Path(folder)))
                times = measure(spread)
                cells += [f"{np.median(times):.0f} ms", f"{np.percentile(times, 95):.0f} ms"]
                engine().dispose()
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
