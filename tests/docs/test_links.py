"""Links and names of files in the documents lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.support.doc_blocks import anchors, documents, names_in, prose, read
from tests.support.servers import ROOT

LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)|<img[^>]* src=\"(?P<source>[^\"]+)\"")
ABSOLUTE = re.compile(r"[a-z]+:")
FOLDERS = ("app/", "tests/", "docs/", "nginx/", "deploy/", ".ci/")
PAGES = [*documents(), *(path for path in map(Path, ("CONTRIBUTING.md", "CHANGELOG.md")) if (ROOT / path).is_file())]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links(page: Path) -> None:
    """Every relative link leads to a file, and its anchor to a heading in it."""
    found = LINK.finditer(prose(read(page)))
    targets = [link["target"] or link["source"] for link in found]
    assert [target for target in targets if not ABSOLUTE.match(target) and not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether the file of a relative link is there, and the heading that its anchor names."""
    file, _, anchor = target.partition("#")
    path = (ROOT / page).parent / file if file else ROOT / page
    return path.exists() and (not anchor or anchor in anchors(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=str)
def test_files(page: Path) -> None:
    """Every file and folder of the project that is named is there; * stands for any."""
    named = [name for name in names_in(prose(read(page))) if name.startswith(FOLDERS) and " " not in name]
    assert [name for name in named if not any(ROOT.glob(name.rstrip("/")))] == []


def test_readme_leads_to_every_page() -> None:
    """README.md links every page of docs/."""
    linked = {link["target"] for link in LINK.finditer(read("README.md"))}
    assert {str(page) for page in documents()[1:]} - linked == set()


def test_readme_is_short() -> None:
    """README.md has at most 160 lines."""
    assert len(read("README.md").splitlines()) <= 160
