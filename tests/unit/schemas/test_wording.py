"""Words of messages."""

from app.schemas.wording import counted


def test_one_is_singular() -> None:
    assert [counted(number, "column") for number in (0, 1, 2)] == ["0 columns", "1 column", "2 columns"]
