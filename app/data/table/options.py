"""What a request says of how its CSV is written."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from app.data.table.charset import check_encoding_name
from app.errors import Invalid

Query: TypeAlias = dict[str, str | list[str]]

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "blank": " ", "space": " "}
HEADERS = ("present", "absent")
DECIMALS = {".": ".", ",": ",", "point": ".", "comma": ","}


class CsvOptions(NamedTuple):
    """How a table is written; None for what is found from its first lines."""

    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    encoding: str | None = None
    """As `codecs.lookup` calls it."""
    missing: tuple[str, ...] = ()
    """What stands for a missing value in any column, beside an empty cell."""


def take_options(query: Query) -> CsvOptions:
    """Take how the table is written out of the query; raise Invalid for a value that has no meaning."""
    separator, decimal, header, encoding = (
        _single(query, name) for name in ("separator", "decimal", "header", "encoding")
    )
    return CsvOptions(
        separator=None if separator is None else _separator(separator),
        decimal=None if decimal is None else _one_of("decimal", decimal, DECIMALS),
        header=None
        if header is None
        else _one_of("header", header.lower(), dict(zip(HEADERS, HEADERS, strict=True))) == HEADERS[0],
        encoding=None if encoding is None else check_encoding_name(encoding),
        missing=tuple(each.strip() for each in _several(query, "na")),
    )


def _several(query: Query, name: str) -> list[str]:
    """Take a member that may be given more than once out of the query."""
    value = query.pop(name, [])
    return [value] if isinstance(value, str) else value


def _single(query: Query, name: str) -> str | None:
    value = query.pop(name, None)
    if isinstance(value, list):
        raise Invalid.at(f"/{name}", "given more than once")
    return value


def _separator(text: str) -> str:
    separator = SEPARATORS.get(text.lower(), text)
    if len(separator) != 1 or not separator.isascii() or separator.isalnum() or separator in "\"\r\n\\.'+-":
        known = ", ".join(name for name in SEPARATORS if name.isalpha())
        raise Invalid.at("/separator", f"{text[:20]!r} is not a separator; it is one sign, or {known}")
    return separator


def _one_of(name: str, text: str, values: dict[str, str]) -> str:
    if text not in values:
        raise Invalid.at(f"/{name}", f"{text[:20]!r} is not one of {', '.join(values)}")
    return values[text]
