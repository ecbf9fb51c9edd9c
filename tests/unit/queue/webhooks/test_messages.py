"""Webhook messages, their signatures, and the pauses between the tries."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from app.queue.webhooks.delivery import PAUSES_S, TRIES, message, next_try, signed_headers


def test_the_signature_is_that_of_the_standard() -> None:
    """The example comes from the test suite of Standard Webhooks' libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330.9,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("status", "kind"), [("SUCCESS", "job.succeeded"), ("FAILURE", "job.failed"), ("REVOKED", "job.revoked")]
)
def test_a_message_carries_the_envelope(status: Any, kind: str) -> None:
    """Byte for byte, with the type and the time."""
    raw = b'{"id": "1",  "result": {"y": [1.50]}}'
    body = message(status, msgspec.Raw(raw), 1_700_000_000.25)
    assert raw in body
    assert json.loads(body) == {"type": kind, "timestamp": "2023-11-14T22:13:20.250000Z", "data": json.loads(raw)}


def test_twelve_tries_take_about_five_minutes() -> None:
    """The pauses grow; the first try is immediate, and none follows the last."""
    assert next_try(0) == 0.0
    assert [next_try(tries, lambda: 0.5) for tries in range(1, TRIES)] == pytest.approx(PAUSES_S)
    assert next_try(TRIES) is None
    assert TRIES == 12 and sum(PAUSES_S) == pytest.approx(300, rel=0.05)
    assert all(later > earlier * 1.2 for earlier, later in pairwise(PAUSES_S))


@pytest.mark.parametrize("tries", range(1, TRIES))
def test_chance_moves_a_try_by_a_fifth(tries: int) -> None:
    """It makes the pause shorter or longer."""
    bounds = [next_try(tries, lambda chance=chance: chance) for chance in (0.0, 1.0)]
    assert bounds == pytest.approx([PAUSES_S[tries - 1] * 0.8, PAUSES_S[tries - 1] * 1.2])
