"""Where the web server listens by default and by HOST, and its warning when others reach it without keys."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.api_keys import new_key
from app.serve.server.addresses import address, is_loopback, open_addresses
from tests.support.servers import BIN, ROOT, Launch, Server, free_port, responds, served

WARNING = "without TRINITY_API_KEYS"


@contextmanager
def serving(folder: Path, **env: str) -> Iterator[Server]:
    """The server as `gunicorn app:api` starts it."""

    def launch() -> Launch:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {"TRINITY_STORE": str(folder / "store"), "PORT": str(port), **env}
        return Launch([BIN / "gunicorn", "app:api"], url, lambda _: responds(f"{url}/ping"), settings)

    with served("web", folder, launch) as server:
        yield server


def listens_on(server: Server) -> set[str]:
    """The addresses of the sockets that it listens on."""
    found = psutil.Process(server.process.pid).net_connections("tcp")
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}


def test_it_serves_this_machine_by_default(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert listens_on(server) == {"127.0.0.1"}
        assert WARNING not in server.log.read_text()


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
def test_it_serves_others_where_host_says_so_and_warns_without_keys(tmp_path: Path, *, keys: bool) -> None:
    env = {"TRINITY_API_KEYS": new_key("a", "read")[1].entry} if keys else {}
    with serving(tmp_path, HOST="0.0.0.0", **env) as server:  # noqa: S104  that is what is tried
        assert listens_on(server) == {"0.0.0.0"}  # noqa: S104
        assert server.log.read_text().count(WARNING) == (0 if keys else 1)


@pytest.mark.parametrize("target", ["serve", "stack"])
@pytest.mark.parametrize(("given", "host"), [([], "127.0.0.1"), (["HOST=192.0.2.1"], "192.0.2.1")])
def test_make_passes_the_host_on(target: str, given: list[str], host: str) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"HOST", "PORT"}}
    command = ["make", "-n", target, *given]
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    assert f"HOST={host} PORT=5000" in said
    assert "--bind" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_the_loopback_is_no_open_address(host: str) -> None:
    assert is_loopback(host)
    assert open_addresses([(host, 5000)]) == []


def test_other_addresses_are_open() -> None:
    """Sockets of the file system are not."""
    bound = [("0.0.0.0", 5000), ("::", 5000), ("web.example", 80), "/run/trinity.sock", 3]  # noqa: S104
    assert open_addresses(bound) == ["0.0.0.0:5000", "[::]:5000", "web.example:80"]  # type: ignore[arg-type]


def test_an_address_of_ipv6_is_in_brackets() -> None:
    assert [address("::1", 1), address("[::1]", 1), address("h", 1)] == ["[::1]:1", "[::1]:1", "h:1"]
