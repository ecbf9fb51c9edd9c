"""Versions as paths, queries and options name them."""

import pytest

from app.schemas.requests import Version, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1", 1),
        ("999999999", 999_999_999),
        ("latest", "latest"),
        ("0", "0"),
        ("007", "007"),
        ("9" * 5000, "9" * 5000),
        ("٣", "٣"),
        ("1\n", "1\n"),
        ("", ""),
        (None, None),
    ],
)
def test_a_version_is_a_positive_number_or_an_alias(text: str | None, version: Version | None) -> None:
    """One number has one spelling; what is no number is looked up as an alias, and not found."""
    assert parse_version(text) == version
