"""The release has one number, wherever it is told."""

import tomllib

from app.version import VERSION
from tests.servers import ROOT


def test_the_project_is_of_the_same_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
