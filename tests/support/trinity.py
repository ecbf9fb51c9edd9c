"""Start a whole Trinity in one of its modes, on free ports."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support import servers
from tests.support.api import WAIT_S, Api, Mode

MODELS = "app.model.models,tests.support.models"
MAX_BODY_BYTES = 1_048_576


@contextmanager
def trinity(mode: Mode, folder: Path, *, workers: bool = True, processes: int = 2, **env: str) -> Iterator[Api]:
    """A whole Trinity in `folder`; without `workers` its jobs stay queued."""
    with ExitStack() as stack:
        started: list[servers.Server] = []

        def start(context: Any) -> servers.Server:
            started.append(stack.enter_context(context))
            return started[-1]

        settings = {"TRINITY_MODELS": MODELS, "TRINITY_STORE": str(folder / "store"), "TRINITY_MODE": "sync", **env}
        if mode != "inline":
            ledger = start(servers.valkey(folder / "valkey")).url
            broker = f"{ledger}/1" if mode == "redis" else start(servers.rabbitmq(folder / "rabbitmq")).url
            urls = {"TRINITY_BROKER_URL": broker, "TRINITY_LEDGER_URL": f"{ledger}/0"}
            settings |= {"TRINITY_MODE": "async", **urls}
            if workers:
                start(servers.worker(folder, processes=processes, **settings))
        url = start(servers.web(folder, **settings)).url
        http = stack.enter_context(httpx.Client(base_url=url, timeout=WAIT_S + 10))
        yield Api(mode, http, started, settings.get("TRINITY_LEDGER_URL"))
