"""Makes the example ready: tables, a simulated town, and a first training over HTTP."""

from __future__ import annotations

import os
import sys

from app.client import Client, fit_once
from examples.place_recommender.database import TABLES, database, engine, migrate
from examples.place_recommender.model import PlaceRanker
from examples.place_recommender.simulate import fill, simulate
from examples.place_recommender.sources import TRAINING


def main(base_url: str) -> None:
    """Do what is not done yet."""
    migrate()
    fill(engine())
    if not database.count_rows(TABLES)["selections"]:
        simulate(engine())
    with Client(base_url, os.environ.get("TRINITY_KEY") or None) as client:
        fit_once(client, PlaceRanker.name, **TRAINING)


if __name__ == "__main__":
    main(sys.argv[1])
