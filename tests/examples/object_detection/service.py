"""The application as it runs: the async stack with its settings, ready to use."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from examples.object_detection.prepare import main as prepare
from tests.support.api import Api, Mode
from tests.support.servers import ROOT
from tests.support.trinity import trinity

FOLDER = ROOT / "examples/object_detection"


def settings() -> dict[str, str]:
    """What example.env sets for the service."""
    lines = (FOLDER / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line.startswith("TRINITY_"))


@contextmanager
def detection(
    folder: Path, mode: Mode = "redis", *, workers: bool = True, processes: int = 2, **env: str
) -> Iterator[Api]:
    """A running application; without `workers` nothing is fitted."""
    with ExitStack() as stack:
        api = stack.enter_context(trinity(mode, folder, workers=workers, processes=processes, **settings(), **env))
        if workers:
            prepare(str(api.http.base_url))
        yield api
