"""The release has one number, wherever it is told."""

import re
import tomllib

from app import __version__
from tests.support.servers import ROOT


def test_the_project_is_of_the_same_release() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert build["dynamic"]["version"] == {"attr": "app.schemas.version.VERSION"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
