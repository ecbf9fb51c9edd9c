"""The tables that are made from the code are up to date."""

from pathlib import Path

import pytest

from tests.docs.generate import PART, PARTS, generated
from tests.support.doc_blocks import documents, read


@pytest.mark.parametrize("document", documents(), ids=str)
def test_generated(document: Path) -> None:
    """`python -m tests.docs.generate` changes nothing."""
    assert generated(document) == read(document), "run `python -m tests.docs.generate`"


def test_every_part_stands_in_a_document() -> None:
    """Every table that can be made is made, once."""
    assert sorted(part["name"] for path in documents() for part in PART.finditer(read(path))) == sorted(PARTS)
