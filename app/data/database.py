"""The database of an application, PostgreSQL or SQLite. It needs the extra `sql`: only applications import it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from logging import getLogger
from pathlib import Path
from typing import Any, Literal

import msgspec
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Integer, create_engine, event, func, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, make_url
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase

from app.errors import Invalid
from app.schemas.decoding import convert, decode_json
from app.settings import load

logger = getLogger(__name__)

MAX_REASON_CHARACTERS = 300
POSTGRES = "postgresql+psycopg"
MIGRATION_LOCK = 7_219_364_105  # any number that nothing else locks
BUSY_TIMEOUT_S = 30  # how long SQLite waits for another process that writes
CONNECT_TIMEOUT_S = 10  # for PostgreSQL; without it an unreachable host blocks a thread for two minutes
MMAP_BYTES = 2**30  # of the file: related rows may be scattered over it
WAL = "PRAGMA journal_mode=WAL"  # readers can continue while one process writes
WAL_POLL_S = 0.02
PRIMARY_CODE = 0xFF  # of an extended error code of SQLite
PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    f"mmap_size={MMAP_BYTES}",
)
RowNumber = BigInteger().with_variant(Integer, "sqlite")
"""The type of a key that the database counts by itself: SQLite does so only where the type is INTEGER."""
Tables = Mapping[str, type[DeclarativeBase]]
Rows = list[dict[str, Any]]


class Database:
    """The database that DATABASE_URL names, by default a SQLite file in the store's folder.

    If it does not respond, ConnectionError is raised, without the driver's message, which may contain addresses and is
    logged. For this error sources and `Application.run` respond with 503, so that callers try again. A value that no
    column can hold raises Invalid.
    """

    def __init__(self, file: str, migrations: Path | str) -> None:
        """Take the name of the SQLite file, and the folder of Alembic's scripts; nothing is opened."""
        self.file = file
        self.migrations = Path(migrations)

    def engine(self) -> Engine:
        """Return the engine of this process; connections are not shared with forked processes."""
        variables = os.environ.get("DATABASE_URL", ""), os.environ.get("TRINITY_STORE", "")
        return _engine(self.file, os.getpid(), *variables)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables up to date, or to a revision before. Of several processes each waits for the one before.

        Raise ValueError for a migration after which a row of SQLite refers to one that does not exist.
        """
        config = Config()
        config.set_main_option("script_location", str(self.migrations).replace("%", "%%"))
        engine = self.engine()
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with _migration(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def count_rows(self, tables: Tables) -> dict[str, int]:
        """Return how many rows each table has."""
        with self.engine().connect() as connection:
            counts = {name: select(func.count()).select_from(table) for name, table in tables.items()}
            return {name: connection.scalar(query) or 0 for name, query in counts.items()}

    def read_page(self, table: type[DeclarativeBase], after: str, limit: int) -> tuple[Rows, str | None]:
        """Return `limit` rows in the order of their primary key, and the `after` of the next page, None at the end.

        `after` is empty for the first page. Raise Invalid for a value that is not from a page.
        """
        keys = list(table.__table__.primary_key)
        query = select(table.__table__).order_by(*keys).limit(limit + 1)
        if after:
            query = query.where(tuple_(*keys) > tuple_(*_key(after, [key.type.python_type for key in keys])))
        with self.engine().connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], _after([rows[limit - 1][key.name] for key in keys])


def write_rows(
    connection: Connection,
    table: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    existing: Literal["keep", "replace"],
) -> None:
    """Insert rows; rows with an existing primary key stay unchanged, or are replaced.

    Other transactions may write the same rows meanwhile.
    """
    if not rows:
        return
    keys = [key.name for key in table.__table__.primary_key]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    if existing == "keep":
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)
        return
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


@contextmanager
def _migration(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that no other migration runs beside."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            yield connection
        return
    with engine.connect() as connection:
        # SQLite recreates a table to change it, and must not treat rows with references as deleted. This can be set
        # only outside of a transaction: https://www.sqlite.org/lang_altertable.html#otheralter
        connection.execute(text("PRAGMA foreign_keys=OFF")).close()
        connection.commit()
        try:
            with connection.begin():
                connection.execute(text("BEGIN IMMEDIATE"))
                before = MigrationContext.configure(connection).get_current_heads()
                yield connection
                if MigrationContext.configure(connection).get_current_heads() != before:
                    _check_foreign_keys(connection)
        finally:
            connection.execute(text("PRAGMA foreign_keys=ON")).close()
            connection.commit()


def _check_foreign_keys(connection: Connection) -> None:
    """Raise ValueError for a row that refers to one that does not exist."""
    found = connection.execute(text("PRAGMA foreign_key_check")).first()
    if found is not None:
        raise ValueError(
            f"after the migration a row of {found[0]!r} refers to a row of {found[2]!r} that does not exist"
        )


def _after(key: Sequence[Any]) -> str:
    """Return the primary key of a row: its only value as text, or all of its values as a JSON array."""
    return str(msgspec.to_builtins(key[0])) if len(key) == 1 else msgspec.json.encode(key).decode()


def _key(after: str, types: Sequence[type]) -> Sequence[Any]:
    """Return the primary key that a page ends with."""
    try:
        if len(types) == 1:
            return [convert(after, types[0], strict=False)]
        key: Sequence[Any] = decode_json(after, tuple[tuple(types)])  # type: ignore[misc]
    except msgspec.MsgspecError:
        raise Invalid.at("/after", "after must be the value of `next` of the page before") from None
    return key


def _url(file: str) -> URL:
    """Return DATABASE_URL, or the URL of a SQLite file in the store's folder."""
    if given := os.environ.get("DATABASE_URL"):
        url = make_url(given)
        return url.set(drivername=POSTGRES) if url.drivername in {"postgres", "postgresql"} else url
    return URL.create("sqlite", database=str(Path(load().store).resolve() / file))


@cache
def _engine(file: str, _process: int, *_variables: str) -> Engine:
    url = _url(file)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
        event.listen(engine, "connect", _set_pragmas)
    else:
        if url.drivername == POSTGRES and "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "handle_error", _translated)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    _use_wal(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Set the journal mode of the file; wait for others that open it, because SQLite itself does not wait here.

    It reports SQLITE_BUSY at once where a wait could be a deadlock: https://www.sqlite.org/c3ref/busy_handler.html
    """
    ends_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute(WAL)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_s:
                raise
            time.sleep(WAL_POLL_S)
        else:
            return


def _translated(context: ExceptionContext) -> Exception | None:
    """Return the error to raise instead of a driver's error, None to raise the driver's."""
    error = context.sqlalchemy_exception
    if isinstance(error, (OperationalError, InterfaceError)):
        reason = str(context.original_exception).partition("\n")[0]
        logger.warning("the database cannot be used: %s", reason[:MAX_REASON_CHARACTERS])
        return ConnectionError(type(error).__name__)
    if isinstance(error, DataError) or isinstance(context.original_exception, OverflowError):
        return Invalid("the database cannot hold a value of this: a number out of range, or a text with NUL")
    return None
