"""Numbers, times and columns as text for people."""

from __future__ import annotations

from datetime import UTC, datetime

from app.schemas.columns import MAX_CATEGORIES, Column

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SHOWN_CATEGORIES, SHOWN_CHARACTERS = 8, 40
UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e6):  # noqa: PLR2004  six digits are readable
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "−")
    text = f"{value:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    return mantissa.replace("-", "−") + (f"·{power(int(exponent))}" if e else "")


def power(exponent: int) -> str:
    """Return a power of ten."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def day(when: datetime) -> str:
    """Return the day, in UTC."""
    return when.astimezone(UTC).strftime("%-d %b %Y")


def clock(when: datetime) -> str:
    """Return the time of the day, in UTC."""
    return when.astimezone(UTC).strftime("%H:%M")


def duration(seconds: float | None) -> str:
    """Return a duration in milliseconds, seconds, minutes or hours."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    return f"{seconds / size:.1f} {unit}"


def seen(column: Column) -> str:
    """Return what the fit saw in a column: the range of numbers and times, or the texts."""
    return ", ".join(filter(None, [_values(column), "some missing" if column.nullable else ""]))


def _values(column: Column) -> str:
    if column.kind == "boolean":
        return "true or false"
    if column.kind == "text" and column.categories is None:
        return f"more than {number(MAX_CATEGORIES)} texts"
    if column.categories is not None:
        shown = ", ".join(map(_shortened, column.categories[:SHOWN_CATEGORIES]))
        left = len(column.categories) - SHOWN_CATEGORIES
        return f"{shown}, … and {number(left)} more" if left > 0 else shown
    if column.min is None or column.max is None:
        return ""
    least, most = (one if isinstance(one, str) else number(one) for one in (column.min, column.max))
    return f"{least} to {most}"


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
