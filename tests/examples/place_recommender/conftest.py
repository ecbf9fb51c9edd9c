"""The tables in SQLite and in a real PostgreSQL, with a simulated town."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.place_recommender.database import engine, migrate
from examples.place_recommender.simulate import fill, simulate
from tests.support.postgres import missing_postgres, postgres

PLACES, SELECTIONS = 6_000, 5_000


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with places, users and answered slates, which is also in DATABASE_URL."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as environment:
        if request.param == "sqlite":
            yield from _filled(f"sqlite:///{folder / 'places.sqlite'}", environment)
            return
        if missing := missing_postgres():
            pytest.skip(missing)
        with postgres(folder) as url:
            yield from _filled(url, environment)


def _filled(url: str, environment: pytest.MonkeyPatch) -> Iterator[str]:
    environment.setenv("DATABASE_URL", url)
    migrate()
    fill(engine(), PLACES, users=100, seed=1)
    simulate(engine(), SELECTIONS, seed=1)
    yield url
    engine().dispose()
