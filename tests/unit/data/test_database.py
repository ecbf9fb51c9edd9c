"""The database of an application, over SQLite and a real PostgreSQL."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from app.data.database import Database, write_rows
from app.errors import Invalid
from tests.support.postgres import missing_postgres, postgres
from tests.support.shop.database import TABLES, Good, Price, database

HELD_S = 0.3  # how long another connection writes


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A shop of 25 goods, the first with 7 prices and the second with 2."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as environment:
        if request.param == "sqlite":
            environment.delenv("DATABASE_URL", raising=False)
            environment.setenv("TRINITY_STORE", str(folder / "store"))
            yield from _filled()
            return
        if missing := missing_postgres():
            pytest.skip(missing)
        with postgres(folder) as url:
            environment.setenv("DATABASE_URL", url.replace("+psycopg", ""))
            yield from _filled()


def _filled() -> Iterator[Database]:
    with ThreadPoolExecutor(4) as pool:  # each of four waits for the one that is at it
        list(pool.map(lambda _: database.migrate(), range(4)))
    with database.engine().begin() as connection:
        connection.execute(insert(Good), [{"id": i + 1, "name": f"Good {i + 1}"} for i in range(25)])
        days = [(1, 1 + i) for i in range(7)] + [(2, 1), (2, 2)]
        connection.execute(
            insert(Price), [{"good_id": good, "since": date(2026, 1, day), "amount": 1.5} for good, day in days]
        )
    yield database
    database.engine().dispose()


def pages(shop: Database, table: Any, limit: int) -> list[list[dict[str, Any]]]:
    """All pages of a table."""
    found, after = [], ""
    while True:
        rows, following = shop.read_page(table, after, limit)
        found.append(rows)
        if following is None:
            return found
        after = following


def test_a_connection_waits_for_another_process_that_begins_to_use_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not wait where both would change the journal mode of a new file."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("TRINITY_STORE", str(tmp_path))
    opened = Database("new.sqlite", tmp_path)
    with closing(sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = Timer(HELD_S, other.execute, ["COMMIT"])
        end.start()
        with opened.engine().connect() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        end.join()
    opened.engine().dispose()


def test_pages_hold_each_row_once_in_the_order_of_the_key(shop: Database) -> None:
    assert [len(page) for page in pages(shop, Good, 10)] == [10, 10, 5]
    assert [row["id"] for page in pages(shop, Good, 5) for row in page] == [*range(1, 26)]
    assert [len(page) for page in pages(shop, Good, 25)] == [25]


def test_pages_of_a_key_of_two_columns_may_end_within_the_first(shop: Database) -> None:
    found = [(row["good_id"], row["since"].day) for page in pages(shop, Price, 3) for row in page]
    assert found == [(1, day) for day in range(1, 8)] + [(2, 1), (2, 2)]


@pytest.mark.parametrize(
    ("table", "after"),
    [(Good, after) for after in ("x", "[]", "[1]", "null", str(10**30))]
    + [(Price, after) for after in ("x", "3", "[1]", "[1,2]", "[null,null]", f'[{10**30},"2026-01-01"]')],
)
def test_what_no_page_gave_is_refused(shop: Database, table: Any, after: str) -> None:
    with pytest.raises(Invalid):
        shop.read_page(table, after, 3)


def test_a_key_of_one_column_is_named_as_it_is(shop: Database) -> None:
    assert shop.read_page(Good, "", 10)[1] == "10"
    assert shop.read_page(Good, "24", 10)[0] == [{"id": 25, "name": "Good 25"}]


def test_rows_that_exist_are_kept_or_replaced(shop: Database) -> None:
    with shop.engine().connect() as connection:
        rows = [{"id": 1, "name": "New"}, {"id": 99, "name": "New"}]
        names = select(Good.name).where(Good.id.in_([1, 99])).order_by(Good.id)
        write_rows(connection, Good, rows, existing="keep")
        assert connection.scalars(names).all() == ["Good 1", "New"]
        write_rows(connection, Good, rows, existing="replace")
        write_rows(connection, Good, [], existing="replace")
        assert connection.scalars(names).all() == ["New", "New"]
        connection.rollback()


def test_rows_are_counted(shop: Database) -> None:
    assert shop.count_rows(TABLES) == {"goods": 25, "prices": 9}


@pytest.mark.parametrize("value", [10**30, -(10**30)])
def test_a_value_that_no_column_holds_is_the_fault_of_the_request(shop: Database, value: int) -> None:
    with shop.engine().connect() as connection, pytest.raises(Invalid, match="cannot hold"):
        connection.execute(insert(Good).values(id=value, name="far"))


def test_a_forked_process_has_connections_of_its_own(shop: Database) -> None:
    with shop.engine().connect() as connection, multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_count) == 25
        assert connection.scalar(text("SELECT 1")) == 1


def _count() -> int:
    return database.count_rows({"goods": Good})["goods"]


def test_one_that_does_not_answer_says_nothing_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("postgres://shop:hidden@127.0.0.1:9/none", "sqlite:////no/such/folder/hidden.sqlite"):
        monkeypatch.setenv("DATABASE_URL", url)
        for use in (lambda: database.count_rows(TABLES), lambda: database.read_page(Good, "", 1)):
            with pytest.raises(ConnectionError, match=r"^OperationalError$"):
                use()


def test_the_log_says_why_a_database_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://shop:hidden@127.0.0.1:9/none")
    with pytest.raises(ConnectionError):
        database.count_rows(TABLES)
    assert "refused" in caplog.text and "hidden" not in caplog.text


def test_a_host_that_is_gone_is_given_up_after_seconds_unless_its_url_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for query, timeout_s in (("", "10"), ("?connect_timeout=3", "3")):
        monkeypatch.setenv("DATABASE_URL", f"postgres://127.0.0.1:9/none{query}")
        assert database.engine().url.query["connect_timeout"] == timeout_s


ENV = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
"""
STEPS = {
    "0001": [
        "CREATE TABLE a (id INTEGER PRIMARY KEY)",
        "CREATE TABLE b (a INTEGER REFERENCES a)",
        "INSERT INTO a VALUES (1)",
        "INSERT INTO b VALUES (1)",
    ],
    "0002": ["DELETE FROM a"],
}


def test_a_migration_after_which_a_row_refers_to_none_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would not say so by itself: foreign keys are off while tables are made anew."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    before = None
    for revision, statements in STEPS.items():
        lines = "".join(f"    op.execute({statement!r})\n" for statement in statements)
        head = f"from alembic import op\nrevision, down_revision = {revision!r}, {before!r}\n"
        (tmp_path / "versions" / f"{revision}.py").write_text(f"{head}def upgrade():\n{lines}")
        before = revision
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'a.sqlite'}")
    made = Database("a.sqlite", tmp_path)
    made.migrate("0001")
    with pytest.raises(ValueError, match="a row of 'b' refers to a row of 'a' that does not exist"):
        made.migrate()
    with made.engine().connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM a")) == 1
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    made.engine().dispose()
