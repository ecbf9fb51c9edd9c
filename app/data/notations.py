"""Detects numbers, dates and times in notations that are not read: 45.3%, € 45, 1'094, −5, 12 kg, 31.12.2024."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_SIGN = "[-+\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}]"
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}"
_BETWEEN_THOUSANDS = "[.,' _\N{RIGHT SINGLE QUOTATION MARK}\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}]"
_DIGITS = (
    rf"\d{{1,3}}(?:{_BETWEEN_THOUSANDS}\d{{3}})+(?:[.,]\d+)?"
    r"|\d{1,3}(?:,\d\d)*,\d{3}(?:\.\d+)?"  # as in India
    r"|\d+(?:[.,]\d*)?|[.,]\d+"
)
_CODES = "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|INR|JPY|NOK|PLN|SEK|USD"
_CURRENCY = rf"[$¢£¤¥\u20a0-\u20cf]|{_CODES}|Fr\.|Rs\.?"  # the block of currency signs, of which € is one
_UNIT = r"[^\W\d_]{1,12}[.²³]?(?:/[^\W\d_]{1,6}[²³]?)?|°[ ]?[CF]?"
_NUMBER = re.compile(
    rf"\(?(?P<sign>{_SIGN})?\s*(?:{_CURRENCY})?\s*(?P<second>{_SIGN})?(?P<digits>(?:{_DIGITS})(?:[eE][-+]?\d+)?)"
    rf"\s*(?:%|‰|{_CURRENCY}|(?P<unit>{_UNIT}))?\)?"
)
_PLAIN = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_CODE = re.compile(r"0\d+")  # such as a postal code
_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[^\W\d_]*\.?"
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?\s*(?:Z|UTC|GMT|[-+]\d\d:?\d\d)?"
_DATE = re.compile(
    r"(?:(?:[^\W\d_]{2,9}\.?,?\s+)?"
    r"(?:(?P<a>\d{1,2})(?P<between>[./-])(?P<b>\d{1,2})(?P=between)(?:\d{4}|\d\d)"
    r"|\d{4}(?P<again>[./-])(?P<c>\d{1,2})(?:(?P=again)(?P<d>\d{1,2}))?"
    rf"|\d{{1,2}}\.?[ /-]*{_MONTH}[ /,-]*(?:\d{{4}}|\d\d)|{_MONTH}[ -](?:\d{{1,2}}(?:st|nd|rd|th)?,?[ ])?\d{{4}})"
    rf"(?:[T ,]+{_TIME})?|{_TIME})",
    re.IGNORECASE,
)
_DAYS, _MONTHS = 31, 12
_LONGEST = 40  # characters of a number or a date


class WrittenNumber(NamedTuple):
    """A number in some notation."""

    is_plain: bool
    """Whether it would be read as a number if it were not sent as text."""
    unit: str
    """The letters of its unit, if it has one."""
    reading: str | None
    """How to write it; None if a sign in it may be a thousands separator or a decimal sign."""


def is_date(text: str) -> bool:
    """Whether a text looks like a date or a time."""
    found = _DATE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return False
    first, second = found["a"] or found["c"], found["b"] or found["d"]
    if first is None:
        return True
    parts = [int(part) for part in (first, second) if part is not None]
    return 0 < min(parts) <= _MONTHS and max(parts) <= (_DAYS if len(parts) > 1 else _MONTHS)


def number(text: str) -> WrittenNumber | None:
    """Return the number in a text; None if it does not look like one."""
    if len(text) > _LONGEST or _CODE.fullmatch(text):
        return None
    if _PLAIN.fullmatch(text):
        return WrittenNumber(is_plain=True, unit="", reading=text)
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    is_negative = text.startswith("(") or any(sign in _MINUS for sign in (found["sign"], found["second"]) if sign)
    digits = _plain_digits(found["digits"])
    reading = None if digits is None else "-" * is_negative + digits
    return WrittenNumber(is_plain=False, unit=found["unit"] or "", reading=reading)


def _plain_digits(text: str) -> str | None:
    """Return digits with a decimal point; None if a comma may be a decimal sign or a thousands separator."""
    text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
    mantissa, e, exponent = text.replace("E", "e").partition("e")
    mantissa = re.sub(r"[^\d.,]", "", mantissa)
    last = max(mantissa.rfind("."), mantissa.rfind(","))
    if last < 0:
        return f"{mantissa}{e}{exponent}"
    sign, others = mantissa[last], re.sub(r"[.,]", "", mantissa[:last])
    decimals = mantissa[last + 1 :]
    has_other = len(set(mantissa) & {".", ","}) > 1
    if mantissa.count(sign) > 1:  # between thousands, all of them
        return f"{others}{decimals}{e}{exponent}"
    if sign == "," and len(decimals) == 3 and not has_other:  # noqa: PLR2004  a group of thousands, or decimals
        return None
    return f"{others or '0'}.{decimals}{e}{exponent}" if decimals else f"{others}{e}{exponent}"
