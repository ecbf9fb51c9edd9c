"""The dialect options of a request with CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from app.data.csv_reader.charset import check_encoding_name
from app.errors import Invalid
from app.schemas.query import OpenQuery, take_all, take_one

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "blank": " ", "space": " "}
HEADERS = {"present": True, "absent": False}
DECIMALS = {".": ".", ",": ",", "point": ".", "comma": ","}
T = TypeVar("T")


class CsvOptions(NamedTuple):
    """The dialect of a table; members that are None are detected from its first lines."""

    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    encoding: str | None = None
    """The name in `codecs.lookup`."""
    missing: tuple[str, ...] = ()
    """Texts that mean a missing value in any column, beside an empty cell."""


def take_options(query: OpenQuery) -> CsvOptions:
    """Take the dialect options out of the query; raise Invalid for an unknown value."""
    separator, decimal, header, encoding = (
        take_one(query, name) for name in ("separator", "decimal", "header", "encoding")
    )
    return CsvOptions(
        separator=None if separator is None else _separator(separator),
        decimal=None if decimal is None else _one_of("decimal", decimal, DECIMALS),
        header=None if header is None else _one_of("header", header.lower(), HEADERS),
        encoding=None if encoding is None else check_encoding_name(encoding),
        missing=tuple(each.strip() for each in take_all(query, "na")),
    )


def _separator(text: str) -> str:
    separator = SEPARATORS.get(text.lower(), text)
    if len(separator) != 1 or not separator.isascii() or separator.isalnum() or separator in "\"\r\n\\.'+-":
        known = ", ".join(name for name in SEPARATORS if name.isalpha())
        raise Invalid.at("/separator", f"{text[:20]!r} is not a separator; it is one sign, or {known}")
    return separator


def _one_of(name: str, text: str, values: Mapping[str, T]) -> T:
    if text not in values:
        raise Invalid.at(f"/{name}", f"{text[:20]!r} is not one of {', '.join(values)}")
    return values[text]
