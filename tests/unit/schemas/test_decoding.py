"""Decoders: which threads may use at once, from the first time on."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import msgspec
import pytest

from app.schemas.decoding import convert, decode_json, json_decoder

_collecting, _go_on = threading.Event(), threading.Event()


def held() -> type[int]:
    """The type of a member, whose evaluation takes until it may go on."""
    _collecting.set()
    assert _go_on.wait(20)
    return int


@pytest.mark.parametrize(
    "use",
    [
        lambda kind: decode_json(b'{"inner": {"number": 1}}', kind),
        lambda kind: convert({"inner": {"number": 1}}, kind),
        lambda kind: json_decoder(kind).decode(b'{"inner": {"number": 1}}'),
    ],
    ids=["decode_json", "convert", "json_decoder"],
)
def test_a_struct_is_not_decoded_before_another_thread_has_collected_its_members(use: Callable[[Any], Any]) -> None:
    _collecting.clear()
    _go_on.clear()
    inner = msgspec.defstruct("Inner", [("number", "held()")], module=__name__)
    kind = msgspec.defstruct("Kind", [("inner", inner)])
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(use, kind)
        assert _collecting.wait(20)
        second = threads.submit(use, kind)
        try:
            assert not wait([second], timeout=0.2).done
        finally:
            _go_on.set()
        assert first.result(20) == second.result(20) == kind(inner(1))


def test_a_child_that_is_forked_while_a_thread_collects_members_decodes() -> None:
    _collecting.clear()
    _go_on.clear()
    kind = msgspec.defstruct("Kind", [("number", "held()")], module=__name__)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(decode_json, b'{"number": 1}', kind)
        assert _collecting.wait(20)
        threading.Timer(0.1, _go_on.set).start()
        child = os.fork()  # waits for the thread
        if child == 0:
            os._exit(int(decode_json(b'{"number": 1}', kind).number != 1))
        assert os.waitpid(child, 0)[1] == 0
        assert first.result(20) == kind(1)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_json(b'"1"', int)
    with pytest.raises(msgspec.ValidationError):
        convert("1", int)
    assert decode_json(b'"1"', int, strict=False) == convert("1", int, strict=False) == 1
