"""Numbers and dates in the notations of people."""

import pytest

from app.data.notations import is_date, number
from tests.support.processor_time import units

READINGS = {
    "$1,234.50": "1234.50",
    "1'094": "1094",
    "1.234,5": "1234.5",
    "1 234,56": "1234.56",
    "12,34,567": "1234567",
    "1.234.567": "1234567",
    "-€5": "-5",
    "€-5": "-5",
    "−1,5 %": "-1.5",
    "Rs. 500": "500",
    "12 km/h": "12",
    "20 °C": "20",
    "+5%": "5",
    ",5": "0.5",
    "1,5e3": "1.5e3",
    "1,234": None,
    "1,234 kg": None,
}


@pytest.mark.parametrize("text", READINGS)
def test_a_number_and_how_to_write_it(text: str) -> None:
    """Without a reading where the comma may be either sign."""
    found = number(text)
    assert found is not None and not found.is_plain
    assert found.reading == READINGS[text]


@pytest.mark.parametrize("text", ["8001", "-3.5", "1e5", ".5", "0"])
def test_a_number_as_it_is_read(text: str) -> None:
    found = number(text)
    assert found is not None and found.is_plain


@pytest.mark.parametrize("text", ["", "abc", "0123", "m2", "12-13", "1.2.3", "12 3", "192.168.1.1", "5 % off", "-"])
def test_no_number(text: str) -> None:
    assert number(text) is None


DATES = [
    *("31.12.2024", "12/31/24", "2024/12/31", "2024-12", "Dec 31, 2024", "31. Dezember 2024", "5 mai 2024", "Jan 2024"),
    *("Mon, 12/31/2024 10:00 PM", "2024-12-31T10:00:00Z", "10:00", "9:15:30.5", "31-Dec-2024", "January 5th, 2024"),
]


@pytest.mark.parametrize("text", DATES)
def test_a_date_or_a_time(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize("text", ["99.99.2024", "1.2.3", "12", "2020/21", "31-12.2024", "May", "0.0.2024"])
def test_no_date(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize("text", ["1" * 100_000, "1" + " " * 100_000 + "x", "(" + " " * 100_000, "1," * 50_000 + "x"])
def test_long_texts_take_no_time(text: str) -> None:
    assert units(lambda: (number(text), is_date(text))) < 1
    assert number(text) is None and not is_date(text)
