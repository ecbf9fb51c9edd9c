"""Creates, encodes and frees long lists in parts: one call for all would hold the interpreter's lock too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec

from app.schemas.tables import Matrix

T = TypeVar("T")
PART = 16_384  # values processed by one call, which takes about a millisecond
_encode = msgspec.json.Encoder().encode


class Parts(Sequence[T]):
    """A long sequence of values that are not containers, in tuples, which the garbage collector skips."""

    def __init__(self) -> None:
        self.tuples: list[tuple[T, ...]] = []

    def __len__(self) -> int:
        """Return the number of values."""
        return sum(map(len, self.tuples))

    def __iter__(self) -> Iterator[T]:
        """Yield the values."""
        return chain.from_iterable(self.tuples)

    def __getitem__(self, index: Any) -> Any:
        """Return one value; to go through all, iterate."""
        for part in self.tuples:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError

    def clear(self) -> None:
        """Free the values."""
        while self.tuples:
            self.tuples.pop()


def parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Return the values in parts, short ones as they are."""
    if isinstance(values, Parts):
        return values.tuples
    if len(values) <= PART:
        return (values,)
    return (values[start : start + PART] for start in range(0, len(values), PART))


def to_list(array: Matrix) -> list[Any]:
    """Return an array as `tolist` does."""
    if len(array) <= PART:
        return array.tolist()  # type: ignore[no-any-return]
    values: list[Any] = []
    for start in range(0, len(array), PART):
        values += array[start : start + PART].tolist()
    return values


def to_json(values: list[Any] | Matrix) -> msgspec.Raw:
    """Return a list or an array as JSON."""
    encoded = [
        _encode(part if isinstance(part, list) else part.tolist())[1:-1]
        for part in (values[start : start + PART] for start in range(0, len(values), PART))
    ]
    return msgspec.Raw(b"[%b]" % b",".join(encoded))


def clear(values: list[Any]) -> None:
    """Empty a list."""
    while values:
        del values[-PART:]
