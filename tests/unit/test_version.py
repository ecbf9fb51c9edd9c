"""The release has one number, wherever it is shown."""

import re
import tomllib

from app import __version__
from tests.support.servers import ROOT


def test_the_project_is_of_the_same_release() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert build["dynamic"]["version"] == {"attr": "app.schemas.version.VERSION"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_changelog_begins_with_this_release_or_what_is_not_released() -> None:
    """A release's heading is its version and its day, `[X.Y.Z] - YYYY-MM-DD`, and what it changes follows."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, after = re.findall(r"^## (.+)\n\n(.+)$", text, re.MULTILINE)[0]
    assert newest == "[Unreleased]" or re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d", newest)
    assert after.startswith("### ")
