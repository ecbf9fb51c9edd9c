"""A real Valkey for the tests of the ledger: one per module, emptied for every test."""

from collections.abc import Iterator

import pytest
from redis import Redis

from app.ledger import Ledger, connect
from tests import servers

TTL_S = 100


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
def ledger(server: servers.Server, redis: Redis) -> Iterator[Ledger]:
    made = Ledger(connect(server.url), TTL_S, max_pending=1000)
    yield made
    made.close()
