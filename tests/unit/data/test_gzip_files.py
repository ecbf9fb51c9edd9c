"""Files of gzip: what they hold, within a bound, and what is damaged."""

import gzip

import pytest

from app.data.gzip_files import MAX_MEMBERS, gunzip, is_gzip
from app.errors import Busy, Malformed, TooLarge

TABLE = b"a,y\n1,2\n" * 100_000
PACKED = gzip.compress(TABLE)


def test_a_file_is_what_it_was() -> None:
    """Also of several members, with zeros behind, and what it needs is said before it is there."""
    held: list[int] = []
    assert is_gzip(PACKED) and not is_gzip(TABLE)
    assert gunzip(PACKED + PACKED + b"\0" * 512, 2 * len(TABLE), held.append) == TABLE + TABLE
    assert sum(held) == 2 * len(TABLE)


def test_nothing_is_unpacked_beyond_a_bound() -> None:
    with pytest.raises(TooLarge, match=f"unpacks to more than {len(TABLE) - 1} bytes"):
        gunzip(PACKED, len(TABLE) - 1)


def test_who_counts_the_bytes_may_end_it() -> None:
    def refuse(_: int) -> None:
        raise Busy("full")

    with pytest.raises(Busy):
        gunzip(PACKED, len(TABLE), refuse)


@pytest.mark.parametrize(
    "content", [PACKED[:-9], PACKED[:200] + b"x" * 200, PACKED + b"more", gzip.compress(b"") * (MAX_MEMBERS + 1)]
)
def test_a_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed):
        gunzip(content, len(TABLE))
