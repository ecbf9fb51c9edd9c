"""Numbers and times as text for people."""

from __future__ import annotations

from datetime import UTC, datetime

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
