"""A real Valkey for the tests of the ledger: one per module, emptied for every test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from tests.support import servers
from tests.support.ledger_fixture import LedgerFixture


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def redis(server: servers.Server) -> Iterator[Redis]:
    """A client of an empty server."""
    with Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def ledgers(server: servers.Server, redis: Redis, tmp_path: Path) -> Iterator[LedgerFixture]:
    """The ledger and those who use it."""
    with closing(LedgerFixture(server.url, redis, tmp_path)) as made:
        yield made
