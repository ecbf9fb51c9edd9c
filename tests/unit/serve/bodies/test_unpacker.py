"""What packed bodies unpack to counts among the bytes that a process holds."""

import gzip

import pytest

from app.errors import Busy, TooLarge
from app.serve.bodies.reader import BodyReader

PACKED = gzip.compress(b"x" * 600)


def test_unpacked_bytes_count_until_the_end() -> None:
    """Two bodies of 600 bytes are more than 1,000, though they come in less than 100."""
    bodies = BodyReader(max_body_bytes=800, max_held_bytes=1_000)
    with bodies.unpacker() as unpack:
        assert len(unpack(PACKED)) == 600
        with pytest.raises(Busy, match="TRINITY_MAX_HELD"), bodies.unpacker() as other:
            other(PACKED)
    with bodies.unpacker() as unpack:
        assert len(unpack(PACKED)) == 600


def test_what_was_refused_is_not_held() -> None:
    """Nor what was unpacked before the limit."""
    bodies = BodyReader(max_body_bytes=500, max_held_bytes=600)
    for _ in range(3):
        with pytest.raises(TooLarge), bodies.unpacker() as unpack:
            unpack(PACKED)
