"""Decoding and conversion by msgspec that is safe in threads, also when several decode a type for the first time.

At the first use of a Struct, msgspec collects the types of its fields and stores them on the class. Another thread can
find them there before they are complete, and decoding with them ends the process with a segmentation fault (seen with
msgspec 0.22). So one thread at a time makes decoders here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
Text = bytes | bytearray | memoryview | str

_preparing = RLock()
# Otherwise a child that is forked in the meantime would have incomplete types, and a lock that nobody releases.
os.register_at_fork(before=_preparing.acquire, after_in_parent=_preparing.release, after_in_child=_preparing.release)


def json_decoder(kind: type[T], **options: Any) -> msgspec.json.Decoder[T]:
    """Return a decoder of JSON; `options` as for msgspec.json.Decoder."""
    with _preparing:
        return msgspec.json.Decoder(kind, **options)


def msgpack_decoder(kind: type[T], dec_hook: Callable[[type, Any], Any]) -> msgspec.msgpack.Decoder[T]:
    """Return a decoder of MessagePack."""
    with _preparing:
        return msgspec.msgpack.Decoder(kind, dec_hook=dec_hook)


@overload
def decode_json(text: Text, kind: type[T], *, strict: bool = True) -> T: ...
@overload
def decode_json(text: Text, kind: Any, *, strict: bool = True) -> Any: ...
def decode_json(text: Text, kind: Any, *, strict: bool = True) -> Any:
    """Decode JSON; raise msgspec.DecodeError, or msgspec.ValidationError for another type."""
    return json_decoder(kind, strict=strict).decode(text)


def convert(value: object, kind: type[T], *, strict: bool = True, str_keys: bool = False) -> T:
    """Convert and check a value; raise msgspec.ValidationError for one that is of another type."""
    with _preparing:
        msgspec.msgpack.Decoder(kind)  # which takes all kinds, also those that JSON does not have
    return msgspec.convert(value, kind, strict=strict, str_keys=str_keys)
