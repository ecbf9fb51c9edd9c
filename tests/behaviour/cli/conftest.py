"""The command line with a local store, or with a server in either mode."""

from collections.abc import Iterator

import pytest

from tests.support.api import MODES
from tests.support.cli import Run, run
from tests.support.trinity import MODELS, trinity


@pytest.fixture(scope="module", params=["local", *MODES[:2]])
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The command line with a local store, or with a server in either mode."""
    folder = tmp_path_factory.mktemp("store")
    if request.param == "local":
        yield lambda *arguments, **options: run(*arguments, TRINITY_STORE=str(folder), TRINITY_MODELS=MODELS, **options)
        return
    with trinity(request.param, folder) as api:
        yield lambda *arguments, **options: run(*arguments, TRINITY_SERVER=str(api.http.base_url), **options)
